"""Which learnable tensors are made anew in every step, so that no step builds on the last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from losslint.model.classes import parameters
from losslint.model.module import Module
from losslint.model.names import called, dotted, string_value
from losslint.model.parents import ancestors, function_around, nodes, parent
from losslint.model.torch_classes import is_torch_module, known_classes
from losslint.ranges.weights import LearnedWeight
from losslint.training.loops import callers
from losslint.training.sites import GROWING, Site

Step = cst.For | cst.While | cst.FunctionDef

# What takes parameters to move them, by the name of the call.
OPTIMIZERS = re.compile(r"optim|adam|sgd|rmsprop|lbfgs|param_group|minimi[sz]er|^Lion$", re.I)
WRAPPING = (cst.List, cst.Tuple, cst.Dict, cst.Element, cst.DictElement, cst.Arg)
JOINED = (cst.List, cst.Tuple, cst.BinaryOperation)  # `[*parameters] + [scale]`
BACKWARD = frozenset(("backward", "manual_backward"))

# What torch, or a library for it, calls once a batch.
STEPS = frozenset(("forward", "training_step", "validation_step", "compute_loss"))


def anew(site: Site, weights: Iterable[LearnedWeight], module: Module) -> Step | None:
    """The loop or the function that makes a leaf again each time, and forgets it.

    What the code hands on may be moved after all: to an optimizer, to a caller, to
    an object that outlives the call.
    """
    function = site.function
    if is_default(site):
        return None
    for loop in site.loops:
        if _back_propagates(loop) and not _outlives(site, loop, module):
            return loop
    if function is None or function.name.value == "__init__":
        return None
    if not _is_whole_step(site, function, list(weights), module):
        return None
    return None if _outlives(site, function, module) else function


def is_default(site: Site) -> bool:
    """Whether a tensor stands in for an argument that was not given, or is made once, when asked for."""
    path, function = _path(site), site.function
    if path is None or function is None:
        return False
    if path in {*parameters(function), *(p.name.value for p in function.params.kwonly_params)}:
        return True
    return any(
        dotted(node) == path or (isinstance(node, cst.SimpleString) and _names(node, path))
        for condition in site.conditions
        for node in (condition.test, *nodes(condition.test))
    )


def _names(node: cst.SimpleString, path: str) -> bool:
    """Whether a string names an attribute, as in `hasattr(self, "scale")`."""
    return string_value(node) == path.rpartition(".")[2]


def _back_propagates(loop: cst.CSTNode) -> bool:
    return any(called(node) in BACKWARD for node in nodes(loop))


def _is_whole_step(
    site: Site, function: cst.FunctionDef, weights: list[LearnedWeight], module: Module
) -> bool:
    """Whether one call makes the leaf, weighs with it, and is done with it."""
    sinks = [
        weight.sink
        for weight in weights
        if function_around(module.tree, weight.sink.node) is function
    ]
    loops = [n for n in nodes(function) if isinstance(n, (cst.For, cst.While))]
    if any(_back_propagates(loop) for loop in loops):
        return False  # it trains in there
    if any(sink.how == "return" for sink in sinks):
        return True
    return any(sink.how == "backward" for sink in sinks) and _is_repeated(site, function, module)


def _is_repeated(site: Site, function: cst.FunctionDef, module: Module) -> bool:
    if _is_step_of_module(site, function, module):
        return True
    loops = (cst.For, cst.While)
    return any(
        isinstance(around, loops)
        for call in callers(module, function)
        for around in ancestors(module.tree, call)
    )


def _is_step_of_module(site: Site, function: cst.FunctionDef, module: Module) -> bool:
    if site.owner is None or function.name.value not in STEPS:
        return False
    facts = known_classes(module).get(site.owner.name.value)
    return facts is not None and is_torch_module(facts, module) is True


def _path(site: Site) -> str | None:
    return dotted(site.target) if site.target is not None else None


def _outlives(site: Site, scope: Step, module: Module) -> bool:
    """Whether the leaf may reach something that is there in the next step, or moves it in this one."""
    if any(OPTIMIZERS.search(called(node)) for node in nodes(scope)):
        return True  # it may get the new one, by whatever way
    path = _path(site)
    if path is None:
        return site.target is not None or _is_handed_on(site.value, module)
    if "." in path:
        if not isinstance(scope, cst.FunctionDef) or site.conditions:
            return True
        if not _is_step_of_module(site, scope, module):
            return True
    return any(_moves(name, scope, module) for name in _aliases(path, scope, module))


def _aliases(path: str, scope: Step, module: Module) -> list[str]:
    """The name of a leaf, and those of the collections that it is put into."""
    found, waiting = list[str](), [path]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            for node in _reads(name, scope):
                waiting += _taken_by(node, module)
    return found


def _reads(path: str, scope: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    for node in nodes(scope):
        if isinstance(node, (cst.Name, cst.Attribute)) and dotted(node) == path:
            yield node


def _taken_by(node: cst.BaseExpression, module: Module) -> Iterator[str]:
    """The names that a value is bound to as it is, or in a list or dict."""
    for inner, around in _holders(node, module):
        match around:
            case cst.Assign(value=value, targets=targets) if value is inner:
                yield from (dotted(t.target) or "?." for t in targets)
            case cst.AugAssign(target=target, value=cst.List() | cst.Tuple()):
                yield dotted(target) or "?."
            case cst.Call(func=cst.Attribute(value=taker, attr=cst.Name(name))):
                if name in GROWING:
                    yield dotted(taker) or "?."


def _holders(node: cst.BaseExpression, module: Module) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """What holds a value, up to the first that is more than a list of it; each with its part."""
    inner: cst.CSTNode = node
    for around in ancestors(module.tree, node):
        yield inner, around
        joined = isinstance(around, cst.BinaryOperation) and isinstance(inner, JOINED)
        if not joined and not isinstance(around, WRAPPING):
            return
        inner = around


def _moves(path: str, scope: Step, module: Module) -> bool:
    """Whether what `path` holds is moved by its gradient, or handed to whoever may do so."""
    if "." in path and path.partition(".")[0] != "self":
        return True
    return any(
        _reads_gradient(node, module) or _is_handed_on(node, module) for node in _reads(path, scope)
    ) or any(isinstance(node, cst.NameItem) and node.name.value == path for node in nodes(scope))


def _reads_gradient(node: cst.BaseExpression, module: Module) -> bool:
    around = parent(module.tree, node)
    if isinstance(around, cst.Subscript):
        around = parent(module.tree, around)
    return isinstance(around, cst.Attribute) and around.attr.value in ("grad", "data")


def _is_handed_on(node: cst.BaseExpression, module: Module) -> bool:
    """Whether a value is returned as it is, or its gradient asked for."""
    return any(
        isinstance(around, (cst.Return, cst.Yield)) or called(around) == "grad"
        for _, around in _holders(node, module)
    )
