"""What each operation of torch does to ranges and to growth. One line an operation.

The law, for every line: a value inside goes in, a value inside comes out; and
what the growth says of large arguments, torch computes (`tests/test_ranges_ops.py`,
`tests/test_ranges_growth.py`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from math import inf

from losslint.frozen import dataclass, replace
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
    "expit": "sigmoid",
    "special_expit": "sigmoid",
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


def or_bound(clamped: Operation, bound: float) -> Operation:
    """A clamp by max or min, some of which take the bound for what is NaN."""

    def transfer(x: Interval) -> Interval:
        found = clamped.interval(x)
        return found.join(Interval(bound, bound)) if x.nan else found

    return replace(clamped, interval=transfer)


def finite(x: Interval) -> Interval:
    """What nan_to_num leaves: 0 for NaN, the largest number for what is infinite."""
    largest = sys.float_info.max
    lo, hi = (min(max(bound, -largest), largest) for bound in (x.lo, x.hi))
    return Interval(min(lo, 0.0), max(hi, 0.0)) if x.nan else Interval(lo, hi)


def multiplied_up(x: Interval) -> Interval:
    """The product of any number of elements, one at least."""
    if x.lo >= 0:
        lo, hi = (x.lo if x.lo >= 1 else 0.0), (x.hi if x.hi <= 1 else inf)
    else:
        size = max(-x.lo, x.hi)
        lo, hi = (-size, size) if size <= 1 else (-inf, inf)
    return Interval(lo, hi, x.nan or (0 in x and math.inf in (-x.lo, x.hi)))


# What a variance can be, NaN where there is but one element.
SPREAD = Interval(0.0, inf, nan=True)


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
