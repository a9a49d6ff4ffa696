"""What a walk through a training loop knows of a value: which losses are in it, and whether it is NaN."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from math import inf, isfinite, nan

import libcst as cst

from losslint.frozen import dataclass, replace
from losslint.ranges.losses import is_loss_like
from losslint.training.cuts import cuts_beside, cuts_of_product, cuts_of_sum, cuts_on_each_way

# What speaks of losses and is none: a function, a weight, a setting.
NO_VALUE = re.compile(r"crit|_fn|func|^loss_f$|weight|coef|lambda|scale|ratio|_type|_name|_mode")

SPECIALS = (nan, inf, -inf)
MAX_TERMS = 24  # of one sum; more of them are one

# The last step of a path: the sum of whatever the collection holds.
SUM = "Σ"
ANY = "*"  # an item that is not known by its key


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a call, a parameter, and the way from there to the value.

    `calls` are those by which the walk came there: a function that is called twice yields
    two values.

    `path` is `(0,)` for the first item of a tuple that a call returns, `("loss",)` for an
    attribute or an entry of that name. `is_loss` is what is known of its meaning, `reduced` that it
    is a sum or a mean over all of something, `learns` that a network is in what it is worked out
    from, `order` when the walk came to it.
    """

    node: cst.CSTNode
    path: tuple[object, ...] = ()
    label: str = ""
    is_loss: bool = False
    reduced: bool = False
    learns: bool = False
    calls: tuple[cst.CSTNode, ...] = ()
    order: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.node, self.path, self.calls

    def holds(self, other: Source) -> bool:
        """Whether one of the two is a part of the other, or the sum of its parts."""
        mine, its = _steps(self.path), _steps(other.path)
        shorter = min(len(mine), len(its))
        same = all(a == b or ANY in (a, b) for a, b in zip(mine[:shorter], its, strict=False))
        return self.node is other.node and self.calls == other.calls and same


def _steps(path: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(step for step in path if step != SUM)


Term = frozenset[Source]
Cuts = frozenset[tuple[Term, cst.CSTNode]]  # what is out of its graph, and what took it out


def is_named_as_loss(name: str) -> bool:
    """Whether a name says that the value that it holds is a loss."""
    return is_loss_like(name) and NO_VALUE.search(name.lower()) is None


@dataclass(frozen=True)
class Value:
    """One value. Nothing is known of `Value()`.

    `number` is what it is where that is known: a constant, or what was injected.
    `terms` are the summands, each with the sources that are multiplied in it; `graph`
    says that it still can be back-propagated, `items` what a collection holds. `summands` is how
    many terms it has at most on one path: of two branches that differ, only one is taken.
    `kept` names the accumulators that it came through, `tested` that a value which
    was injected decides what it is, `explicit` that a test for NaN or inf made it.
    """

    number: float | str | None = None
    terms: frozenset[Term] = frozenset()
    graph: bool = False
    items: tuple[tuple[object, Value], ...] = ()
    summands: int = 0
    kept: frozenset[str] = frozenset()
    tested: bool = False
    explicit: bool = False
    floored: bool = False  # known not to be negative
    scalar: bool = False  # known to be a tensor without dimensions
    cuts: Cuts = frozenset()
    function: cst.FunctionDef | cst.Lambda | None = None
    made: object = None  # the class that it is an object of
    # What returned it: a `return`, or an item of one; and calls of what is not at hand.
    through: frozenset[cst.CSTNode] = frozenset()

    @cached_property
    def sources(self) -> frozenset[Source]:
        """Every source in it, those of its items too."""
        own = frozenset(source for term in self.terms for source in term)
        return own.union(*(item.sources for _, item in self.items))

    @cached_property
    def special(self) -> bool:
        """Whether it is known to be NaN or infinite."""
        return isinstance(self.number, float) and not isfinite(self.number)

    def whole(self) -> Value:
        """A collection as the sum of its items; anything else as it is."""
        return self._total if self.items else self

    @cached_property
    def _total(self) -> Value:
        found = Value(graph=self.graph, kept=self.kept, floored=True, through=self.through)
        for _, item in self.items:
            found = plus(found, item.whole())
        return found

    def losses(self) -> frozenset[Term]:
        """Its terms, each with nothing but its losses, as far as these are known."""
        return frozenset(
            frozenset(s for s in term if s.is_loss) or term for term in self.whole().terms
        )

    @cached_property
    def is_loss(self) -> bool:
        """Whether some loss is known to be in it."""
        return any(source.is_loss for source in self.sources)

    @cached_property
    def cut(self) -> frozenset[Term]:
        """The terms that something took out of the graph."""
        return frozenset(term for term, _ in self.cuts) & self.terms

    @property
    def dead(self) -> bool:
        """Whether something took all that is in it out of the graph."""
        return bool(self.cuts) and not self.graph and self.cut == self.terms


UNKNOWN = Value()


def plus(one: Value, other: Value, sign: int = 1) -> Value:
    """A sum or a difference."""
    terms = _few(one.terms | other.terms)
    found = _joined(one, other, terms, _sum(one.number, other.number, sign))
    floored = found.floored and sign > 0
    cuts = cuts_of_sum(one, other, sign)
    return replace(found, floored=floored, summands=one.summands + other.summands, cuts=cuts)


def joined(one: Value, other: Value) -> Value:
    """One collection behind the other."""
    items = (*one.items, *other.items)
    return Value(items=tuple((n, item) for n, (_, item) in enumerate(items)))


def times(one: Value, other: Value) -> Value:
    """A product: every term of one with every term of the other."""
    terms = frozenset(a | b for a in one.terms for b in other.terms) or one.terms | other.terms
    cuts = cuts_of_product(one, other) if one.cuts or other.cuts else one.cuts
    found = _joined(one, other, _few(terms), _product(one.number, other.number))
    return replace(found, cuts=cuts)


def _few(terms: frozenset[Term]) -> frozenset[Term]:
    if len(terms) <= MAX_TERMS:
        return terms
    return frozenset((frozenset(source for term in terms for source in term),))


def over(one: Value, other: Value) -> Value:
    """A quotient: what it is divided by does not say what it is."""
    number = _product(one.number, other.number)
    if isinstance(other.number, float) and other.number in (inf, -inf):
        number = None
    found = _joined(one, other, one.terms or other.terms, number)
    positive = one.floored and (other.floored or (not other.terms and other.number is None))
    return replace(found, floored=positive, cuts=cuts_beside(one, other))


def either(values: Iterable[Value]) -> Value:
    """One of several values: what holds of all of them, and every loss that may be in it."""
    found: Value | None = None
    for value in values:
        if found is None or found is value or found == value:
            found = value
            continue
        same = found.number == value.number or (found.special and value.special)
        found = replace(
            _joined(found, value, found.terms | value.terms, found.number if same else None),
            items=found.items if found.items == value.items else (*found.items, *value.items),
            graph=_may_have_graph(found, value),
            cuts=cuts_on_each_way(found, value),
            scalar=found.scalar and value.scalar,
            made=found.made or value.made,
        )
    return found or UNKNOWN


def _may_have_graph(one: Value, other: Value) -> bool:
    """Of a loss that is a number on one way, `v.item() if is_tensor(v) else v`, no graph is left."""
    if one.terms == other.terms:
        return one.graph and other.graph
    return one.graph or other.graph


def without_graph(value: Value, node: cst.CSTNode | None = None) -> Value:
    """The value alone; `node` takes it out of its graph, None if that is deliberate."""
    items = tuple((key, without_graph(item, node)) for key, item in value.items)
    cuts: Cuts = frozenset()
    if node is not None:
        own = value.terms if value.graph or value.dead else ()
        cuts = value.cuts | frozenset((term, node) for term in own)
    return replace(value, graph=False, scalar=False, items=items, cuts=cuts)


def forgiven(value: Value) -> Value:
    """The value without what is known of its cuts: what it is used for is not known."""
    items = tuple((key, forgiven(item)) for key, item in value.items)
    return replace(value, cuts=frozenset(), scalar=False, items=items)


def some(values: Iterable[Value]) -> Value:
    """An item of a collection, of which one that is not finite is the one that matters."""
    values = list(values)
    found = either(values)
    special = next((value for value in values if value.special), None)
    return found if special is None else replace(found, number=special.number)


def _joined(one: Value, other: Value, terms: frozenset[Term], number: float | str | None) -> Value:
    return Value(
        number,
        terms,
        _graph(one, other),
        kept=one.kept | other.kept,
        tested=one.tested or other.tested,
        explicit=one.explicit or other.explicit,
        floored=one.floored and other.floored,
        through=one.through | other.through,
        summands=max(one.summands, other.summands),
        scalar=_is_scalar(one, other),
    )


def _is_scalar(one: Value, other: Value) -> bool:
    """Whether a sum or a product is a tensor without dimensions."""
    plain = one.number is not None or other.number is not None
    return (one.scalar and other.scalar) or (plain and (one.scalar or other.scalar))


def _graph(one: Value, other: Value) -> bool:
    """Whether a sum or a product can be back-propagated: beside a loss, the rest is numbers."""
    if one.graph != other.graph and one.is_loss != other.is_loss:
        return one.graph if one.is_loss else other.graph
    return one.graph or other.graph


def _sum(one: float | str | None, other: float | str | None, sign: int) -> float | None:
    """What is known of a sum; an unknown summand is an ordinary number."""
    if isinstance(one, str) or isinstance(other, str):
        return None
    if one is not None and other is not None:
        return one + sign * other
    if one is not None and not isfinite(one):
        return one
    if other is not None and not isfinite(other):
        return sign * other
    return None


def _product(one: float | str | None, other: float | str | None) -> float | None:
    """What is known of a product; an unknown factor is positive."""
    for this, that in ((one, other), (other, one)):
        if isinstance(this, float) and not isfinite(this):
            return -this if isinstance(that, (int, float)) and that < 0 else this
    return None
