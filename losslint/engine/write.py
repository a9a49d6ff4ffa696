"""Put new bytes in the place of old ones, wholly or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress


class Changed(Exception):
    """The file is no longer what was read; somebody else wrote it."""


def write(path: str, before: bytes, after: bytes) -> None:
    """Replace the file at `path`, which must hold `before`. Keeps its mode and owner.

    A link stays a link: what it leads to is replaced.

    Raises:
        Changed: the file does not hold `before`.
        OSError: it cannot be written. It is as it was then.
    """
    target = os.path.realpath(path)
    status = os.stat(target)
    if not os.access(target, os.W_OK):
        raise PermissionError("the file is read-only")
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".losslint-")
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        _make_alike(temporary, status)
        with open(target, "rb") as file:
            if file.read() != before:
                raise Changed("the file changed while it was checked")
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _make_alike(path: str, status: os.stat_result) -> None:
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may give a file away
            os.chown(path, status.st_uid, status.st_gid)
    os.chmod(path, stat.S_IMODE(status.st_mode))
