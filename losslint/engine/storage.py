"""The files of the cache: one a kind of run, in a folder that says what it is."""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import Sequence

from losslint.source.regular import opened

NAME = ".losslint_cache"
SUFFIX = ".cache"
TEMPORARY = ".losslint-"
TAG = "CACHEDIR.TAG"
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"  # of https://bford.info/cachedir/
TAGGED = SIGNATURE + b"\n# Made by losslint; `losslint clean` removes it.\n"
OWN = {TAG: TAGGED, ".gitignore": b"# Made by losslint.\n*\n"}

MAX_FILES = 8  # kept, of different settings and versions
MAX_BYTES = 1 << 29
MAX_HEAD = 400
FORMAT = b"losslint-cache-1"


def packed(mark: str, parts: Sequence[bytes]) -> bytes:
    """One file of several parts, with what tells whether it is whole."""
    sums = b" ".join(b"%d:%d" % (len(part), zlib.crc32(part)) for part in parts)
    return b"%s %s %s\n%s" % (FORMAT, mark.encode(), sums, b"".join(parts))


class Stored:
    """The parts of one file, each read when it is asked for.

    The file may be anybody's: of one that was not made by `packed` with this mark there are no parts.
    """

    def __init__(self, path: str, mark: str) -> None:
        self._path = path
        head, end, _ = _head(path, MAX_HEAD).partition(b"\n")
        self._head = head + end
        self._places = _places(self._head, mark)

    def part(self, number: int) -> bytes | None:
        """A part of the file; None if it is not there, or not whole."""
        if number >= len(self._places):
            return None
        start, length, checksum = self._places[number]
        try:
            with opened(self._path) as handle:
                if os.read(handle, len(self._head)) != self._head:
                    return None  # another run wrote it anew
                os.lseek(handle, len(self._head) + start, os.SEEK_SET)
                data = _read_all(handle, length)
        except OSError:
            return None
        return data if len(data) == length and zlib.crc32(data) == checksum else None


def save(folder: str, name: str, data: bytes) -> None:
    """Put a file into the cache, wholly or not at all.

    Raises:
        OSError: it cannot be written. What was there is as it was then.
    """
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, "it would be larger than half a gigabyte")
    if os.path.islink(folder):  # which may come with what is checked, and lead anywhere
        raise OSError(f"{folder} is a link")
    os.makedirs(folder, exist_ok=True)
    if not os.listdir(folder):  # in a folder of the user's own, nothing else is written
        for known, text in OWN.items():
            _put(folder, known, text)
    is_new = not os.path.lexists(os.path.join(folder, name))
    _put(folder, name, data)
    if is_new:
        _prune(folder)


def remove(folder: str) -> bool:
    """Remove a cache; whether there was one. What losslint did not write stays.

    Raises:
        OSError: it cannot be removed.
    """
    own = [path for path in _entries(folder) if _is_own(path)]
    for path in own:
        os.unlink(path)
    if own and not os.listdir(folder):
        os.rmdir(folder)
    return bool(own)


def _entries(folder: str) -> list[str]:
    if os.path.islink(folder) or not os.path.isdir(folder):
        return []
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def _is_own(path: str) -> bool:
    """Whether losslint wrote a file: by its name and by what it begins with."""
    name = os.path.basename(path)
    if name.startswith(TEMPORARY):
        return True
    begins = FORMAT if name.endswith(SUFFIX) else OWN.get(name)
    return begins is not None and _head(path, len(begins)) == begins


def _put(folder: str, name: str, data: bytes) -> None:
    import tempfile  # which takes as long as to read the cache

    handle, temporary = tempfile.mkstemp(dir=folder, prefix=TEMPORARY)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, os.path.join(folder, name))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _prune(folder: str) -> None:
    """Remove the files that were written longest ago, if there are many."""
    with contextlib.suppress(OSError):  # another run is at it
        paths = [path for path in _entries(folder) if path.endswith(SUFFIX) and _is_own(path)]
        for path in sorted(paths, key=os.path.getmtime)[:-MAX_FILES]:
            os.unlink(path)


def _head(path: str, length: int) -> bytes:
    """What a regular file begins with; nothing where there is none."""
    try:
        with opened(path) as handle:
            return os.read(handle, length)
    except OSError:
        return b""


def _places(head: bytes, mark: str) -> list[tuple[int, int, int]]:
    words = head.split()
    if words[:2] != [FORMAT, mark.encode()]:
        return []
    places = []
    at = 0
    for word in words[2:]:
        length, _, checksum = word.partition(b":")
        if not (length.isdigit() and checksum.isdigit() and len(word) < 24):
            return []
        places.append((at, int(length), int(checksum)))
        at += int(length)
    return places if at <= MAX_BYTES else []


def _read_all(handle: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.read(handle, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
