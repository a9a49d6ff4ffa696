"""Which names of a program depend on what is learned, in each of its functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from losslint.frozen import dataclass

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
# Methods that change what they are called on, beside those whose name ends in `_`.
CHANGING = frozenset("append extend update insert setdefault add".split())


@dataclass(frozen=True)
class Scope:
    """The names of one function that depend on what is learned; `leaves` are what is."""

    leaves: frozenset[str]
    names: frozenset[str]

    def is_in(self, node: ast.AST) -> bool:
        """Whether something that is learned is read in a node."""
        return any(spelled(inner) in self.names for inner in ast.walk(node))


class Learned:
    """Follows what is learned through a program: assignments, calls, and what classes hold."""

    def __init__(self, tree: ast.Module, leaves: Iterable[str]) -> None:
        self.leaves = frozenset(leaf.partition("[")[0] for leaf in leaves)
        self.classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        self.functions = [
            node
            for home in (tree.body, *(one.body for one in self.classes))
            for node in home
            if isinstance(node, FUNCTIONS)
        ]
        # Of all functions, and those of each: what it is handed, what it computes.
        self._everywhere = set(self.leaves)
        self._local: dict[Function, set[str]] = {one: set() for one in self.functions}
        known = -1
        while known != self._known():
            known = self._known()
            self._follow(tree)

    def scope(self, function: Function) -> Scope:
        """The names that depend on what is learned within a function."""
        return Scope(self.leaves, frozenset(self._everywhere | self._local[function]))

    def reaches(self, function: Function) -> bool:
        """Whether a function has anything to do with what is learned."""
        return self.scope(function).is_in(function) or bool(self._local[function])

    def _known(self) -> int:
        return len(self._everywhere) + sum(map(len, self._local.values()))

    def _follow(self, tree: ast.Module) -> None:
        for function in self.functions:
            self._spread(function, function.body)
            self._hand_over(function)
            if self.scope(function).is_in(function):
                self._everywhere |= {function.name, f"self.{function.name}"}
        everywhere = Scope(self.leaves, frozenset(self._everywhere))
        for node in self.classes:
            if everywhere.is_in(node):
                self._everywhere.add(node.name)
        for statement in tree.body:
            if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)) and everywhere.is_in(
                statement
            ):
                self._everywhere |= set(bound_in(statement))

    def _spread(self, function: Function, body: Sequence[ast.stmt]) -> None:
        for node in body:
            self._spread(function, list(_blocks(node)))
            scope = self.scope(function)
            if any(scope.is_in(part) for part in _own(node)):
                for name in bound_in(node, inside=False):
                    (self._everywhere if "." in name else self._local[function]).add(name)

    def _hand_over(self, function: Function) -> None:
        """Mark the parameters of functions that are called with something learned."""
        scope = self.scope(function)
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            name = spelled(call.func)
            for called in self.functions:
                if name in (called.name, f"self.{called.name}"):
                    method = name.startswith("self.")
                    self._local[called] |= set(_handed(called, call, scope, method=method))


def _handed(called: Function, call: ast.Call, scope: Scope, *, method: bool) -> Iterator[str]:
    """The parameters of a function that a call hands something learned."""
    parameters = [*called.args.posonlyargs, *called.args.args][method:]
    star = called.args.vararg
    for place, argument in enumerate(call.args):
        if scope.is_in(argument):
            if place < len(parameters):
                yield parameters[place].arg
            elif star is not None:
                yield star.arg
    yield from (one.arg for one in call.keywords if one.arg and scope.is_in(one.value))


def bound_in(node: ast.stmt, *, inside: bool = True) -> Iterator[str]:
    """What a statement binds or changes: names, and attributes as they are spelled.

    Without `inside`, the statements below it are left out.
    """
    parts = ast.walk(node) if inside else (p for own in _own(node) for p in ast.walk(own))
    for part in parts:
        if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            yield spelled(part)
        elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
            yield spelled(part.value)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            owner = part.func.value
            changes = part.func.attr in CHANGING or part.func.attr.endswith("_")
            if changes and isinstance(owner, (ast.Name, ast.Attribute)):
                yield spelled(owner)


def spelled(node: ast.AST) -> str:
    """A name, or attributes of one, as they are written; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = spelled(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _blocks(node: ast.stmt) -> Iterator[ast.stmt]:
    """The statements below a compound one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from child.body


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are no statements."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield child
