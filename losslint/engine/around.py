"""What lies around the files of a run: the folder of the project, and the files in it that count."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from losslint.config import Settings
from losslint.model.asked import Asked
from losslint.model.imports import is_marked, project_folder
from losslint.source.discover import Python, discover

CONFIGS = (".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin", ".conf", ".sh")
MAX_BYTES = 1 << 20
MAX_CONFIGS = 5_000
PASSED_BY = frozenset("node_modules site-packages __pycache__ venv env build dist".split())
SETUPS = ("setup.py", "setup.cfg")


@dataclass(frozen=True)
class Surroundings:
    """The folder of a project, and what lies there besides the files of the run.

    `others` are Python files and notebooks, `configs` the configuration files, `setups`
    what says that the project is made to be installed, `pyproject` where that may be said too.
    """

    folder: str
    others: tuple[str, ...]
    configs: tuple[str, ...]
    setups: tuple[str, ...]

    @property
    def pyproject(self) -> str:
        """Where its pyproject.toml is, if there is one."""
        return os.path.join(self.folder, "pyproject.toml")


def surroundings(files: Collection[str], paths: Iterable[str], settings: Settings) -> Surroundings:
    """What is around the files of a run; `paths` are the files and folders that were given."""
    folder = _folder([*paths] or files)
    given = frozenset(map(os.path.abspath, files))
    there = (os.path.join(folder, name) for name in SETUPS)
    return Surroundings(
        folder,
        tuple(path for path in _around(folder, settings) if os.path.abspath(path) not in given),
        tuple(_configs(folder)),
        tuple(filter(os.path.exists, there)),
    )


def is_covered(paths: Iterable[str]) -> bool:
    """Whether a run over these paths looks at a whole project, and not at some of its files."""
    given = [*paths]
    return bool(given) and os.path.realpath(given[0]) == _folder(given)


def _folder(paths: Iterable[str]) -> str:
    """The folder of the project: the one that is marked as such, or what was given of it."""
    real = {os.path.realpath(path) for path in paths}
    common = os.path.commonpath({p if os.path.isdir(p) else os.path.dirname(p) for p in real})
    asked = Asked()
    marked = project_folder(common, asked)
    return marked if marked is not None and is_marked(marked, asked) else common


def _around(folder: str, settings: Settings) -> list[str]:
    """Every Python file and notebook of the project, those too that a user leaves out."""
    plain = replace(Settings(), root=folder, respect_gitignore=settings.respect_gitignore)
    return [found.path for found in discover([folder], plain) if isinstance(found, Python)]


def _configs(folder: str) -> Iterator[str]:
    count = 0
    for above, folders, names in os.walk(folder):
        folders[:] = [f for f in sorted(folders) if f[:1] != "." and f not in PASSED_BY]
        for name in names:
            path = os.path.join(above, name)
            if name.endswith(CONFIGS) and _is_small_file(path):
                yield path
                count += 1
        if count > MAX_CONFIGS:
            return


def _is_small_file(path: str) -> bool:
    """Whether a path leads to a file, and no link to nowhere or pipe, that is soon read."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES
