"""Which files of a project an import may mean, by where the files lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

from losslint.frozen import dataclass
from losslint.model.asked import Asked

MAX_ABOVE = 6  # folders above a file, where none is marked as the project's
MARKERS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
SOURCES = ("", "src")  # what a project's folder may keep its packages in


class Folders(Protocol):
    """Who knows which folders there are."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at a path."""


@dataclass(frozen=True)
class Import:
    """`from ..a import b` as a level of 2 and the parts `a`, `b`; a star stands for no part."""

    level: int
    parts: tuple[str, ...]


def readings(qualified: str) -> Iterator[Import]:
    """What a qualified name may be an import of, by how many dots it begins with.

    `from . import a` makes `..a`, as `from .. import a` makes `...a`.
    """
    name = qualified.lstrip(".")
    level = len(qualified) - len(name)
    for each in (level, level - 1) if level > 1 else (level,):
        yield Import(each, tuple(name.split(".")))


def places(
    folder: str, project: str, wanted: Import, asked: Folders
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each file that an import in a file of `folder` may mean, and what it asks of it; nearest first.

    `project` is the folder that the project is in: nothing above it is looked at.
    """
    if wanted.level:
        for _ in range(wanted.level - 1):
            folder = os.path.dirname(folder)
        yield from _in_package(folder, wanted.parts, asked)
        return
    for above in _upwards(folder, project):
        for sources in SOURCES:
            yield from _in_folder(os.path.join(above, sources), wanted.parts, asked)


def _in_folder(
    folder: str, parts: tuple[str, ...], asked: Folders
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The files that `parts` may lead to if the first is a module in `folder`."""
    first, rest = os.path.join(folder, parts[0]), parts[1:]
    if not rest:
        return
    if asked.is_folder(first):
        yield from _in_package(first, rest, asked)
    yield f"{first}.py", rest


def _in_package(
    folder: str, parts: tuple[str, ...], asked: Folders
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same if the first is a module of the package `folder`, or a name that it binds."""
    yield from _in_folder(folder, parts, asked)
    yield os.path.join(folder, "__init__.py"), parts


def project_folder(folder: str, asked: Asked) -> str | None:
    """The folder of the project that `folder` is in; None where there cannot be one."""
    home = os.path.realpath(os.path.expanduser("~"))
    project = None
    for _ in range(MAX_ABOVE + 1):
        above = os.path.dirname(folder)
        if folder in (above, home):
            break
        project = folder
        if is_marked(folder, asked):
            break
        folder = above
    return project


def is_marked(folder: str, asked: Asked) -> bool:
    """Whether something in a folder says that a project begins there."""
    return any(asked.is_there(os.path.join(folder, marker)) for marker in MARKERS)


def _upwards(folder: str, last: str) -> Iterator[str]:
    while folder != last and os.path.dirname(folder) != folder:
        yield folder
        folder = os.path.dirname(folder)
    yield last
