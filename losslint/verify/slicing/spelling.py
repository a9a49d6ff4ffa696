"""Parts of dotted names."""

from __future__ import annotations

import ast


def last_name(node: ast.expr) -> str:
    """The last part of what is called or named, as `no_grad` of `torch.no_grad()`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def root_name(node: ast.expr) -> str | None:
    """The name that a chain of attributes, calls and subscripts begins with."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute() | ast.Subscript():
                node = node.value
            case ast.Call():
                node = node.func
            case _:
                return None
    return node.id
