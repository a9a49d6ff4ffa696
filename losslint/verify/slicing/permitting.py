"""Stand-ins for what the allow-list does not permit, where it can be stood in for."""

from __future__ import annotations

import ast

from losslint.verify.sandbox.permitted import (
    ATTRIBUTES,
    BUILTINS,
    BY_NAME,
    NAMES_OF_CLASS,
    READ,
    is_permitted,
)
from losslint.verify.slicing.importable import name_of, path_of
from losslint.verify.slicing.needs import local_names
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.spelling import root_name
from losslint.verify.slicing.surroundings import Surroundings


def permitted_only(node: ast.stmt, around: Surroundings) -> ast.stmt:
    """A statement that reads nothing that is not permitted."""
    found = _Permitting(around, node).visit(node)
    assert isinstance(found, ast.stmt)
    return found


class _Permitting(ast.NodeTransformer):
    def __init__(self, around: Surroundings, node: ast.stmt) -> None:
        self.around = around
        self.local: set[str] = set()
        self.inner = {
            name_of(one, alias): path_of(one, alias)
            for one in ast.walk(node)
            if isinstance(one, (ast.Import, ast.ImportFrom))
            for alias in one.names
        }

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        outer = self.local
        self.local = outer | local_names(node)
        node.body = [self.visit(statement) for statement in node.body]
        self.local = outer
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        reads = isinstance(node.ctx, ast.Load)
        return _stood_in(node) if reads and node.id in BUILTINS - self.local else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        path = self._path(node)
        reads = isinstance(node.ctx, ast.Load)
        if reads and path is not None and not is_permitted(path):
            return _stood_in(node)
        match node:
            case ast.Attribute(value=ast.Attribute(attr="__class__")) if (
                node.attr in NAMES_OF_CLASS
            ):
                return node
        if reads and (node.attr in ATTRIBUTES or _is_hidden(node.attr)):
            return _stood_in(node)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[target, label, *_]) if name in BY_NAME:
                root = root_name(target) or ""
                of_module = self._root_path(root) is not None
                if of_module or not isinstance(label, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                    return _stood_in(node)
        self.generic_visit(node)
        return node

    def _path(self, node: ast.expr) -> str | None:
        match node:
            case ast.Name():
                return self._root_path(node.id)
            case ast.Attribute():
                above = self._path(node.value)
                return None if above is None else f"{above}.{node.attr}"
        return None

    def _root_path(self, name: str) -> str | None:
        return self.inner.get(name) or self.around.path(name)


def _is_hidden(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in READ


def _stood_in(node: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name("stand_in", ast.Load()), [ast.Constant(ast.unparse(node)[:60])], [])
    return in_place_of(call, node)
