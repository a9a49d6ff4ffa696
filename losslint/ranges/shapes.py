"""Shapes of functions and of growth, out of which the table of operations is made."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from math import inf, isnan

from losslint.frozen import replace
from losslint.ranges import growth as g
from losslint.ranges.growth import Growth
from losslint.ranges.interval import ANYTHING, Interval

OnInterval = Callable[[Interval], Interval]


OnGrowth = Callable[[Growth], Growth]


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


def on_growth(
    up: OnGrowth, down: OnGrowth, still: OnGrowth = lambda _: some_constant()
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
    """As fast as the argument."""
    return a


def some_constant(sign: int = 0) -> Growth:
    """A constant that is not known, of this sign."""
    return Growth(sign=sign)


def to(value: float) -> OnGrowth:
    """The argument runs off, the result to this number."""
    return lambda _: g.constant(value)


def exp_of(a: Growth) -> Growth:
    """Like exp of the argument."""
    return g.exponential(a)


def as_value(f: Callable[[float], float], sign: int = 0) -> OnGrowth:
    """What is left of a constant argument."""

    def transfer(a: Growth) -> Growth:
        if a.known_to_decay():
            return g.limit(f(0.0))
        if a.coefficient is None or a.sign == 0:
            return some_constant(sign)
        return g.limit(f(a.sign * a.coefficient))

    return transfer


def keep(a: Growth) -> Growth:
    """For f with f(0) = 0 and slope 1 there: what decays, decays alike."""
    return a if a.known_to_decay() else some_constant(a.sign)


def rectified(a: Growth) -> Growth:
    """relu of what does not grow: itself, or exactly 0."""
    if a.sign:
        return a if a.sign > 0 else g.VANISHING
    return g.FADING if a.known_to_decay() else some_constant()


def absolute(a: Growth) -> Growth:
    """As fast as the argument, upward."""
    return replace(a, sign=1) if a.has_order() else a


def log1p_of(a: Growth) -> Growth:
    """log1p of what does not grow."""
    if a.known_to_decay():
        return a
    if a.coefficient is None or a.sign >= 0:
        return as_value(log1p, 1)(a) if a.sign > 0 else some_constant() if not a.sign else g.UNKNOWN
    if a.coefficient < 1:
        return g.constant(log1p(-a.coefficient))
    return g.UNDEFINED if a.coefficient > 1 else g.UNKNOWN


def negated(a: Growth) -> Growth:
    """As fast as the argument, the other way."""
    return g.multiply(a, g.constant(-1))


def softplus_down(a: Growth) -> Growth:
    """How softplus vanishes as its argument falls."""
    return g.exponential(a)


def barrier(a: Growth) -> Growth:
    """log_softmax: whichever way one logit runs, some entry falls like it.

    How many fall with it is not known, so neither is the coefficient of their sum.
    """
    if not a.known_to_grow():
        return some_constant(-1) if a.has_order() else a
    return replace(a, sign=-1, coefficient=None)


def exp(x: float) -> float:
    """exp that overflows to infinity, as a float does."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """exp(x) - 1 that overflows to infinity."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    """log, -inf at 0."""
    return -inf if x == 0 else math.log(x)


def log1p(x: float) -> float:
    """log(1 + x), -inf at -1."""
    return -inf if x == -1 else math.log1p(x)


def softplus(x: float) -> float:
    """log(1 + exp(x)), without overflow."""
    return x if x > 36 else math.log1p(exp(x))


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def elu(x: float) -> float:
    """ELU with alpha 1."""
    return x if x > 0 else math.expm1(x)


def negate_interval(x: Interval) -> Interval:
    """The negatives of the numbers contained."""
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
    return lambda x: replace(interval(x), nan=x.nan or math.isinf(x.lo) or math.isinf(x.hi))


def multiply(x: Interval, y: Interval) -> Interval:
    """Monotone in each argument, but for `inf * 0`, which hides between corners."""
    nan = x.nan or y.nan or (0 in x and _reaches_inf(y)) or (0 in y and _reaches_inf(x))
    corners = [a * b for a, b in product((x.lo, x.hi), (y.lo, y.hi))]
    real = [0.0 if isnan(corner) else corner for corner in corners]
    return Interval(min(real), max(real), nan)


def _reaches_inf(x: Interval) -> bool:
    return x.lo == -inf or x.hi == inf
