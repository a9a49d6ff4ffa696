"""Which files are as they were: by size and times, and by their content where those differ."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping

from losslint.engine.fingerprint import digest
from losslint.source.regular import opened

MAX_BYTES = 1 << 26  # the content of a larger file is never known

# Times are as coarse as two seconds on some disks: what was written that short a time before
# it was looked at may have changed since, and look the same.
COARSE = 2_000_000_000

CLOCK = 50_000_000  # how far the clock of files is behind that of the system

# A file's size, the times of its content and of its entry in nanoseconds, and the digest of its
# content, empty if that is not known.
State = tuple[int, int, int, str]
ABSENT: State = (0, 0, 0, "")


class States:
    """The files of a run as they are now, each looked at once, before it is read.

    `known` is how they were before; `is_changed` says whether that is out of date.
    """

    def __init__(self, known: Mapping[str, State]) -> None:
        self._known = known
        self._now: dict[str, State] = {}
        self._started = time.time_ns()
        self.is_changed = False

    def look_at(self, paths: Iterable[str]) -> None:
        """Look at files before others read them."""
        for path in paths:
            self.of(path)

    def of(self, path: str) -> State:
        """A file as it is. Its content is read only if it was known and may differ now."""
        found = self._now.get(path)
        if found is None:
            found = self._now[path] = self._looked_at(path)
        return found

    def content(self, path: str) -> str:
        """The digest of a file, which is read if need be; empty if there is none."""
        state = self.of(path)
        if state[3] or state == ABSENT:
            return state[3]
        self.read(path, _digest_of(path))
        return self._now[path][3]

    def read(self, path: str, content: str) -> None:
        """Take note of what was read from a file."""
        self._now[path] = (*self.of(path)[:3], content)
        self.is_changed = True

    def is_same(self, path: str) -> bool:
        """Whether a file holds what it did."""
        known = self._known.get(path)
        return known is not None and known[3] == self.of(path)[3] != ""

    def is_settled(self, path: str) -> bool:
        """Whether a file was last written before the first was looked at."""
        return self.of(path)[1] < self._started - CLOCK

    def to_keep(self) -> dict[str, State]:
        """All that is known by now of files that are there."""
        kept = {
            path: state
            for path, state in self._known.items()
            if path not in self._now and os.path.exists(path)
        }
        for path, state in self._now.items():
            if state[3]:
                coarse = max(state[1:3]) >= self._started - COARSE
                kept[path] = (0, 0, 0, state[3]) if coarse else state
        return kept

    def _looked_at(self, path: str) -> State:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return ABSENT
        if not stat.S_ISREG(status.st_mode):
            return ABSENT
        found = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(path)
        if known is None:
            return (*found, "")
        if known[:3] == found:
            return known
        self.is_changed = True
        return (*found, _digest_of(path))


def _digest_of(path: str) -> str:
    try:
        with opened(path) as handle, open(handle, "rb", closefd=False) as file:
            size = os.fstat(handle).st_size
            # No more than that: the path may be anybody's, and some files of the system never end.
            return digest(file.read(size)) if size <= MAX_BYTES else ""
    except OSError:
        return ""
