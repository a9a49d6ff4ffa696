"""From the paths that were given to the files that will be checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from operator import attrgetter

from losslint.config import Settings
from losslint.frozen import dataclass
from losslint.source.globs import Globs, Ignored


@dataclass(frozen=True)
class Python:
    """A file to check."""

    path: str


@dataclass(frozen=True)
class Skipped:
    """Something that is not checked and that nobody named; `kind` in the plural."""

    path: str
    kind: str


@dataclass(frozen=True)
class Problem:
    """Something that was to be checked and cannot be."""

    path: str
    message: str


Found = Python | Skipped | Problem

NOTEBOOKS = "non-Python notebooks"
LINKS = "links"
SPECIAL = "special files"


def discover(paths: Iterable[str | os.PathLike[str]], settings: Settings) -> Iterator[Found]:
    """Every file that `paths` lead to, each once, in the same order every time.

    A file that is named is taken whatever its suffix, and even if it is
    excluded. In folders only `.py` and `.ipynb` files are, and no link is followed.
    """
    given = [os.fspath(path) for path in paths]
    if len(given) == 1:  # of which nothing comes twice
        yield from _Walk(settings).named(given[0])
        return
    seen: set[str] = set()
    for path in given:
        for found in _Walk(settings).named(path):
            key = os.path.realpath(found.path) if isinstance(found, Python) else found.path
            if key not in seen:
                seen.add(key)
                yield found


def is_left_out(path: str, settings: Settings) -> bool:
    """Whether a walk from the top passes a file by: it is excluded, or ignored by git."""
    return _Walk(settings).leaves_out(path, folder=False)


class _Folder(tuple[str, Ignored]):
    """A folder that is still to be looked into, and what is ignored there."""

    __slots__ = ()

    def __new__(cls, path: str, ignored: Ignored) -> _Folder:
        return super().__new__(cls, (path, ignored))


class _Walk:
    """One path on the command line, and what lies below it."""

    def __init__(self, settings: Settings) -> None:
        patterns = (*settings.exclude, *settings.extend_exclude)
        self.excluded = Globs(patterns, settings.root or os.curdir)
        self.force_exclude = settings.force_exclude
        self.respect_gitignore = settings.respect_gitignore

    def named(self, path: str) -> Iterator[Found]:
        """What a path on the command line stands for."""
        try:
            mode = os.stat(path).st_mode
        except OSError as problem:
            yield Problem(path, problem.strerror or str(problem))
            return
        except ValueError as problem:  # a null byte in the path
            yield Problem(path, str(problem))
            return
        folder = stat.S_ISDIR(mode)
        if self.force_exclude and self.leaves_out(path, folder=folder):
            return
        if folder:
            self.excluded = self.excluded.sparing(path)
            ignored = Ignored.above(path) if self.respect_gitignore else Ignored()
            yield from self._folder(path, ignored)
        elif not stat.S_ISREG(mode):
            yield Problem(path, "neither a file nor a folder")
        else:
            yield Python(path)

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Whether a walk from the top would have passed `path` by."""
        if self.excluded.match(path, folder=folder):
            return True
        return self.respect_gitignore and Ignored.all_above(path).match(path, folder=folder)

    def _folder(self, path: str, ignored: Ignored) -> Iterator[Found]:
        """Depth first, by name."""
        waiting: list[Found | _Folder] = [_Folder(path, ignored)]
        while waiting:
            one = waiting.pop()
            if isinstance(one, _Folder):
                waiting += reversed(self._listed(*one))
            else:
                yield one

    def _listed(self, path: str, ignored: Ignored) -> list[Found | _Folder]:
        """What is in a folder, by name."""
        try:
            with os.scandir(path) as entries:
                inside = sorted(entries, key=attrgetter("name"))
        except OSError as problem:
            return [Problem(path, problem.strerror or str(problem))]
        if self.respect_gitignore and any(e.name == ".gitignore" for e in inside):
            ignored = ignored.below(path)
        is_excluded, is_ignored = self.excluded.inside(path), ignored.inside(path)
        found = []
        for entry in inside:
            # `entry.is_dir` would raise on a link that leads to itself.
            folder = os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()
            if not folder and not entry.name.endswith((".py", ".ipynb")):
                continue
            if not (is_excluded(entry.name, folder) or is_ignored(entry.name, folder)):
                found.append(self._entry(entry, folder, ignored))
        return found

    def _entry(self, entry: os.DirEntry[str], folder: bool, ignored: Ignored) -> Found | _Folder:
        path = entry.path.removeprefix(f".{os.sep}")
        if entry.is_symlink():
            return Skipped(path, LINKS)
        if folder:
            return _Folder(path, ignored)
        return Python(path) if entry.is_file(follow_symlinks=False) else Skipped(path, SPECIAL)
