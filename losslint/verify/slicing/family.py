"""A class with those of its file that it inherits from: its methods, and what they do to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from losslint.verify.slicing.effects import Scope, hands_on, own_attributes
from losslint.verify.slicing.needs import bound
from losslint.verify.slicing.places import FUNCTIONS, Function
from losslint.verify.slicing.surroundings import Surroundings, blocks


class Family:
    """`classes` begins with the class itself; those after it are of the same file."""

    def __init__(self, owner: ast.ClassDef, around: Surroundings) -> None:
        self.around = around
        self.classes = list(_lineage(owner, around, set()))
        self._methods = {c.name: dict(_methods(c)) for c in self.classes}

    def bases(self, owner: ast.ClassDef) -> list[ast.ClassDef]:
        """The classes of this file that a class names as its bases."""
        return list(_bases(owner, self.around))

    def own_method(self, owner: ast.ClassDef, name: str) -> Function | None:
        """A method that a class defines itself."""
        return self._methods[owner.name].get(name)

    def method(self, name: str, behind: ast.ClassDef | None = None) -> Function | None:
        """The method that a name stands for, or that it stands for behind one of the classes."""
        found = self.holder(name, behind)
        return self._methods[found.name][name] if found else None

    def holder(self, name: str, behind: ast.ClassDef | None = None) -> ast.ClassDef | None:
        """The class that defines that method."""
        start = self.classes.index(behind) + 1 if behind is not None else 0
        return next((c for c in self.classes[start:] if name in self._methods[c.name]), None)

    def scope(self, function: Function) -> Scope:
        """What names mean in a method."""
        return Scope(self_name(function), self.reads, self.writes, self.around.functions)

    def hands_itself_on(self, function: Function) -> bool:
        """Whether a method gives its object to something, which may read any attribute."""
        own = self_name(function)
        return bool(own) and hands_on(function, own)

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """The attributes and methods that each method reads, those it calls included."""
        return self._closed({n: _reads(f) for n, f in self._all})

    @cached_property
    def writes(self) -> dict[str, frozenset[str]]:
        """The attributes that each method sets, or changes in place, those it calls included."""
        direct = {n: frozenset(set_attributes(f)) for n, f in self._all}
        return {
            name: frozenset().union(direct[name], *(direct.get(m, ()) for m in called))
            for name, called in self.reads.items()
        }

    @cached_property
    def _all(self) -> list[tuple[str, Function]]:
        names = dict.fromkeys(n for c in self.classes for n in self._methods[c.name])
        return [(name, function) for name in names if (function := self.method(name))]

    def _closed(self, direct: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        closed = dict(direct)
        while True:
            grown = {
                name: found.union(*(closed.get(other, ()) for other in found))
                for name, found in closed.items()
            }
            if grown == closed:
                return closed
            closed = grown


def self_name(function: Function) -> str:
    """What a method calls its object; "" where it has none."""
    if any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list):
        return ""
    arguments = [*function.args.posonlyargs, *function.args.args]
    return arguments[0].arg if arguments else ""


def set_attributes(function: Function) -> Iterator[str]:
    """The attributes of its object that a method sets or changes, directly."""
    scope = Scope(self_name(function))
    own = f"{scope.own}."
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
            for path in sorted(scope.effects(node).all):
                if scope.own and path.startswith(own):
                    yield path.removeprefix(own)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == scope.own
        ):
            yield node.attr


def class_values(owner: ast.ClassDef) -> Iterator[tuple[str, ast.stmt]]:
    """The attributes that a class body sets, with the statements that do."""
    for node in owner.body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for name in sorted(bound([node])):
                yield name, node


def super_methods(function: Function) -> dict[str, None]:
    """The methods that are called on `super()`."""
    return {
        node.attr: None
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and is_super(node.value)
    }


def is_super(node: ast.AST) -> bool:
    """Whether this is `super()`, or `super(Class, self)`."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )


def _reads(function: Function) -> frozenset[str]:
    own = self_name(function)
    found = own_attributes([function], own) if own else set()
    if own and any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == own
        for n in ast.walk(function)
    ):
        found.add("forward")
    return frozenset(found | set(super_methods(function)))


def _methods(owner: ast.ClassDef) -> Iterator[tuple[str, Function]]:
    waiting: list[list[ast.stmt]] = [owner.body]
    while waiting:
        for node in waiting.pop(0):
            if isinstance(node, FUNCTIONS):
                yield node.name, node
            elif not isinstance(node, ast.ClassDef):
                waiting += blocks(node)


def _bases(owner: ast.ClassDef, around: Surroundings) -> Iterator[ast.ClassDef]:
    for base in owner.bases:
        while isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        found = around.class_named(base.id) if isinstance(base, ast.Name) else None
        if found is not None and found is not owner:
            yield found


def _lineage(owner: ast.ClassDef, around: Surroundings, seen: set[str]) -> Iterator[ast.ClassDef]:
    if owner.name in seen:
        return
    seen.add(owner.name)
    yield owner
    for base in _bases(owner, around):
        yield from _lineage(base, around, seen)
