"""What a module offers its classes and functions: imports, definitions, values, and what is foreign."""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from losslint.verify.sandbox.permitted import BUILTINS as REFUSED
from losslint.verify.sandbox.permitted import PROVIDED, is_permitted
from losslint.verify.slicing.effects import touched
from losslint.verify.slicing.importable import imported, name_of, path_of
from losslint.verify.slicing.needs import bound, needs

BUILTINS = frozenset(dir(builtins)) - REFUSED
COMPOUNDS = (ast.If, ast.Try, ast.With, ast.For, ast.While)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What these names stand for wherever nothing is known of them.
USUAL = {
    "F": "import torch.nn.functional as F",
    "math": "import math",
    "nn": "import torch.nn as nn",
    "np": "import numpy as np",
    "torch": "import torch",
}


@dataclass
class Binding:
    """All that a module does to one name at its top."""

    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)  # of one alias each
    foreign: list[tuple[str, int]] = field(default_factory=list)  # imports that are not allowed
    definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None = None
    values: list[ast.stmt] = field(default_factory=list)


class Surroundings:
    """The names of a module, and whether a program may have them."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.bindings: dict[str, Binding] = {}
        self.taken_for: dict[
            str, str
        ] = {}  # names of usual modules, and where they seem to come from
        self.stars: list[str] = []
        self.foreign_stars: list[tuple[str, int]] = []
        self._reasons: dict[str, str | None] = {}
        self._collect(tree.body, None)
        self._collect_inner_imports()
        self._collect_from_stars()

    @cached_property
    def delayed_annotations(self) -> bool:
        """Whether the module's annotations are not evaluated."""
        return any(
            isinstance(n, ast.ImportFrom)
            and n.module == "__future__"
            and any(a.name == "annotations" for a in n.names)
            for n in self.tree.body
        )

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names that the module defines functions and classes by."""
        return frozenset(name for name, one in self.bindings.items() if one.definition is not None)

    def class_named(self, name: str) -> ast.ClassDef | None:
        """The class of this name at the top of the module."""
        found = self.bindings[name].definition if name in self.bindings else None
        return found if isinstance(found, ast.ClassDef) else None

    def reason(self, name: str, line: int = 0) -> str | None:
        """Why a program cannot have what this name stands for; None if it can."""
        if name not in self._reasons:
            self._reasons[name] = None  # for what needs itself
            self._reasons[name] = self._reason(name)
        return self._reasons[name] or (None if self._known(name) else self._unknown(name, line))

    def is_available(self, name: str) -> bool:
        """Whether a program can have what this name stands for."""
        return self.reason(name) is None

    def _known(self, name: str) -> bool:
        return name in self.bindings or name in BUILTINS or name in PROVIDED

    def _unknown(self, name: str, line: int) -> str:
        at = f" (line {line})" if line else ""
        if self.foreign_stars:
            module, row = self.foreign_stars[0]
            return f"needs `{name}`, which may come from `from {module} import *` (line {row})"
        return f"needs `{name}`, which nothing in this file defines{at}"

    def _reason(self, name: str) -> str | None:
        binding = self.bindings.get(name)
        if binding is None or binding.imports:
            return None
        if binding.definition is None and binding.foreign:  # what is done without it is no help
            module, line = binding.foreign[0]
            return f"needs `{name}`, an import of `{module}` (line {line})"
        nodes = [binding.definition] if binding.definition is not None else binding.values
        own = bound(binding.values)
        for needed, line in needs(without_annotations(node) for node in nodes).items():
            if needed != name and needed not in own:
                problem = self.reason(needed, line)
                if problem is not None:
                    return problem
        return None

    def _collect(self, body: list[ast.stmt], around: ast.stmt | None) -> None:
        for node in body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node)
            elif isinstance(node, DEFINITIONS):
                self._of(node.name).definition = node
            elif isinstance(node, COMPOUNDS):
                if not is_main_guard(node):
                    for part in blocks(node):
                        self._collect(part, around or node)
            else:
                for name in sorted(bound([node]) | touched(node)):
                    self._value(name, around or node)
        if around is None:
            for node in body:
                if isinstance(node, (ast.For, ast.With)):
                    for name in sorted(bound([_header(node)])):
                        self._value(name, node)

    def _collect_from_stars(self) -> None:
        """Names that nothing else binds, from modules that may be imported, or as everyone has them."""
        if not self.stars and not self.foreign_stars:
            return
        for name, line in needs(self.tree).items():
            if name in self.bindings or name in BUILTINS:
                continue
            module = next((m for m in self.stars if is_permitted(f"{m}.{name}")), None)
            if module is not None:
                made: ast.stmt = ast.ImportFrom(module, [ast.alias(name)], 0)
            elif self.foreign_stars and name in USUAL:
                made = ast.parse(USUAL[name]).body[0]
                self.taken_for[name] = self.foreign_stars[0][0]
            else:
                continue
            assert isinstance(made, (ast.Import, ast.ImportFrom))
            made.lineno = line
            self._of(name).imports.append(made)

    def path(self, name: str) -> str | None:
        """The dotted path of an import that a program may have."""
        binding = self.bindings.get(name)
        if binding is None or not binding.imports:
            return None
        node = binding.imports[-1]
        return path_of(node, node.names[0])

    def _value(self, name: str, statement: ast.stmt) -> None:
        values = self._of(name).values
        if statement not in values:
            values.append(statement)

    def _of(self, name: str) -> Binding:
        return self.bindings.setdefault(name, Binding())

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias, module, allowed in imported(node):
            if alias.name == "*":
                if allowed:
                    self.stars.append(module)
                else:
                    self.foreign_stars.append((module, node.lineno))
                continue
            name = name_of(node, alias)
            if allowed:
                self._of(name).imports.append(_alone(node, alias))
            else:
                self._of(name).foreign.append((module, node.lineno))

    def _collect_inner_imports(self) -> None:
        """Foreign imports inside of functions, for names that nothing else binds."""
        for node in ast.walk(self.tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            for alias, module, allowed in imported(node):
                name = name_of(node, alias)
                if not allowed and name not in self.bindings:
                    self._of(name).foreign.append((module, node.lineno))


def _alone(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.Import | ast.ImportFrom:
    if isinstance(node, ast.Import):
        return ast.copy_location(ast.Import([alias]), node)
    return ast.copy_location(ast.ImportFrom(node.module, [alias], 0), node)


@lru_cache(maxsize=2)
def surroundings(tree: ast.Module) -> Surroundings:
    """The surroundings of a module, kept for the next total of it."""
    return Surroundings(tree)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements that a compound statement holds, in their order."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for part in [getattr(node, name, [])]:
            if part and isinstance(part[0], ast.stmt):
                yield part
            else:
                for inner in part:
                    yield inner.body


def _header(node: ast.For | ast.With) -> ast.stmt:
    if isinstance(node, ast.For):
        return ast.For(node.target, node.iter, [], [])
    return ast.With(node.items, [])


def is_main_guard(node: ast.stmt) -> bool:
    """Whether this is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and "__name__" in needs(node.test)


def without_annotations(node: ast.AST) -> ast.AST:
    """A copy that has no annotations, so that they are no needs."""
    found = _Bare().visit(copy.deepcopy(node))
    assert isinstance(found, ast.AST)
    return found


class _Bare(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        value = node.value or ast.Constant(None)
        return ast.copy_location(ast.Assign([node.target], value), node)
