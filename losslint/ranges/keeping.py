"""Where the parameters of learned weights are kept: in which attribute, and whether a module took them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts
from losslint.ranges.creation import Creation, How
from losslint.ranges.objects import Dictionary, Instance, Object, Sequence
from losslint.ranges.run import Run, parts
from losslint.ranges.value import Kind, Leaf, Value, What
from losslint.ranges.weights import LearnedWeight


@dataclass(frozen=True, eq=False)
class Kept:
    """An attribute that holds a leaf, alone or in a list or dict, of an object of a class."""

    facts: ClassFacts
    attribute: str
    alone: bool


@dataclass(frozen=True, eq=False)
class CreatedWeight:
    """What made the leaf of a learned weight, with every total that it weighs losses in.

    `registered` says that a container of torch, or a call, took it; `kept` where objects hold it.
    """

    creation: Creation
    leaf: Leaf
    weights: tuple[LearnedWeight, ...]
    registered: bool
    kept: tuple[Kept, ...]


def created_weights(
    weights: Iterable[LearnedWeight],
    instances: Iterable[Instance],
    registered: Iterable[cst.CSTNode],
) -> list[CreatedWeight]:
    """One for each place that makes a leaf of a learned weight, in the order of the totals."""
    weights = list(weights)
    if not weights:
        return []
    taken = set(registered)
    kept: dict[cst.CSTNode, list[Kept]] = {}
    named: dict[str, list[tuple[Instance, Leaf]]] = {}
    for instance in instances:
        for attribute, value in instance.attributes.items():
            alone = not isinstance(value, (Sequence, Dictionary))
            for leaf in _held(value):
                assert leaf.made is not None
                node = leaf.made.node
                kept.setdefault(node, []).append(Kept(instance.facts, attribute, alone))
                named.setdefault(attribute, []).append((instance, leaf))
                if _is_in_container(value):
                    taken.add(node)
    found: dict[cst.CSTNode, tuple[Leaf, list[LearnedWeight]]] = {}
    for weight in weights:
        for leaf in _sources(weight, named):
            if leaf.made is not None:
                found.setdefault(leaf.made.node, (leaf, []))[1].append(weight)
    return [
        CreatedWeight(leaf.made, leaf, tuple(of), node in taken, tuple(kept.get(node, ())))
        for node, (leaf, of) in found.items()
        if leaf.made is not None
    ]


def register(run: Run, value: Object) -> None:
    """Remember that a module takes what is learnable in a value."""
    leaves = (leaf for part in parts(value) for leaf in part.leaves())
    run.registered.update(leaf.made.node for leaf in leaves if leaf.made)


def _sources(
    weight: LearnedWeight, named: Mapping[str, list[tuple[Instance, Leaf]]]
) -> Iterator[Leaf]:
    """The leaves that are the one of a weight, made in one place or in several."""
    if weight.leaf.kind is Kind.ATTRIBUTE:
        yield from _of_object(weight.leaf, named)
    for term in weight.terms:
        every = (*(leaf for leaf, _ in term.growth), *term.simplex, *term.cut)
        yield from (leaf for leaf in every if leaf == weight.leaf)


def _of_object(leaf: Leaf, named: Mapping[str, list[tuple[Instance, Leaf]]]) -> Iterator[Leaf]:
    """What `model.scales` is, where one class of this module alone has an attribute `scales`."""
    known = named.get(leaf.name.partition("[")[0].rpartition(".")[2], [])
    if len({id(instance.facts) for instance, _ in known}) == 1:
        yield from (made for _, made in known)


def _held(value: Object) -> Iterator[Leaf]:
    """The leaves that an attribute holds as they are, in a collection or alone."""
    for part in parts(value):
        for term in part.terms:
            if not term.factors and all(step.what is What.READ for step in term.steps):
                yield from (leaf for leaf in term.leaves() if leaf.made is not None)


def _is_in_container(value: Object) -> bool:
    """Whether entries were set of a dict of torch, or of one that nothing is known of."""
    if not isinstance(value, Dictionary) or not isinstance(value.other, Value):
        return False
    inside = value.other.leaves()
    return not inside or any(
        leaf.made is not None and leaf.made.how is How.CONTAINER for leaf in inside
    )
