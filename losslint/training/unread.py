"""Learned weights of a total that is back-propagated, which nothing but the total itself reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts
from losslint.model.module import Module
from losslint.model.names import string_value
from losslint.model.parents import function_around, nodes
from losslint.ranges.value import Kind
from losslint.ranges.weights import LearnedWeight
from losslint.training.backward import Survey
from losslint.training.callees import Made, instance
from losslint.training.events import Reached, Shown
from losslint.training.state import path_of
from losslint.training.surveys import surveys
from losslint.training.weighted import weights_of

# What may read every parameter there is, to show or to store it.
READS_ALL = re.compile(rb"named_parameters|add_histogram|\.watch\(|getattr\(|vars\(")


@dataclass(frozen=True, eq=False)
class UnreadWeight:
    """A learned weight, by its `attribute`, of a total that `reached` back-propagates.

    `show` is where the total is shown, if it is; `holder` spells the object that has the
    weight, and is empty where that has no name.
    """

    weight: LearnedWeight
    attribute: str
    reached: Reached
    show: Shown | None
    holder: str


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The weights that nobody reads, by the places that back-propagate their totals."""
    found, _ = surveys(module)
    return {UnreadWeight: list(unread(module, found))}


def unread(module: Module, found: Iterable[Survey]) -> Iterator[UnreadWeight]:
    """Each weight once, where its total is back-propagated in this module."""
    seen: set[str] = set()
    for survey in found:
        for reached in survey.events.reached:
            if reached.frame.scope.module is not module:
                continue
            for weight, home in weights_of(reached.value, survey):
                owner, _, name = weight.leaf.name.partition("[")[0].rpartition(".")
                if name in seen or owner != "self" or weight.leaf.kind is not Kind.PARAMETER:
                    continue
                seen.add(name)
                if not _is_read(weight, name, home, {module, home}):
                    show, holder = _show(survey, reached), _holder(reached, weight, home)
                    yield UnreadWeight(weight, name, reached, show, holder)


def _show(survey: Survey, reached: Reached) -> Shown | None:
    around = frozenset(reached.loops)
    losses = reached.value.losses()
    return next(
        (
            show
            for show in survey.events.shown
            if show.value.losses() >= losses and around <= frozenset(show.loops)
        ),
        None,
    )


def _holder(reached: Reached, weight: LearnedWeight, home: Module) -> str:
    """How the function that back-propagates spells the object that has the weight."""
    computes = function_around(home.tree, weight.sink.node)
    frame = reached.frame
    if frame.function is computes or computes in _methods(frame.owner):
        return "self"
    for node in nodes(frame.function or frame.scope.module.tree):
        path = path_of(node.func) if isinstance(node, cst.Call) else None
        if path is not None:
            value = reached.state.names.get(path) or instance(path, frame)
            made = value.made if value is not None else None
            if isinstance(made, Made) and computes in _methods(made.facts):
                return path
    return ""


def _methods(facts: ClassFacts | None) -> list[cst.FunctionDef]:
    return list(facts.methods.values()) if facts is not None else []


def _is_read(weight: LearnedWeight, attribute: str, home: Module, modules: set[Module]) -> bool:
    """Whether anything but the function that computes the total reads a weight, or may."""
    own = function_around(home.tree, weight.sink.node)
    if any(_returns_more(node) for node in nodes(own)):
        return True
    for module in modules:
        if READS_ALL.search(module.source.data):
            return True
        for node in nodes(module.tree):
            match node:
                case cst.SimpleString() if string_value(node) == attribute:
                    return True
                case cst.Attribute(attr=cst.Name(name)) if name == attribute:
                    function = function_around(module.tree, node)
                    if function is not own and not _makes(function):
                        return True
    return False


def _returns_more(node: cst.CSTNode) -> bool:
    """Whether a function hands out more than its total: the weights may be among it."""
    return isinstance(node, cst.Return) and isinstance(node.value, (cst.Tuple, cst.Dict))


def _makes(function: cst.CSTNode) -> bool:
    return isinstance(function, cst.FunctionDef) and function.name.value == "__init__"
