"""Which names a piece of syntax reads from around it, and which it binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from losslint.verify.slicing.importable import imported, name_of

Scopes = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def needs(nodes: ast.AST | Iterable[ast.AST]) -> dict[str, int]:
    """The names that are read and not bound by an inner scope, with their first lines, in order.

    What the statements themselves bind counts as well where they read it.
    """
    reader = _Reader()
    for node in [nodes] if isinstance(nodes, ast.AST) else nodes:
        reader.visit(node)
    return reader.found


def bound(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that statements bind in their own scope; no foreign imports are among them."""
    binder = _Binder()
    for node in nodes:
        binder.visit(node)
    return binder.found - binder.elsewhere


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter of a function, in the order of its signature."""
    star = [arguments.vararg] if arguments.vararg else []
    stars = [arguments.kwarg] if arguments.kwarg else []
    plain = [*arguments.posonlyargs, *arguments.args]
    return [*plain, *star, *arguments.kwonlyargs, *stars]


def defaults(arguments: ast.arguments) -> dict[str, ast.expr]:
    """The defaults of a function's parameters, by name."""
    plain = [*arguments.posonlyargs, *arguments.args]
    last = plain[len(plain) - len(arguments.defaults) :]
    found = {a.arg: d for a, d in zip(last, arguments.defaults, strict=True)}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            found[argument.arg] = default
    return found


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """The names that are a function's own: parameters, and what its body binds."""
    own = {a.arg for a in parameters(function.args)}
    return own | bound(function.body if isinstance(function.body, list) else [function.body])


class _Binder(ast.NodeVisitor):
    """Collects what one scope binds."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.elsewhere: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.found.add(node.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias, _, allowed in imported(node):
            if allowed and alias.name != "*":
                self.found.add(name_of(node, alias))

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.found.add(node.name)
        for part in (*node.decorator_list, node.args):
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.found.add(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A scope of its own."""

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for part in (node.iter, *node.ifs):  # not the target: it is the comprehension's
            self.visit(part)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.found.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.found.add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.found.add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.found.add(node.rest)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self.elsewhere |= set(node.names)

    visit_Nonlocal = visit_Global


class _Reader(ast.NodeVisitor):
    """Collects what is read, from the outside in."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}
        self.hidden: list[tuple[bool, set[str]]] = []  # whether of a class, and its names

    @contextmanager
    def _scope(self, names: set[str], *, of_class: bool = False) -> Iterator[None]:
        outer = self.hidden
        visible = outer if of_class else [scope for scope in outer if not scope[0]]
        self.hidden = [*visible, (of_class, names)]
        try:
            yield
        finally:
            self.hidden = outer

    def _read(self, node: ast.Name) -> None:
        if not any(node.id in names for _, names in self.hidden):
            self.found.setdefault(node.id, node.lineno)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    visit_AsyncFor = visit_For

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in node.decorator_list:
            self.visit(part)
        self._signature(node.args)
        if node.returns is not None:
            self.visit(node.returns)
        with self._scope(local_names(node)):
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._signature(node.args)
        with self._scope(local_names(node)):
            self.visit(node.body)

    def _signature(self, arguments: ast.arguments) -> None:
        for argument in parameters(arguments):
            if argument.annotation is not None:
                self.visit(argument.annotation)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        with self._scope(bound(node.body), of_class=True):
            for statement in node.body:
                self.visit(statement)

    def _comprehension(self, node: Comprehension) -> None:
        first, *rest = node.generators
        self.visit(first.iter)
        targets = bound(ast.Assign([g.target], ast.Constant(0)) for g in node.generators)
        with self._scope(targets):
            for test in first.ifs:
                self.visit(test)
            for generator in rest:
                self.visit(generator)
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            for part in parts:
                self.visit(part)

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension
