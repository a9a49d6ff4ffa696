"""Where a module writes which name, and what it calls: one walk over its tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import nodes, parent
from losslint.model.remembering import remembered


@dataclass(frozen=True)
class Mentions:
    """Every name of a module by its spelling, those of attributes and keywords too, and every call."""

    names: dict[str, list[cst.Name]] = field(default_factory=dict)
    calls: list[cst.Call] = field(default_factory=list)


@remembered(16)
def mentions(module: Module) -> Mentions:
    """The names and calls of a module."""
    found = Mentions()
    for node in nodes(module.tree):
        if isinstance(node, cst.Name):
            found.names.setdefault(node.value, []).append(node)
        elif isinstance(node, cst.Call):
            found.calls.append(node)
    return found


def calls_named(module: Module, name: str) -> Iterator[cst.Call]:
    """Every call in a module of what has this last name."""
    for node in mentions(module).names.get(name, ()):
        mention: cst.CSTNode = node
        around = parent(module.tree, node)
        if isinstance(around, cst.Attribute) and around.attr is node:
            mention, around = around, parent(module.tree, around)
        if isinstance(around, cst.Call) and around.func is mention:
            yield around
