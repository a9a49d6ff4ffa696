"""What a function returned, for when it is called once more with what is alike.

Paths that have parted make the same calls, and so do the turns of a loop. Two things are alike
if nothing but their identity tells them apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy
from typing import Any, TypeAlias

from losslint.frozen import dataclass
from losslint.ranges.objects import (
    ClassObject,
    Dictionary,
    External,
    Loss,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.run import Sink
from losslint.ranges.value import Leaf, Step, Term, Value

State: TypeAlias = "list[Mapping[str, Object]]"  # what may change between two calls
Bound: TypeAlias = "Mapping[str, Object]"


@dataclass(frozen=True, eq=False)
class Call:
    """A call that was followed: with which arguments, in which state, and what came of it."""

    bound: Bound
    state: State
    returns: list[Object]
    sinks: list[Sink]
    spent: int

    def again(self, bound: Bound) -> list[Object]:
        """What it returns for arguments that are alike: new values, those handed on excepted."""
        twins: dict[int, Any] = {}
        for name, thing in self.bound.items():
            _pair(thing, bound[name], twins)
        return [_renewed(thing, twins) for thing in self.returns]


def likeness(thing: Object) -> Hashable:
    """Equal for two things that are alike."""
    if isinstance(thing, Value):
        return tuple(map(_of_term, thing.terms))
    if isinstance(thing, Sequence):
        return thing.open, *map(likeness, thing.items)
    if isinstance(thing, Dictionary):
        inside = (*thing.entries.values(), *([thing.other] if thing.other else []))
        return (*thing.entries, *map(likeness, inside))
    if isinstance(thing, (External, Network)):
        return type(thing), thing.name
    if isinstance(thing, Loss):
        return thing.name, thing.lower, thing.reduced
    return thing.facts if isinstance(thing, ClassObject) else thing


def _of_term(term: Term) -> Hashable:
    return (
        term.interval,
        tuple((*key, growth, _made(key[0])) for key, growth in term.growth.items()),
        term.scale,
        term.factors,
        frozenset((leaf, _made(leaf)) for leaf in term.simplex | term.cut),
        term.simplex,
        term.flat,
        tuple(map(_of_step, term.steps)),
        (term.post, term.many, term.repeated, term.averaged),
    )


def _made(leaf: Leaf) -> Hashable:
    return leaf.start, leaf.made


def _of_step(step: Step) -> Hashable:
    return step.what, id(step.node), id(step.whole), step.interval, step.alone


def _pair(old: Object, new: Object, twins: dict[int, Any]) -> None:
    """Note what stands in `new` where something stands in `old`, which is alike."""
    twins[id(old)] = new
    if isinstance(old, Value) and isinstance(new, Value):
        for term, twin in zip(old.terms, new.terms, strict=True):
            twins[id(term)] = twin
            twins.update(zip(map(id, term.steps), twin.steps, strict=True))
    for inner, other in zip(_inside(old), _inside(new), strict=True):
        _pair(inner, other, twins)


def _inside(thing: Object) -> tuple[Object, ...]:
    if isinstance(thing, Sequence):
        return thing.items
    if isinstance(thing, Dictionary):
        return (*thing.entries.values(), *([thing.other] if thing.other else []))
    return ()


def _renewed(thing: Object, twins: dict[int, Any]) -> Object:
    """The same thing made anew, so that no term of it is one that was there before."""
    known = twins.get(id(thing))
    if known is not None:
        return known
    made = thing
    if isinstance(thing, Value):
        made = Value(tuple(_renewed_term(term, twins) for term in thing.terms))
    elif isinstance(thing, Sequence):
        made = Sequence(tuple(_renewed(item, twins) for item in thing.items), thing.open)
    elif isinstance(thing, Dictionary):
        entries = {name: _renewed(item, twins) for name, item in thing.entries.items()}
        made = Dictionary(entries, None if thing.other is None else _renewed(thing.other, twins))
    twins[id(thing)] = made
    return made


def _renewed_term(term: Term, twins: dict[int, Any]) -> Term:
    known = twins.get(id(term))
    if known is None:
        steps = [twins.setdefault(id(step), copy(step)) for step in term.steps]
        known = twins[id(term)] = term.through(tuple(steps))
    return known
