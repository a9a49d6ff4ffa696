"""Comments that suppress what was found, written where each counts: `--add-ignores`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from losslint.config import Settings
from losslint.engine.check import unreadable
from losslint.engine.edits import apply_edits
from losslint.engine.reading import parsed
from losslint.engine.reports import FileReport
from losslint.engine.suppress import IGNORE, directives_of, rows_of
from losslint.engine.write import Changed, write
from losslint.findings import Edit, Finding, Span
from losslint.model.module import Module, Unreadable
from losslint.source.text import Source

REASON = "added by --add-ignores"


def add_ignores(
    reports: Iterable[FileReport], settings: Settings
) -> tuple[list[FileReport], list[str]]:
    """Write a comment for every finding; the reports with what is left, and what was done.

    What could not be checked gets none. A file is written wholly or not at all.
    """
    left = []
    added = files = 0
    for report in reports:
        after = _written(report, settings)
        number = len(report.findings) - len(after.findings)
        left.append(after)
        added += max(number, 0)
        files += number > 0
    where = f"{added} finding{'s' * (added != 1)} in {files} file{'s' * (files != 1)}"
    return left, [f"Wrote comments that suppress {where}."] if added else []


def ignored(
    source: Source, findings: Sequence[Finding], settings: Settings, reason: str = ""
) -> tuple[Source, tuple[Finding, ...]]:
    """The source with comments that suppress the findings in it, and those that none can.

    The `reason` stands behind the codes of each comment that is new.

    Raises:
        Unreadable: no place in the source can be trusted.
    """
    for_comments = [finding for finding in findings if not finding.is_unreadable]
    if not for_comments:
        return source, tuple(findings)
    module, _ = parsed(source, settings)
    comments = _Comments(module, reason)
    by_row: dict[int, list[Finding]] = defaultdict(list)
    for finding in for_comments:
        by_row[comments.row(finding)].append(finding)
    edits = []
    covered: set[int] = set()
    for row, found in by_row.items():
        edit = comments.edit(row, sorted({finding.code for finding in found}))
        if _fits(source, edit):
            edits.append(edit)
            covered |= set(map(id, found))
    left = tuple(finding for finding in findings if id(finding) not in covered)
    return apply_edits(source, edits), left


def _fits(source: Source, edit: Edit) -> bool:
    try:
        apply_edits(source, [edit])
    except ValueError:  # a magic of a notebook would swallow it
        return False
    return True


class _Comments:
    """Where in a module a comment can stand, and what it adds to those that are there."""

    def __init__(self, module: Module, reason: str) -> None:
        self.module = module
        self.reason = reason
        self.source = module.source
        self.commented = {self.source.position(span.start)[0] for span, _ in module.comments()}
        found = [d for d in directives_of(module) if d.kind == IGNORE and d.codes]
        self.own = {directive.row: directive for directive in reversed(found)}

    def row(self, finding: Finding) -> int:
        """The row for a comment on a finding: one where there is such a comment already, if any."""
        on = rows_of(finding, self.module)
        places = [row for row in on if row in self.own] or [row for row in on if self._is_open(row)]
        return places[0]

    def edit(self, row: int, codes: Sequence[str]) -> Edit:
        """The edit that lets a comment on a row name these codes too."""
        if row in self.own:
            at = self.own[row].codes[-1][1].end
            return Edit(Span(at, at), "".join(f", {code}" for code in codes))
        start, line = self.source.line_start(row), self.source.line(row)
        end, bare = (start + len(text.encode()) for text in (line, line.rstrip()))
        return Edit(Span(bare, end), f"  # {IGNORE}[{', '.join(codes)}] {self.reason}".rstrip())

    def _is_open(self, row: int) -> bool:
        """Whether a comment can stand at the end of a row: not within a string, nor behind a backslash."""
        if row in self.commented:
            return True
        line = self.source.line(row)
        end = self.source.line_start(row) + len(line.encode())
        in_string = any(span.start < end < span.end for span in self.module.strings)
        return not in_string and not line.endswith("\\")


def _written(report: FileReport, settings: Settings) -> FileReport:
    """The report of a file once the comments are written; as it was, and an LL000, if that fails.

    At the ends of lines they move nothing that is left: it counts in the source as it was.
    """
    try:
        source, left = ignored(report.source, report.findings, settings, REASON)
        if source != report.source:
            write(report.path, report.source.encode(), source.encode())
    except (Changed, OSError, Unreadable) as problem:
        failed = unreadable(f"the comments could not be written: {problem}")
        return replace(report, findings=(failed, *report.findings))
    return replace(report, findings=left)
