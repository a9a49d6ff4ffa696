"""What decides findings besides the files that are checked: settings, versions, losslint's own code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from hashlib import blake2b
from importlib.machinery import PathFinder

import losslint
from losslint.config import Settings

# These decide which files are found and what becomes of the findings, and not what is found.
OF_OTHERS = frozenset(
    ("exclude", "extend_exclude", "force_exclude", "origin", "cache_dir", "fail_on")
)


def mark(settings: Settings) -> str:
    """The same for two runs that would say the same of a file.

    The working directory is part of it, since findings name files as they were given.
    """
    told = [getattr(settings, f.name) for f in fields(settings) if f.name not in OF_OTHERS]
    home = os.path.expanduser("~")  # where the search for a project's folder ends
    parts = [losslint.__version__, *_code(), sys.version, os.getcwd(), home, told]
    return digest(json.dumps(parts).encode())


def digest(data: bytes) -> str:
    """What tells one content from another."""
    return blake2b(data, digest_size=16).hexdigest()


def _code() -> list[str]:
    """What changes whenever losslint or libcst do.

    An installed package is known by its list of files, which is written when it is
    installed. Code that is being worked on is known by its files themselves.
    """
    package = os.path.dirname(os.path.abspath(losslint.__file__))
    installed = f"torch_losslint-{losslint.__version__}.dist-info"
    record = os.path.join(os.path.dirname(package), installed, "RECORD")
    own = [record] if os.path.isfile(record) else sorted(_sources(package))
    spec = PathFinder.find_spec("libcst")
    libcst = os.path.dirname(spec.origin) if spec and spec.origin else ""
    return [_state(path) for path in (*own, os.path.join(libcst, "_version.py"))]


def _sources(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _sources(entry.path)
                elif entry.name.endswith(".py"):
                    yield entry.path
    except OSError:
        return  # in an archive


def _state(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return path
    return f"{path} {status.st_size} {status.st_mtime_ns}"
