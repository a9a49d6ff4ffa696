"""Findings for people: one line each, or with the code that they are about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from losslint.engine.edits import apply_edits
from losslint.engine.reports import FileReport
from losslint.findings import UNREADABLE, Edit, Finding, Fix, Span
from losslint.report.paint import PROSE, Line, linked, printable, width
from losslint.report.place import display_name, related_place
from losslint.source.text import Source

# More changed lines than these say no more about a fix.
MAX_CHANGED_LINES = 12
# Of a longer line, no more characters than these are shown: some have a million, and as many
# findings on them.
WIDEST = 500
LONGEST = (
    20_000  # bytes of lines that a fix changes: of more, it takes too long to tell what changes
)
LEFT_OUT = "..."


def concise(reports: Iterable[FileReport]) -> Iterator[Line]:
    """One line for each finding."""
    for report in reports:
        for finding in report.findings:
            yield [*headline(finding, report), *_fixable(finding)]


def full(reports: Iterable[FileReport], *, verbose: bool = False) -> Iterator[Line]:
    """Each finding with its code, what was proven, and what a fix would change."""
    for report in reports:
        for finding in report.findings:
            yield headline(finding, report)
            yield from _body(finding, report.source, verbose)
            yield []


def headline(finding: Finding, report: FileReport) -> Line:
    """Where it is, what it is, and what there is to say of it."""
    place = report.source.place(finding.span.start)
    severity = finding.severity.value
    return [
        (f"{printable(display_name(report.path))}:{place}:", linked("path", "file", report.path)),
        (" ", ""),
        (f"{severity} {finding.code}", linked(severity, "rule", finding.code)),
        (f" {finding.name}: {printable(finding.message)}", PROSE),
    ]


def _fixable(finding: Finding) -> Line:
    return [(f" [fix: {finding.fix.safety.value}]", "good")] if finding.fix else []


def _body(finding: Finding, source: Source, verbose: bool) -> Iterator[Line]:
    if finding.code == UNREADABLE:
        yield from _trace(finding, verbose)
        return
    gutter = len(str(source.place(finding.span.start).row)) + 1
    yield from _frame(source, finding, gutter)
    for statement in finding.evidence:
        yield [(f"{'':{gutter}}= ", "gutter"), (printable(statement), PROSE)]
    for other in finding.related:
        place = printable(related_place(other))
        said = f": {printable(other.message)}"
        link = linked("path", "file", other.path)
        yield [(f"{'':{gutter}}= ", "gutter"), (place, link), (said, PROSE)]
    if finding.fix:
        yield from _fix(finding.fix, source, gutter)


def _trace(finding: Finding, verbose: bool) -> Iterator[Line]:
    if verbose:
        yield from ([(f"  {printable(line)}", "")] for line in finding.evidence)
    elif finding.evidence:
        yield [("  (-v shows the traceback)", "gutter")]


def _frame(source: Source, finding: Finding, gutter: int) -> Iterator[Line]:
    """The line before and the first line of a finding, with its span underlined."""
    span = finding.span
    row, column = source.position(span.start)
    shown = source.place(span.start).row
    end_row, end_column = source.position(span.end)
    line = source.line(row)
    end = end_column - 1 if end_row == row else len(line)
    line, start, end = clipped(line, column - 1, end)
    found = line[start:end]
    indent = width(printable(line[:start]))
    bar = (f"{'':{gutter}}|", "gutter")
    yield [bar]
    if row > 1 and (above := source.line(row - 1)).strip():
        above, *_ = clipped(above)
        yield [(f"{shown - 1:>{gutter - 1}} | ", "gutter"), (printable(above), "")]
    yield [(f"{shown:>{gutter - 1}} | ", "gutter"), (printable(line), "")]
    marks = "^" * max(1, width(printable(found)))
    yield [
        bar,
        (" " * (indent + 1), ""),
        (marks + " ..." * (end_row > row), finding.severity.value),
    ]


def _fix(fix: Fix, source: Source, gutter: int) -> Iterator[Line]:
    title = f"fix ({fix.safety.value}): {printable(fix.title)}"
    yield [(f"{'':{gutter}}= ", "gutter"), (title, PROSE)]
    lines = [line for place in changes(fix, source) for line in clipped_alike(place)]
    for sign, text in lines[:MAX_CHANGED_LINES]:
        style = "removed" if sign == "-" else "added"
        yield [(f"{'':{gutter}}  {sign} {printable(text)}", style)]
    if not lines:
        yield [(f"{'':{gutter}}  (too long to be shown here; --diff shows it)", "gutter")]
    if len(lines) > MAX_CHANGED_LINES:
        rest = len(lines) - MAX_CHANGED_LINES
        yield [(f"{'':{gutter}}  ({rest} more lines; --diff shows them)", "gutter")]


def clipped(line: str, start: int = 0, end: int = 0) -> tuple[str, int, int]:
    """What is shown of a line, with what is between two places in it, and where those are then."""
    if len(line) <= WIDEST:
        return line, start, end
    first = max(0, start - WIDEST // 4)
    last = first + WIDEST
    before = LEFT_OUT if first else ""
    behind = LEFT_OUT if last < len(line) else ""
    moved = len(before) - first
    return f"{before}{line[first:last]}{behind}", start + moved, min(end, last) + moved


def clipped_alike(lines: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is shown of the lines that a fix changes at a place: where they differ."""
    first = lines[0][1] if lines else ""

    def differ(size: int) -> bool:
        return not all(text.startswith(first[:size]) for _, text in lines)

    same = bisect_left(range(len(first)), True, key=differ)
    yield from ((sign, clipped(text, same)[0]) for sign, text in lines)


def changes(fix: Fix, source: Source) -> list[list[tuple[str, str]]]:
    """For each place, the lines that a fix takes away, with `-`, and puts there, with `+`.

    Of places that are too long there are none.
    """
    return [_changes(source, *rows) for rows in _windows(source, fix.edits)]


def _windows(source: Source, edits: Iterable[Edit]) -> list[tuple[int, int, list[Edit]]]:
    """The edits in groups that touch the same rows, with those rows."""
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.span):
        first = source.position(edit.span.start)[0]
        last = source.position(edit.span.end)[0]
        if groups and first <= groups[-1][1]:
            start, end, group = groups.pop()
            groups.append((start, max(end, last), [*group, edit]))
        else:
            groups.append((first, last, [edit]))
    return groups


def _changes(source: Source, first: int, last: int, edits: list[Edit]) -> list[tuple[str, str]]:
    """What goes and what comes in the rows from `first` to `last`."""
    start, end = source.line_start(first), source.line_start(last + 1)
    if end - start > LONGEST:
        return []
    old = source.with_data(source.data[start:end])
    new = apply_edits(
        old,
        (Edit(Span(e.span.start - start, e.span.end - start), e.text) for e in edits),
    )
    before, after = _lines(old), _lines(new)
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return [("-", line) for line in before] + [("+", line) for line in after]


def _lines(source: Source) -> list[str]:
    return [source.line(row) for row in range(1, source.line_count + 1)] if source.text else []
