"""From the walks through a module to the places where it back-propagates a loss, and their guards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from os.path import isabs, relpath
from typing import Any

import libcst as cst

from losslint.model.module import Module
from losslint.model.parents import ancestors
from losslint.ranges.run import Unfollowed
from losslint.training.backward import Backward, Component, Guard, Survey
from losslint.training.events import Reached
from losslint.training.guards import guards, lookout
from losslint.training.hiding import TrainerLog, trainer_logs
from losslint.training.retention import Retained, retained
from losslint.training.state import path_of
from losslint.training.surveys import surveys
from losslint.training.values import Term, Value

# Something in a module that trains moves its parameters.
TRAINS = re.compile(rb"\.step\b|zero_grad|_step\(|optimizer|compute_loss")
TESTS = re.compile(r"(^|/)(tests?|testing|test_utils)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """What the rules on checks and on logs look at in one module, by kind."""
    found, given_up = surveys(module)
    return {
        Guard: list(_guards(module, found)),
        Survey: list(found),
        TrainerLog: list(trainer_logs(module)),
        Retained: list(retained(module, found)),
        Unfollowed: list(given_up),
    }


def is_test(module: Module) -> bool:
    """Whether a file holds tests, by its place: what is back-propagated there trains nothing."""
    name = module.source.name.replace("\\", "/")
    if isabs(name):
        near = relpath(name).replace("\\", "/")
        name = near if not near.startswith("..") else name.rpartition("/")[2]
    return TESTS.search(name) is not None


def _guards(module: Module, found: Iterable[Survey]) -> Iterator[Guard]:
    """One guard for each place, by the walks that know most of its loss."""
    places: dict[cst.CSTNode, list[tuple[Survey, Reached]]] = {}
    trains = TRAINS.search(module.source.data) is not None
    for survey in found if trains else ():
        for reached in survey.events.reached:
            if reached.frame.scope.module is module:
                places.setdefault(reached.place, []).append((survey, reached))
    chosen: dict[cst.CSTNode, list[tuple[Survey, Reached]]] = {}
    for place, ways in places.items():
        known = [way for way in ways if not _is_given(way[1])]
        own = [way for way in known if way[1].frame.caller is None]
        chosen[place] = own or known
    for survey in found:
        mine = [
            (reached, backward(module, reached))
            for ways in chosen.values()
            for one, reached in ways
            if one is survey
        ]
        yield from guards(survey, mine)
        if not survey.events.reached:
            only = lookout(survey)
            if only is not None:
                yield only


def _is_given(reached: Reached) -> bool:
    """Whether the loss comes from a caller that is not seen: the check is up to that."""
    sources = reached.value.sources
    return not sources or all(isinstance(source.node, cst.Param) for source in sources)


def backward(module: Module, reached: Reached) -> Backward:
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
        tuple(components(reached)),
        non_negative=reached.value.floored,
    )


def components(reached: Reached) -> list[Component]:
    """The losses that a total is made of; none where it is a single one."""
    terms = sorted(reached.value.losses(), key=_label)
    if len(terms) < 2:
        return []
    total = path_of(reached.loss)
    found: list[Component] = []
    for term in terms:
        path = _name_of(term, total, reached)
        node = reached.state.places.get(path) if path is not None else None
        found.append(Component(spoken(path) or _label(term), node))
    return found


def _name_of(term: Term, total: str | None, reached: Reached) -> str | None:
    """The name that holds this loss and nothing else, where the total is back-propagated."""
    for path, value in reached.state.names.items():
        if path != total and path in reached.state.places and not value.items:
            if value.graph and not value.kept and _holds_only(value, term):
                return path
    return None


def _holds_only(value: Value, term: Term) -> bool:
    return len(value.terms) == 1 and value.losses() == frozenset((term,))


def spoken(path: str | None) -> str:
    """How a person calls what a path holds: `ce` for `losses["ce"]`, `l1` for `self.l1`."""
    if path is None:
        return ""
    return re.split(r"\[|\.", path)[-1].strip("]'\"")


def _label(term: Term) -> str:
    return min((source.label for source in term), default="")
