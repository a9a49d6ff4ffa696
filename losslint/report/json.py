"""Findings as JSON, in Ruff's shape, so that what reads Ruff's reads ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from losslint.engine.edits import pieces_of
from losslint.engine.reports import FileReport
from losslint.findings import Finding, Fix, Related, Span
from losslint.report.place import display_name, fingerprints, noqa_row
from losslint.source.text import Source


def render(reports: Iterable[FileReport]) -> str:
    """One list of all findings, as a text that ends with a newline."""
    return json.dumps(list(items(reports)), indent=2) + "\n"


def items(reports: Iterable[FileReport]) -> Iterator[dict[str, Any]]:
    """Each finding as JSON knows it."""
    for report in reports:
        yield from _items(report)


def _items(report: FileReport) -> Iterator[dict[str, Any]]:
    marks = fingerprints(report)
    for finding, fingerprint in zip(report.findings, marks, strict=True):
        yield _item(finding, fingerprint, report)


def _item(finding: Finding, fingerprint: str, report: FileReport) -> dict[str, Any]:
    source = report.source
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.value,
        "filename": display_name(report.path),
        "cell": source.place(finding.span.start).cell,
        "location": _location(source, finding.span.start),
        "end_location": _location(source, finding.span.end),
        "noqa_row": noqa_row(source, finding.span.start),
        "url": None,
        "fix": _fix(finding.fix, source) if finding.fix else None,
        "evidence": list(finding.evidence),
        "related": [_related(other) for other in finding.related],
        "fingerprint": fingerprint,
    }


def _related(other: Related) -> dict[str, Any]:
    return {
        "filename": display_name(other.path),
        "cell": other.cell,
        "location": {"row": other.row, "column": other.column},
        "message": other.message,
    }


def _fix(fix: Fix, source: Source) -> dict[str, Any]:
    return {
        "applicability": fix.safety.value,
        "message": fix.title,
        "edits": [_edit(*piece, source) for piece in pieces_of(source, fix.edits)],
    }


def _edit(span: Span, text: bytes, source: Source) -> dict[str, Any]:
    return {
        "content": text.decode(),
        "cell": source.place(span.start).cell,
        "location": _location(source, span.start),
        "end_location": _location(source, span.end),
    }


def _location(source: Source, offset: int) -> dict[str, int]:
    place = source.place(offset)
    return {"row": place.row, "column": place.column}
