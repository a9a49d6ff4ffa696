"""Settings, and where they come from: pyproject.toml or losslint.toml."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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

LOG_VARIANCE_FORMS = ("floor", "softplus")

# From which severity on findings fail a run, the hardest first.
FAIL_ON = ("error", "warning", "note")

# `pkg.module:function`, as in the entry points of a package.
ENTRY_POINT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class ConfigError(ValueError):
    """The configuration cannot be used. The message says what to change, and where."""


@dataclass(frozen=True)
class Settings:
    """What to check and how. Rules are named by code, prefix or name, or `ALL`.

    Globs are written as in a .gitignore file in the folder `root`; an empty
    `root` is the working directory. `select` empty means every rule that is
    not opt-in.
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
    fail_on: str = "note"
    root: str = ""
    origin: str = ""


def find(start: str) -> Settings:
    """The settings that hold in the folder `start`: those of the nearest file with any.

    Raises:
        ConfigError: a file on the way cannot be read, or holds what means nothing.
    """
    folder = os.path.abspath(start)
    while True:
        for name in ("losslint.toml", "pyproject.toml"):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                settings = load(path)
                if settings is not None:
                    return settings
        above = os.path.dirname(folder)
        if above == folder:
            return Settings()
        folder = above


def load(path: str) -> Settings | None:
    """The settings in one file; None for a pyproject.toml without our table.

    Raises:
        ConfigError: the file cannot be read, or holds what means nothing.
    """
    if os.path.basename(path) == "pyproject.toml":
        data = _read(path)
        # Most name losslint nowhere, and are others' to read.
        table = _toml(path, data).get("tool", {}).get("losslint") if b"losslint" in data else None
    else:
        table = _toml(path, _read(path))
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise ConfigError(f"{path}: tool.losslint must be a table")
    try:
        settings = from_table(table)
    except ConfigError as problem:
        raise ConfigError(f"{path}: {problem}") from problem
    folder = os.path.dirname(os.path.abspath(path))
    return replace(settings, root=folder, origin=path)


def from_table(table: Mapping[str, Any]) -> Settings:
    """Settings from a table of a TOML file.

    Raises:
        ConfigError: a key is unknown, or its value of the wrong kind.
    """
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigError(f"unknown key `{key}`{nearest(key, KEYS)}")
        values[key.replace("-", "_")] = KEYS[key](key, value)
    return Settings(**values)


def nearest(word: str, known: Iterable[str]) -> str:
    """What to say after an unknown word: the known one that was probably meant."""
    from difflib import get_close_matches  # only ever needed for an error

    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return f"; did you mean `{by_lower[found[0]]}`?" if found else ""


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
        document: dict[str, Any] = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not TOML: {problem}") from problem
    return document


def _strings(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"`{key}` must be a list of strings")
    return tuple(value)


def _string(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"`{key}` must be a string")
    return value


def _boolean(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"`{key}` must be true or false")
    return value


def _ignores_by_glob(key: str, value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"`{key}` must be a table of globs and lists of rules")
    return tuple((glob, _strings(f"{key}.{glob}", rules)) for glob, rules in value.items())


def _one_of(*words: str) -> Callable[[str, object], str]:
    def read(key: str, value: object) -> str:
        if value not in words:
            quoted = " or ".join(f'"{word}"' for word in words)
            raise ConfigError(f"`{key}` must be {quoted}")
        return str(value)

    return read


def _entry_point(key: str, value: object) -> str:
    if not isinstance(value, str) or not ENTRY_POINT.fullmatch(value):
        raise ConfigError(f'`{key}` must name a function, as in "package.module:function"')
    return value


def _positive(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"`{key}` must be a whole number from 1")
    return value


KEYS: dict[str, Callable[[str, object], Any]] = {
    "select": _strings,
    "ignore": _strings,
    "extend-select": _strings,
    "extend-ignore": _strings,
    "exclude": _strings,
    "extend-exclude": _strings,
    "per-file-ignores": _ignores_by_glob,
    "force-exclude": _boolean,
    "respect-gitignore": _boolean,
    "log-variance-form": _one_of(*LOG_VARIANCE_FORMS),
    "loss-validator": _entry_point,
    "loss-check-interval": _positive,
    "loss-functions": _strings,
    "monitor-functions": _strings,
    "cache-dir": _string,
    "fail-on": _one_of(*FAIL_ON),
}
