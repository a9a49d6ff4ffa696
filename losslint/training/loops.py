"""Which loops are those over the steps of a training, and which functions run without gradients."""

from __future__ import annotations

import re

import libcst as cst

from losslint.model.classes import runs_without_gradients
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, function_around, nodes
from losslint.training.state import Loop
from losslint.training.walk import stops_gradients

# What a loop goes through that is a handful, whatever the data are.
FEW = re.compile(
    r"model|optim|agent|net|task|scale|layer|head|client|loss|critic|accum|micro|world_size"
    r"|\.(keys|items|values)\(",
    re.I,
)
DATA = re.compile(
    r"load|dataset|\bdata|_data\b|batch|(^|\W)(train|valid|val|test)_?(iter|set|dl)", re.I
)


def is_short(loop: Loop, module: Module) -> bool:
    """Whether a loop has as many turns as there are tasks, models or the like."""
    if isinstance(loop, cst.While):
        return False
    match loop.iter:
        case cst.List() | cst.Tuple():
            return True
        case cst.Call(func=cst.Name("range"), args=[cst.Arg(value=cst.Integer(value=turns))]):
            return int(turns, 0) < 10
    spelled = module.text(loop.iter)
    return FEW.search(spelled) is not None and not is_over_data(loop, module)


def is_over_data(loop: Loop, module: Module) -> bool:
    """Whether what a loop goes through calls itself data."""
    return isinstance(loop, cst.For) and DATA.search(module.text(loop.iter)) is not None


def trains(bodies: list[cst.CSTNode]) -> bool:
    """Whether each turn moves the parameters."""
    methods = {
        node.func.attr.value
        for body in bodies
        for node in nodes(body)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute)
    }
    return "step" in methods and any("backward" in name for name in methods)


def callers(module: Module, function: cst.FunctionDef) -> list[cst.Call]:
    """The calls of a function in its file, by its name."""
    name = function.name.value
    return [
        node
        for node in nodes(module.tree)
        if isinstance(node, cst.Call)
        and called(node) == name
        and function_around(module.tree, node) is not function
    ]


def is_run_without_gradients(module: Module, function: cst.FunctionDef, depth: int = 3) -> bool:
    """Whether some caller runs a function without gradients, as far as the file shows."""
    if runs_without_gradients(function):
        return True
    for call in callers(module, function) if depth else ():
        for around in ancestors(module.tree, call):
            if isinstance(around, cst.With) and any(stops_gradients(i.item) for i in around.items):
                return True
            if isinstance(around, cst.FunctionDef) and is_run_without_gradients(
                module, around, depth - 1
            ):
                return True
    return False
