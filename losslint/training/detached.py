"""Losses that are back-propagated without the graph that computed them, and what cut them off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from losslint.model.classes import lineage
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes
from losslint.training.backward import Survey
from losslint.training.events import Cut, Reached
from losslint.training.state import Frame, path_of
from losslint.training.surveys import surveys
from losslint.training.values import Source, Term, Value

FRAMEWORKS = ("pytorch_lightning", "lightning", "transformers")


@dataclass(frozen=True, eq=False)
class Detached:
    """`node` takes `losses` out of their graph on the way to what `reached` back-propagates.

    `whole` says that no loss there has a graph left, `awake` what keeps `backward()` from
    raising then: something with `requires_grad`. `stackable` are tensors that
    `node` makes one of, and that nothing else takes out of the graph.
    """

    node: cst.CSTNode
    losses: frozenset[Term]
    reached: Reached
    whole: bool
    awake: cst.CSTNode | None
    stackable: bool


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The losses of a module that lose their graph on the way to where they are back-propagated."""
    found, _ = surveys(module)
    return {Detached: list(detached(found))}


def detached(found: Iterable[Survey]) -> Iterator[Detached]:
    """Each cut of a loss that is back-propagated nowhere else."""
    found = list(found)
    cut = [(s, r) for s in found for r in s.events.reached if r.value.cuts]
    alive = _alive(found) if cut else frozenset()
    for survey, reached in cut:
        value = reached.value
        lost = [t for t in value.cut if _is_lost(t, whole=value.dead) and not _losses(t) & alive]
        if not lost or not _is_handed_over(reached) or _is_read(reached):
            continue
        for node in dict.fromkeys(node for term, node in value.cuts if term in lost):
            terms = frozenset(term for term, one in value.cuts if one is node and term in lost)
            awake = _awake(reached, node) if value.dead else None
            stackable = _is_stackable(node, survey.events.cut)
            yield Detached(node, terms, reached, value.dead, awake, stackable)


def _losses(term: Term) -> set[tuple[object, ...]]:
    return {(source.node, source.path) for source in term if source.is_loss}


def _alive(found: Iterable[Survey]) -> frozenset[tuple[object, ...]]:
    """The losses that some backward() reaches with their graph."""
    values = [reached.value for survey in found for reached in survey.events.reached]
    return frozenset(
        loss
        for value in values
        if value.graph
        for term in value.terms - value.cut
        for loss in _losses(term)
    )


def _is_lost(term: Term, *, whole: bool) -> bool:
    """Whether a gradient of these losses was meant.

    Beside others that have their graph, one may be a constant, unless a network is in it.
    """
    return any(_is_computed(source) and (whole or source.learns) for source in term)


def _is_computed(source: Source) -> bool:
    return source.is_loss and isinstance(source.node, cst.Call)


def _is_handed_over(reached: Reached) -> bool:
    """Whether what a `return` hands over is back-propagated: its class is one of a framework."""
    owner, scope = reached.frame.owner, reached.frame.scope
    if not isinstance(reached.place, cst.Return) or owner is None:
        return True
    bases = [base for facts in lineage(owner, scope.classes) for base in facts.bases]
    return any(base.partition(".")[0] in FRAMEWORKS for base in bases)


def _is_read(reached: Reached) -> bool:
    """Whether the gradient of what was cut off is what is wanted: `losses.grad`."""
    shared = {node for _, node in reached.value.cuts}
    return any(
        isinstance(node, cst.Attribute)
        and node.attr.value == "grad"
        and _holds(reached, node.value, shared)
        for node in _body(reached.frame)
    )


def _body(frame: Frame) -> Iterator[cst.CSTNode]:
    return nodes(frame.function or frame.scope.module.tree)


def _holds(reached: Reached, node: cst.BaseExpression, cuts: set[cst.CSTNode]) -> bool:
    value = reached.state.names.get(path_of(node) or "", Value())
    return not cuts.isdisjoint(cut for _, cut in value.cuts)


def _awake(reached: Reached, cut: cst.CSTNode) -> cst.CSTNode | None:
    """What makes a leaf of a value that was cut off: `requires_grad=True`, in any spelling."""
    around = {cut, *ancestors(reached.frame.scope.module.tree, cut)}
    for node in _body(reached.frame):
        of: list[cst.BaseExpression] = []
        match node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Attribute(value=base, attr=name))]
            ):
                of = [base] if name.value == "requires_grad" else []
            case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("requires_grad_"))):
                of = [base]
            case cst.Call(args=[first, *others]):
                if any(a.keyword and a.keyword.value == "requires_grad" for a in others):
                    of = [first.value]
        if of and (node in around or any(_holds(reached, one, {cut}) for one in of)):
            return node
    return None


def _is_stackable(node: cst.CSTNode, events: list[Cut]) -> bool:
    """Whether a call makes a tensor of others without dimensions, and loses only their graph."""
    given = [event.value for event in events if event.node is node]
    again = any(node in {cut for _, cut in event.value.cuts} for event in events)
    return (
        bool(given)
        and not again
        and all(item.scalar and item.graph for value in given for _, item in value.items)
        and all(value.items for value in given)
    )
