"""The logarithms in a module that are taken of probabilities."""

from __future__ import annotations

from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.remembering import remembered
from losslint.provenance.kinds import PROBABILITIES, Tensor
from losslint.provenance.mentions import mentions
from losslint.provenance.tensors import argument
from losslint.provenance.trace import traced
from losslint.training.callees import scope_of


@dataclass(frozen=True, eq=False)
class LogCall:
    """One logarithm of probabilities, as a function or a method of torch."""

    node: cst.Call
    argument: cst.BaseExpression
    tensor: Tensor  # what the argument stands for


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The logarithms of probabilities in a module, for the rules."""
    return {LogCall: list(log_calls(module))}


@remembered(4)
def log_calls(module: Module) -> tuple[LogCall, ...]:
    """Every logarithm of probabilities in a module, in no particular order."""
    found: list[LogCall] = []
    for node in mentions(module).calls:
        given = _given(module, node)
        if given is None:
            continue
        tensor = traced(given, module)
        if tensor.kind in PROBABILITIES:
            found.append(LogCall(node, given, tensor))
    return tuple(found)


def _given(module: Module, node: cst.Call) -> cst.BaseExpression | None:
    """What a call takes the logarithm of, if it may take one; `out=` is for those who know why."""
    func = node.func
    if len(node.args) > 1 or not isinstance(func, (cst.Name, cst.Attribute)):
        return None
    if isinstance(func, cst.Attribute) and func.attr.value != "log":
        return None
    origin = scope_of(module).names.qualified(func)
    if origin == "torch.log":
        return argument(node, 0, "input")
    if origin is None and isinstance(func, cst.Attribute) and not node.args:
        return func.value
    return None
