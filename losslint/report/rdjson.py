"""Findings as reviewdog's diagnostics: its `proto/rdf/reviewdog.proto`, one DiagnosticResult.

Columns count bytes of UTF-8, and the end of a range is the first place behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from losslint.engine.edits import pieces_of
from losslint.engine.reports import FileReport
from losslint.findings import Finding, Fix, Related, Severity, Span
from losslint.report.place import Region, display_name, region, related_span, said_cell
from losslint.source.on_disk import OnDisk
from losslint.source.text import splice

SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO"}

# Suggestions are applied one by one, and the edits of a fix together: a fix is one
# suggestion, with what stands between its edits. One of more rows is no help in a review.
MAX_ROWS = 50


def render(reports: Iterable[FileReport]) -> str:
    """One result with all findings."""
    diagnostics = [item for report in reports for item in _items(report)]
    said = {item["severity"] for item in diagnostics}
    worst = [severity for severity in SEVERITIES.values() if severity in said][:1]
    result = {
        "source": {"name": "losslint"},
        **({"severity": worst[0]} if worst else {}),
        "diagnostics": diagnostics,
    }
    return json.dumps(result, indent=2) + "\n"


def _items(report: FileReport) -> Iterator[dict[str, Any]]:
    file = OnDisk(report.source)
    for finding in report.findings:
        item: dict[str, Any] = {
            "message": _message(finding, report),
            "location": _location(report.path, region(file, finding.span)),
            "severity": SEVERITIES[finding.severity],
            "code": {"value": finding.code},
        }
        if finding.fix:
            item["suggestions"] = list(_suggestions(finding.fix, file))
        if finding.related:
            item["related_locations"] = [_related(r, report, file) for r in finding.related]
        yield item


def _message(finding: Finding, report: FileReport) -> str:
    said = f"{finding.name}: {said_cell(report, finding)}{finding.message}"
    return "\n".join([said, *finding.evidence])


def _location(path: str, at: Region) -> dict[str, Any]:
    return {"path": display_name(path), "range": _range(at)}


def _range(at: Region) -> dict[str, Any]:
    return {
        "start": {"line": at.row, "column": at.byte_column},
        "end": {"line": at.end_row, "column": at.end_byte_column},
    }


def _suggestions(fix: Fix, file: OnDisk) -> Iterator[dict[str, Any]]:
    pieces = pieces_of(file.source, fix.edits)
    whole = Span(pieces[0][0].start, pieces[-1][0].end)
    at = region(file, whole)
    if at.end_row - at.row < MAX_ROWS:
        yield {"range": _range(at), "text": _replaced(pieces, whole, file)}


def _replaced(pieces: Iterable[tuple[Span, bytes]], whole: Span, file: OnDisk) -> str:
    """What the fix makes of the bytes of the file from its first edit to its last."""
    start, end = file.offset(whole.start), file.offset(whole.end)
    moved = [
        (
            Span(file.offset(span.start) - start, file.offset(span.end) - start),
            file.written(text.decode()).encode(),
        )
        for span, text in pieces
    ]
    return splice(file.text.data[start:end], moved).decode()


def _related(other: Related, report: FileReport, file: OnDisk) -> dict[str, Any]:
    if other.path == report.path:
        location = _location(other.path, region(file, related_span(other, file)))
    else:  # how many bytes its column is, is not known here
        start = {} if other.cell else {"range": {"start": {"line": other.row}}}
        location = {"path": display_name(other.path), **start}
    return {"message": other.message, "location": location}
