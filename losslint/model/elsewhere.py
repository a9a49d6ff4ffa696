"""What a name is defined as in another file of the same project, read from disk when asked for."""

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
from losslint.model.depth import TooDeep, syntax_tree
from losslint.model.imports import Import, places, project_folder, readings
from losslint.model.module import Module, Unreadable, deep_recursion
from losslint.model.names import suites
from losslint.model.remembering import remembered
from losslint.source.text import Source, Undecodable

MAX_FILES = 64  # kept in memory, parsed or not
MAX_BYTES = 1 << 20
MAX_BESIDE = 40  # files in a folder that are looked through for those that import another
MAX_IMPORTING = 3  # of them that are parsed
MAX_HOPS = 4  # files from the name to its definition
MAX_READ = 64  # files that are read for one name, of packages of nothing but stars

Syntax = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

STAR = re.compile(rb"\bimport[\s\\]*\*")


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A definition, and the module that it stands in."""

    module: Module
    node: cst.FunctionDef | cst.ClassDef


def definition(module: Module, qualified: str) -> Elsewhere | None:
    """The class or function of the project that a qualified name of `module` stands for.

    A name without a dot is one of the module itself: its own, or one that
    `from losses import *` brings. Nothing is found for a module that is in no
    file, for what is installed, and for names that are bound to anything else
    than a `class`, a `def` or an import.
    """
    project = _project(module)
    if project is None:
        return None
    search = _Search(project, module)
    try:
        with deep_recursion():
            found = search.qualified(module, qualified)
            return found and search.parsed(*found)
    except RecursionError:
        return None


def syntax_elsewhere(module: Module, qualified: str) -> Syntax | None:
    """The same as CPython reads it, at a tenth of the cost; libcst may not know it."""
    project = _project(module)
    if project is None:
        return None
    try:
        found = _Search(project, module).qualified(module, qualified)
    except RecursionError:
        return None
    return found[1].syntax if found else None


def beside(module: Module, name: str) -> list[Module]:
    """The modules in the folder of a module that may import it and use a name of it; none if many do."""
    if not os.path.isfile(module.source.name) or not module.source.name.endswith(".py"):
        return []
    own, folder = os.path.realpath(module.source.name), _folder(module)
    asked = module.asked
    project = project_folder(folder, asked)
    if project is None:
        return []
    files = (os.path.join(folder, file) for file in asked.listed(folder))
    paths = sorted(path for path in files if asked.file(path) and os.path.realpath(path) != own)
    if len(paths) > MAX_BESIDE:
        return []
    search, stem = _Search(project, module), os.path.basename(own)[: -len(".py")]
    imports = re.compile(rf"^[ \t]*(from|import)\b.*\b{re.escape(stem)}\b".encode(), re.M)
    uses = re.compile(rf"\b{re.escape(name)}\s*\(".encode())
    found = []
    for path in paths:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES)
        other = search.read(path, name) if imports.search(raw) and uses.search(raw) else None
        found += [other] if other is not None else []
    return found if len(found) <= MAX_IMPORTING else []


@dataclass(frozen=True, eq=False)
class _Defined:
    """A definition by its name; so many of that name stand before it in its file."""

    syntax: Syntax
    before: int


_Binding = Import | _Defined


@dataclass(frozen=True)
class _Search:
    """The way to one definition. It never leaves the folder `project`."""

    project: str
    asker: Module
    seen: set[tuple[str, ...]] = field(default_factory=set)
    tried: set[tuple[str, Import]] = field(default_factory=set)

    def qualified(self, module: Module, name: str) -> tuple[_File, _Defined] | None:
        """What `name` stands for in `module`."""
        if "." not in name:
            return self._in_file(_of(module), (name,), 0)
        ways = (self._imported(_folder(module), wanted, 0) for wanted in readings(name))
        return next((found for found in ways if found), None)

    def _imported(self, folder: str, wanted: Import, hops: int) -> tuple[_File, _Defined] | None:
        if hops == MAX_HOPS or (folder, wanted) in self.tried:
            return None
        self.tried.add((folder, wanted))
        for path, parts in places(folder, self.project, wanted, self.asker.asked):
            file = self._file(path, parts[0])
            found = file and self._in_file(file, parts, hops + 1)
            if found:
                return found
        return None

    def _in_file(
        self, file: _File, parts: tuple[str, ...], hops: int
    ) -> tuple[_File, _Defined] | None:
        """What `parts` names in a file, by the last binding that leads anywhere."""
        step = (file.path, *parts)
        if step in self.seen or len(self.seen) > MAX_READ:
            return None
        self.seen.add(step)
        for value, tail in _meanings(file.bindings, parts):
            if isinstance(value, Import):
                wanted = Import(value.level, (*value.parts, *tail))
                found = self._imported(os.path.dirname(file.path), wanted, hops)
            else:
                found = None if tail else (file, value)
            if found:
                return found
        return None

    def parsed(self, file: _File, found: _Defined) -> Elsewhere | None:
        """The same definition in libcst's tree, which is asked for only now."""
        module = file.module
        if module is None:
            return None
        if module is not self.asker:
            self.asker.asked.rests_on(module.asked)
        name = found.syntax.name
        nodes = [node for node in _definitions(module.tree.body) if node.name.value == name]
        return Elsewhere(module, nodes[found.before])

    def read(self, path: str, name: str) -> Module | None:
        """The module in a file of the project; None if it cannot know `name`."""
        file = self._file(path, name)
        module = file.module if file is not None else None
        if module is not None:
            self.asker.asked.rests_on(module.asked)
        return module

    def _file(self, path: str, name: str) -> _File | None:
        try:
            status = self.asker.asked.file(path)
            if status is None or status.st_size > MAX_BYTES:
                return None
            path = os.path.realpath(path)
            if not path.startswith(os.path.join(self.project, "")):
                return None
            file = _file(path, status.st_mtime_ns, status.st_size, self.asker.settings)
        except OSError:
            return None
        return file if file.may_bind(name) else None


def _project(module: Module) -> str | None:
    """The folder of the project that a module is a file of."""
    if not os.path.isfile(module.source.name):
        return None
    return project_folder(_folder(module), module.asked)


def _folder(module: Module) -> str:
    return os.path.dirname(os.path.realpath(module.source.name))


@dataclass(frozen=True, eq=False)
class _File:
    """The bytes of a file, parsed when they are worth it: by CPython for names, by libcst for more."""

    path: str
    raw: bytes
    settings: Settings
    known: Module | None = None

    def may_bind(self, name: str) -> bool:
        """Whether the name stands in the file, or may come from another."""
        word = rf"(?<!\w){re.escape(name)}(?!\w)".encode()
        return bool(re.search(word, self.raw) or STAR.search(self.raw))

    @cached_property
    def bindings(self) -> list[tuple[str, _Binding]]:
        """What importing the file binds; nothing if CPython does not read it."""
        if self.known is not None and self.known.syntax is not None:
            return list(_bound(self.known.syntax))
        try:
            tree = syntax_tree(Source.decode(self.path, self.raw).text)
        except (Undecodable, SyntaxError, TooDeep):
            return []
        return [] if isinstance(tree, SyntaxError) else list(_bound(tree))

    @cached_property
    def module(self) -> Module | None:
        """None if the file cannot be checked either: LL000 says why when it is."""
        if self.known is not None:
            return self.known
        try:
            return Module(Source.decode(self.path, self.raw), self.settings)
        except (Undecodable, Unreadable):
            return None


@remembered(MAX_FILES)
def _file(path: str, _changed: int, _size: int, settings: Settings) -> _File:
    """The file at `path`, read again once it has changed."""
    with open(path, "rb") as file:
        return _File(path, file.read(), settings)


def _of(module: Module) -> _File:
    """The file of a module, as it stands in memory."""
    path = os.path.realpath(module.source.name)
    return _File(path, module.source.data, module.settings, module)


def _bound(syntax: ast.Module) -> Iterator[tuple[str, _Binding]]:
    """Every name that importing a module defines or imports, from top to bottom."""
    counts: Counter[str] = Counter()
    for node in _run_by_import(syntax):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name, _Defined(node, counts[name])
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


def _meanings(
    bindings: list[tuple[str, _Binding]], parts: tuple[str, ...]
) -> list[tuple[_Binding, tuple[str, ...]]]:
    """What may bind the first of `parts`, the last first, with what to look for there.

    A star brings what the module itself does not name, if it is not private. Modules that a
    star brings are not looked into: each of a package's stars would lead to all the others again.
    """
    own = [(value, parts[1:]) for bound, value in bindings if bound == parts[0]]
    if not own and len(parts) == 1 and not parts[0].startswith("_"):
        own = [(value, parts) for bound, value in bindings if bound == "*"]
    return own[::-1]


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


def _definitions(
    body: Sequence[cst.BaseStatement | cst.BaseSmallStatement],
) -> Iterator[cst.FunctionDef | cst.ClassDef]:
    """Every definition that is in no other, from top to bottom."""
    for statement in body:
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            yield statement
        elif not isinstance(statement, cst.SimpleStatementLine):
            for suite in suites(statement):
                yield from _definitions(suite.body)
