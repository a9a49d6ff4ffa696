"""From the walks through a module to the places where it back-propagates a loss, and their guards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import libcst as cst

from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, function_around, nodes
from losslint.model.remembering import remembered
from losslint.ranges.run import Unfollowed
from losslint.training.backward import Backward, Component, Guard, Survey
from losslint.training.events import Reached
from losslint.training.guards import guards, lookout
from losslint.training.hiding import TrainerLog, trainer_logs
from losslint.training.naming import components, is_loss
from losslint.training.retention import Retained, retained
from losslint.training.run import Exhausted
from losslint.training.state import path_of
from losslint.training.surveys import surveys, unfollowed
from losslint.training.words import is_test_file

# Something in a module that trains moves its parameters.
TRAINS = re.compile(rb"\.step\b|zero_grad|_step\(|optim|\blr\b|compute_loss")
GRADIENT = re.compile(rb"\.\s*grad\b")
MOVING = frozenset("step parameters named_parameters sub_ add_ copy_ addcmul_ addcdiv_".split())

Way = tuple[Survey, Reached, Backward]


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """What the rules on checks and on logs look at in one module, by kind."""
    found, given_up = surveys(module)
    guarded, unguarded = _guards(module, found)
    return {
        Guard: guarded,
        Survey: list(found),
        TrainerLog: list(trainer_logs(module)),
        Retained: list(retained(module, found)),
        Unfollowed: [*given_up, *unguarded],
    }


def is_test(module: Module) -> bool:
    """Whether a file holds tests: what is back-propagated there trains nothing."""
    return is_test_file(module.source.name)


def backwards(module: Module) -> tuple[Backward, ...]:
    """Every place of a module at which a loss is back-propagated, checked or not."""
    return tuple(backward for _, _, backward in _ways(module))


@remembered(4)
def _ways(module: Module) -> tuple[Way, ...]:
    """The walks that know most of each place at which a loss is back-propagated."""
    places: dict[cst.CSTNode, list[tuple[Survey, Reached]]] = {}
    trains = TRAINS.search(module.source.data) is not None and not _is_watched(module)
    for survey in surveys(module)[0] if trains else ():
        for reached in survey.events.reached:
            if reached.frame.scope.module is module and not _is_probe(module, reached.place):
                places.setdefault(reached.place, []).append((survey, reached))
    found: list[Way] = []
    for ways in places.values():
        known = [way for way in ways if not _is_given(way[1])]
        own = [way for way in known if way[1].frame.caller is None]
        found += [(survey, reached, _backward(module, reached)) for survey, reached in own or known]
    return tuple(found)


def _guards(module: Module, found: Iterable[Survey]) -> tuple[list[Guard], list[Unfollowed]]:
    """One guard for each place, and for what else is done with a loss that is tested."""
    guarded: list[Guard] = []
    given_up: list[Unfollowed] = []
    for survey in found:
        mine = [(reached, place) for one, reached, place in _ways(module) if one is survey]
        try:
            guarded += guards(survey, mine)
            if (only := lookout(survey)) is not None:
                guarded.append(only)
        except Exhausted:
            given_up.append(unfollowed(survey.frame))
    return guarded, given_up


def _is_watched(module: Module) -> bool:
    """Whether torch itself is told, once for all, to stop where a gradient is NaN.

    By `set_detect_anomaly(True)` under no condition, or `Trainer(detect_anomaly=True)`.
    """
    if b"detect_anomaly" not in module.source.data:
        return False
    for node in nodes(module.tree):
        match node:
            case cst.Call(args=[first, *_]) if called(node) == "set_detect_anomaly":
                around = ancestors(module.tree, node)
                if path_of(first.value) == "True" and not any(map(_is_condition, around)):
                    return True
            case cst.Arg(keyword=cst.Name("detect_anomaly"), value=cst.Name("True")):
                return True
    return False


def _is_condition(node: cst.CSTNode) -> bool:
    return isinstance(node, (cst.If, cst.IfExp)) and not isinstance(node.test, cst.Comparison)


def _is_probe(module: Module, place: cst.CSTNode) -> bool:
    """Whether a function reads a gradient and moves nothing by it: saliency, adversarial examples."""
    if not GRADIENT.search(module.source.data):
        return False
    attributes, moves = set(), False
    for node in nodes(function_around(module.tree, place)):
        match node:
            case cst.Attribute(attr=cst.Name(name)):
                attributes.add(name)
            case (
                cst.AugAssign(operator=cst.SubtractAssign(), value=value)
                | cst.BinaryOperation(operator=cst.Subtract(), right=cst.BinaryOperation() as value)
            ):
                moves |= any(isinstance(n, cst.Name) and n.value == "grad" for n in nodes(value))
            case cst.AssignTarget(target=target) if "grad" in (path_of(target) or "").split("."):
                moves = True
    return "grad" in attributes and not (moves or attributes & MOVING)


def _is_given(reached: Reached) -> bool:
    """Whether the loss comes from a caller that is not seen: the check is up to that."""
    sources = reached.value.sources
    return not sources or all(isinstance(source.node, cst.Param) for source in sources)


def _backward(module: Module, reached: Reached) -> Backward:
    """The place at which a walk met the loss."""
    around = list(ancestors(module.tree, reached.place))
    kinds = (cst.SimpleStatementLine, cst.SimpleStatementSuite)
    statement = next(node for node in [reached.place, *around] if isinstance(node, kinds))
    function: cst.FunctionDef | None = None
    loop: cst.For | cst.While | None = None
    for node in around:
        if isinstance(node, cst.FunctionDef):
            function = node
            break
        if loop is None and isinstance(node, (cst.For, cst.While)):
            loop = node
    return Backward(
        reached.place,
        reached.loss,
        statement,
        function,
        loop,
        _components(reached),
        non_negative=reached.value.floored,
    )


def _components(reached: Reached) -> tuple[Component, ...]:
    """The losses that a total is made of; none where it is a single one."""
    every = reached.value.losses()
    terms = frozenset(term for term in every if is_loss(term))
    if len(terms) < 2 or reached.value.summands < 2:
        return ()
    return tuple(components(terms, reached.loss, reached.state))
