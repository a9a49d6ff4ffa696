"""Losses that are back-propagated without the graph that computed them, and what cut them off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import lineage
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, nodes
from losslint.training.backward import Survey
from losslint.training.events import Cut, Reached
from losslint.training.state import Frame, path_of
from losslint.training.surveys import surveys
from losslint.training.values import Source, Term, Value

FRAMEWORKS = ("pytorch_lightning", "lightning", "transformers")
BRANCHES = (cst.If, cst.IfExp, cst.Match)
ARRAYS = frozenset(("numpy", "array", "asarray"))  # of a tensor with a graph they raise


@dataclass(frozen=True, eq=False)
class Detached:
    """`node` takes `losses` out of their graph on the way to what `reached` back-propagates.

    `whole` says that no loss there has a graph left, `awake` what keeps `backward()` from
    raising then: something with `requires_grad`. With `stackable`, `node` makes a tensor of
    others without dimensions, and nothing else takes them out of the graph.
    """

    node: cst.CSTNode
    losses: frozenset[Term]
    reached: Reached
    whole: bool
    awake: tuple[cst.CSTNode, ...]
    stackable: bool


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The losses of a module that lose their graph on the way to where they are back-propagated."""
    found, _ = surveys(module)
    return {Detached: list(detached(found))}


def detached(found: Iterable[Survey]) -> Iterator[Detached]:
    """Each cut of a loss that is back-propagated nowhere else."""
    for survey in found:
        for reached in survey.events.reached:
            if reached.value.cuts and _is_handed_over(reached) and not _is_read(reached):
                yield from _cuts(survey, reached)


def _cuts(survey: Survey, reached: Reached) -> Iterator[Detached]:
    value, alive = reached.value, _alive(survey)
    if not value.dead and not any(map(_losses, value.terms - value.cut)):
        return  # no loss is beside it: something may be learned from the number
    lost = [t for t in value.cut if _is_lost(t, whole=value.dead) and not _losses(t) & alive]
    first = {event.node: event for event in survey.events.cut if event.value.whole().graph}
    for node in dict.fromkeys(node for term, node in value.cuts if term in lost and node in first):
        terms = {term for term, one in value.cuts if one is node and term in lost}
        losses = frozenset(_losses(term) for term in terms)
        awake = tuple(_awake(reached, node))
        again = any(term in terms for term, one in value.cuts if one is not node)
        stackable = not again and _is_stackable(node, survey.events.cut)
        stackable = stackable and not _is_awake_elsewhere(reached, node)
        if not _may_be_passed_by(reached, first[node]):
            yield Detached(node, losses, reached, value.dead, awake, stackable)


def _losses(term: Term) -> Term:
    return frozenset(source for source in term if source.is_loss)


def _alive(survey: Survey) -> Term:
    """The losses that some backward() of this walk reaches with their graph."""
    values = [reached.value for reached in survey.events.reached]
    return frozenset(
        source
        for value in values
        if value.graph
        for term in value.terms - value.cut
        for source in _losses(term)
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
    shared = _nodes(reached.value)
    return any(
        isinstance(node, cst.Attribute)
        and node.attr.value == "grad"
        and _holds(reached, node.value, shared)
        for node in _body(reached.frame)
    )


def _may_be_passed_by(reached: Reached, cut: Cut) -> bool:
    """Whether a run that comes by this branch, where it is one, may not get to the backward().

    What decides of the branch may decide of that too: `if training:`, and once more below.
    """
    branches = _branches(cut.frame, cut.node)
    if not branches:
        return False
    if cut.frame.function is not reached.frame.function:
        return True
    if not set(_branches(reached.frame, reached.place)) <= set(branches):
        return True
    module, others = reached.frame.scope.module, _other_ways(branches, cut.node)
    start, end = module.span(cut.node).end, module.span(reached.place).start
    return any(
        _turns_off(reached, part, {cut.node})
        for node in _body(reached.frame)
        if isinstance(node, BRANCHES) and node not in others
        if start <= module.span(node).start < end
        for part in nodes(node)
    )


def _branches(frame: Frame, node: cst.CSTNode) -> list[cst.CSTNode]:
    """What decides, in the function around, whether a node is come to."""
    found: list[cst.CSTNode] = []
    for around in ancestors(frame.scope.module.tree, node):
        if around is frame.function:
            break
        if isinstance(around, BRANCHES):
            found.append(around)
    return found


def _other_ways(branches: list[cst.CSTNode], node: cst.CSTNode) -> set[cst.CSTNode]:
    """What a run does not come by that comes by `node`: the other sides of its branches."""
    sides = [
        set(nodes(branch.orelse))
        for branch in branches
        if isinstance(branch, cst.If) and branch.orelse is not None
    ]
    return {other for side in sides if node not in side for other in side}


def _turns_off(reached: Reached, node: cst.CSTNode, cuts: set[cst.CSTNode]) -> bool:
    """Whether a part of a branch leaves the way to the backward(), or gives its value anew."""
    match node:
        case cst.Return() | cst.Continue() | cst.Break():
            return True
        case cst.AssignTarget(target=target) | cst.AugAssign(target=target):
            return _holds(reached, target, cuts)
    return False


def _body(frame: Frame) -> Sequence[cst.CSTNode]:
    return nodes(frame.function or frame.scope.module.tree)


def _holds(reached: Reached, node: cst.CSTNode, cuts: set[cst.CSTNode]) -> bool:
    value = reached.state.names.get(path_of(node) or "", Value())
    return not cuts.isdisjoint(_nodes(value))


def _nodes(value: Value) -> set[cst.CSTNode]:
    return {node for _, node in value.whole().cuts}


def _awake(reached: Reached, cut: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What makes a leaf of a value that was cut off: `requires_grad=True`, in any spelling."""
    around = {cut, *ancestors(reached.frame.scope.module.tree, cut)}
    for node in _body(reached.frame):
        of: list[cst.BaseExpression] = []
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(value=base))]):
                of = [base] if is_waking(node) else []
            case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("requires_grad_"))):
                of = [base]
            case cst.Call(args=[first, *others]):
                if any(a.keyword and a.keyword.value == "requires_grad" for a in others):
                    of = [first.value]
        parts = [part for one in of for part in nodes(one)]
        if of and (node in around or any(_holds(reached, part, {cut}) for part in parts)):
            yield node


def is_waking(node: cst.CSTNode) -> bool:
    """Whether a statement is `loss.requires_grad = True`: torch refuses it of what has a graph."""
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(attr=name))]):
            return name.value == "requires_grad"
    return False


def _is_awake_elsewhere(reached: Reached, cut: cst.CSTNode) -> bool:
    """Whether the function that cuts, other than the one that back-propagates, may do so."""
    tree = reached.frame.scope.module.tree
    around = next((a for a in ancestors(tree, cut) if isinstance(a, cst.FunctionDef)), None)
    own = around is None or around is reached.frame.function
    return not own and any(map(is_waking, nodes(around or tree)))


def _is_stackable(node: cst.CSTNode, events: list[Cut]) -> bool:
    """Whether a call makes a tensor of others without dimensions, which nothing turns into an array."""
    given = [event.value for event in events if event.node is node]
    later = [event.node for event in events if node in _nodes(event.value)]
    arrays = any(isinstance(one, cst.Call) and called(one) in ARRAYS for one in later)
    items = [item for value in given for _, item in value.items]
    return bool(items) and not arrays and all(item.scalar and item.graph for item in items)
