"""The configuration for people and editors: what holds, as TOML, and what may be written, as JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from losslint.config import Settings
from losslint.engine.selection import ALL, ALWAYS
from losslint.keys import IGNORABLE, KEYS, RULE
from losslint.rules.base import Rule

DRAFT = "http://json-schema.org/draft-07/schema#"  # which every editor knows


def settings_toml(settings: Settings) -> Iterator[str]:
    """The lines of a losslint.toml that says all of `settings`, but for the folder they count from."""
    yield f"# {settings.origin or 'the defaults'}"
    for path in settings.extended:
        yield f"# which extends {path}"
    tables = []
    for field in fields(Settings):
        key = field.name.replace("_", "-")
        value = getattr(settings, field.name)
        if key not in KEYS:
            continue
        if field.name == "per_file_ignores":
            tables.append((key, value))
        elif value == "":
            yield f"# {key} is not set"
        else:
            yield f"{key} = {_toml(value)}"
    for key, rows in tables:
        yield ""
        yield f"[{key}]"
        yield from (f"{_toml(glob)} = {_toml(rules)}" for glob, rules in dict(rows).items())


def schema(rules: Iterable[Rule]) -> str:
    """The JSON schema of losslint.toml, and of the table in pyproject.toml, if these are the rules."""
    defaults = Settings()
    document = {
        "$schema": DRAFT,
        "title": "losslint",
        "description": "losslint.toml, or the table tool.losslint of pyproject.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _property(key, defaults) for key in KEYS},
        "definitions": _definitions(list(rules)),
    }
    return json.dumps(document, indent=2) + "\n"


def _property(key: str, defaults: Settings) -> dict[str, Any]:
    described = {"description": f"{KEYS[key].what}.", **KEYS[key].schema}
    default = getattr(defaults, key.replace("-", "_"), "")
    if default not in ("", ()):
        described["default"] = list(default) if isinstance(default, tuple) else default
    return described


def _definitions(rules: list[Rule]) -> dict[str, Any]:
    """What a list of rules may hold; what names one rule comes with what that finds."""
    words = {word: rule.summary for rule in rules for word in (rule.code, rule.name)}
    words[ALL] = "Every rule."
    prefixes = {rule.code[:end] for rule in rules for end in range(1, len(rule.code))}
    words |= {prefix: f"The rules {prefix}..." for prefix in sorted(prefixes - {*words})}
    always = {word for rule in rules if rule.code == ALWAYS for word in (rule.code, rule.name)}
    ignorable = {word: what for word, what in words.items() if word not in always}
    return {_name(RULE): _one_of(words), _name(IGNORABLE): _one_of(ignorable)}


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[1]


def _one_of(words: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "string", "oneOf": [{"const": w, "description": d} for w, d in words.items()]}


def _toml(value: Any) -> str:
    """A value as TOML: what JSON says of strings, lists and numbers, TOML says too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
