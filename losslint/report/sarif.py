"""Findings as SARIF 2.1.0, with what code scanning of GitHub asks for besides.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote

from losslint import __version__
from losslint.engine.edits import pieces_of
from losslint.engine.reports import FileReport
from losslint.findings import Finding, Fix, Related, Severity, Span
from losslint.report import pages
from losslint.report.line_hashes import line_hashes
from losslint.report.place import fingerprints, region, related_span, repository_name
from losslint.rules import registry
from losslint.rules.base import Rule
from losslint.source.on_disk import OnDisk
from losslint.source.text import Place

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
PROBLEMS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "recommendation",
}
ROOT = "%SRCROOT%"
MAX_DESCRIPTION = 1024  # of GitHub

# What a reader of a message would take for a link.
LINK = re.compile(r"\[([^\[\]]*)\](?=\()")


def render(reports: Sequence[FileReport]) -> str:
    """One log of one run. Equal reports give equal bytes."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(reports)]}
    return json.dumps(log, indent=2) + "\n"


def _run(reports: Sequence[FileReport]) -> dict[str, Any]:
    codes = {finding.code for report in reports for finding in report.findings}
    rules = [rule for rule in registry.all_rules() if rule.code in codes]
    index = {rule.code: number for number, rule in enumerate(rules)}
    files = [_File(report) for report in reports if report.findings]
    return {
        "tool": {
            "driver": {
                "name": "losslint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": "losslint/"},
        "invocations": [_invocation(files)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": [result for file in files for result in file.results(index)],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": _cut(rule.summary)},
        "fullDescription": {
            "text": _cut(" ".join(rule.section("What it does").split()) or rule.summary)
        },
        "help": {"text": pages.text(rule), "markdown": pages.markdown(rule)},
        "defaultConfiguration": {"level": rule.severity.value, "enabled": not rule.opt_in},
        "properties": {
            "precision": "medium" if rule.opt_in else "high",
            "problem.severity": PROBLEMS[rule.severity],
            "tags": ["correctness", "pytorch"],
        },
    }


def _cut(text: str) -> str:
    """`text`, ended at a word if it is longer than GitHub takes."""
    if len(text) <= MAX_DESCRIPTION:
        return text
    return f"{text[: MAX_DESCRIPTION - 3].rpartition(' ')[0]}..."


def _invocation(files: Sequence[_File]) -> dict[str, Any]:
    problems = [problem for file in files for problem in file.problems()]
    notes = {"toolExecutionNotifications": problems} if problems else {}
    return {"executionSuccessful": not problems, **notes}


class _File:
    """The findings of one file."""

    def __init__(self, report: FileReport) -> None:
        self.report = report
        self.disk = OnDisk(report.source)

    @cached_property
    def _line_hashes(self) -> list[str]:
        return line_hashes(self.disk.text)

    def problems(self) -> Iterator[dict[str, Any]]:
        """What kept losslint from checking it."""
        for finding in self.report.findings:
            if finding.is_unreadable:
                yield {
                    "level": "error",
                    "message": {"text": _message(finding)},
                    "locations": [self._location(finding.span)],
                    "associatedRule": {"id": finding.code},
                }

    def results(self, index: dict[str, int]) -> Iterator[dict[str, Any]]:
        """What is found in it; `index` says where each rule stands among the rules."""
        marks = fingerprints(self.report)
        for finding, mark in zip(self.report.findings, marks, strict=True):
            result = {
                "ruleId": finding.code,
                "ruleIndex": index[finding.code],
                "level": finding.severity.value,
                "message": {"text": _message(finding)},
                "locations": [self._location(finding.span)],
                "partialFingerprints": {"losslint/v1": mark, **self._line_hash(finding)},
            }
            if finding.related:
                result["relatedLocations"] = [
                    {"id": number, **self._related(other)}
                    for number, other in enumerate(finding.related, start=1)
                ]
            if finding.fix:
                result["fixes"] = [self._fix(finding.fix)]
            yield result

    def _line_hash(self, finding: Finding) -> dict[str, str]:
        if not self.report.source.data:  # the file could not be read
            return {}
        row = region(self.disk, finding.span).row
        return {"primaryLocationLineHash": self._line_hashes[row - 1]}

    def _location(self, span: Span) -> dict[str, Any]:
        place = self.report.source.place(span.start)
        return _location(self.report.path, self._region(span), place)

    def _region(self, span: Span) -> dict[str, int]:
        at = region(self.disk, span)
        return {
            "startLine": at.row,
            "startColumn": at.column,
            "endLine": at.end_row,
            "endColumn": at.end_column,
        }

    def _related(self, other: Related) -> dict[str, Any]:
        message = {"message": {"text": _plain(other.message)}}
        if other.path == self.report.path:
            return {**self._location(related_span(other, self.disk)), **message}
        # In which row of another notebook's JSON a cell stands is not known here.
        region = {} if other.cell else {"startLine": other.row, "startColumn": other.column}
        place = Place(other.row, other.column, other.cell)
        return {**_location(other.path, region, place), **message}

    def _fix(self, fix: Fix) -> dict[str, Any]:
        replacements = [
            {
                "deletedRegion": self._region(span),
                "insertedContent": {"text": self.disk.written(text.decode())},
            }
            for span, text in pieces_of(self.report.source, fix.edits)
        ]
        change = {"artifactLocation": _artifact(self.report.path), "replacements": replacements}
        return {
            "description": {"text": f"{_plain(fix.title)} ({fix.safety.value})"},
            "artifactChanges": [change],
        }


def _location(path: str, region: dict[str, int], place: Place) -> dict[str, Any]:
    physical = {"artifactLocation": _artifact(path), **({"region": region} if region else {})}
    if not place.cell:
        return {"physicalLocation": physical}
    cell = f"cell {place.cell}"
    logical = {
        "name": cell,
        "fullyQualifiedName": f"{repository_name(path)}:{cell}:{place.row}:{place.column}",
        "kind": "cell",
    }
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _artifact(path: str) -> dict[str, str]:
    name = repository_name(path)
    uri = quote(os.fsencode(name))
    if os.path.isabs(name):  # outside of the repository
        return {"uri": f"file://{uri}" if uri.startswith("/") else f"file:///{uri}"}
    return {"uri": uri, "uriBaseId": ROOT}


def _message(finding: Finding) -> str:
    return "\n".join(
        f"{_plain(line).rstrip('.')}." for line in (finding.message, *finding.evidence)
    )


def _plain(text: str) -> str:
    """`text` as it is, where SARIF would read links."""
    return LINK.sub(r"\\[\1\\]", text)
