"""Turning a division by an expression into a multiplication by its inverse."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.parents import parent

TIGHT = (cst.Integer, cst.Float, cst.Name, cst.Attribute, cst.Call, cst.Subscript)


def multiplied(module: Module, node: cst.BaseExpression) -> tuple[Edit, ...] | None:
    """Edits after which `node`, once it is the inverse of what it was, multiplies.

    They touch all around `node` and nothing in it: `loss / node`, `loss /= node`,
    `1 / node`, and `loss / (2 * node)`, which becomes `loss / 2 * node`. None where
    `node` divides in another way, or not in sight.
    """
    around = parent(module.tree, node)
    match around:
        case cst.AugAssign(operator=cst.DivideAssign() as slash):
            return (Edit(module.span(slash), "*="),)
        case cst.BinaryOperation(operator=cst.Divide() as slash) if around.right is node:
            if _is_number(around.left, "1"):
                return (_from(module, around.left, node, ""),)
            return (Edit(module.span(slash), "*"),)
        case cst.BinaryOperation(operator=cst.Multiply()) if not node.lpar:
            return _beside(module, node, around)
    return None


def _beside(
    module: Module, node: cst.BaseExpression, product: cst.BinaryOperation
) -> tuple[Edit, ...] | None:
    """For a divisor `(other * node)` or `(node * other)`."""
    quotient = parent(module.tree, product)
    other = product.left if product.right is node else product.right
    parentheses = _parentheses(module, product)
    if not isinstance(quotient, cst.BinaryOperation) or quotient.right is not product:
        return None
    if not isinstance(quotient.operator, cst.Divide) or parentheses is None:
        return None
    if not isinstance(other, TIGHT) or other.lpar:
        return None
    opening, closing = parentheses
    if other is product.left:
        if _is_number(quotient.left, "1") and _is_number(other, "2"):
            return (_from(module, quotient.left, node, "0.5 * "), closing)
        return (opening, closing)
    swapped = (
        Edit(module.span(quotient.operator), "*"),
        Edit(module.span(product.operator), "/"),
    )
    return (*swapped, opening, closing)


def _is_number(node: cst.BaseExpression, number: str) -> bool:
    return (
        isinstance(node, (cst.Integer, cst.Float))
        and node.value in (number, f"{number}.", f"{number}.0")
        and not node.lpar
    )


def _from(module: Module, first: cst.BaseExpression, node: cst.BaseExpression, text: str) -> Edit:
    """Everything from the start of `first` up to `node` and its parentheses, replaced."""
    end = module.span(node).start - sum(len(module.text(p)) for p in node.lpar)
    return Edit(Span(module.span(first).start, end), text)


def _parentheses(module: Module, node: cst.BaseExpression) -> tuple[Edit, Edit] | None:
    """The removal of the one pair of parentheses around `node`, if it stands close."""
    span, data = module.span(node), module.source.data
    if len(node.lpar) != 1 or data[span.start - 1 : span.start] != b"(":
        return None
    if data[span.end : span.end + 1] != b")":
        return None
    return (
        Edit(Span(span.start - 1, span.start), ""),
        Edit(Span(span.end, span.end + 1), ""),
    )
