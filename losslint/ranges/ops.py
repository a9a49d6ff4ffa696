"""What each operation of torch does to ranges and to growth. One line an operation.

The law, for every line: a value inside goes in, a value inside comes out; and
what the growth says of large arguments, torch computes (`tests/test_ranges.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from math import inf

from losslint.frozen import dataclass
from losslint.ranges import growth as g
from losslint.ranges.growth import Growth
from losslint.ranges.interval import Interval
from losslint.ranges.shapes import (
    OnGrowth,
    OnInterval,
    absolute,
    as_value,
    barrier,
    between,
    domain,
    elu,
    even,
    exp,
    exp_of,
    expm1,
    increasing,
    keep,
    log,
    log1p,
    log1p_of,
    negate_interval,
    negated,
    on_growth,
    reciprocal,
    rectified,
    same,
    sigmoid,
    softplus,
    softplus_down,
    some_constant,
    tame,
    to,
)
from losslint.ranges.value import What


@dataclass(frozen=True)
class Operation:
    """What one operation does, element by element.

    `flat` says at which growths of its argument its gradient is exactly 0.
    """

    interval: OnInterval
    growth: OnGrowth
    what: What = What.OTHER
    flat: Callable[[Growth], bool] = lambda _: False
    multiplicative: bool = False  # f(a * b) = f(a) * f(b)


OPERATIONS: dict[str, Operation] = {
    "neg": Operation(negate_interval, negated),
    "exp": Operation(increasing(exp), g.exponential, What.EXP),
    "expm1": Operation(increasing(expm1), on_growth(exp_of, to(-1), keep), What.EXP),
    "log": Operation(domain(0.0, log), g.logarithm, What.LOG),
    "log1p": Operation(domain(-1.0, log1p), on_growth(g.logarithm, lambda _: g.UNDEFINED, log1p_of), What.LOG),
    "sqrt": Operation(domain(0.0, lambda x: x**0.5), lambda a: g.raise_to(a, 0.5), What.ROOT, multiplicative=True),
    "reciprocal": Operation(reciprocal, g.invert, What.POLE, multiplicative=True),
    "abs": Operation(even(abs), absolute),
    "square": Operation(even(lambda x: x * x), lambda a: g.raise_to(a, 2), multiplicative=True),
    "softplus": Operation(increasing(softplus), on_growth(same, softplus_down, as_value(softplus, 1))),
    "logsigmoid": Operation(
        increasing(lambda x: -softplus(-x)),
        on_growth(lambda a: negated(g.exponential(negated(a))), same, as_value(lambda x: -softplus(-x), -1)),
    ),
    "sigmoid": Operation(increasing(sigmoid), on_growth(to(1), exp_of, as_value(sigmoid, 1))),
    "tanh": Operation(increasing(math.tanh), on_growth(to(1), to(-1), keep)),
    "erf": Operation(increasing(math.erf), on_growth(to(1), to(-1), lambda a: g.multiply(a, g.constant(2 / math.sqrt(math.pi))) if a.known_to_decay() else keep(a))),
    "relu": Operation(
        increasing(lambda x: max(x, 0.0)),
        on_growth(same, to(0), rectified),
        What.CLAMP,
        lambda a: a.known_to_grow() and a.sign < 0,
    ),
    "elu": Operation(increasing(elu), on_growth(same, to(-1), keep)),
    "sin": Operation(between(-1, 1), on_growth(lambda _: g.UNKNOWN, lambda _: g.UNKNOWN, lambda a: a if a.known_to_decay() else some_constant())),
    "cos": Operation(between(-1, 1), on_growth(lambda _: g.UNKNOWN, lambda _: g.UNKNOWN, lambda _: some_constant())),
    "softmax": Operation(tame(lambda x: Interval(0.0, 1.0)), lambda a: some_constant(1) if a.has_order() else a, What.SIMPLEX),
    "log_softmax": Operation(tame(lambda x: Interval(-inf, 0.0)), barrier, What.SIMPLEX),
}  # fmt: skip


# Operations that torch, or this table, writes in another way.
SPELLINGS = {
    "negative": "neg",
    "absolute": "abs",
    "fabs": "abs",
    "rsqrt": "rsqrt",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "softmin": "softmin",
}


# Layers of torch.nn that only apply an operation.
LAYERS = {
    "Softplus": "softplus",
    "ReLU": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "LogSigmoid": "logsigmoid",
    "ELU": "elu",
}


# Functions and methods that hand on their (first) argument, element by element.
IDENTITIES = frozenset(
    "view reshape squeeze unsqueeze to float double half bfloat16 cuda cpu clone"
    " contiguous flatten expand expand_as type type_as as_tensor permute transpose"
    " t repeat requires_grad_ index_select gather narrow ravel view_as reshape_as"
    " nan_to_num repeat_interleave movedim broadcast_to tile chunk split unbind"
    " Variable get wait sync mul_ identity atleast_1d".split()
) - {"get", "mul_", "chunk", "split", "unbind", "nan_to_num"}


# Functions and methods that add up, or average, the elements of their argument.
REDUCTIONS = frozenset("sum mean nansum nanmean fsum sum_to_size".split())


# Where the gradient ends.
CUTS = frozenset("detach detach_ item tolist numpy no_grad stop_gradient".split())


def clamp(lowest: float | None, highest: float | None) -> Operation:
    """Clamping to a range with constant bounds, either of which may be missing.

    Raises:
        ValueError: the bounds are in the wrong order.
    """
    lo = -inf if lowest is None else lowest
    hi = inf if highest is None else highest
    if lo > hi:
        raise ValueError(f"clamp to [{lo}, {hi}]")

    def cut(a: Growth) -> bool:
        return a.known_to_grow() and ((a.sign < 0 and lo != -inf) or (a.sign > 0 and hi != inf))

    def still(a: Growth) -> Growth:
        if a.known_to_decay() and lo <= 0 <= hi:
            above = a if hi > 0 else g.VANISHING
            below = a if lo < 0 else g.VANISHING
            return above if above == below or a.sign > 0 else below if a.sign < 0 else g.FADING
        return as_value(lambda x: min(max(x, lo), hi))(a)

    return Operation(
        increasing(lambda x: min(max(x, lo), hi)),
        on_growth(
            same if hi == inf else to(hi),
            same if lo == -inf else to(lo),
            still,
        ),
        What.CLAMP,
        cut,
    )


def power(exponent: float) -> Operation:
    """Raising to a constant power."""
    return Operation(
        lambda x: _power(x, exponent),
        lambda a: g.raise_to(a, exponent),
        What.POLE if exponent < 0 else What.OTHER if float(exponent).is_integer() else What.ROOT,
        multiplicative=True,
    )


def _power(x: Interval, exponent: float) -> Interval:
    if exponent == 0:
        return Interval(1.0, 1.0)
    whole = float(exponent).is_integer()
    if exponent < 0:
        if whole and exponent % 2:
            # In this order, as a power that underflows to 0 has lost its sign.
            return _power(reciprocal(x), -exponent)
        return reciprocal(_power(x, -exponent))
    if whole:
        if exponent % 2 == 0:
            return even(lambda v: _pow(v, exponent))(x)
        return increasing(lambda v: math.copysign(_pow(abs(v), exponent), v))(x)
    found = domain(0.0, lambda v: _pow(v, exponent))(x)
    # Of all negative bases, -inf alone is no NaN: its power is inf.
    return replace(found, hi=inf) if x.lo == -inf else found


def _pow(value: float, exponent: float) -> float:
    try:
        return float(value**exponent)
    except OverflowError:
        return inf
