"""Globs, written and matched as in a .gitignore file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cached_property

from losslint.config import ConfigError, anchored, is_endless
from losslint.source.unmatched import Unmatched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

TOP = "//"
PLAIN_NAME = re.compile(r"[\w.-]+\Z")
# Whether something is meant, by its name in some folder and whether it is a folder itself.
ByName = Callable[[str, bool], bool]

REFUSED = re.compile(r"!\s*|.*\\")


class Globs:
    """A list of globs that counts from the folder `root`; what begins with `//`, from the top.

    Plain names, which is what people write and what the defaults are, need no
    pathspec and so not the 40 ms that importing it takes.
    """

    def __init__(self, patterns: Iterable[str], root: str) -> None:
        self._all = tuple(patterns)
        self.root = os.path.abspath(root)
        if any(pattern.removeprefix("!").startswith(TOP) for pattern in self._all):
            self._all = tuple(_from_top(pattern, self.root) for pattern in self._all)
            self.root = os.path.abspath(os.sep)
        self._names = frozenset(p for p in self._all if PLAIN_NAME.match(p))
        self._patterns = tuple(p for p in self._all if not PLAIN_NAME.match(p))

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec

        try:
            return GitIgnoreSpec.from_lines(self._patterns)
        except ValueError as problem:
            raise ConfigError(f"no glob: {problem}") from problem

    def match(self, path: str, *, folder: bool = False) -> bool:
        """Whether a glob names `path`, or a folder that it is in."""
        relative = inside(path, self.root)
        if relative is None:
            return False
        if not self._names.isdisjoint(relative.split("/")):
            return True
        return bool(self._patterns) and self._spec.match_file(relative + "/" * folder)

    def inside(self, folder: str) -> ByName:
        """Whether a glob names what is in a folder, of which itself none does."""
        relative = inside(folder, self.root)
        if relative is None:
            return lambda name, folder: False
        if not self._patterns:
            return lambda name, folder: name in self._names
        start, match = _prefix(relative), self._spec.match_file
        return lambda name, folder: name in self._names or match(start + name + "/" * folder)

    def sparing(self, folder: str) -> Globs:
        """These globs without the ones that name `folder` itself, or one that it is in."""
        each = ((p, Globs((p,), self.root)) for p in self._all)
        return Globs((p for p, glob in each if not glob.match(folder, folder=True)), self.root)


class Ignored:
    """The .gitignore files that hold in a folder, those of its parents before its own."""

    def __init__(self, files: tuple[Gitignore, ...] = ()) -> None:
        self._files = files

    def below(self, folder: str) -> Ignored:
        """What holds inside `folder`, which is one further down."""
        own = Gitignore.read(folder)
        return Ignored((*self._files, own)) if own else self

    def match(self, path: str, *, folder: bool = False) -> bool:
        """Whether `path` is ignored: the last word is that of the nearest file."""
        for file in reversed(self._files):
            verdict = file.verdict(path, folder=folder)
            if verdict is not None:
                return verdict
        return False

    def inside(self, folder: str) -> ByName:
        """Whether what is in a folder is ignored."""
        if not self._files:
            return lambda name, folder: False
        placed = [(file, inside(folder, file.folder)) for file in reversed(self._files)]
        holding = [(file, _prefix(start)) for file, start in placed if start is not None]

        def match(name: str, folder: bool) -> bool:
            verdicts = (file.verdict_of(start + name, folder=folder) for file, start in holding)
            return next((verdict for verdict in verdicts if verdict is not None), False)

        return match

    @classmethod
    def above(cls, folder: str) -> Ignored:
        """What the parents of `folder` say, up to the top of its repository.

        What ignores `folder` itself has no say: whoever names an ignored folder
        wants it checked.
        """
        files = cls.all_above(folder)._files
        return cls(tuple(file.sparing(folder) for file in files))

    @classmethod
    def all_above(cls, path: str) -> Ignored:
        """What all parents of `path` say, up to the top of its repository."""
        top = repository(os.path.dirname(os.path.abspath(path)))
        if top is None:
            return cls()
        files = [Gitignore.read(parent) for parent in _between(top, path)]
        return cls(tuple(file for file in files if file))


class Gitignore:
    """One .gitignore file."""

    def __init__(self, folder: str, lines: Iterable[str]) -> None:
        self.folder = folder
        # What pathspec refuses is to git a line that matches nothing.
        self._lines = tuple(line for line in lines if not REFUSED.fullmatch(line))
        self._unmatched = Unmatched(self._lines)

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(self._lines)

    @classmethod
    def read(cls, folder: str) -> Gitignore | None:
        """The file in `folder`; None if there is none that can be read."""
        path = os.path.join(folder, ".gitignore")
        if is_endless(path):
            return None
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                return cls(folder, f.read().splitlines())
        except OSError:
            return None

    def sparing(self, folder: str) -> Gitignore:
        """This file without the lines that ignore `folder` itself."""
        each = ((line, Gitignore(self.folder, (line,))) for line in self._lines)
        return Gitignore(
            self.folder, (line for line, file in each if not file.verdict(folder, folder=True))
        )

    def verdict(self, path: str, *, folder: bool) -> bool | None:
        """True if it ignores `path`, False if it re-includes it, None if it says nothing."""
        relative = inside(path, self.folder)
        return None if relative is None else self.verdict_of(relative, folder=folder)

    def verdict_of(self, relative: str, *, folder: bool) -> bool | None:
        """The same of a path as it is seen from the folder of this file."""
        if self._unmatched.all(relative):
            return None
        return self._spec.check_file(relative + "/" * folder).include


def inside(path: str, root: str) -> str | None:
    """`path` seen from the absolute folder `root`, with `/`; None if it lies elsewhere."""
    if os.sep == "/":  # the longer way takes half the time of a run over nothing new
        path, root = os.path.abspath(path), os.path.abspath(root)
        start = root if root == "/" else f"{root}/"
        return "." if path == root else path[len(start) :] if path.startswith(start) else None
    try:
        relative = os.path.relpath(path, root).replace(os.sep, "/")
    except ValueError:  # another drive
        return None
    return None if relative == ".." or relative.startswith("../") else relative


def _from_top(pattern: str, root: str) -> str:
    """A pattern that counts from the folder `root`, as one that counts from the top of the disk."""
    name = pattern.removeprefix("!")
    if "/" not in name.rstrip("/"):
        name = f"**/{name}"
    whole = anchored(name, root).removeprefix(TOP)
    return f"{'!' * pattern.startswith('!')}/{os.path.splitdrive(whole)[1].lstrip('/')}"


def _prefix(relative: str) -> str:
    """What the path of something in a folder begins with, by the path of the folder."""
    return "" if relative == "." else f"{relative}/"


def repository(folder: str) -> str | None:
    """The top of the repository that a folder is in; None if it is in none."""
    folder = os.path.abspath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def _between(top: str, folder: str) -> list[str]:
    """The folders from `top` down to, and without, `folder`."""
    path = os.path.dirname(os.path.abspath(folder))
    folders = []
    while inside(path, top) is not None:
        folders.append(path)
        if path == top:
            break
        path = os.path.dirname(path)
    return folders[::-1]
