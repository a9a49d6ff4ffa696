"""What goes by a total with learned weights: a plateau, early stopping, the best model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import dotted, string_value
from losslint.model.parents import function_around, nodes, parent
from losslint.model.remembering import remembered
from losslint.ranges import evaluate
from losslint.ranges.weights import LearnedWeight
from losslint.training.backward import Survey
from losslint.training.events import Compared
from losslint.training.state import path_of
from losslint.training.surveys import surveys
from losslint.training.values import Value
from losslint.training.words import BESTS

PLATEAU, STOPPING, BEST = "`ReduceLROnPlateau`", "early stopping", "the best model"

MONITOR = re.compile(rb"\bmonitor['\"]?\s*[=:]")
STOPS = re.compile(r"early|stopp", re.I)
SCHEDULES = re.compile(r"sched|plateau", re.I)
CHOOSES = re.compile(r"early|stopp|best|checkpoint|save|improve", re.I)


@dataclass(frozen=True, eq=False)
class WeightedSelection:
    """`what` goes by `loss`, a value that a function with learned weights returned."""

    node: cst.CSTNode
    loss: str
    what: str
    weights: tuple[LearnedWeight, ...]


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """What selects by a total with learned weights in one module."""
    found, _ = surveys(module)
    return {WeightedSelection: list(weighted_selections(module, found))}


def weighted_selections(module: Module, found: Iterable[Survey]) -> Iterator[WeightedSelection]:
    """Every selection of a module by such a total, once."""
    seen: set[cst.CSTNode] = set()
    for survey in found:
        for node, loss, what, value in _selecting(module, survey):
            weights = () if node in seen else tuple(w for w, _ in weights_of(value, survey))
            if weights:
                seen.add(node)
                yield WeightedSelection(node, loss, what, weights)


Choice = tuple[cst.CSTNode, str, str, Value]


def _selecting(module: Module, survey: Survey) -> Iterator[Choice]:
    """Each place that goes by a loss: what it says of it, and the loss."""
    for compared in survey.events.compared:
        yield from _compared(module, compared)
    for escaped in survey.events.escaped:
        node = escaped.node
        if isinstance(node, cst.Call) and node.args and parent(module.tree, node) is not None:
            what = _called(dotted(node.func) or "")
            if what is not None:
                yield node, module.text(node.args[0].value), what, escaped.value
    for shown in survey.events.shown:
        if isinstance(shown.node, cst.Call) and shown.value.through:
            for place, name, what in _monitored(module, shown.node):
                yield place, name, what, shown.value


def _compared(module: Module, compared: Compared) -> Iterator[Choice]:
    """A comparison with the best so far, here or in the method that is called with the loss."""
    if BESTS.search(_spelled(compared.loss)) or not BESTS.search(_spelled(compared.other)):
        return
    frame = compared.frame
    if frame.caller is None:
        yield compared.node, module.text(compared.loss), BEST, compared.value
        return
    call = frame.call
    while frame.caller is not None and frame.call is not None:
        call, frame = frame.call, frame.caller
    if call is not None and call.args and CHOOSES.search(dotted(call.func) or ""):
        what = BEST if STOPS.search(dotted(call.func) or "") is None else STOPPING
        yield call, module.text(call.args[0].value), what, compared.value


def _spelled(node: cst.BaseExpression) -> str:
    return (path_of(node) or "").lower()


def _called(name: str) -> str | None:
    """What a call of something that is not at hand does with the loss that it gets."""
    receiver, _, last = name.rpartition(".")
    if STOPS.search(name):
        return STOPPING
    return PLATEAU if last == "step" and SCHEDULES.search(receiver) else None


def _monitored(module: Module, call: cst.Call) -> Iterator[tuple[cst.CSTNode, str, str]]:
    """Where something is told to monitor the name under which a value is logged."""
    match call.args:
        case [cst.Arg(value=cst.SimpleString() as name), *_] if MONITOR.search(module.source.data):
            spelled = string_value(name)
        case _:
            return
    for node in nodes(module.tree):
        match node:
            case cst.Arg(keyword=cst.Name("monitor"), value=cst.SimpleString() as given):
                place: cst.CSTNode = node
                callback = parent(module.tree, node)
                named = dotted(callback.func) if isinstance(callback, cst.Call) else None
                what = f"`{named or 'monitor'}`"
            case cst.DictElement(key=cst.SimpleString() as key, value=cst.SimpleString() as given):
                if string_value(key) != "monitor":
                    continue
                place, what = node, "the scheduler"
            case _:
                continue
        if string_value(given) == spelled:
            yield place, str(spelled), what


def weights_of(value: Value, survey: Survey) -> tuple[tuple[LearnedWeight, Module], ...]:
    """The learned weights of what returned a value, in the part of it that the value is.

    Each with the module that it stands in.
    """
    found: dict[str, tuple[LearnedWeight, Module]] = {}
    modules = {survey.frame.scope.module, *survey.events.followed.values()}
    for mark in value.whole().through:
        for module in modules:
            if isinstance(mark, cst.Call) or parent(module.tree, mark) is None:
                continue
            function = function_around(module.tree, mark)
            for weight in _learned(module):
                own = function_around(module.tree, weight.sink.node) is function
                if own and _mentions(mark, _made_of(function, weight)):
                    found.setdefault(str(weight.leaf), (weight, module))
    return tuple(found.values())


@remembered(8)
def _learned(module: Module) -> tuple[LearnedWeight, ...]:
    return tuple(evaluate.subjects(module)[LearnedWeight])


def _made_of(function: cst.CSTNode, weight: LearnedWeight) -> set[str]:
    """The names in a function that hold what is made of a weight's parameter."""
    known = {weight.leaf.name.partition("[")[0]}
    before = 0
    while len(known) > before:
        before = len(known)
        for node in nodes(function):
            match node:
                case cst.Assign(targets=targets, value=value) if _mentions(value, known):
                    known |= {path_of(target.target) or "" for target in targets}
                case cst.AugAssign(target=target, value=value) if _mentions(value, known):
                    known.add(path_of(target) or "")
                case cst.For(target=target, iter=value) if _mentions(value, known):
                    known |= {path_of(n) or "" for n in nodes(target)}
                case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("append"))):
                    if _mentions(node, known):
                        known.add(path_of(base) or "")
    return known - {"", "self"}


def _mentions(node: cst.CSTNode, names: set[str]) -> bool:
    return any(path_of(inner) in names for inner in nodes(node))
