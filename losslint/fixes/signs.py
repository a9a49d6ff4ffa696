"""Turning the sign with which an expression enters a sum."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges.value import Step


def flipped(module: Module, step: Step) -> Edit | None:
    """The edit that turns the minus in front of this term; None if it is not in sight."""
    node: cst.CSTNode | None = step.node
    while node is not None:
        around = parent(module.tree, node)
        edit = _minus_of(module, around, node)
        if edit is not None:
            return edit
        if not isinstance(around, (cst.BinaryOperation, cst.Call, cst.Arg, cst.Attribute)):
            return None
        if isinstance(around, cst.BinaryOperation) and not isinstance(
            around.operator, (cst.Multiply, cst.Divide)
        ):
            return None
        node = around
    return None


def _minus_of(module: Module, around: cst.CSTNode | None, node: cst.CSTNode) -> Edit | None:
    if isinstance(around, cst.AugAssign) and isinstance(around.operator, cst.SubtractAssign):
        return Edit(module.span(around.operator), "+=") if around.value is node else None
    if isinstance(around, cst.UnaryOperation) and isinstance(around.operator, cst.Minus):
        return Edit(Span(module.span(around).start, module.span(node).start - _opening(node)), "")
    if isinstance(around, cst.BinaryOperation):
        if isinstance(around.operator, cst.Subtract) and around.right is node:
            return Edit(module.span(around.operator), "+")
        left = around.left
        if (
            isinstance(around.operator, cst.Multiply)
            and isinstance(left, cst.UnaryOperation)
            and isinstance(left.operator, cst.Minus)
        ):
            start = module.span(left).start
            return Edit(Span(start, module.span(left.expression).start), "")
    return None


def _opening(node: cst.CSTNode) -> int:
    return len(getattr(node, "lpar", ()))
