"""How a report names a file and a place in it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter

from losslint.engine.baseline import content
from losslint.engine.reports import FileReport
from losslint.source.globs import inside
from losslint.source.text import Source


def display_name(path: str) -> str:
    """`path` seen from the working directory, with `/`; absolute if it lies elsewhere."""
    relative = inside(path, os.getcwd())
    return relative if relative is not None else os.path.abspath(path).replace(os.sep, "/")


def noqa_row(source: Source, offset: int) -> int:
    """The row that a suppression goes on: no comment can follow a backslash."""
    row = source.position(offset)[0]
    while row < source.line_count and source.line(row).endswith("\\"):
        row += 1
    return source.place(source.line_start(row)).row


def fingerprints(report: FileReport) -> list[str]:
    """A mark for each finding that stays the same while other lines change.

    It is made of the file's name, the rule, and the line without its spacing;
    the second finding of a rule on an equal line counts as such.
    """
    seen: Counter[tuple[str, str]] = Counter()
    marks = []
    for finding in report.findings:
        key = content(finding, report.source)
        seen[key] += 1
        parts = (display_name(report.path), *key, str(seen[key]))
        digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass"))
        marks.append(digest.hexdigest()[:16])
    return marks
