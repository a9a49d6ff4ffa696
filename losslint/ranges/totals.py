"""From the totals that leave a module to the learned weights in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from losslint.frozen import replace
from losslint.ranges import growth as g
from losslint.ranges.growth import End, Growth
from losslint.ranges.run import Sink
from losslint.ranges.value import Key, Kind, Leaf, Origin, Term, Value
from losslint.ranges.weights import LearnedWeight, RectifiedTotal

RAW = frozenset((Origin.DATA, Origin.NETWORK))


def rectified_totals(
    found: Iterable[tuple[Value, cst.BaseExpression, str]],
) -> list[RectifiedTotal]:
    """The rectified values that hold a weight and a regularizer that can be negative."""
    kept: dict[cst.CSTNode, RectifiedTotal] = {}
    for value, node, how in found:
        sink = Sink(value, node, how, "")
        weights = [w for leaf in value.leaves() if (w := _candidate(leaf, value, sink))]
        balanced = sum(w.fall is not None for w in weights) > 1
        if any(balanced or w.weighs_losses for w in weights if _can_be_negative(w)):
            kept.setdefault(node, RectifiedTotal(value, node, how))
    return list(kept.values())


def _can_be_negative(weight: LearnedWeight) -> bool:
    return any(t.interval.lo < 0 for t in weight.solos)


def learned_weights(every: Iterable[LearnedWeight]) -> list[LearnedWeight]:
    """The learned weights of all totals, those of one leaf in one place once."""
    found: dict[object, LearnedWeight] = {}
    for weight in every:
        found.setdefault(_identity(weight), weight)
    return _with_scopes(_with_starts(list(found.values())))


def _with_starts(found: list[LearnedWeight]) -> list[LearnedWeight]:
    """The same weights, each leaf starting where it does on any path that shows it; at the lowest."""
    starts: dict[tuple[str, str], float] = {}
    for weight in found:
        start, key = weight.leaf.start, _whole(weight)
        if start is not None:
            starts[key] = min(start, starts.get(key, start))
    return [replace(w, leaf=replace(w.leaf, start=starts.get(_whole(w)))) for w in found]


def _whole(weight: LearnedWeight) -> tuple[str, str]:
    """The scope of a weight's leaf, and the name of all that it is an item of."""
    return weight.sink.scope, weight.leaf.name.replace("[]", "")


def weights_of(sinks: Iterable[Sink], manual: set[str]) -> Iterator[LearnedWeight]:
    """Every learned weight of every total."""
    for sink in sinks:
        value = _folded(_with_stand_ins(sink.value))
        leaves = sorted(value.leaves() | _cuts(value), key=str)
        candidates = [
            weight
            for leaf in leaves
            if leaf.name not in manual
            for weight in [_candidate(leaf, value, sink)]
            if weight is not None
        ]
        balanced = sum(w.fall is not None for w in candidates)
        for weight in candidates:
            several = balanced > 1 or _is_item(weight)
            if _is_weighting(weight, several):
                yield replace(weight, several=several)


def _is_item(weight: LearnedWeight) -> bool:
    """Whether the leaf is one of many, indexed as the losses are."""
    return "[" in weight.leaf.name or weight.leaf.item is not None


def _cuts(value: Value) -> frozenset[Leaf]:
    return frozenset().union(*(t.cut for t in value.terms if t.factors))


def _identity(weight: LearnedWeight) -> object:
    places = [tuple(id(s.node) for s in t.steps) for t in weight.terms]
    return weight.leaf, weight.sink.scope, tuple(places)


def _candidate(leaf: Leaf, value: Value, sink: Sink) -> LearnedWeight | None:
    """What a total does along `leaf`, where that is known and the leaf multiplies something."""
    weights, solos = _split(value, leaf)
    if not weights or (leaf.kind is not Kind.PARAMETER and not solos):
        return None
    for term in weights + solos:
        for end in (End.PLUS, End.MINUS):
            growth = term.at(leaf, end)
            if not growth.has_order() and growth != g.UNDEFINED:
                return None
    bare = {_names(t) for t in value.terms if leaf not in t.leaves() | t.cut}
    floored = any(_names(t) in bare for t in weights)
    return LearnedWeight(leaf, sink, tuple(weights), tuple(solos), floored=floored)


def _names(term: Term) -> frozenset[str]:
    return frozenset(f.name for f in term.factors)


def _is_weighting(weight: LearnedWeight, several: bool) -> bool:
    """Whether losses are weighted, and not data in a likelihood of its own.

    `exp(-s) * (x - y)**2 + s`, averaged over the data, is a likelihood with one
    noise scale; two of them with a scale each are two tasks that are weighed.
    """
    if weight.leaf.kind is Kind.NETWORK:
        return True
    raw = [t for t in weight.weights if t.post or _holds_raw_data(t)]
    if not raw:
        return True
    return len(raw) < len(weight.weights) or (several and weight.fall is not None)


def _holds_raw_data(term: Term) -> bool:
    return any(f.origin in RAW and not (f.reduced or f.hint) for f in term.factors)


def _split(value: Value, leaf: Leaf) -> tuple[list[Term], list[Term]]:
    """The terms in which `leaf` meets a loss, and those in which it stands alone."""
    weights: list[Term] = []
    solos: list[Term] = []
    for term in value.terms:
        if leaf not in term.leaves() and leaf not in term.cut:
            continue
        beside = any(other.kind is not Kind.PARAMETER for other in term.leaves() - {leaf})
        multiplied = any(f.origin is not Origin.SETTING for f in term.factors)
        (weights if multiplied or beside else solos).append(term)
    return weights, [t for t in solos if leaf in t.leaves()]


def _folded(value: Value) -> Value:
    """Items and the whole of one leaf taken together, where a total has both."""
    whole = {leaf.name for leaf in value.leaves() if leaf.item is None}
    names = {leaf: replace(leaf, item=None) for leaf in value.leaves() if leaf.name in whole}
    if not any(leaf.item is not None for leaf in names):
        return value

    def fold(term: Term) -> Term:
        growth: dict[Key, Growth] = {}
        for (leaf, end), found in term.growth.items():
            key = (names.get(leaf, leaf), end)
            growth[key] = g.multiply(growth[key], found) if key in growth else found
        flat = frozenset((names.get(leaf, leaf), end) for leaf, end in term.flat)
        simplex = frozenset(names.get(leaf, leaf) for leaf in term.simplex)
        return replace(term, growth=growth, flat=flat, simplex=simplex)

    return Value(tuple(fold(t) for t in value.terms))


def _with_stand_ins(value: Value) -> Value:
    """Terms that are nothing but a prediction or a module's tensor that weights a loss."""
    weighting = {leaf for leaf in value.leaves() if leaf.kind is not Kind.PARAMETER}
    if not weighting:
        return value

    def as_leaf(term: Term) -> Term:
        leaf = term.stand_in()
        if leaf not in weighting or leaf is None:
            return term
        growth = {(leaf, end): g.multiply(g.parameter(end), term.scale) for end in End}
        return replace(term, growth=growth, factors=frozenset())

    return Value(tuple(as_leaf(t) for t in value.terms))


def _with_scopes(found: list[LearnedWeight]) -> list[LearnedWeight]:
    """The same weights, each knowing at which ends another total of its scope holds its leaf.

    A module that returns its total beside the weighted losses is no collapse.
    """
    held: dict[tuple[str, str], set[End]] = {}
    for weight in found:
        for end in End:
            alone = weight.lead(end, weight.solos)
            if alone.known_to_grow():
                held.setdefault((weight.sink.scope, weight.leaf.name), set()).add(end)
    return [
        replace(w, regularized_elsewhere=frozenset(held.get((w.sink.scope, w.leaf.name), ())))
        for w in found
    ]
