"""Findings as JSON Lines: each is one line, as in the list that `losslint.report.json` makes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from losslint.engine.reports import FileReport
from losslint.report.json import items


def render(reports: Iterable[FileReport]) -> str:
    """One line for each finding."""
    return "".join(json.dumps(item) + "\n" for item in items(reports))
