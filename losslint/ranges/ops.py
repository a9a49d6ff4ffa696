"""What each operation of torch does to ranges and to growth. One line an operation.

The law, for every line: a value inside goes in, a value inside comes out; and
what the growth says of large arguments, torch computes (`tests/test_ranges.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from math import inf, isnan

from losslint.ranges import growth as g
from losslint.ranges.growth import Growth
from losslint.ranges.interval import ANYTHING, Interval
from losslint.ranges.value import What

OnInterval = Callable[[Interval], Interval]
OnGrowth = Callable[[Growth], Growth]


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


# --- shapes of functions -----------------------------------------------------------


def increasing(f: Callable[[float], float]) -> OnInterval:
    """For f with `x <= y` implying `f(x) <= f(y)`."""
    return lambda x: Interval(f(x.lo), f(x.hi), x.nan)


def even(f: Callable[[float], float]) -> OnInterval:
    """For f with `f(x) == f(-x)` that increases from 0 up."""

    def transfer(x: Interval) -> Interval:
        near = 0.0 if 0 in x else min(abs(x.lo), abs(x.hi))
        return Interval(f(near), f(max(abs(x.lo), abs(x.hi))), x.nan)

    return transfer


def between(lo: float, hi: float) -> OnInterval:
    """For f whose values are bounded, however its argument moves."""
    return lambda x: Interval(lo, hi, x.nan or math.isinf(x.lo) or math.isinf(x.hi))


def domain(lowest: float, f: Callable[[float], float]) -> OnInterval:
    """For an increasing f that is NaN below `lowest`."""

    def transfer(x: Interval) -> Interval:
        if x.hi < lowest:
            return ANYTHING
        return Interval(f(max(x.lo, lowest)), f(x.hi), x.nan or x.lo < lowest)

    return transfer


# --- shapes of growth ---------------------------------------------------------------


def on_growth(
    up: OnGrowth, down: OnGrowth, still: OnGrowth = lambda _: _some_constant()
) -> OnGrowth:
    """For f known where its argument runs to +inf (`up`) and to -inf (`down`)."""

    def transfer(a: Growth) -> Growth:
        if not a.has_order():
            return a
        if not a.known_to_grow():
            return still(a)
        return g.UNKNOWN if a.sign == 0 else up(a) if a.sign > 0 else down(a)

    return transfer


def same(a: Growth) -> Growth:
    return a


def _some_constant(sign: int = 0) -> Growth:
    return Growth(sign=sign)


def to(value: float) -> OnGrowth:
    """The argument runs off, the result to this number."""
    return lambda _: g.constant(value)


def exp_of(a: Growth) -> Growth:
    return g.exponential(a)


def as_value(f: Callable[[float], float], sign: int = 0) -> OnGrowth:
    """What is left of a constant argument."""

    def transfer(a: Growth) -> Growth:
        if a.known_to_decay():
            return g.limit(f(0.0))
        if a.coefficient is None or a.sign == 0:
            return _some_constant(sign)
        return g.limit(f(a.sign * a.coefficient))

    return transfer


def _keep(a: Growth) -> Growth:
    """For f with f(0) = 0 and slope 1 there: what decays, decays alike."""
    return a if a.known_to_decay() else _some_constant(a.sign)


def _rectified(a: Growth) -> Growth:
    """relu of what does not grow: itself, or exactly 0."""
    if a.sign:
        return a if a.sign > 0 else g.VANISHING
    return g.FADING if a.known_to_decay() else _some_constant()


def absolute(a: Growth) -> Growth:
    return replace(a, sign=1) if a.has_order() else a


def log1p_of(a: Growth) -> Growth:
    """log1p of what does not grow."""
    if a.known_to_decay():
        return a
    if a.coefficient is None or a.sign >= 0:
        return as_value(log1p, 1)(a) if a.sign > 0 else _some_constant() if not a.sign else g.UNKNOWN
    if a.coefficient < 1:
        return g.constant(log1p(-a.coefficient))
    return g.UNDEFINED if a.coefficient > 1 else g.UNKNOWN


def negated(a: Growth) -> Growth:
    return g.multiply(a, g.constant(-1))


def softplus_down(a: Growth) -> Growth:
    return g.exponential(a)


def barrier(a: Growth) -> Growth:
    """log_softmax: whichever way one logit runs, some entry falls like it.

    How many fall with it is not known, so neither is the coefficient of their sum.
    """
    if not a.known_to_grow():
        return _some_constant(-1) if a.has_order() else a
    return replace(a, sign=-1, coefficient=None)


# --- numbers -------------------------------------------------------------------------


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    return -inf if x == 0 else math.log(x)


def log1p(x: float) -> float:
    return -inf if x == -1 else math.log1p(x)


def softplus(x: float) -> float:
    return x if x > 36 else math.log1p(exp(x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def elu(x: float) -> float:
    return x if x > 0 else math.expm1(x)


def negate_interval(x: Interval) -> Interval:
    return Interval(-x.hi, -x.lo, x.nan)


def reciprocal(x: Interval) -> Interval:
    """1/x. A range that touches 0 from one side has its pole on that side: -0.0 is 0 here."""
    if x.lo < 0 < x.hi or (x.lo == 0 == x.hi):
        return Interval(-inf, inf, x.nan)
    if x.lo == 0:
        return Interval(1 / x.hi if x.hi != inf else 0.0, inf, x.nan)
    if x.hi == 0:
        return Interval(-inf, 1 / x.lo if x.lo != -inf else 0.0, x.nan)
    return Interval(1 / x.hi, 1 / x.lo, x.nan)


def tame(interval: OnInterval) -> OnInterval:
    """For an operation that is NaN at infinity."""
    return lambda x: replace(
        interval(x), nan=x.nan or math.isinf(x.lo) or math.isinf(x.hi)
    )


OPERATIONS: dict[str, Operation] = {
    "neg": Operation(negate_interval, negated),
    "exp": Operation(increasing(exp), g.exponential, What.EXP),
    "expm1": Operation(increasing(expm1), on_growth(exp_of, to(-1), _keep), What.EXP),
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
    "tanh": Operation(increasing(math.tanh), on_growth(to(1), to(-1), _keep)),
    "erf": Operation(increasing(math.erf), on_growth(to(1), to(-1), lambda a: g.multiply(a, g.constant(2 / math.sqrt(math.pi))) if a.known_to_decay() else _keep(a))),
    "relu": Operation(
        increasing(lambda x: max(x, 0.0)),
        on_growth(same, to(0), _rectified),
        What.CLAMP,
        lambda a: a.known_to_grow() and a.sign < 0,
    ),
    "elu": Operation(increasing(elu), on_growth(same, to(-1), _keep)),
    "sin": Operation(between(-1, 1), on_growth(lambda _: g.UNKNOWN, lambda _: g.UNKNOWN, lambda a: a if a.known_to_decay() else _some_constant())),
    "cos": Operation(between(-1, 1), on_growth(lambda _: g.UNKNOWN, lambda _: g.UNKNOWN, lambda _: _some_constant())),
    "softmax": Operation(tame(lambda x: Interval(0.0, 1.0)), lambda a: _some_constant(1) if a.has_order() else a, What.SIMPLEX),
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
        return a.known_to_grow() and (
            (a.sign < 0 and lo != -inf) or (a.sign > 0 and hi != inf)
        )

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
        What.POLE
        if exponent < 0
        else What.OTHER
        if float(exponent).is_integer()
        else What.ROOT,
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


def multiply(x: Interval, y: Interval) -> Interval:
    """Monotone in each argument, but for `inf * 0`, which hides between corners."""
    nan = x.nan or y.nan or (0 in x and _reaches_inf(y)) or (0 in y and _reaches_inf(x))
    corners = [a * b for a, b in product((x.lo, x.hi), (y.lo, y.hi))]
    real = [0.0 if isnan(corner) else corner for corner in corners]
    return Interval(min(real), max(real), nan)


def _reaches_inf(x: Interval) -> bool:
    return x.lo == -inf or x.hi == inf
