"""What a name is defined as in another file of the same project, read from disk when asked for."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from functools import lru_cache, partial

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.files import Binding, Defined, File, Syntax, definitions, file_at, file_of
from losslint.model.imports import Import, places, project_folder, readings
from losslint.model.module import Module, deep_recursion

MAX_BYTES = 1 << 20
MAX_BESIDE = 40  # files in a folder that are looked through for those that import another
MAX_IMPORTING = 3  # of them that are parsed
MAX_HOPS = 4  # files from the name to its definition
MAX_READ = 64  # files that are read for one name, of packages of nothing but stars

# Packages that are never looked for among the files of the project.
FOREIGN = frozenset(("torch", "torchvision", "numpy"))

Query = Callable[["_Search"], "tuple[File, Defined] | None"]


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A definition, and the module that it stands in."""

    module: Module
    node: cst.FunctionDef | cst.ClassDef


@dataclass(frozen=True, eq=False)
class Ancestor:
    """A class of another file that one of `asker` inherits from; libcst has not been asked for it yet."""

    asker: Module
    file: File
    found: Defined

    def may_give(self, name: str) -> bool:
        """Whether the class may have a method or an attribute of that name."""
        return self.file.may_give(name)

    def parsed(self) -> Elsewhere | None:
        """The class in libcst's tree."""
        with deep_recursion():
            return _parsed(self.asker, self.file, self.found)

    def bases(self) -> Iterator[Ancestor]:
        """The classes that it names as its own bases, those of torch left out."""
        for base in getattr(self.found.syntax, "bases", ()):
            parts = tuple(_spelled(base))  # nothing for `Generic[T]` and `made()`
            meanings = _meanings(self.file.bindings, parts) if parts else []
            if parts and not any(_is_foreign(value) for value, _ in meanings):
                yield from _ancestors(self.asker, partial(self._base, parts))

    def _base(self, parts: tuple[str, ...], search: _Search) -> tuple[File, Defined] | None:
        return search.in_file(self.file, parts, 0)


def ancestors_elsewhere(module: Module, qualified: str) -> Iterator[Ancestor]:
    """The class of another file that a qualified name of `module` stands for, if there is one."""
    if "." in qualified and qualified.partition(".")[0] not in FOREIGN:
        yield from _ancestors(module, lambda search: search.qualified(module, qualified))


def _ancestors(asker: Module, query: Query) -> Iterator[Ancestor]:
    found = _sought(asker, query)
    if found is not None and isinstance(found[1].syntax, ast.ClassDef):
        yield Ancestor(asker, *found)


def _sought(asker: Module, query: Query) -> tuple[File, Defined] | None:
    """What a search in the project of a module comes upon; nothing where there is no project."""
    project = _project(asker)
    try:
        return None if project is None else query(_Search(project, asker))
    except RecursionError:
        return None


def _spelled(node: ast.expr) -> list[str]:
    """`a`, `b`, `c` for `a.b.c`; nothing for anything else."""
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=inner, attr=name) if before := _spelled(inner):
            return [*before, name]
    return []


def _is_foreign(value: Binding) -> bool:
    return isinstance(value, Import) and not value.level and value.parts[0] in FOREIGN


def definition(module: Module, qualified: str) -> Elsewhere | None:
    """The class or function of the project that a qualified name of `module` stands for.

    A name without a dot is one of the module itself: its own, or one that
    `from losses import *` brings. Nothing is found for a module that is in no
    file, for what is installed, and for names that are bound to anything else
    than a `class`, a `def` or an import.
    """
    try:
        with deep_recursion():
            found = _sought(module, lambda search: search.qualified(module, qualified))
            return found and _parsed(module, *found)
    except RecursionError:
        return None


def syntax_elsewhere(module: Module, qualified: str) -> Syntax | None:
    """The same as CPython reads it, at a tenth of the cost; libcst may not know it."""
    found = _sought(module, lambda search: search.qualified(module, qualified))
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


@dataclass(frozen=True)
class _Search:
    """The way to one definition. It never leaves the folder `project`."""

    project: str
    asker: Module
    seen: set[tuple[str, ...]] = field(default_factory=set)
    tried: set[tuple[str, Import]] = field(default_factory=set)

    def qualified(self, module: Module, name: str) -> tuple[File, Defined] | None:
        """What `name` stands for in `module`."""
        if "." not in name:
            return self.in_file(file_of(module), (name,), 0)
        ways = (self._imported(_folder(module), wanted, 0) for wanted in readings(name))
        return next((found for found in ways if found), None)

    def _imported(self, folder: str, wanted: Import, hops: int) -> tuple[File, Defined] | None:
        if hops == MAX_HOPS or (folder, wanted) in self.tried:
            return None
        self.tried.add((folder, wanted))
        for path, parts in places(folder, self.project, wanted, self.asker.asked):
            file = self._file(path, parts[0])
            found = file and self.in_file(file, parts, hops + 1)
            if found:
                return found
        return None

    def in_file(self, file: File, parts: tuple[str, ...], hops: int) -> tuple[File, Defined] | None:
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

    def read(self, path: str, name: str) -> Module | None:
        """The module in a file of the project; None if it cannot know `name`."""
        file = self._file(path, name)
        module = file.module if file is not None else None
        if module is not None:
            self.asker.asked.rests_on(module.asked)
        return module

    def _file(self, path: str, name: str) -> File | None:
        try:
            status = self.asker.asked.file(path)
            if status is None or status.st_size > MAX_BYTES:
                return None
            path = _real(path, status.st_dev, status.st_ino)
            if not path.startswith(os.path.join(self.project, "")):
                return None
            file = file_at(path, status.st_mtime_ns, status.st_size, self.asker.settings)
        except OSError:
            return None
        return file if file.may_bind(name) else None


@lru_cache(maxsize=4096)
def _real(path: str, device: int, inode: int) -> str:
    """Where a path leads to, as long as that is the same file."""
    return os.path.realpath(path)


def _parsed(asker: Module, file: File, found: Defined) -> Elsewhere | None:
    """A definition in libcst's tree, which is asked for only now."""
    module = file.module
    if module is None:
        return None
    if module is not asker:
        asker.asked.rests_on(module.asked)
    name = found.syntax.name
    nodes = [node for node in definitions(module.tree.body) if node.name.value == name]
    return Elsewhere(module, nodes[found.before])


def _project(module: Module) -> str | None:
    """The folder of the project that a module is a file of."""
    if not os.path.isfile(module.source.name):
        return None
    return project_folder(_folder(module), module.asked)


def _folder(module: Module) -> str:
    return os.path.dirname(os.path.realpath(module.source.name))


def _meanings(
    bindings: list[tuple[str, Binding]], parts: tuple[str, ...]
) -> list[tuple[Binding, tuple[str, ...]]]:
    """What may bind the first of `parts`, the last first, with what to look for there.

    A star brings what the module itself does not name, if it is not private. Modules that a
    star brings are not looked into: each of a package's stars would lead to all the others again.
    """
    own = [(value, parts[1:]) for bound, value in bindings if bound == parts[0]]
    if not own and len(parts) == 1 and not parts[0].startswith("_"):
        own = [(value, parts) for bound, value in bindings if bound == "*"]
    return own[::-1]
