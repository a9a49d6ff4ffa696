"""The files of a project, read once: by CPython for the names that they bind, by libcst for more."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cached_property

import libcst as cst

from losslint.config import Settings
from losslint.frozen import dataclass
from losslint.model.imports import Import
from losslint.model.module import Module, Unreadable
from losslint.model.names import suites
from losslint.model.outline import syntax_of
from losslint.model.trees import children
from losslint.source.text import Source, Undecodable

# Bytes of files that are kept in memory, about: a tree of libcst's is a hundred times as large as
# its text, one of CPython's a quarter of that.
MAX_HELD = 100 << 20
TREE, SYNTAX = 100, 25

Syntax = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

STAR = re.compile(rb"\bimport[\s\\]*\*")


@dataclass(frozen=True, eq=False)
class Defined:
    """A definition by its name; so many of that name stand before it in its file."""

    syntax: Syntax
    before: int


Binding = Import | Defined


@dataclass(frozen=True, eq=False)
class File:
    """The bytes of a file, parsed when they are worth it: by CPython for names, by libcst for more."""

    path: str
    raw: bytes
    settings: Settings
    known: Module | None = None
    _written: dict[str, bool] = field(default_factory=dict)  # of names that were asked for

    @property
    def held(self) -> int:
        """How many bytes of memory it takes, about, with what it has been parsed to."""
        parsed = vars(self)
        size = TREE * ("module" in parsed) + SYNTAX * ("_syntax" in parsed)
        return len(self.raw) * (1 + size)

    def may_bind(self, name: str) -> bool:
        """Whether the name stands in the file, or may come from another."""
        return self._has_star or self._writes(name)

    @cached_property
    def _has_star(self) -> bool:
        return STAR.search(self.raw) is not None

    def _writes(self, name: str) -> bool:
        known = self._written.get(name)
        if known is None:
            word = rf"(?<!\w){re.escape(name)}(?!\w)".encode()
            found = name.encode() in self.raw and re.search(word, self.raw)
            known = self._written[name] = bool(found)
        return known

    @cached_property
    def bindings(self) -> list[tuple[str, Binding]]:
        """What importing the file binds; nothing if CPython does not read it."""
        return [] if self._syntax is None else list(_bound(self._syntax))

    @cached_property
    def module(self) -> Module | None:
        """None if the file cannot be checked either: LL000 says why when it is."""
        if self.known is not None:
            return self.known
        try:
            return Module(Source.decode(self.path, self.raw), self.settings, self._syntax)
        except (Undecodable, Unreadable):
            return None

    def may_give(self, name: str) -> bool:
        """Whether a class of the file may have a method or an attribute of that name."""
        return self._writes(name) and (self._given is None or name in self._given)

    @cached_property
    def _given(self) -> frozenset[str] | None:
        """The methods of all classes, and the attributes that are set; None if that is not clear."""
        return None if self._syntax is None else _given(self._syntax)

    @cached_property
    def _syntax(self) -> ast.Module | None:
        if self.known is not None and self.known.syntax is not None:
            return self.known.syntax
        try:
            return syntax_of(Source.decode(self.path, self.raw).text)
        except Undecodable:
            return None


# The files that were asked for last, the last one at the end. Many ask for the same few.
_files: dict[tuple[str, int, int, Settings], File] = {}


def file_at(path: str, changed: int, size: int, settings: Settings) -> File:
    """The file at `path`, read again once it has changed."""
    key = (path, changed, size, settings)
    known = _files.pop(key, None)
    if known is not None:
        _files[key] = known
        return known
    with open(path, "rb") as file:
        _files[key] = found = File(path, file.read(), settings)
    held = sum(file.held for file in _files.values())
    while held > MAX_HELD and len(_files) > 1:
        held -= _files.pop(next(iter(_files))).held
    return found


def file_of(module: Module) -> File:
    """The file of a module, as it stands in memory."""
    path = os.path.realpath(module.source.name)
    return File(path, module.source.data, module.settings, module)


def _bound(syntax: ast.Module) -> Iterator[tuple[str, Binding]]:
    """Every name that importing a module defines or imports, from top to bottom."""
    counts: Counter[str] = Counter()
    for node in _run_by_import(syntax):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name, Defined(node, counts[name])
                counts[name] += 1
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or top, Import(0, tuple(top.split(".")))
            case ast.ImportFrom(module=origin, names=names, level=level):
                parts = tuple(origin.split(".")) if origin else ()
                for alias in names:
                    more = () if alias.name == "*" else (alias.name,)
                    yield alias.asname or alias.name, Import(level, (*parts, *more))


def _given(syntax: ast.Module) -> frozenset[str] | None:
    """What a class may give its objects: what is defined, and the attributes that are set or changed.

    None where a method binds its object anew, or sets an entry of it.
    """
    found: set[str] = set()
    bound: set[str] = set()
    objects: set[str] = set()  # what methods call the object that they are called on
    waiting: list[tuple[ast.AST, bool]] = [(syntax, False)]
    while waiting:
        node, is_in_class = waiting.pop()
        match node:
            case ast.FunctionDef(name=name, args=args) | ast.AsyncFunctionDef(name=name, args=args):
                found.add(name)
                if is_in_class:
                    objects |= {arg.arg for arg in (args.posonlyargs + args.args)[:1]}
            case ast.ClassDef():
                is_in_class = True
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del())
                | ast.Subscript(ctx=ast.Store() | ast.Del())
            ):
                found.update(_attributes(node))
                if isinstance(node.value, ast.Name):
                    bound |= {node.value.id} if isinstance(node, ast.Subscript) else set()
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=changed, attr=name))):
                if name.endswith("_"):
                    found.update(_attributes(changed))
        waiting += [(child, is_in_class) for child in children(node)]
    return None if bound & objects else frozenset(found)


def _attributes(node: ast.AST) -> Iterator[str]:
    """The attributes along `a.b[c].d`."""
    while True:
        match node:
            case ast.Attribute(value=inner, attr=name):
                yield name
                node = inner
            case ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return


def _run_by_import(syntax: ast.Module) -> Iterator[ast.stmt]:
    """Every statement that is in no definition, from top to bottom."""
    waiting = syntax.body[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += _blocks(node)[::-1]


def _blocks(node: ast.stmt) -> list[ast.stmt]:
    """The statements in one compound statement, in the order of `suites`."""
    found = [one for name in ("body", "orelse", "finalbody") for one in getattr(node, name, ())]
    parts = (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))
    return found + [one for part in parts for one in part.body]


def definitions(
    body: Sequence[cst.BaseStatement | cst.BaseSmallStatement],
) -> Iterator[cst.FunctionDef | cst.ClassDef]:
    """Every definition that is in no other, from top to bottom."""
    for statement in body:
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            yield statement
        elif not isinstance(statement, cst.SimpleStatementLine):
            for suite in suites(statement):
                yield from definitions(suite.body)
