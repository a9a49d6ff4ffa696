"""What decides findings besides the files that are checked: settings, versions, the code of rules."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from importlib.util import find_spec

import losslint
from losslint.config import Settings
from losslint.rules.plugins import installed

try:
    from _blake2 import blake2b  # `hashlib` has it too, and OpenSSL, which is long to load
except ImportError:
    from hashlib import blake2b

# These decide which files are found and what becomes of the findings, and not what is found.
OF_OTHERS = frozenset(
    "exclude extend_exclude force_exclude origin extended cache_dir baseline fail_on output_format".split()
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
    """What changes whenever losslint, a plug-in or libcst do."""
    package = os.path.dirname(os.path.abspath(losslint.__file__))
    own = f"torch_losslint-{losslint.__version__}.dist-info"
    files = [*_files(package, os.path.join(os.path.dirname(package), own))]
    plugins = installed()
    for plugin in plugins:
        for place in _places(plugin.module.partition(".")[0]):
            files += _files(place, plugin.metadata)
    files += (os.path.join(place, "_version.py") for place in _places("libcst"))
    return [*map(str, plugins), *map(_state, files)]


def _places(package: str) -> list[str]:
    """Where a package or module is that can be imported, without importing it."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return list(spec.submodule_search_locations or filter(None, [spec.origin]))


def _files(package: str, metadata: str) -> Iterable[str]:
    """The files that tell one state of a package from another.

    An installed package is known by its list of files, which is written when it is
    installed. Code that is being worked on is known by its files themselves.
    """
    if not os.path.isdir(package):
        return [package]  # a single file
    record = os.path.join(metadata, "RECORD")
    is_beside = os.path.dirname(metadata) == os.path.dirname(package)
    return [record] if is_beside and os.path.isfile(record) else sorted(_sources(package))


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
