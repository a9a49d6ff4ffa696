"""Formal sums under the operations of torch: what a term keeps, and what it loses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import reduce as fold

import libcst as cst

from losslint.frozen import replace
from losslint.ranges import growth as g
from losslint.ranges import ops, shapes
from losslint.ranges.growth import End, Growth
from losslint.ranges.interval import Interval, point
from losslint.ranges.merging import MAX_SUM, data_factor, one_term
from losslint.ranges.ops import Operation
from losslint.ranges.value import (
    KINDS,
    Factor,
    Key,
    Kind,
    Leaf,
    Origin,
    Step,
    Term,
    Value,
    What,
    factor_interval,
    number,
)

MAX_PRODUCT = 48  # terms of a product; beyond it the factors are taken as one term each


# The log of a share: whichever way its logit runs, some share falls exponentially.
BARRIER = Growth(sign=-1, power=1.0)


def add(a: Value, b: Value) -> Value:
    """The sum, term by term."""
    if a.number == 0:
        return b
    if b.number == 0:
        return a
    if a.number is not None and b.number is not None:
        return number(a.number + b.number)
    terms = a.terms + b.terms
    return Value(terms) if len(terms) <= MAX_SUM else Value((one_term(Value(terms)),))


def scale(a: Value, by: float, node: cst.BaseExpression | None = None) -> Value:
    """Each term times a constant."""
    return multiply(a, number(by), node)


def multiply(a: Value, b: Value, node: cst.BaseExpression | None = None) -> Value:
    """The product, distributed over both sums."""
    if a.number == 0 or b.number == 0:
        image = shapes.multiply(a.interval, b.interval)
        return Value((Term(image, scale=g.VANISHING),)) if image.nan else number(0)
    if len(a.terms) * len(b.terms) > MAX_PRODUCT:
        a, b = Value((one_term(a),)), Value((one_term(b),))
    terms = [_product(x, y) for x in a.terms for y in b.terms]
    if node is not None and len(terms) == 1:
        terms = [around(terms[0], node)]
    return Value(tuple(terms))


def divide(a: Value, b: Value, node: cst.BaseExpression, divisor: cst.BaseExpression) -> Value:
    """The quotient. Dividing by a parameter leaves a pole on its way."""
    constant = b.number
    if constant:
        return multiply(a, number(1 / constant), node)
    return multiply(a, apply(ops.OPERATIONS["reciprocal"], b, node, divisor), node)


def _product(x: Term, y: Term) -> Term:
    growth = _grown(x, y)
    both = x.simplex & y.simplex
    if both:  # of two shares, one may vanish as fast as the logarithm of the other grows
        growth = {key: g.UNKNOWN if key[0] in both else found for key, found in growth.items()}
    return Term(
        shapes.multiply(x.interval, y.interval),
        growth,
        g.multiply(x.scale, y.scale),
        x.factors | y.factors,
        x.simplex | y.simplex,
        x.cut | y.cut,
        x.flat | y.flat,
        x.steps + y.steps if x.steps and y.steps else x.steps or y.steps,
        x.post or y.post,
        x.many or y.many,
        x.repeated or y.repeated,
        x.averaged or y.averaged,
    )


def _grown(x: Term, y: Term) -> Mapping[Key, Growth]:
    """How a product grows: most are of something learned and something that stays."""
    if not x.growth:
        x, y = y, x
    if not y.growth and (y.scale is g.ONE or not x.growth):
        return x.growth
    growth = {key: g.multiply(found, y.growth.get(key, y.scale)) for key, found in x.growth.items()}
    for key, found in y.growth.items():
        if key not in x.growth:
            growth[key] = g.multiply(x.scale, found)
    return growth


def around(term: Term, node: cst.BaseExpression) -> Term:
    """The same term, now as part of `node`: the last step reaches that far."""
    if not term.steps:
        return term
    return term.through((*term.steps[:-1], replace(term.steps[-1], whole=node)))


def read(
    value: Value, node: cst.BaseExpression, *, instead: bool = False, either: bool = False
) -> Value:
    """The value as it is read at `node`, or (`instead`) as an item of the last read.

    `either` says that the terms are not added up here: each may be the element.
    """
    if not (len(value.terms) == 1 or either or _alternatives(value)):
        return value  # a sum: the place of a term is further in
    terms = []
    for term in value.terms:
        if not (term.growth or term.simplex or term.cut or term.stands_in):
            terms.append(term)
            continue
        step = Step(What.READ, node, term.growth, term.scale, term.interval, node)
        before = term.steps[:-1] if instead and _is_base(term, node) else term.steps
        terms.append(term.through((*before, step)))
    return Value(tuple(terms))


def _alternatives(value: Value) -> bool:
    """Whether the terms are parameters that came through one read, each an element of it."""
    last = {t.steps[-1].node if t.steps else None for t in value.terms}
    return len(last) == 1 and None not in last and not value.factors()


def _is_base(term: Term, node: cst.BaseExpression) -> bool:
    """Whether the last step read what `node` is an item of."""
    if not term.steps or term.steps[-1].what is not What.READ:
        return False
    base = node.value if isinstance(node, cst.Subscript) else node
    return term.steps[-1].node is base


def apply(
    operation: Operation,
    value: Value,
    node: cst.BaseExpression,
    argument: cst.BaseExpression | None = None,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Value:
    """An operation that works element by element, at `node`."""
    choices = _choices(value)
    if choices:
        of_each = [apply(operation, one, node, argument, bounds) for one in choices]
        return Value(tuple(term for one in of_each for term in one.terms))
    constant = value.number
    if constant is not None:
        image = operation.interval(point(constant))
        if image.lo == image.hi:
            return number(image.lo)
    term = one_term(value)
    interval = operation.interval(term.interval)
    factors = term.factors
    if operation.what is What.EXP and not term.growth:
        stood_in = _as_leaf(term)
        if stood_in is not None:
            term, factors = stood_in, frozenset()
    if not (term.growth or term.simplex):
        if factors:
            factors = frozenset((data_factor(factors, interval),))
        scale_ = g.ONE if factors else operation.growth(term.scale)
        return Value((replace(term, interval=interval, factors=factors, scale=scale_),))
    mixed = bool(factors) and not (operation.multiplicative and _one_rank(value))
    growth = {
        key: g.UNKNOWN if mixed else operation.growth(found) for key, found in term.growth.items()
    }
    if operation.what is What.LOG and term.simplex and not mixed:
        growth = {key: BARRIER if key[0] in term.simplex else v for key, v in growth.items()}
    flat = term.flat | {
        key for key, found in term.growth.items() if not mixed and operation.flat(found)
    }
    simplex = term.simplex
    if operation.what is What.SIMPLEX:
        simplex = simplex | frozenset(leaf for leaf, _ in term.growth)
    step = Step(
        operation.what,
        node,
        growth,
        term.scale,
        term.interval,
        node,
        len(value.terms) == 1,
        argument,
        bounds,
    )
    return Value(
        (
            replace(
                term,
                interval=interval,
                growth=growth,
                scale=g.Growth(sign=0) if factors else operation.growth(term.scale),
                factors=frozenset((data_factor(factors, interval),)) if factors else factors,
                flat=frozenset(flat),
                simplex=simplex,
                steps=(*term.steps, step),
            ),
        )
    )


def _choices(value: Value) -> list[Value]:
    """`s[i] + 1` where `s` is `[a, b]`: the value with each element that was read, not their sum."""
    read = [t for t in value.terms if t.growth and not t.repeated]
    rest = tuple(t for t in value.terms if t not in read)
    if len(read) < 2 or any(t.leaves() or t.factors for t in rest):
        return []
    apart = len(frozenset().union(*(t.leaves() for t in read))) == len(read)
    if not apart or not _alternatives(Value(tuple(read))):
        return []
    return [Value((term, *rest)) for term in read]


def _one_rank(value: Value) -> bool:
    """Whether all terms grow alike, so that the sum is one growth times something."""
    first = value.terms[0]
    return all(
        t.growth.keys() == first.growth.keys()
        and all(t.growth[k].rank == found.rank for k, found in first.growth.items())
        for t in value.terms
    )


def _as_leaf(term: Term) -> Term | None:
    """The exponent as a leaf, where it is what a network or another module holds, scaled."""
    leaf = term.stand_in()
    if leaf is None:
        return None
    growth = {(leaf, end): g.multiply(g.parameter(end), term.scale) for end in End}
    return replace(term, factors=frozenset(), growth=growth, scale=Growth(sign=0))


def normalise(value: Value, node: cst.BaseExpression, argument: cst.BaseExpression) -> Value:
    """`x / x.sum()`: like softmax, a share of a whole, where no element is negative."""
    bounds = value.interval
    if bounds.lo < 0:
        return opaque([value], "share")
    share = Interval(0.0, 1.0, bounds.nan or bounds.lo == 0 or bounds.hi == math.inf)
    return apply(ops.OPERATIONS["softmax"], value, node, argument).map({"interval": share})


def within(value: Value, node: cst.BaseExpression) -> Value:
    """The same value, now as all of `node`; a sum of several terms keeps their places."""
    return Value((around(value.terms[0], node),)) if len(value.terms) == 1 else value


def detach(value: Value) -> Value:
    """The same number, and no gradient. The leaves that are cut off are kept in mind."""
    return Value(
        tuple(
            replace(
                t,
                growth={},
                simplex=frozenset(),
                flat=frozenset(),
                steps=(),
                cut=t.cut | t.leaves(),
                scale=g.Growth(sign=(t.interval.lo >= 0) - (t.interval.hi <= 0)),
            )
            for t in value.terms
        )
    )


def constant_tensor() -> Value:
    """A tensor that nothing learns: a buffer, a frozen parameter."""
    unknown_sign = Growth(sign=0)
    return Value((Term(Interval(-math.inf, math.inf), scale=unknown_sign),))


def opaque(
    values: Iterable[Value],
    name: str,
    origin: Origin = Origin.UNKNOWN,
    *,
    lower: float | None = None,
    reduced: bool = False,
    hint: bool = False,
) -> Value:
    """What an unknown function makes of these: it depends on their leaves, nobody knows how."""
    growth = _unknown(term for value in values for term in value.terms)
    factor = Factor(name, origin, lower, reduced, hint)
    known = origin is Origin.LOSS and not growth
    bounds = factor_interval(factor)
    interval = Interval(bounds.lo, bounds.hi, not known)
    return Value((Term(interval, growth, factors=frozenset((factor,))),))


def _unknown(terms: Iterable[Term]) -> dict[Key, Growth]:
    """A growth that is not known, along each parameter that the terms depend on."""
    growth: dict[Key, Growth] = {}
    for term in terms:
        growth.update(dict.fromkeys(term.growth, g.UNKNOWN))  # as they are, none is hashed again
        growth.update({(leaf, end): g.UNKNOWN for leaf in term.simplex for end in End})
    if all(leaf.kind is Kind.PARAMETER for leaf, _ in growth):
        return growth
    return {key: found for key, found in growth.items() if key[0].kind is Kind.PARAMETER}


def total(values: Iterable[Value]) -> Value:
    """The sum of these."""
    return fold(add, values, number(0))


def item(value: Value, key: str | None, node: cst.BaseExpression) -> Value:
    """One element of a tensor: for a leaf, that item; for a collection, its element."""
    terms = []
    for term in value.terms:
        names: dict[Leaf, Leaf] = {}
        if key is not None:
            for leaf in term.leaves():
                if leaf.item is None and not term.simplex:
                    names[leaf] = replace(leaf, item=key)
        growth = {(names.get(leaf, leaf), end): v for (leaf, end), v in term.growth.items()}
        flat = frozenset((names.get(leaf, leaf), end) for leaf, end in term.flat)
        factors = frozenset(
            replace(f, name=f"{f.name}[{key or ''}]", collection=True)
            if f.origin in KINDS and f.origin is not Origin.MODULE
            else f
            for f in term.factors
        )
        terms.append(replace(term, growth=growth, flat=flat, factors=factors))
    return read(Value(tuple(terms)), node, instead=True)
