"""What a function returned, for when it is called once more with what is alike.

Paths that have parted make the same calls, and so do the turns of a loop. Two things are alike
if nothing but their identity tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from copy import copy
from typing import Any, TypeAlias

import libcst as cst

from losslint.frozen import dataclass
from losslint.ranges.objects import (
    ClassObject,
    Dictionary,
    External,
    Function,
    Instance,
    Loss,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.run import Run, Sink
from losslint.ranges.value import Leaf, Step, Term, Value

Twins: TypeAlias = dict[int, Any]  # what stands for a thing, by the thing's id


@dataclass(frozen=True, eq=False)
class Call:
    """A call that was followed: with which arguments, in which state, and what came of it."""

    bound: Mapping[str, Object]
    state: list[dict[str, Object]]
    returns: list[Object]
    sinks: list[Sink]
    spent: int

    def again(self, bound: Mapping[str, Object]) -> list[Object]:
        """What it returns for arguments that are alike: new values, but for those handed on.

        Terms of two calls are added up twice in a loop, those of one only once.
        """
        twins: Twins = {}
        for name, thing in self.bound.items():
            _pair(thing, bound[name], twins)
        return [_renewed(thing, twins) for thing in self.returns]


class Calls:
    """The calls that were followed since a run came to the function that it is in."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[Hashable, Call] = {}

    def returned(
        self,
        follow: Callable[[], list[Object]],
        node: cst.FunctionDef,
        bound: Mapping[str, Object],
        owner: Instance | None,
        of_class: str | None,
        closure: Function | None,
    ) -> list[Object]:
        """What a function returns: it is followed where nothing alike was.

        It counts as followed all the same, so that the budget buys what it did.
        """
        run = self._run
        key = (
            *map(id, (node, owner, closure and closure.owner, *run.running)),
            (of_class, closure is None, run.naming, run.depth, *bound),
            *map(likeness, bound.values()),
        )
        around = closure.closure if closure is not None else {}
        state = [dict(around), *(one.attributes.copy() for one in run.instances)]
        call = self._known.get(key)
        if call is not None and call.state == state:
            run.spent += call.spent
            run.sinks += call.sinks
            return call.again(bound)
        sinks, spent = len(run.sinks), run.spent
        returns = follow()
        self._known[key] = Call(bound, state, returns, run.sinks[sinks:], run.spent - spent)
        return returns


def likeness(thing: Object) -> Hashable:
    """Equal for two things that are alike, and for no others."""
    if isinstance(thing, Value):
        return tuple(map(_of_term, thing.terms))
    if isinstance(thing, (Sequence, Dictionary)):
        names = tuple(thing.entries) if isinstance(thing, Dictionary) else thing.open
        return names, *map(likeness, _inside(thing))
    if isinstance(thing, (External, Network)):
        return type(thing), thing.name
    if isinstance(thing, Loss):
        return thing.name, thing.lower, thing.reduced
    return thing.facts if isinstance(thing, ClassObject) else thing


def _of_term(term: Term) -> Hashable:
    return (
        term.interval,
        tuple((leaf, end, growth, _made(leaf)) for (leaf, end), growth in term.growth.items()),
        term.scale,
        term.factors,
        term.simplex,
        frozenset((leaf, _made(leaf)) for leaf in term.simplex | term.cut),
        term.flat,
        tuple(map(_of_step, term.steps)),
        (term.post, term.many, term.repeated, term.averaged),
    )


def _made(leaf: Leaf) -> Hashable:
    return leaf.start, leaf.made


def _of_step(step: Step) -> Hashable:
    return step.what, id(step.node), id(step.whole), step.interval, step.alone


def _inside(thing: Object) -> tuple[Object, ...]:
    if isinstance(thing, Sequence):
        return thing.items
    if isinstance(thing, Dictionary):
        return (*thing.entries.values(), *([thing.other] if thing.other else []))
    return ()


def _pair(old: Object, new: Object, twins: Twins) -> None:
    """Note what stands in `new` where something stands in `old`, which is alike."""
    twins[id(old)] = new
    if isinstance(old, Value) and isinstance(new, Value):
        for term, twin in zip(old.terms, new.terms, strict=True):
            twins[id(term)] = twin
            twins.update(zip(map(id, term.steps), twin.steps, strict=True))
    for inner, other in zip(_inside(old), _inside(new), strict=True):
        _pair(inner, other, twins)


def _renewed(thing: Object, twins: Twins) -> Object:
    """The same thing made anew, so that no term of it is one that was there before."""
    if id(thing) not in twins:
        twins[id(thing)] = _anew(thing, twins)
    found: Object = twins[id(thing)]
    return found


def _anew(thing: Object, twins: Twins) -> Object:
    if isinstance(thing, Value):
        return Value(tuple(_renewed_term(term, twins) for term in thing.terms))
    if isinstance(thing, Sequence):
        return Sequence(tuple(_renewed(item, twins) for item in thing.items), thing.open)
    if isinstance(thing, Dictionary):
        entries = {name: _renewed(item, twins) for name, item in thing.entries.items()}
        return Dictionary(entries, thing.other and _renewed(thing.other, twins))
    return thing


def _renewed_term(term: Term, twins: Twins) -> Term:
    if id(term) not in twins:
        steps = [twins.setdefault(id(step), copy(step)) for step in term.steps]
        twins[id(term)] = term.through(tuple(steps))
    found: Term = twins[id(term)]
    return found
