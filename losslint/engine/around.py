"""What lies around the files of a run: the folder of the project, and the files in it that count."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from losslint.config import Settings
from losslint.frozen import dataclass
from losslint.model.asked import Asked
from losslint.model.imports import is_marked, project_folder
from losslint.source.discover import Python, discover

CONFIGS = (".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin", ".conf", ".sh")
MAX_BYTES = 1 << 20
MAX_CONFIGS = 5_000
MAX_UNMARKED = 5_000  # Python files below a folder that nothing marks as a project's
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


class NoProject(ValueError):
    """Nothing marks the project that some files are of, and around them is too much to be one."""


def surroundings(files: Collection[str], paths: Iterable[str], settings: Settings) -> Surroundings:
    """What is around the files of a run; `paths` are the files and folders that were given.

    Raises:
        NoProject: it cannot be told where their project begins.
    """
    paths = [*paths]
    folder = project_of(paths or files)
    there = (os.path.join(folder, name) for name in SETUPS)
    return Surroundings(
        folder,
        () if _leaves_none(paths, folder, settings) else _others(files, paths, folder, settings),
        tuple(_configs(folder)),
        tuple(filter(os.path.exists, there)),
    )


def is_covered(paths: Iterable[str]) -> bool:
    """Whether a run over these paths looks at a whole project, and not at some of its files."""
    given = [*paths]
    return bool(given) and os.path.realpath(given[0]) == project_of(given)


def project_of(paths: Iterable[str]) -> str:
    """The folder of the project that paths are in: the one marked as such, or what was given of it."""
    real = {os.path.realpath(path) for path in paths}
    common = os.path.commonpath({p if os.path.isdir(p) else os.path.dirname(p) for p in real})
    asked = Asked()
    marked = project_folder(common, asked)
    return marked if marked is not None and is_marked(marked, asked) else common


def _plain(folder: str, settings: Settings) -> Settings:
    """Settings that leave out what nobody asks for, and not what a user leaves out."""
    return replace(Settings(), root=folder, respect_gitignore=settings.respect_gitignore)


def _leaves_none(paths: Sequence[str], folder: str, settings: Settings) -> bool:
    """Whether a run over these paths has every file of the project: those are not found twice.

    What is left out by default are plain names, and none that the folder has that was given.
    """
    plain = _plain(folder, settings)
    same = (settings.exclude, settings.extend_exclude) == (plain.exclude, plain.extend_exclude)
    return same and not settings.force_exclude and folder in map(os.path.realpath, paths)


def _others(
    files: Iterable[str], paths: Iterable[str], folder: str, settings: Settings
) -> tuple[str, ...]:
    """Every Python file and notebook of the project that is not among some.

    A folder that was given is a project, whatever marks it.
    """
    given = frozenset(map(os.path.abspath, files))
    is_known = folder in map(os.path.realpath, paths) or is_marked(folder, Asked())
    if not is_known and _is_for_everything(folder):
        raise NoProject(folder)
    found = discover([folder], _plain(folder, settings))
    there = (one.path for one in found if isinstance(one, Python))
    around = tuple(islice(there, None if is_known else MAX_UNMARKED + 1))
    if not is_known and len(around) > MAX_UNMARKED:
        raise NoProject(folder)
    return tuple(path for path in around if os.path.abspath(path) not in given)


def _is_for_everything(folder: str) -> bool:
    """Whether this is the top of all files, or the home of a user, or above it."""
    home = os.path.realpath(os.path.expanduser("~"))
    return os.path.commonpath([folder, home]) == folder


def _configs(folder: str) -> Iterator[str]:
    count = 0
    waiting = [folder]
    while waiting and count <= MAX_CONFIGS:
        try:
            with os.scandir(waiting.pop()) as entries:
                inside = [*entries]
        except OSError:
            continue
        files = [entry.path for entry in inside if entry.name.endswith(CONFIGS)]
        small = [path for path in sorted(files) if _is_small_file(path)]
        yield from small
        count += len(small)
        below = (entry for entry in inside if entry.is_dir(follow_symlinks=False))
        folders = [e.path for e in below if e.name[:1] != "." and e.name not in PASSED_BY]
        waiting += sorted(folders, reverse=True)


def _is_small_file(path: str) -> bool:
    """Whether a path leads to a file, and no link to nowhere or pipe, that is soon read."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES
