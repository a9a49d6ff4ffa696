"""Which node holds which: asked only where there is something to fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache, lru_cache

import libcst as cst

# What a field holds that is no node. `isinstance(value, CSTNode)` asks an abstract class, and is slow.
LEAVES = frozenset((str, type(None), bool, cst.MaybeSentinel))


@lru_cache(maxsize=16)
def _parents(tree: cst.Module) -> dict[cst.CSTNode, cst.CSTNode]:
    found: dict[cst.CSTNode, cst.CSTNode] = {}
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        for child in children(node):
            found[child] = node
            stack.append(child)
    return found


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a node holds directly, without white space and comments.

    `CSTNode.children` visits the node to find them, which takes ten times as long.
    """
    for name in _fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind in (tuple, list):
            yield from value
        elif kind not in LEAVES:
            yield value


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of node that can hold others."""
    return tuple(
        field.name
        for field in fields(kind)
        if "whitespace" not in field.name
        and field.name not in ("leading_lines", "lines_after_decorators", "header", "footer")
    )


def parent(tree: cst.Module, node: cst.CSTNode) -> cst.CSTNode | None:
    """The node that holds `node` directly."""
    return _parents(tree).get(node)


def ancestors(tree: cst.Module, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything that holds `node`, from the inside out."""
    parents = _parents(tree)
    found = parents.get(node)
    while found is not None:
        yield found
        found = parents.get(found)


def function_around(tree: cst.Module, node: cst.CSTNode) -> cst.FunctionDef | cst.Module:
    """The function that `node` stands in; the module itself, if it stands in none."""
    around = (a for a in ancestors(tree, node) if isinstance(a, cst.FunctionDef))
    return next(around, tree)


def nodes(tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Every node below `tree`, in no particular order."""
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        yield node
        for name in _fields(type(node)):  # as in `children`, which would be a generator for each
            value = getattr(node, name)
            kind = type(value)
            if kind is tuple or kind is list:
                stack.extend(value)
            elif kind not in LEAVES:
                stack.append(value)
