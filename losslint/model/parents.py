"""Which node holds which: asked only where there is something to fix."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import libcst as cst


@lru_cache(maxsize=4)
def _parents(tree: cst.Module) -> dict[cst.CSTNode, cst.CSTNode]:
    found: dict[cst.CSTNode, cst.CSTNode] = {}
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        for child in node.children:
            found[child] = node
            stack.append(child)
    return found


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


def nodes(tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Every node below `tree`, in no particular order."""
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children)
