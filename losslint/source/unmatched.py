"""Lines of a .gitignore file that certainly match nothing of a path: known without pathspec."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

# What may stand for characters that are not written.
WILD = re.compile(r"\[[^\]/]*\]|[*?/]+")
# Of these git and fnmatch do not think alike, or not simply.
HARD = re.compile(r"[\\^]|\[(?!\w+\])")


class Unmatched:
    """The lines of one file, each ready to be ruled out."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = [
            _Line(line) for line in (line.rstrip(" ") for line in lines) if line and line[0] != "#"
        ]

    def all(self, path: str) -> bool:
        """Whether no line says anything of a path, which is relative and with `/`."""
        return all(line.is_unmatched(path) for line in self._lines)


class _Line:
    def __init__(self, line: str) -> None:
        pattern = line.removeprefix("!").rstrip("/")
        self._words = () if HARD.search(line) else tuple(filter(None, WILD.split(pattern)))
        # That of a file or folder, wherever it is.
        self._name = "" if HARD.search(line) or "/" in pattern else pattern

    def is_unmatched(self, path: str) -> bool:
        if not all(word in path for word in self._words):
            return True
        if not self._name:
            return False
        return not any(fnmatchcase(name, self._name) for name in path.split("/"))
