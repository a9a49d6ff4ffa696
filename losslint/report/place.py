"""How a report names a file and a place in it."""

from __future__ import annotations

import os
from collections import Counter

from losslint.engine.baseline import content
from losslint.engine.reports import FileReport
from losslint.findings import Finding, Related, Span
from losslint.frozen import dataclass
from losslint.source.globs import inside, repository
from losslint.source.on_disk import OnDisk
from losslint.source.text import Place, Source


def display_name(path: str) -> str:
    """`path` seen from the working directory, with `/`; absolute if it lies elsewhere."""
    relative = inside(path, os.getcwd())
    return relative if relative is not None else os.path.abspath(path).replace(os.sep, "/")


def repository_name(path: str) -> str:
    """`path` seen from the top of the repository around the working directory.

    That is how a forge names it. Outside of one, it is the `display_name`.
    """
    top = repository(os.getcwd())
    relative = inside(path, top) if top else None
    return display_name(path) if relative is None else relative


@dataclass(frozen=True)
class Region:
    """What a span covers of a file on disk: rows and columns from 1, the end is the first behind it.

    Columns count code points; byte columns count UTF-8.
    """

    row: int
    column: int
    end_row: int
    end_column: int
    byte_column: int
    end_byte_column: int


def region(file: OnDisk, span: Span) -> Region:
    """Where a span of the source stands in its file."""
    text, start, end = file.text, file.offset(span.start), file.offset(span.end)
    row, column = text.position(start)
    end_row, end_column = text.position(end)
    byte_column = start - text.line_start(row) + 1
    end_byte_column = end - text.line_start(end_row) + 1
    return Region(row, column, end_row, end_column, byte_column, end_byte_column)


def related_span(other: Related, file: OnDisk) -> Span:
    """Where the place of a finding that is in the same file stands in the source."""
    at = file.offset_of(Place(other.row, other.column, other.cell))
    return Span(at, at)


def related_place(other: Related) -> str:
    """What to call another place of a finding."""
    return f"{display_name(other.path)}:{Place(other.row, other.column, other.cell)}"


def said_cell(report: FileReport, finding: Finding) -> str:
    """What tells a reader of a notebook where it is; nothing for other files."""
    place = report.source.place(finding.span.start)
    return f"cell {place.cell}, line {place.row}: " if place.cell else ""


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
    import hashlib  # with OpenSSL, which is long to load

    seen: Counter[tuple[str, str]] = Counter()
    marks = []
    for finding in report.findings:
        key = content(finding, report.source)
        seen[key] += 1
        parts = (display_name(report.path), *key, str(seen[key]))
        digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass"))
        marks.append(digest.hexdigest()[:16])
    return marks
