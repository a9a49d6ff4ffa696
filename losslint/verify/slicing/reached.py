"""A program without the definitions that nothing in it comes to any more."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.slicing.learned import FUNCTIONS, bound_in


def keep_reached(tree: ast.Module, entry: str, function: ast.AST) -> None:
    """Leave out of a program what is not named on the way from its entry.

    `function` is what is called, `entry` the name of its class or its own.
    """
    wanted = {entry} | _named([function])
    while True:
        parts = [node for node in tree.body if _provides(node) & wanted]
        inside = [
            one
            for node in parts
            for one in (node.body if isinstance(node, ast.ClassDef) else [node])
            if _is_kept(one, wanted) or one is function
        ]
        heads = [base for node in parts if isinstance(node, ast.ClassDef) for base in node.bases]
        grown = wanted | _named([*inside, *heads])
        if grown == wanted:
            break
        wanted = grown
    imports = (ast.Import, ast.ImportFrom)
    tree.body = [n for n in tree.body if isinstance(n, imports) or _provides(n) & wanted]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            kept = [one for one in node.body if _is_kept(one, wanted) or one is function]
            node.body = kept or [ast.Pass()]


def _is_kept(node: ast.stmt, wanted: set[str]) -> bool:
    """Whether a part of a class, or a statement, is named, or called by Python itself."""
    if isinstance(node, FUNCTIONS):
        return node.name in wanted or node.name == "forward" or node.name.startswith("__")
    return True


def _provides(node: ast.stmt) -> set[str]:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return {node.name}
    return set(bound_in(node))


def _named(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name and attribute that is read in these."""
    found: set[str] = set()
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                found.add(inner.id)
            elif isinstance(inner, ast.Attribute):
                found.add(inner.attr)
    return found
