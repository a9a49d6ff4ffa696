"""The keys of the configuration: what each is for, what reads it, and the same as a JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOG_VARIANCE_FORMS = ("floor", "softplus")

# From which severity on findings fail a run, the hardest first.
FAIL_ON = ("error", "warning", "note")

# How findings may be shown; `losslint.report.formats` says by what.
OUTPUT_FORMATS = tuple("full concise json jsonl sarif github gitlab junit rdjson html".split())

# `pkg.module:function`, as in the entry points of a package.
ENTRY_POINT = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"

# What a list of rules may hold is known to who knows the rules: `losslint.report.configuration`.
RULE, IGNORABLE = "#/definitions/rule", "#/definitions/ignorable"


class ConfigError(ValueError):
    """The configuration cannot be used. The message says what to change, and where."""


def nearest(word: str, known: Iterable[str]) -> str:
    """What to say after an unknown word: the known one that was probably meant."""
    from difflib import get_close_matches  # only ever needed for an error

    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return f"; did you mean `{by_lower[found[0]]}`?" if found else ""


class Key:  # no dataclass: every run makes this class, and a dataclass takes 0.5 ms to make
    """A key: what it is for, what makes a setting of its value, and which values it has.

    `read` gets the key and the value, and raises ConfigError for one that means nothing;
    `schema` is the JSON schema of the others.
    """

    def __init__(
        self, what: str, read: Callable[[str, object], Any], schema: Mapping[str, Any]
    ) -> None:
        self.what = what
        self.read = read
        self.schema = schema


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


def _entry_point(key: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(ENTRY_POINT, value):
        raise ConfigError(f'`{key}` must name a function, as in "package.module:function"')
    return value


def _positive(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"`{key}` must be a whole number from 1")
    return value


def _list(what: str, **items: str) -> Key:
    return Key(what, _strings, {"type": "array", "items": items})


def _rules(what: str, which: str = RULE) -> Key:
    return _list(f"{what}: codes, prefixes or names, or `ALL`", **{"$ref": which})


def _globs(what: str) -> Key:
    return _list(f"{what}, written as in a .gitignore file", type="string")


def _path(what: str) -> Key:
    return Key(f"{what}; it counts from the folder of this file", _string, {"type": "string"})


def _flag(what: str) -> Key:
    return Key(what, _boolean, {"type": "boolean"})


def _choice(what: str, *words: str) -> Key:
    def read(key: str, value: object) -> str:
        if value not in words:
            quoted = " or ".join(f'"{word}"' for word in words)
            raise ConfigError(f"`{key}` must be {quoted}")
        return str(value)

    return Key(what, read, {"enum": [*words]})


KEYS: dict[str, Key] = {
    "extend": _path("Another configuration file, which holds where this one says nothing"),
    "select": _rules("Check these rules and no others"),
    "ignore": _rules("Leave these rules out", IGNORABLE),
    "extend-select": _rules("Check these rules too"),
    "extend-ignore": _rules("Leave these rules out too", IGNORABLE),
    "exclude": _globs("Pass these by, instead of the usual folders"),
    "extend-exclude": _globs("Pass these by, besides them"),
    "per-file-ignores": Key(
        "Rules that are left out in the files that a glob names",
        _ignores_by_glob,
        {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"$ref": IGNORABLE}},
        },
    ),
    "force-exclude": _flag("Pass by what is excluded even if it is named on the command line"),
    "respect-gitignore": _flag("Pass by what .gitignore files ignore"),
    "log-variance-form": _choice(
        "The form of the regularizer that the fix of LL101 writes", *LOG_VARIANCE_FORMS
    ),
    "loss-validator": Key(
        "The function that the fix of LL201 calls, instead of one that it writes:"
        " `package.module:function`",
        _entry_point,
        {"type": "string", "pattern": f"^{ENTRY_POINT}$"},
    ),
    "loss-check-interval": Key(
        "The fix of LL201 checks the loss every so many steps",
        _positive,
        {"type": "integer", "minimum": 1},
    ),
    "loss-functions": _list("Calls that yield losses, by their full names", type="string"),
    "monitor-functions": _list(
        "Calls that show people what they are given, by their full names", type="string"
    ),
    "cache-dir": _path("Where the cache is"),
    "baseline": _path("The file of the findings that are known and not reported"),
    "output-format": _choice("How findings are shown", *OUTPUT_FORMATS),
    "fail-on": _choice("The run fails only for findings of at least this severity", *FAIL_ON),
}
