"""Regular files, read without waiting for anybody: what was one a moment ago may be a pipe now."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

# Nobody writes so much Python, and what is read takes a hundred times as much to be parsed.
MAX_BYTES = 1 << 28


def read(path: str) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it cannot be read, is no such file, or is larger than `MAX_BYTES`.
    """
    with opened(path) as handle, open(handle, "rb", closefd=False) as file:
        if os.fstat(handle).st_size > MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return file.read()


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    """A regular file, opened to be read.

    Raises:
        OSError: it cannot be opened, or is no such file.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
        yield handle
    finally:
        os.close(handle)
