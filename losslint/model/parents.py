"""Which node holds which: asked only where there is something to fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache

import libcst as cst

# What a field holds that is no node. `isinstance(value, CSTNode)` asks an abstract class, and is slow.
LEAVES = frozenset((str, type(None), bool, cst.MaybeSentinel))

MAX_INDICES = 16  # modules; of those that a file imports from, too


class Index:
    """Every node of one tree, so laid out that those below any node lie next to each other."""

    def __init__(self, tree: cst.CSTNode) -> None:
        order: list[cst.CSTNode] = []
        up: list[int] = []  # where the node stands that holds this one
        stack: list[cst.CSTNode] = [tree]
        holders = [-1]
        while stack:
            node = stack.pop()
            up.append(holders.pop())
            place = len(order)
            order.append(node)
            for name in _fields(type(node)):
                value = getattr(node, name)
                kind = type(value)
                if kind is tuple or kind is list:
                    stack += value
                elif kind not in LEAVES:
                    stack.append(value)
            holders += [place] * (len(stack) - len(holders))
        self.order = order
        self.up = up
        self.end = end = list(range(1, len(order) + 1))  # where what is below a node ends
        for place in range(len(order) - 1, 0, -1):
            holder = up[place]
            if end[holder] < end[place]:
                end[holder] = end[place]
        # a node's own hash is written in Python
        self.places = {id(node): place for place, node in enumerate(order)}

    def below(self, node: cst.CSTNode) -> list[cst.CSTNode] | None:
        """A node and every node below it; None for one of another tree."""
        place = self.places.get(id(node))
        return None if place is None else self.order[place : self.end[place]]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What holds `node` directly; None for the tree itself, and for a node of another."""
        holder = self.up[self.places.get(id(node), 0)]
        return self.order[holder] if holder >= 0 else None


# Those that were asked for last; the last one first.
_indices: list[Index] = []


def index(tree: cst.CSTNode) -> Index:
    """The index of a whole tree, made when it is first asked for."""
    for place, known in enumerate(_indices):
        if known.order[0] is tree:
            if place:
                _indices.insert(0, _indices.pop(place))
            return known
    _indices.insert(0, Index(tree))
    del _indices[MAX_INDICES:]
    return _indices[0]


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
    return index(tree).parent(node)


def ancestors(tree: cst.Module, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything that holds `node`, from the inside out."""
    known = index(tree)
    holder = known.up[known.places.get(id(node), 0)]
    while holder >= 0:
        yield known.order[holder]
        holder = known.up[holder]


def function_around(tree: cst.Module, node: cst.CSTNode) -> cst.FunctionDef | cst.Module:
    """The function that `node` stands in; the module itself, if it stands in none."""
    around = (a for a in ancestors(tree, node) if isinstance(a, cst.FunctionDef))
    return next(around, tree)


def own(tree: cst.Module, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes below one of `tree`, without what functions and classes in it hold."""
    known = index(tree)
    order, end = known.order, known.end
    place = known.places[id(node)]
    last = end[place]
    while place < last:
        found = order[place]
        yield found
        inner = type(found) is cst.FunctionDef or type(found) is cst.ClassDef
        place = end[place] if inner else place + 1


def nodes(tree: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Every node below `tree`, and itself, in no particular order."""
    if type(tree) is cst.Module:
        return index(tree).order
    for known in _indices:
        found = known.below(tree)
        if found is not None:
            return found
    return Index(tree).order
