"""What a set-up gets from elsewhere, stood in for by the name that it is given.

`model = build(settings)` of a foreign `build` is `model = stand_in("model")`: what the
total reads of it then has the name that people know it by.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.sandbox.permitted import is_permitted
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.places import FUNCTIONS
from losslint.verify.slicing.spelling import root_name
from losslint.verify.slicing.surroundings import Surroundings


def collapsed(
    body: Iterable[ast.stmt], around: Surroundings, own: str = "", local: Iterable[str] = ()
) -> list[ast.stmt]:
    """Statements of a set-up, `own` its object and `local` what else is not the module's."""
    collapse = _Collapse(around, own, frozenset(local))
    return [found for node in body if isinstance(found := collapse.visit(node), ast.stmt)]


class _Collapse(ast.NodeTransformer):
    def __init__(self, around: Surroundings, own: str, local: frozenset[str]) -> None:
        self.around = around
        self.own = own
        self.local = local
        self.foreign: set[str] = set()

    def visit(self, node: ast.AST) -> ast.AST:
        """Statements outside of definitions, in their order."""
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.expr)):
            return node
        if isinstance(node, ast.Assign):
            return self._assign(node)
        self.generic_visit(node)
        return node

    def _assign(self, node: ast.Assign) -> ast.stmt:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                if self._is_foreign(value):
                    self.foreign.add(target)
                    return _stood_in(node, target)
                self.foreign.discard(target)
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=own), attr=name)]):
                if own == self.own and self._is_foreign(node.value):
                    return _stood_in(node, f"{own}.{name}")
        return node

    def _is_foreign(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Call):
            return False
        root = root_name(value)
        if root is None:
            return False
        if root in self.foreign:
            return True
        if root in self.local:
            return False
        path = self.around.path(root)
        if path is not None:
            return not is_permitted(_path(value.func, path))
        binding = self.around.bindings.get(root)
        if binding is not None and binding.definition is not None:
            return False
        return not self.around.is_available(root)


def _path(func: ast.expr, root: str) -> str:
    """The dotted path of what is called, as far as it is one."""
    names: list[str] = []
    while isinstance(func, ast.Attribute):
        names.insert(0, func.attr)
        func = func.value
    return ".".join([root, *names]) if isinstance(func, ast.Name) else root


def _stood_in(node: ast.Assign, name: str) -> ast.stmt:
    call = ast.Call(ast.Name("stand_in", ast.Load()), [ast.Constant(name)], [])
    return in_place_of(ast.Assign(node.targets, call), node)
