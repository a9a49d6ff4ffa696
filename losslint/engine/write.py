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


def write(path: str, before: bytes | None, after: bytes) -> None:
    """Replace the file at `path`, which must hold `before`; None is for one that must not be there.

    Its mode, owner and access lists stay, where the system lets them. A link stays a link:
    what it leads to is replaced.

    Raises:
        Changed: the file does not hold `before`.
        OSError: it cannot be written. It is as it was then.
    """
    with _in_place_of(path, _status(path), after) as target:
        if _held(target) != before:
            raise Changed(CHANGED)


def put(path: str, data: bytes) -> None:
    """Write a file, whether there was one or not. What `write` keeps of one that was, this keeps.

    A link stays a link. A device or a pipe is written to as it is.

    Raises:
        OSError: it cannot be written. It is as it was then.
    """
    status = _status(path)
    if status and not stat.S_ISREG(status.st_mode):
        with open(path, "wb") as file:
            file.write(data)
        return
    with _in_place_of(path, status, data):
        pass


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _held(path: str) -> bytes | None:
    """What a file holds; None if there is none, or something that is no file."""
    status = _status(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    with open(path, "rb") as file:
        return file.read()


@contextmanager
def _in_place_of(path: str, status: os.stat_result | None, data: bytes) -> Iterator[str]:
    """Where a path leads to; at the end, `data` is there instead."""
    target = os.path.realpath(path)
    if status and not os.access(target, os.W_OK):
        raise PermissionError("the file is read-only")
    if status and status.st_nlink > 1:
        raise PermissionError("the file has a second name (a hard link), which would keep the old")
    folder = os.path.dirname(target)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".losslint-")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _make_alike(temporary, target, status)
        yield target
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):  # interrupted when it was in its place already
            os.unlink(temporary)
        raise
    _sync(folder)


def _make_alike(path: str, target: str, status: os.stat_result | None) -> None:
    """Give a file the mode, the owner and the access lists of another, or what new files get."""
    if status is None:
        os.umask(mask := os.umask(0))
        os.chmod(path, 0o666 & ~mask)
        return
    mode = stat.S_IMODE(status.st_mode)
    if hasattr(os, "chown"):
        for owner in ((-1, status.st_gid), (status.st_uid, -1)):
            with suppress(PermissionError):  # only root may give a file away
                os.chown(path, *owner)
        now = os.stat(path)
        if (now.st_uid, now.st_gid) != (status.st_uid, status.st_gid):
            mode &= ~(stat.S_ISUID | stat.S_ISGID)  # which would lend it to somebody else
    os.chmod(path, mode)
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a disk without any
            for name in os.listxattr(target):
                with suppress(OSError):  # one that the system sets itself
                    os.setxattr(path, name, os.getxattr(target, name))


def _sync(folder: str) -> None:
    """Have a new name in a folder outlast a loss of power, where folders can be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
