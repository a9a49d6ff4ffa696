"""Arguments that are unpacked, asked for one part after the other.

`image, label = batch` tells of an unknown `batch` that it has two parts, and
`batch[0], batch[1]` are its parts however many a stand-in has otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.slicing.needs import bound
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.places import FUNCTIONS


def unpacked(body: list[ast.stmt], handed: Iterable[str]) -> list[ast.stmt]:
    """Statements that ask for the parts of the arguments `handed`, where nothing else binds those."""
    unpack = _Unpack(frozenset(handed) - bound(body))
    return [found for node in body if isinstance(found := unpack.visit(node), ast.stmt)]


class _Unpack(ast.NodeTransformer):
    def __init__(self, arguments: frozenset[str]) -> None:
        self.arguments = arguments

    def visit(self, node: ast.AST) -> ast.AST:
        """Statements outside of definitions."""
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.expr)):
            return node
        match node:
            case ast.Assign(targets=[ast.Tuple() | ast.List() as target], value=ast.Name(id=name)):
                starred = any(isinstance(part, ast.Starred) for part in target.elts)
                if name in self.arguments and not starred:
                    parts = ast.Tuple([_part(name, k) for k in range(len(target.elts))], ast.Load())
                    return in_place_of(ast.Assign(node.targets, parts), node)
                return node
        self.generic_visit(node)
        return node


def _part(name: str, place: int) -> ast.expr:
    return ast.Subscript(ast.Name(name, ast.Load()), ast.Constant(place), ast.Load())
