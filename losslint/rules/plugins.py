"""Packages with rules of their own: which are installed, told without importing any."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from losslint.frozen import dataclass

GROUP = "losslint.rules"

# What holds the entry points of a package, in a folder beside the package.
METADATA = (".dist-info", ".egg-info")
UNREADABLE = "an entry_points.txt that cannot be read"


@dataclass(frozen=True)
class Plugin:
    """An entry point of the group: the `prefix` of some codes, and the `module` that holds the rules.

    `metadata` is the folder that tells what is installed.
    """

    prefix: str
    module: str
    metadata: str

    def __str__(self) -> str:
        return f"plug-in {self.distribution} ({self.prefix} = {self.module})"

    @property
    def distribution(self) -> str:
        """The name of what is installed, and its version where its folder tells that."""
        name = os.path.basename(self.metadata).rpartition(".")[0]
        return name.replace("-", " ", 1)


def installed() -> tuple[Plugin, ...]:
    """Every plug-in on `sys.path`, in the same order in every run.

    The files of entry points are looked through for the name of the group, as
    `importlib.metadata` takes longer to import than all of this does. It is asked only
    for what is in a file that names the group.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        for metadata in _metadata(folder or os.curdir):
            # Of two of one name Python imports the first, too.
            name = os.path.basename(metadata).partition("-")[0].removesuffix(".egg-info")
            found.setdefault(name.lower(), metadata)
    return tuple(plugin for name in sorted(found) for plugin in _plugins(found[name]))


def _metadata(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.name.endswith(METADATA)]
    except OSError:  # an archive, or nothing
        return []


def _plugins(metadata: str) -> Iterator[Plugin]:
    try:
        with open(os.path.join(metadata, "entry_points.txt"), "rb") as file:
            if GROUP.encode() not in file.read():
                return
    except OSError:
        return
    from importlib.metadata import Distribution

    try:
        points = Distribution.at(metadata).entry_points.select(group=GROUP)
        pairs = sorted((point.name, point.value) for point in points)
    except (ValueError, TypeError, AttributeError):  # as the versions of Python have it
        pairs = [("", UNREADABLE)]
    for prefix, module in pairs:
        yield Plugin(prefix, module, metadata)
