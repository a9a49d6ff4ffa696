"""What a program takes for granted, in sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
SAID = "said"  # the field of a statement that holds what is to be said of it


class Notes:
    """Sentences, each once, in the order in which they came up."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        """Note a sentence."""
        self._found.setdefault(sentence)

    def sentences(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._found)


def say(node: ast.AST, sentences: Iterable[str]) -> None:
    """Note what a statement takes for granted, to be said if it is kept."""
    known = getattr(node, SAID, [])
    setattr(node, SAID, [*known, *sentences])


def said(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """What these statements and those inside of them take for granted, from top to bottom."""
    for node in nodes:
        yield from getattr(node, SAID, [])
        yield from said(ast.iter_child_nodes(node))


def in_place_of(made: Node, node: ast.AST) -> Node:
    """A node where another one stood, with what is to be said of that."""
    say(made, getattr(node, SAID, []))
    return ast.fix_missing_locations(ast.copy_location(made, node))
