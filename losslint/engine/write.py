"""Put bytes into a file, wholly or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHANGED = "the file changed while it was checked"


class Changed(Exception):
    """The file is no longer what was read; somebody else wrote it."""


def write(path: str, before: bytes, after: bytes) -> None:
    """Replace the file at `path`, which must hold `before`. Keeps its mode and owner.

    A link stays a link: what it leads to is replaced.

    Raises:
        Changed: the file does not hold `before`.
        OSError: it cannot be written. It is as it was then.
    """
    with _in_place_of(path, os.stat(path), after) as target, open(target, "rb") as file:
        if file.read() != before:
            raise Changed(CHANGED)


def put(path: str, data: bytes) -> None:
    """Write a file, whether there was one or not. One that was keeps its mode and owner.

    A link stays a link. A device or a pipe is written to as it is.

    Raises:
        OSError: it cannot be written. It is as it was then.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    if status and not stat.S_ISREG(status.st_mode):
        with open(path, "wb") as file:
            file.write(data)
        return
    with _in_place_of(path, status, data):
        pass


@contextmanager
def _in_place_of(path: str, status: os.stat_result | None, data: bytes) -> Iterator[str]:
    """Where a path leads to; at the end, `data` is there instead."""
    target = os.path.realpath(path)
    if status and not os.access(target, os.W_OK):
        raise PermissionError("the file is read-only")
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".losslint-")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _make_alike(temporary, status)
        yield target
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _make_alike(path: str, status: os.stat_result | None) -> None:
    if status is None:
        os.umask(mask := os.umask(0))
        os.chmod(path, 0o666 & ~mask)
        return
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may give a file away
            os.chown(path, status.st_uid, status.st_gid)
    os.chmod(path, stat.S_IMODE(status.st_mode))
