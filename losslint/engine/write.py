"""Put new bytes in the place of old ones, wholly or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress


class Changed(Exception):
    """The file is no longer what was read; somebody else wrote it."""


def write(path: str, before: bytes | None, after: bytes) -> None:
    """Replace the file at `path`, which must hold `before`. Keeps its mode and owner.

    A link stays a link: what it leads to is replaced. `before` is None for a file that is new.

    Raises:
        Changed: the file does not hold `before`.
        OSError: it cannot be written. It is as it was then.
    """
    target = os.path.realpath(path)
    status = os.stat(target) if before is not None else None
    if status is not None and not os.access(target, os.W_OK):
        raise PermissionError("the file is read-only")
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".losslint-")
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        _make_alike(temporary, status)
        if _held(target) != before:
            raise Changed("the file changed while it was checked")
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _held(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _make_alike(path: str, status: os.stat_result | None) -> None:
    if status is None:
        usual = os.umask(0)  # which can only be read by setting it
        os.umask(usual)
        os.chmod(path, 0o666 & ~usual)
        return
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may give a file away
            os.chown(path, status.st_uid, status.st_gid)
    os.chmod(path, stat.S_IMODE(status.st_mode))
