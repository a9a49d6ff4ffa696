"""Which names functions bind, at each node of a program: those that mean no built-in function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import field

from losslint.frozen import dataclass

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Place:
    """A node, what it is part of, and the names that functions around it bind."""

    node: ast.AST
    above: tuple[ast.AST, ...]
    bound: frozenset[str] = field(default_factory=frozenset)

    @property
    def parent(self) -> ast.AST:
        """The node that this one is directly part of."""
        return self.above[-1]


def places(tree: ast.Module) -> Iterator[Place]:
    """Every node of a program below its module, in no order that matters."""
    waiting = [Place(node, (tree,)) for node in ast.iter_child_nodes(tree)]
    while waiting:
        place = waiting.pop()
        yield place
        above = (*place.above[-2:], place.node)
        outside = _outside(place.node)
        inside = _inside(place.node, place.bound)
        for one in ast.iter_child_nodes(place.node):
            here = place.bound if any(one is other for other in outside) else inside
            waiting.append(Place(one, above, here))


def _outside(scope: ast.AST) -> list[ast.AST]:
    """The parts of a scope that are looked up around it, or hold some that are."""
    match scope:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*scope.decorator_list, *([scope.returns] if scope.returns else [])]
        case ast.ClassDef():
            return [*scope.decorator_list, *scope.bases, *scope.keywords]
    return []


def _inside(scope: ast.AST, bound: frozenset[str]) -> frozenset[str]:
    """The names that functions bind, and so are no built-in ones, inside a node.

    Defaults and what a comprehension runs over come before its own names are bound,
    and a class body that binds a name looks past the functions around it.
    """
    if isinstance(scope, (*FUNCTIONS, *COMPREHENSIONS)):
        names, everywhere = _bindings(scope)
        used_before = {
            node.id
            for part in _before(scope)
            for node in ast.walk(part)
            if isinstance(node, ast.Name)
        }
        return (bound | (names - used_before)) - everywhere
    if isinstance(scope, ast.ClassDef):
        names, everywhere = _bindings(scope)
        return bound - names - everywhere
    return bound


def _before(scope: ast.AST) -> list[ast.AST]:
    match scope:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return [*scope.args.defaults, *(one for one in scope.args.kw_defaults if one)]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [scope.generators[0].iter]
    return []


def _bindings(scope: ast.AST) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a scope binds itself, and those that it declares global."""
    names: set[str] = set()
    everywhere: set[str] = set()
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.arg():
                names.add(node.arg)
            case ast.Name() if isinstance(node.ctx, ast.Store):
                names.add(node.id)
            case ast.FunctionDef() | ast.ClassDef() if isinstance(scope, ast.ClassDef):
                names.add(node.name)
            case ast.Global():
                everywhere.update(node.names)
        if not isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
    return frozenset(names - everywhere), frozenset(everywhere)
