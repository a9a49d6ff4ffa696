"""Settings, and where they come from: pyproject.toml or losslint.toml."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import replace

from losslint.frozen import dataclass
from losslint.keys import KEYS, ConfigError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ConfigError", "nearest"]  # which others know from here

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".losslint_cache",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)

# What a nearer file adds to the lists of one that it extends, and the command line to both.
# Everything else that is given replaces what stood there.
ADDED = ("ignore", "extend_select", "extend_ignore", "extend_exclude")
GLOBS = ("exclude", "extend_exclude")
PATHS = ("cache_dir", "baseline")

SPECIAL = re.compile(r"[\\*?\[\]!#]")


@dataclass(frozen=True)
class Settings:
    """What to check and how. Rules are named by code, prefix or name, or `ALL`.

    Globs are written as in a .gitignore file in the folder `root`; an empty
    `root` is the working directory. One that begins with `//` counts from the top
    of the file system. `cache_dir` and `baseline` are paths, and count from `root`
    too. `select` empty means every rule that is not opt-in.

    `origin` is the file that they come from, `extended` are those that it extends.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True
    log_variance_form: str = "floor"
    loss_validator: str = ""
    loss_check_interval: int = 1
    loss_functions: tuple[str, ...] = ()
    monitor_functions: tuple[str, ...] = ()
    cache_dir: str = ""
    output_format: str = "full"
    fail_on: str = "note"
    baseline: str = ""
    root: str = ""
    origin: str = ""
    extended: tuple[str, ...] = ()


def find(start: str) -> Settings:
    """The settings that hold in the folder `start`: those of the nearest file with any.

    Raises:
        ConfigError: a file on the way cannot be read, or holds what means nothing.
    """
    folder = os.path.abspath(start)
    while True:
        for name in ("losslint.toml", "pyproject.toml"):
            path = os.path.join(folder, name)
            # A link that leads nowhere is an error, and a folder is no file.
            if os.path.isfile(path) or os.path.islink(path):
                if is_endless(path):
                    raise ConfigError(f"{path}: a link to a device or a pipe")
                settings = load(path)
                if settings is not None:
                    return settings
        above = os.path.dirname(folder)
        if above == folder:
            return Settings()
        folder = above


def is_endless(path: str) -> bool:
    """Whether a path leads to a device or a pipe: what comes with a project may not be read then."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # which reading it will tell
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def load(path: str, leading_here: tuple[str, ...] = ()) -> Settings | None:
    """The settings in one file, over those that it extends; None for a pyproject.toml without our table.

    `leading_here` are the files that extend this one.

    Raises:
        ConfigError: a file cannot be read, or holds what means nothing.
    """
    table = _table(path)
    if table is None:
        return None
    try:
        given = _values(table)
    except ConfigError as problem:
        raise ConfigError(f"{path}: {problem}") from problem
    folder = os.path.dirname(os.path.abspath(path))
    base = Settings()
    target = given.pop("extend", None)
    if target is not None:
        base = _extended(path, target, (*leading_here, path))
    return replace(merged(_seen_from(base, folder), given), root=folder, origin=path)


def merged(below: Settings, given: Mapping[str, Any]) -> Settings:
    """Settings with what was `given` nearer by, some fields and their values.

    `select` replaces all that selects and ignores below; other lists of rules
    and `extend_exclude` add to what is there; everything else replaces it.
    """
    if "select" in given:
        below = replace(below, ignore=(), extend_select=(), extend_ignore=())
    added = {name: (*getattr(below, name), *given[name]) for name in ADDED if name in given}
    return replace(below, **{**given, **added})


def anchored(glob: str, folder: str) -> str:
    """A glob of the folder `folder` as one that counts from the top of the file system.

    One without a slash names something in whatever folder, and stays as it is.
    """
    kept = glob.removeprefix("!")
    if "/" not in kept.rstrip("/") or kept.startswith("//"):
        return glob
    top = SPECIAL.sub(r"\\\g<0>", folder.replace(os.sep, "/")).lstrip("/")
    return f"{'!' * (kept != glob)}//{top}/{kept.lstrip('/')}"


def _extended(path: str, target: str, leading_here: tuple[str, ...]) -> Settings:
    """The settings of the file that the one at `path` extends."""
    written = os.path.expanduser(os.path.expandvars(target))
    target = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(path)), written))
    if any(os.path.realpath(target) == os.path.realpath(other) for other in leading_here):
        circle = " extends ".join((*leading_here, target))
        raise ConfigError(f"{path}: `extend` leads in a circle: {circle}")
    if not os.path.isfile(target):
        raise ConfigError(f"{path}: `extend` leads to no file: {target}")
    settings = load(target, leading_here)
    if settings is None:
        raise ConfigError(f"{target}: no [tool.losslint] table, and {path} extends it")
    return replace(settings, extended=(target, *settings.extended))


def _seen_from(settings: Settings, root: str) -> Settings:
    """The same settings, whose globs and paths count from another folder."""
    here = settings.root
    if here in ("", root):
        return settings
    moved: dict[str, Any] = {
        name: tuple(anchored(glob, here) for glob in getattr(settings, name)) for name in GLOBS
    }
    for name in PATHS:
        written = getattr(settings, name)
        moved[name] = written and os.path.join(here, written)
    ignores = ((anchored(glob, here), rules) for glob, rules in settings.per_file_ignores)
    return replace(settings, per_file_ignores=tuple(ignores), **moved)


def _values(table: Mapping[str, Any]) -> dict[str, Any]:
    """What a table of a TOML file gives for the fields of settings, and `extend`."""
    values = {}
    for key, value in table.items():
        if key == "tool" and isinstance(value, Mapping) and "losslint" in value:
            raise ConfigError("the keys stand here without `[tool.losslint]`")
        if key not in KEYS:
            raise ConfigError(f"unknown key `{key}`{nearest(key, KEYS)}")
        values[key.replace("-", "_")] = KEYS[key].read(key, value)
    return values


def _table(path: str) -> Mapping[str, Any] | None:
    """The table of a file that is ours; None for a pyproject.toml without one."""
    data = _read(path)
    if os.path.basename(path) != "pyproject.toml":
        return _toml(path, data)
    # Most name losslint nowhere, and are others' to read.
    tool = _toml(path, data).get("tool") if b"losslint" in data else None
    table = tool.get("losslint") if isinstance(tool, Mapping) else None
    if table is None or isinstance(table, Mapping):
        return table
    raise ConfigError(f"{path}: tool.losslint must be a table")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}") from problem


def _toml(path: str, data: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        # Editors on Windows write a byte order mark, which TOML has no word on.
        document: dict[str, Any] = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path}: not TOML: not UTF-8: {problem.reason}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path}: not TOML: {problem}") from problem
    except RecursionError as problem:
        raise ConfigError(f"{path}: not TOML: nested too deep") from problem
    return document
