"""How many processes a run is worth."""

from __future__ import annotations

import os
from collections.abc import Iterable

# Bytes of source for each process: less takes no longer to check than a process to start.
# A file of them takes 0.1 s if it matters to the rules, and a process 10 ms.
SHARE = 100_000


def number(asked: int, paths: Iterable[str]) -> int:
    """How many processes to check these files with: as many as is asked for, or for 0 as pay."""
    if not hasattr(os, "fork"):
        return 1
    return asked or _worth(paths, _cores())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _worth(paths: Iterable[str], most: int) -> int:
    files = size = 0
    for path in paths:
        files += 1
        size += _size(path)
        if files >= most and size >= most * SHARE:
            return most
    return max(1, min(files, size // SHARE))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
