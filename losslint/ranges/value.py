"""What is known of a value: a formal sum of terms, each with its growth and its factors.

A total such as `exp(-s) * loss + 0.5 * s` is kept as two terms. Each says which
learnable leaf it depends on and how fast it grows along it, which factors it
has that are no parameters (a task's loss, an argument, data), and through which
places of the source the leaf reached it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from enum import Enum

import libcst as cst

from losslint.frozen import dataclass, replace
from losslint.ranges import growth as g
from losslint.ranges.creation import Creation
from losslint.ranges.growth import End, Growth
from losslint.ranges.interval import ANYTHING, REAL, Interval, point


class Kind(Enum):
    """Where a leaf comes from."""

    PARAMETER = "parameter"  # a Parameter, or a tensor with requires_grad=True
    ATTRIBUTE = "attribute"  # a tensor that another module holds
    NETWORK = "network"  # an output of a network
    HANDED = "handed"  # an argument, or something else that came from outside

    __hash__ = object.__hash__


@dataclass(frozen=True)
class Leaf:
    """A tensor that the total is followed back to.

    `name` is its spelling; `item` the constant index or key, None for all of it;
    `start` the value it is created with, `made` where that is, as far as known.
    """

    name: str
    kind: Kind = Kind.PARAMETER
    item: str | None = None
    start: float | None = field(default=None, compare=False)
    made: Creation | None = field(default=None, compare=False)

    def __hash__(self) -> int:
        return hash(self.name)  # which a string works out once

    def __str__(self) -> str:
        name = self.name.replace("[]", "")  # of what is indexed by a variable, all of it
        return name if self.item is None else f"{name}[{self.item}]"


class Origin(Enum):
    """What a factor is that is no parameter."""

    LOSS = "loss"  # what a loss function returned, or a reduction of data
    ARGUMENT = "argument"  # an argument of the function, as it came in
    DATA = "data"  # an expression of arguments and network outputs
    NETWORK = "network"  # an output of a network, as it came out
    MODULE = "module"  # a tensor that another module holds
    SETTING = "setting"  # a number that configures the loss: taken to be positive
    UNKNOWN = "unknown"

    __hash__ = object.__hash__


# What each factor is as a leaf, once an exponential has made a weight of it.
KINDS = {
    Origin.NETWORK: Kind.NETWORK,
    Origin.MODULE: Kind.ATTRIBUTE,
    Origin.ARGUMENT: Kind.HANDED,
    Origin.UNKNOWN: Kind.HANDED,
    Origin.SETTING: Kind.HANDED,
}


@dataclass(frozen=True)
class Factor:
    """Something that multiplies a term. `lower` is its lower bound, where it has one.

    `hint` says that it is spelled like a loss; that is evidence only where nothing else is.
    """

    name: str
    origin: Origin
    lower: float | None = None
    reduced: bool = False
    hint: bool = False
    collection: bool = False

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def known_not_negative(self) -> bool:
        """Whether no value of this factor is below 0."""
        return self.lower is not None and self.lower >= 0

    @property
    def plural(self) -> bool:
        """Whether it stands for several things: an element, or a name such as `losses`."""
        last = self.name.partition("[")[0].rpartition(".")[2]
        return self.collection or last.endswith(("es", "list", "dict", "terms", "values"))

    @property
    def known_signed(self) -> bool:
        """A loss that can be negative by its meaning."""
        return self.origin is Origin.LOSS and self.lower is not None and self.lower < 0


class What(Enum):
    """What happened to a leaf on its way into a term."""

    READ = "read"
    EXP = "exp"
    LOG = "log"
    POLE = "pole"
    ROOT = "root"
    CLAMP = "clamp"
    SIMPLEX = "simplex"
    OTHER = "other"

    __hash__ = object.__hash__


@dataclass(frozen=True, eq=False)
class Step:
    """One place of the source that the leaf went through.

    `growth` is what the value was worth there; `whole` the largest expression
    around it that is still this one term, times a constant.
    """

    what: What
    node: cst.BaseExpression
    growth: Mapping[tuple[Leaf, End], Growth]
    scale: Growth
    interval: Interval
    whole: cst.BaseExpression
    alone: bool = True  # the value was this term and no other
    argument: cst.BaseExpression | None = None
    bounds: tuple[float | None, float | None] = (None, None)

    def at(self, leaf: Leaf, end: End) -> Growth:
        """How the value grew along `leaf` when it was here."""
        found = self.growth.get((leaf, end))
        if found is not None:
            return found
        return g.multiply(g.parameter(end), self.scale)


Key = tuple[Leaf, End]
NONE: Mapping[Key, Growth] = {}


@dataclass(frozen=True, eq=False)
class Term:
    """One product of a formal sum."""

    interval: Interval
    growth: Mapping[Key, Growth] = field(default_factory=lambda: NONE)
    scale: Growth = g.ONE  # the constant factor, where nothing depends on a leaf
    factors: frozenset[Factor] = frozenset()
    simplex: frozenset[Leaf] = frozenset()
    cut: frozenset[Leaf] = frozenset()
    flat: frozenset[Key] = frozenset()
    steps: tuple[Step, ...] = ()
    post: bool = False  # the parameter met data before it was reduced: a likelihood
    many: bool = False  # stands for one of the elements of a tensor
    repeated: bool = False  # added up, once an element or a turn of a loop
    averaged: bool = False  # as `repeated`, divided by how many that are

    def at(self, leaf: Leaf, end: End) -> Growth:
        """How this term grows along `leaf`; a constant, if it does not depend on it."""
        return self.growth.get((leaf, end), self.scale)

    def leaves(self) -> frozenset[Leaf]:
        """The leaves that this depends on."""
        if not self.growth:
            return self.simplex
        return frozenset(leaf for leaf, _ in self.growth) | self.simplex

    def through(self, steps: tuple[Step, ...]) -> Term:
        """The same term, come through these places: most terms that are made are."""
        return Term(
            self.interval,
            self.growth,
            self.scale,
            self.factors,
            self.simplex,
            self.cut,
            self.flat,
            steps,
            self.post,
            self.many,
            self.repeated,
            self.averaged,
        )

    def stand_in(self) -> Leaf | None:
        """The leaf that this term is, if it is but an output or a module's tensor, scaled."""
        if not self.stands_in:
            return None
        (factor,) = self.factors
        return Leaf(factor.name, KINDS[factor.origin])

    @property
    def stands_in(self) -> bool:
        """Whether it is a stand-in."""
        if len(self.factors) != 1 or self.growth:
            return False
        (factor,) = self.factors
        return _is_weight(factor)

    @property
    def reach(self) -> Interval:
        """What the term comes to, added up as often as it may be."""
        if not self.repeated:
            return self.interval
        found = point(0.0).widen(self.interval)
        return replace(found, nan=True) if found.lo == -found.hi == -math.inf else found

    def key(self) -> object:
        """What tells two terms apart that different paths have made."""
        grown = frozenset((k[0].name, k[1].value, *v.rank, v.sign) for k, v in self.growth.items())
        if not self.steps:
            return self.interval, self.factors, grown, self.scale
        return tuple(id(step.node) for step in self.steps), self.factors, grown

    def last(self, what: What) -> Step | None:
        """The latest step of this kind."""
        return next((s for s in reversed(self.steps) if s.what is what), None)


def added(grown: list[tuple[Term, Growth]]) -> Growth:
    """The growth of a sum of terms; where a mean stands beside a sum, it has no known coefficient."""
    if not grown:
        return g.VANISHING
    learned = {term.averaged for term, _ in grown if term.growth}
    if len(learned) < 2:
        return g.add(*(growth for _, growth in grown))
    return g.add(
        *(replace(found, coefficient=None) if term.averaged else found for term, found in grown)
    )


@dataclass(frozen=True, eq=False)
class Value:
    """A formal sum of terms."""

    terms: tuple[Term, ...]

    @property
    def interval(self) -> Interval:
        """The sum of the ranges of the terms."""
        if len(self.terms) == 1:
            return self.terms[0].reach
        lo = hi = 0.0
        falling = rising = nan = False
        for term in self.terms:
            found = term.reach
            lo, hi = lo + found.lo, hi + found.hi
            falls, rises = found.lo == -math.inf, found.hi == math.inf
            # What falls in one term may cancel what rises in another.
            nan = nan or found.nan or (falls and rising) or (rises and falling)
            falling, rising = falling or falls, rising or rises
        if lo != lo or hi != hi:
            return ANYTHING
        return Interval(lo, hi, nan)

    @property
    def number(self) -> float | None:
        """The constant that this value is, if it is one."""
        if not self.terms:
            return 0.0
        for term in self.terms:
            if term.factors or term.growth or term.simplex:
                return None
        bounds = self.interval
        known = bounds.lo == bounds.hi and not bounds.nan
        return bounds.lo + 0.0 if known else None  # -0.0 is 0.0

    @property
    def learned(self) -> bool:
        """Whether any term depends on a leaf."""
        for term in self.terms:  # noqa: SIM110 -- asked of all values, most of one term
            if term.growth or term.simplex:
                return True
        return False

    def leaves(self) -> frozenset[Leaf]:
        """The leaves that any term depends on."""
        if len(self.terms) == 1:
            return self.terms[0].leaves()
        return frozenset().union(*(t.leaves() for t in self.terms))

    def factors(self) -> frozenset[Factor]:
        """What any term multiplies."""
        return frozenset().union(*(t.factors for t in self.terms))

    def lead(self, leaf: Leaf, end: End, terms: Iterable[Term] | None = None) -> Growth:
        """The growth of the sum (of `terms`, if given) along one leaf."""
        of = self.terms if terms is None else tuple(terms)
        return added([(t, t.at(leaf, end)) for t in of])

    def map(self, change: dict[str, object]) -> Value:
        """The same sum with these fields changed in each term."""
        return Value(tuple(replace(t, **change) for t in self.terms))  # type: ignore[arg-type]


def number(value: float) -> Value:
    """A constant."""
    return Value((Term(point(float(value)), scale=g.constant(value)),))


def positive() -> Value:
    """A positive constant that is not known: a size, a count, a hyper-parameter."""
    return Value((Term(Interval(1e-12, math.inf), scale=Growth()),))


def count() -> Value:
    """What counts turns or things: 0 at least."""
    return Value((Term(Interval(0.0, math.inf), scale=Growth()),))


def leaf_value(leaf: Leaf) -> Value:
    """The leaf itself: any number, growing like itself."""
    growth = {(leaf, end): g.parameter(end) for end in End}
    sample = _sample.get()
    interval = REAL if sample is None else point(sample.leaf)
    return Value((Term(interval, growth, scale=g.Growth(sign=0)),))


def factor_value(factor: Factor) -> Value:
    """A value that is no parameter and no constant."""
    return Value((Term(factor_interval(factor), factors=frozenset((factor,))),))


def factor_interval(factor: Factor) -> Interval:
    """What a factor can be: at least its lower bound, where it has one."""
    sample = _sample.get()
    if sample is not None:
        return point(sample.leaf if _is_weight(factor) else sample.loss)
    return REAL if factor.lower is None else Interval(factor.lower, math.inf)


def _is_weight(factor: Factor) -> bool:
    return factor.origin in KINDS and not (factor.hint or factor.reduced)


@dataclass(frozen=True)
class Sample:
    """One number for every leaf, and one for every loss."""

    leaf: float
    loss: float


_sample: ContextVar[Sample | None] = ContextVar("sample", default=None)


def is_sampled() -> bool:
    """Whether each leaf and each loss is one number now: all elements are alike then."""
    return _sample.get() is not None


@contextmanager
def sampled(sample: Sample) -> Iterator[None]:
    """Within, leaves and losses are these numbers: a range of one value is a witness."""
    token = _sample.set(sample)
    try:
        yield
    finally:
        _sample.reset(token)
