"""All elements of a tensor made into one: sums, means, products, and whole numbers."""

from __future__ import annotations

import math

import libcst as cst

from losslint.frozen import replace
from losslint.ranges import ops
from losslint.ranges.arithmetic import around
from losslint.ranges.interval import Interval
from losslint.ranges.merging import one_term
from losslint.ranges.value import (
    Factor,
    Kind,
    Origin,
    Term,
    Value,
    factor_value,
    is_sampled,
)


def over_batch(value: Value, name: str) -> Value:
    """Data without a parameter, summed or averaged over dimension 0: reduced, of no known kind.

    It may be a vector of losses, a task each, or the statistics of a batch.
    """
    raw = {Origin.DATA, Origin.NETWORK}
    low = value.interval.lo
    if value.learned or not any(f.origin in raw for f in value.factors()):
        return value
    return _as_factor(Factor(name, Origin.UNKNOWN, low if low >= 0 else None, True), value)


def reduce(
    value: Value,
    name: str,
    node: cst.BaseExpression,
    *,
    whole: bool = True,
    averages: bool = False,
) -> Value:
    """A sum, or (`averages`) a mean, over elements. `whole` is False where a dimension stays.

    A parameter that met data before it was reduced is no loss weight but part of
    a likelihood; data without a parameter, reduced, is a hand-written loss. What a
    network predicts stays in sight beside a weight that is made of it.
    """
    bare = [t for t in value.terms if not (t.growth or t.simplex or t.cut)]
    rest = [_reduced(t, averages) for t in value.terms if t.growth or t.simplex or t.cut]
    if len(value.terms) == 1:
        rest = [around(t, node) for t in rest]
    predicted = {leaf for t in rest for leaf in t.leaves() if leaf.kind is Kind.NETWORK}
    beside = [t for t in bare if predicted and t.stand_in() in predicted]
    bare, rest = [t for t in bare if t not in beside], [*rest, *beside]
    bare = [t if averages and not _open(t.interval) else _repeated(t) for t in bare]
    signed = _signed(bare, averages)
    if whole and signed is not None:
        loss = Factor(name, Origin.LOSS, signed, True)
        return Value((*rest, *_as_factor(loss, Value(tuple(bare))).terms))
    raw = {Origin.DATA, Origin.NETWORK}
    if bare and whole and any(f.origin in raw for t in bare for f in t.factors):
        sum_ = Value(tuple(bare))
        low = sum_.interval.lo
        known = Factor(name, Origin.LOSS, low, True)
        unknown = Factor(name, Origin.UNKNOWN, None, True)
        return Value((*rest, *_as_factor(known if low >= 0 else unknown, sum_).terms))
    if whole:
        bare = [
            replace(t, factors=frozenset(replace(f, reduced=True) for f in t.factors)) for t in bare
        ]
    return Value((*rest, *bare))


def _as_factor(factor: Factor, of: Value) -> Value:
    """The elements of a value made into one thing; of infinite ones either way, NaN."""
    bounds = of.interval
    nan = bounds.nan or _open(bounds)
    made = factor_value(factor)
    return made.map({"interval": Interval(made.interval.lo, made.interval.hi, nan)})


SIGNED = (-math.inf, -1.0)  # where log-densities and cosines end


def _signed(terms: list[Term], averaged: bool) -> float | None:
    """The lower bound of data that is negative by its meaning: a log-density, or a bare cosine."""
    found = [
        f.lower
        for t in terms
        for f in t.factors
        if f.origin is Origin.DATA and f.lower in SIGNED and t.interval.lo < 0
    ]
    lower = min((f for f in found if f is not None), default=None)
    if lower is None or (len(terms) > 1 and lower > -math.inf):
        return None
    return lower if averaged else -math.inf


def _reduced(term: Term, averages: bool) -> Term:
    raw = [f for f in term.factors if f.origin in (Origin.DATA, Origin.NETWORK) and not f.reduced]
    arguments = {f.name for f in term.factors if f.origin is Origin.ARGUMENT and not f.hint}
    post = term.post or bool(raw) or len(arguments) > 1
    averaged = averages or term.averaged
    return replace(term, post=post, many=True, repeated=True, averaged=averaged)


def added_up(value: Value) -> Value:
    """The sum of any number of elements like these."""
    return Value(tuple(_repeated(t) for t in value.terms))


def _repeated(term: Term) -> Term:
    scale = term.scale if term.growth else replace(term.scale, coefficient=None)
    return replace(term, repeated=True, scale=scale)


def _open(interval: Interval) -> bool:
    """Whether elements may be infinite either way: their sum and their mean may be NaN."""
    return interval.lo == -interval.hi == -math.inf


def multiplied_up(value: Value) -> Value:
    """The product of elements like these: as one of them grows, with the others above 0."""
    if is_sampled():
        return value
    term = one_term(value)
    growth = {key: replace(found, coefficient=None) for key, found in term.growth.items()}
    interval = ops.multiplied_up(term.reach)
    scale_ = replace(term.scale, coefficient=None)
    return Value((replace(term, interval=interval, growth=growth, scale=scale_),))


def rounded(value: Value) -> Value:
    """The whole number below or above."""
    term = one_term(value)
    lo, hi = term.reach.lo, term.reach.hi
    below = math.floor(lo) if math.isfinite(lo) else lo
    above = math.ceil(hi) if math.isfinite(hi) else hi
    nan = term.reach.nan or not (math.isfinite(lo) and math.isfinite(hi))
    interval = Interval(below, above, nan)
    return Value((replace(term, interval=interval, scale=replace(term.scale, coefficient=None)),))
