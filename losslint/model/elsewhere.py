"""What a name is defined as in another file of the same project, read from disk when asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import libcst as cst

from losslint.config import Settings
from losslint.model.imports import Import, places, project_folder, readings
from losslint.model.module import Module, Unreadable, deep_recursion
from losslint.model.names import dotted, imported, suites
from losslint.source.text import Source, Undecodable

MAX_FILES = 64  # kept in memory, parsed or not
MAX_BYTES = 1 << 20
MAX_BESIDE = 40  # files in a folder that are looked through for those that import another
MAX_IMPORTING = 3  # of them that are parsed
MAX_HOPS = 4  # files from the name to its definition

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
    if not os.path.isfile(module.source.name):
        return None
    project = project_folder(_folder(module), module.asked)
    if project is None:
        return None
    search = _Search(project, module)
    try:
        with deep_recursion():
            return search.qualified(module, qualified)
    except RecursionError:
        return None


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


_Binding = Import | cst.FunctionDef | cst.ClassDef


@dataclass(frozen=True)
class _Search:
    """The way to one definition. It never leaves the folder `project`."""

    project: str
    asker: Module
    seen: set[tuple[str, ...]] = field(default_factory=set)
    tried: set[tuple[str, Import]] = field(default_factory=set)

    def qualified(self, module: Module, name: str) -> Elsewhere | None:
        """What `name` stands for in `module`."""
        if "." not in name:
            return self._in_module(module, (name,), 0)
        ways = (self._imported(module, wanted, 0) for wanted in readings(name))
        return next((found for found in ways if found), None)

    def _imported(self, into: Module, wanted: Import, hops: int) -> Elsewhere | None:
        folder = _folder(into)
        if hops == MAX_HOPS or (folder, wanted) in self.tried:
            return None
        self.tried.add((folder, wanted))
        for path, parts in places(folder, self.project, wanted, self.asker.asked):
            module = self.read(path, parts[0])
            found = module and self._in_module(module, parts, hops + 1)
            if found:
                return found
        return None

    def _in_module(self, module: Module, parts: tuple[str, ...], hops: int) -> Elsewhere | None:
        """What `parts` names in a module, by the last binding that leads anywhere."""
        step = (module.source.name, *parts)
        if step in self.seen:
            return None
        self.seen.add(step)
        for value, tail in _meanings(_bindings(module), parts):
            if isinstance(value, Import):
                wanted = Import(value.level, (*value.parts, *tail))
                found = self._imported(module, wanted, hops)
            else:
                found = None if tail else Elsewhere(module, value)
            if found:
                return found
        return None

    def read(self, path: str, name: str) -> Module | None:
        """The module in a file of the project; None if it cannot know `name`."""
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
        module = file.module if file.may_bind(name) else None
        if module is not None:
            self.asker.asked.rests_on(module.asked)
        return module


def _folder(module: Module) -> str:
    return os.path.dirname(os.path.realpath(module.source.name))


@dataclass(frozen=True, eq=False)
class _File:
    """The bytes of a file, parsed when they are worth it."""

    path: str
    raw: bytes
    settings: Settings

    def may_bind(self, name: str) -> bool:
        """Whether the name stands in the file, or may come from another."""
        word = rf"(?<!\w){re.escape(name)}(?!\w)".encode()
        return bool(re.search(word, self.raw) or STAR.search(self.raw))

    @cached_property
    def module(self) -> Module | None:
        """None if the file cannot be checked either: LL000 says why when it is."""
        try:
            return Module(Source.decode(self.path, self.raw), self.settings)
        except (Undecodable, Unreadable):
            return None


@lru_cache(maxsize=MAX_FILES)
def _file(path: str, _changed: int, _size: int, settings: Settings) -> _File:
    """The file at `path`, read again once it has changed."""
    with open(path, "rb") as file:
        return _File(path, file.read(), settings)


@lru_cache(maxsize=MAX_FILES)
def _bindings(module: Module) -> list[tuple[str, _Binding]]:
    """Every name that importing the module defines or imports, from top to bottom."""
    found: list[tuple[str, _Binding]] = []
    for node in _run_by_import(module.tree.body):
        match node:
            case cst.FunctionDef() | cst.ClassDef():
                found.append((node.name.value, node))
            case cst.ImportFrom(names=cst.ImportStar()):
                origin = dotted(node.module)
                parts = tuple(origin.split(".")) if origin else ()
                found.append(("*", Import(len(node.relative), parts)))
            case cst.Import() | cst.ImportFrom():
                level = len(node.relative) if isinstance(node, cst.ImportFrom) else 0
                for name, origin in imported(node):
                    found.append((name, Import(level, tuple(origin.lstrip(".").split(".")))))
    return found


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


def _run_by_import(
    body: Sequence[cst.BaseStatement | cst.BaseSmallStatement],
) -> Iterator[cst.CSTNode]:
    """Every small statement and definition that is in no other definition."""
    for statement in body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from statement.body
            continue
        yield statement
        if not isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            for suite in suites(statement):
                yield from _run_by_import(suite.body)
