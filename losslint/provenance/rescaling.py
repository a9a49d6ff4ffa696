"""Whether the result of a loss is multiplied by a size that is in sight: a mean that is made a sum by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from losslint.model.module import Module
from losslint.model.names import called, dotted
from losslint.model.parents import function_around, nodes, parent
from losslint.provenance.paths import Attr, path
from losslint.provenance.reaching import reaching

SIZES = frozenset("size numel nelement len".split())

# A name that counts classes: `num_classes`, `n_class`, `C`, `self.vocab_size`.
COUNTS = re.compile(
    r"(?i:(n|num|nb|no|number)_?(of_?)?(class|cls|label|categor|output|action|token|bin)\w*"
    r"|(class|cls|label|vocab|vocabulary)_?(es|s)?_?(n|num|nums|number|numbers|size|count))|C|K|NC"
)


def is_rescaled(module: Module, call: cst.Call) -> bool:
    """Whether the result of a call is multiplied by a size, there or by its name below."""
    if any(_is_size(module, factor) for factor in _factors(module, call)):
        return True
    return any(
        _is_size(module, factor)
        for name in _names(module, call)
        for use in _uses(module, name)
        for factor in _factors(module, use)
    )


def _factors(module: Module, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """What an expression is multiplied by, with whatever is added to it before."""
    while True:
        around = parent(module.tree, node)
        match around:
            case cst.BinaryOperation(operator=cst.Multiply(), left=left, right=right):
                yield right if left is node else left
            case cst.BinaryOperation(operator=cst.Divide(), left=left) if left is node:
                pass
            case cst.BinaryOperation(operator=cst.Add() | cst.Subtract()) | cst.UnaryOperation():
                pass
            case cst.AugAssign(operator=cst.MultiplyAssign(), target=target) if target is node:
                yield around.value
                return
            case cst.Attribute(value=value, attr=cst.Name("mul" | "mul_")) if value is node:
                call = parent(module.tree, around)
                if isinstance(call, cst.Call) and len(call.args) == 1:
                    yield call.args[0].value
                return
            case _:
                return
        node = around


def _names(module: Module, call: cst.Call) -> Iterator[cst.Name]:
    """The local names that hold what is computed from the result of a call."""
    node: cst.CSTNode = call
    while isinstance(
        around := parent(module.tree, node), (cst.BinaryOperation, cst.UnaryOperation)
    ):
        node = around
    if isinstance(around, cst.Assign) and around.value is node:
        for target in around.targets:
            if isinstance(target.target, cst.Name):
                yield target.target


def _uses(module: Module, name: cst.Name) -> Iterator[cst.Name]:
    for node in nodes(function_around(module.tree, name)):
        if isinstance(node, cst.Name) and node.value == name.value and node is not name:
            yield node


def _is_size(module: Module, node: cst.BaseExpression) -> bool:
    """Whether an expression is, or holds, the size of something or a number of classes."""
    for part in nodes(node):
        match part:
            case cst.Call() if called(part) in SIZES:
                return True
            case cst.Attribute(attr=cst.Name("shape")):
                return True
            case cst.Name() | cst.Attribute():
                last = (dotted(part) or "").rpartition(".")[2]
                if COUNTS.fullmatch(last) or _holds_size(module, part):
                    return True
    return False


def _holds_size(module: Module, node: cst.Name | cst.Attribute) -> bool:
    """Whether a name holds a size: `n, c = x.shape`, `c = x.size(1)`."""
    spelled = path(node)
    if spelled is None or any(not isinstance(key, Attr) for key in spelled[1]):
        return False
    for binding in reaching(module, spelled, node):
        match binding.value:
            case cst.Call() as value if called(value) in SIZES:
                return True
            case cst.Attribute(attr=cst.Name("shape")):
                return True
            case cst.Subscript(value=cst.Attribute(attr=cst.Name("shape"))):
                return True
    return False
