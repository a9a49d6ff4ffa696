"""Verdicts as JSON: the fields of `losslint.verify.verdict`, all figures with them.

JSON has no infinity and no NaN: such values are the strings "Infinity",
"-Infinity" and "NaN", which `float` in Python and `Number` in JavaScript read.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from enum import Enum
from typing import Any

from losslint.report.place import display_name
from losslint.verify.verdict import Verdict


def render_json(verdicts: Iterable[Verdict]) -> str:
    """One list of all verdicts, as a text that ends with a newline."""
    return json.dumps([_item(verdict) for verdict in verdicts], indent=2, allow_nan=False) + "\n"


def _item(verdict: Verdict) -> dict[str, Any]:
    fields = _fields(verdict)
    del fields["path"], fields["row"]
    return {
        "filename": display_name(verdict.path),
        "location": {"row": verdict.row},
        **fields,
        "safety": verdict.safety or None,
    }


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case tuple():
            return [_plain(entry) for entry in value]
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
        case _ if dataclasses.is_dataclass(value):
            return _fields(value)
    return value
