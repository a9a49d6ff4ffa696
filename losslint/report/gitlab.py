"""Findings as a code quality report of GitLab: https://docs.gitlab.com/ci/testing/code_quality/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from losslint.engine.reports import FileReport
from losslint.findings import Severity
from losslint.report.place import fingerprints, region, repository_name, said_cell
from losslint.source.on_disk import OnDisk

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "minor"}


def render(reports: Iterable[FileReport]) -> str:
    """One list of all findings."""
    return json.dumps([item for report in reports for item in _items(report)], indent=2) + "\n"


def _items(report: FileReport) -> Iterator[dict[str, Any]]:
    file = OnDisk(report.source)
    for finding, mark in zip(report.findings, fingerprints(report), strict=True):
        at = region(file, finding.span)
        yield {
            "check_name": finding.code,
            "description": f"{finding.name}: {said_cell(report, finding)}{finding.message}",
            "severity": SEVERITIES[finding.severity],
            "fingerprint": mark,
            "location": {
                "path": repository_name(report.path),
                "positions": {
                    "begin": {"line": at.row, "column": at.column},
                    "end": {"line": at.end_row, "column": at.end_column},
                },
            },
        }
