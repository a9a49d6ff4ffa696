"""What fixes change, as a unified diff that `patch -p0` takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from losslint.engine.reports import FileReport
from losslint.report.paint import Line
from losslint.report.place import display_name

# The first lines name the file.
HEADERS = 2
STYLES = {"-": "removed", "+": "added", "@": "hunk"}


def unified(reports: Iterable[FileReport]) -> Iterator[Line]:
    """The diff of every file that fixes changed, line by line."""
    for report in reports:
        if report.before is None:
            continue
        name = display_name(report.path)
        before, after = report.before.content, report.source.content
        lines = difflib.unified_diff(_lines(before), _lines(after), name, name)
        for number, line in enumerate(lines):
            style = STYLES.get(line[0], "") if number >= HEADERS else "path"
            yield [(line.removesuffix("\n"), style)]
            if not line.endswith("\n"):
                yield [("\\ No newline at end of file", "")]


def _lines(text: str) -> list[str]:
    """Lines as `patch` counts them: ended by line feeds alone."""
    *ended, last = text.split("\n")
    return [f"{line}\n" for line in ended] + ([last] if last else [])
