"""Where the parameters of learned weights are kept: in which attribute, and whether a module knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from losslint.model.classes import ClassFacts
from losslint.ranges.creation import Creation, How
from losslint.ranges.objects import Dictionary, Instance, Object, Sequence
from losslint.ranges.run import parts
from losslint.ranges.value import Leaf, What
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

    `registered` says that a container of torch or a call took it; `kept` where objects hold it.
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
    found: dict[cst.CSTNode, tuple[Creation, Leaf, list[LearnedWeight]]] = {}
    for weight in weights:
        for leaf in _sources(weight):
            if leaf.made is not None:
                known = found.setdefault(leaf.made.node, (leaf.made, leaf, []))
                known[2].append(weight)
    if not found:
        return []
    known_to_modules = set(registered)
    kept: dict[cst.CSTNode, list[Kept]] = {}
    for instance in instances:
        for attribute, value in instance.attributes.items():
            for leaf in _held(value):
                if leaf.made is not None:
                    alone = not isinstance(value, (Sequence, Dictionary))
                    kept.setdefault(leaf.made.node, []).append(
                        Kept(instance.facts, attribute, alone)
                    )
    return [
        CreatedWeight(made, leaf, tuple(of), node in known_to_modules, tuple(kept.get(node, ())))
        for node, (made, leaf, of) in found.items()
    ]


def _sources(weight: LearnedWeight) -> Iterator[Leaf]:
    """The leaves that are the one of a weight, made in one place or in several."""
    for term in weight.terms:
        for leaf, _ in term.growth:
            if leaf == weight.leaf:
                yield leaf
        yield from (leaf for leaf in (*term.simplex, *term.cut) if leaf == weight.leaf)


def _held(value: Object) -> Iterator[Leaf]:
    """The leaves that an attribute holds as they are, in a collection or alone."""
    for part in parts(value):
        for term in part.terms:
            if not term.factors and all(step.what is What.READ for step in term.steps):
                yield from term.leaves()


__all__ = ["CreatedWeight", "How", "Kept", "created_weights"]
