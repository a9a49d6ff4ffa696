"""The total of a loss in its module, found again once the module has been fixed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from losslint.verify.programs import Total
from losslint.verify.slicing.places import Place, place_of


def moved(before: ast.Module, total: Total, after: ast.Module) -> Total | None:
    """Where the same total is after a fix; None where it is not told apart from others.

    A fix inserts statements and rewrites expressions, it adds no `return` and no
    `backward`: of those in the function of this name, it is the one of the same number.
    """
    place = place_of(before, total)
    names = _names(place)
    old, new = _leaving(before, names), _leaving(after, names)
    if len(old) != len(new):
        return None
    for was, now in zip(old, new, strict=True):
        if was is place.expression:
            end_row, end_column = now.end_lineno, now.end_col_offset
            assert end_row is not None
            assert end_column is not None
            return replace(
                total,
                row=now.lineno,
                column=now.col_offset,
                end_row=end_row,
                end_column=end_column,
            )
    return None


def _names(place: Place) -> tuple[str, ...]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple(node.name for node in place.route if isinstance(node, kinds))


def _leaving(tree: ast.Module, names: tuple[str, ...]) -> list[ast.expr]:
    """What the definition of these names returns or back-propagates, from top to bottom."""
    node: ast.AST | None = tree
    for name in names:
        node = next((one for one in _definitions(node) if one.name == name), None)
    return list(_totals(node)) if node is not None else []


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(node: ast.AST | None) -> Iterator[Definition]:
    """The definitions right below, in whatever statements they stand."""
    for child in ast.iter_child_nodes(node) if node is not None else ():
        if isinstance(child, Definition):
            yield child
        elif isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _definitions(child)


def _totals(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.walk(node):
        match child:
            case ast.Return(value=ast.expr() as value):
                yield value
            case ast.Call(func=ast.Attribute(attr="backward", value=receiver)):
                yield receiver
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.expr() as first, *_]) if (
                "backward" in name
            ):
                yield first
