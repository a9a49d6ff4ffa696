"""The code of a finding as HTML: the lines around it, and what its fix changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from losslint.findings import Fix, Span
from losslint.report.page import escaped
from losslint.report.text import changes, clipped, clipped_alike
from losslint.source.text import Source

AROUND = 2  # lines before and after
MAX_LINES = 12  # of the span itself
MORE = "..."


def frame(source: Source, span: Span) -> str:
    """The lines of `span` and some around it, with the span marked."""
    first, _ = source.position(span.start)
    last, _ = source.position(max(span.start, span.end - 1))
    shown = min(last, first + MAX_LINES - 1)
    rows = list(_around(source, first, shown, AROUND if shown == last else 0))
    if not rows:
        return ""
    cut = _indent(source.line(row) for row in rows)
    width = len(str(source.place(source.line_start(rows[-1])).row))
    lines = [_row(source, row, span, width, cut) for row in rows]
    if shown < last:
        lines.append(f'<span class="row">{"":{width}} {MORE}</span>')
    return f'<pre class="code"><code>{"".join(lines)}</code></pre>'


def diff(fix: Fix, source: Source) -> str:
    """The lines that a fix takes away and puts there, place by place."""
    places = ["".join(_changed(lines)) for lines in changes(fix, source)]
    between = f'<span class="row">{MORE}</span>'
    return f'<pre class="code"><code>{between.join(places)}</code></pre>'


def _changed(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    cut = _indent(text for _, text in lines)
    if not lines:  # it is too long to be shown
        yield f'<span class="row">{MORE}</span>'
    for sign, text in clipped_alike([(sign, text[cut:]) for sign, text in lines]):
        kind = "removed" if sign == "-" else "added"
        yield f'<span class="row {kind}">{sign} {escaped(text)}</span>'


def _indent(lines: Iterable[str]) -> int:
    """How much white space all lines begin with that hold anything."""
    written = [line for line in lines if line.strip()]
    columns = zip(*written)  # noqa: B905, as far as the shortest goes
    same = itertools.takewhile(lambda column: column[0].isspace() and len({*column}) == 1, columns)
    return sum(1 for _ in same)


def _around(source: Source, first: int, last: int, after: int) -> Iterator[int]:
    """The rows to show: those with something on them, and of a notebook those of the same cell."""
    cell = source.place(source.line_start(first)).cell
    rows = range(max(1, first - AROUND), min(source.line_count, last + after) + 1)
    same = [row for row in rows if source.place(source.line_start(row)).cell == cell]
    written = [row for row in same if source.line(row).strip() or first <= row <= last]
    return (row for row in same if written[0] <= row <= written[-1]) if written else iter(())


def _row(source: Source, row: int, span: Span, width: int, cut: int) -> str:
    """One row without the first `cut` characters, its number in `width` columns."""
    line = source.line(row)[cut:]
    number = source.place(source.line_start(row)).row
    line, left, right = clipped(line, *(max(0, at - cut) for at in _marked(source, row, span)))
    marked = f"<mark>{escaped(line[left:right]) or ' '}</mark>" if left < right else ""
    code = f"{escaped(line[:left])}{marked}{escaped(line[right:])}"
    return f'<span class="row"><span class="number">{number:>{width}}</span> {code}</span>'


def _marked(source: Source, row: int, span: Span) -> tuple[int, int]:
    """From where to where a row is marked: what an empty span stands before, too."""
    start_row, start = source.position(span.start)
    end_row, end = source.position(span.end)
    if not start_row <= row <= end_row:
        return 0, 0
    line = source.line(row)
    left = start - 1 if row == start_row else len(line) - len(line.lstrip())
    right = end - 1 if row == end_row else len(line)
    if span.start == span.end:
        right = left + 1
    return (left, right) if left < right else (0, 0)
