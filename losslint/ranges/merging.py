"""Several terms seen as one, and either of two values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce as fold

from losslint.frozen import replace
from losslint.ranges import growth as g
from losslint.ranges.growth import Growth
from losslint.ranges.interval import Interval, point
from losslint.ranges.value import (
    Factor,
    Key,
    Origin,
    Term,
    Value,
    is_sampled,
)

MAX_SUM = 160  # terms of a sum; beyond it, one term with the leading growth


# Where nothing says that a factor is data.
OUTSIDE = {Origin.UNKNOWN, Origin.SETTING}


def perhaps(term: Term) -> Term:
    """A term that may be missing: where several things stand in one sum, one of which is meant."""
    if is_sampled():
        return term
    scale = term.scale if term.growth else Growth(sign=0)
    return replace(term, interval=term.interval.join(point(0.0)), scale=scale)


def any_of(values: Iterable[Value]) -> Value:
    """One of these, or the sum of some: the elements of a tensor, seen as one thing.

    Growth is a statement about one leaf at a time, so the sum says of each what
    the element that holds it would.
    """
    values = list(values)
    if not any(t.growth or t.simplex or t.cut or t.factors for v in values for t in v.terms):
        return fold(_either_constant, values)
    terms = [perhaps(t) for value in values for t in value.terms]
    return Value(tuple(terms)) if len(terms) <= MAX_SUM else Value((one_term(Value(tuple(terms))),))


def _either_constant(a: Value, b: Value) -> Value:
    x, y = a.interval, b.interval
    sign = (min(x.lo, y.lo) > 0) - (max(x.hi, y.hi) < 0)
    return a if x == y else Value((Term(x.join(y), scale=Growth(sign=sign)),))


def one_term(value: Value) -> Term:
    """A sum as one term with its leading growth; what cancels is not known."""
    if len(value.terms) == 1 and not value.terms[0].repeated:
        return value.terms[0]
    keys: set[Key] = set().union(*(t.growth.keys() for t in value.terms))
    return Term(
        value.interval,
        {key: value.lead(*key) for key in keys},
        _common_scale(value),
        merged_factors(value),
        frozenset().union(*(t.simplex for t in value.terms)),
        frozenset().union(*(t.cut for t in value.terms)),
        frozenset(k for k in keys if all(k in t.flat for t in value.terms if k in t.growth)),
        tuple(dict.fromkeys(s for t in value.terms for s in t.steps)),
        any(t.post for t in value.terms),
        any(t.many for t in value.terms),
    )


def _common_scale(value: Value) -> Growth:
    """The constant in front of a sum seen as one thing."""
    if not value.factors():
        return g.add(*(t.scale for t in value.terms)) if value.terms else g.VANISHING
    signs = {t.scale.sign for t in value.terms}
    return Growth(sign=signs.pop() if len(signs) == 1 else 0)


def merged_factors(value: Value) -> frozenset[Factor]:
    """The factors of a sum seen as one thing: a sum of losses is a loss."""
    found = value.factors()
    bare = any(not t.factors for t in value.terms)
    if len(found) <= 1 and not bare:
        return found
    if not found:
        return found
    if all(f.origin is Origin.LOSS for f in found):
        low = value.interval.lo
        return frozenset((Factor("+".join(sorted(f.name for f in found)), Origin.LOSS, low, True),))
    if Origin.LOSS in {f.origin for f in found} <= {Origin.LOSS, *OUTSIDE}:
        name = "+".join(sorted(f.name for f in found))[:80]
        return frozenset((Factor(name, Origin.LOSS, None, True, True),))
    return frozenset((data_factor(found, value.interval),))


def data_factor(factors: Iterable[Factor], bounds: Interval) -> Factor:
    """An expression of several things that are no parameters."""
    factors = list(factors)
    lower = bounds.lo if bounds.lo > -math.inf else None
    origins = {f.origin for f in factors}
    name = "+".join(sorted({f.name for f in factors}))[:80]
    if origins == {Origin.LOSS} and all(f.reduced for f in factors):
        return Factor(name, Origin.LOSS, bounds.lo, True)
    if origins <= OUTSIDE:
        origin = Origin.SETTING if origins == {Origin.SETTING} else Origin.UNKNOWN
    else:
        origin = Origin.DATA
    return Factor(name, origin, lower, all(f.reduced for f in factors))


def join(a: Value, b: Value) -> Value:
    """Either of two values: their common terms, and of the others what both allow."""
    if a is b or a.terms == b.terms:
        return a
    if len(a.terms) == len(b.terms) == 1 and a.terms[0].key() == b.terms[0].key():
        return a
    ours, theirs = _by_key(a), _by_key(b)
    both = [t for key, t in ours.items() if key in theirs]
    left = [t for key, t in ours.items() if key not in theirs]
    right = [t for key, t in theirs.items() if key not in ours]
    if not left or not right:
        # One of them has more terms: keep them, unless they are plain constants.
        return Value((*both, *map(perhaps, (*left, *right))))
    if not any(t.growth or t.simplex for t in (*left, *right)):
        x, y = one_term(Value(tuple(left))), one_term(Value(tuple(right)))
        interval = x.interval.join(y.interval)
        scale_ = (
            x.scale
            if x.scale == y.scale
            else Growth(sign=x.scale.sign if x.scale.sign == y.scale.sign else 0)
        )
        return Value((*both, replace(x, interval=interval, factors=_either(x, y), scale=scale_)))
    return Value((*both, *map(perhaps, (*left, *right))))


def _by_key(value: Value) -> dict[tuple[object, int], Term]:
    """The terms by what tells them apart, those that nothing does by their number."""
    found: dict[tuple[object, int], Term] = {}
    seen: dict[object, int] = {}
    for term in value.terms:
        key = term.key()
        seen[key] = seen.get(key, 0) + 1
        found[key, seen[key]] = term
    return found


def _either(x: Term, y: Term) -> frozenset[Factor]:
    return x.factors | y.factors
