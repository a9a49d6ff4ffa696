"""Put new bytes in the place of old ones, wholly or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile


class Changed(Exception):
    """The file is no longer what was read; somebody else wrote it."""


def write(path: str, before: bytes, after: bytes) -> None:
    """Replace the file at `path`, which must hold `before`. Keeps its mode.

    A link stays a link: what it leads to is replaced.

    Raises:
        Changed: the file does not hold `before`.
        OSError: it cannot be written. It is as it was then.
    """
    target = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(
        dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}.", suffix=".tmp"
    )
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        with open(target, "rb") as file:
            if file.read() != before:
                raise Changed("the file changed while it was checked")
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
