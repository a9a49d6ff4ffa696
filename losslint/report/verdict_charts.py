"""What a loss does before and after its fix, as charts for a terminal."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from losslint.report.chart import Chart, draw
from losslint.report.paint import Line, Piece, wrapped
from losslint.report.paint import width as columns
from losslint.report.saying import versions, witness_said
from losslint.report.scale import scale_of, short
from losslint.verify.verdict import Along, Verdict, Version, Witness

# Two charts of fewer columns than these are put one below the other.
NARROWEST = 34
WIDEST = 60
HEIGHTS = (9, 6)


def charts(verdict: Verdict, width: int, *, ascii_only: bool) -> Iterator[Line]:
    """Each learned parameter's total and gradient, every version on the same axes."""
    shown = list(versions(verdict))
    figures = [version.figures for _, version in shown]
    if not any(one.along for one in figures):
        return
    groups = list(itertools.zip_longest(*(one.along for one in figures)))
    for index, group in enumerate(groups):
        if not any(map(_alike, itertools.repeat(group), groups[:index])):
            names = [_parameter(other) for other in groups[index:] if _alike(group, other)]
            yield from _along(shown, group, index, names, width, ascii_only)
    yield []
    yield from _legend(figures[0].along[0] if figures[0].along else None, width, ascii_only)
    for head, version in shown:
        if version.figures.witness:
            said = f"{head}: {witness_said(version.figures.witness)}"
            yield from wrapped(said, width, indent=2)


def _parameter(group: Sequence[Along | None]) -> str:
    return next(one.parameter for one in group if one)


def _alike(group: Sequence[Along | None], other: Sequence[Along | None]) -> bool:
    """Whether the same is drawn of two parameters, up to rounding."""
    return _figures(group) == _figures(other)


def _figures(group: Sequence[Along | None]) -> list[str]:
    lines = [
        line for one in group for line in ((one.total, one.gradient, one.solved) if one else [None])
    ]
    return [f"{value + 0.0:.9g}" for line in lines if line for value in (*line.x, *line.y)]


def _along(
    shown: Sequence[tuple[str, Version]],
    group: Sequence[Along | None],
    index: int,
    names: Sequence[str],
    width: int,
    ascii_only: bool,
) -> Iterator[Line]:
    """One parameter: the total and its gradient, every version on the same axes."""
    others = f"; the same over {', '.join(names[1:])}" if names[1:] else ""
    lines = [line for one in group if one for line in (one.total, one.solved) if line]
    x = scale_of((value for line in lines for value in line.x), linear=True)
    total = scale_of(value for line in lines for value in line.y)
    gradient = scale_of(value for one in group if one for value in one.gradient.y)
    marks = [_mark(version.figures.witness, index) for _, version in shown]
    yield from _row(
        f"total over {names[0]}{_scaled(total.logarithmic)}{others}",
        [head for head, _ in shown],
        [
            Chart(one.total, one.solved, x, total, mark) if one else None
            for one, mark in zip(group, marks, strict=True)
        ],
        (width, HEIGHTS[0]),
        ascii_only,
    )
    yield from _row(
        f"its gradient by {names[0]}{_scaled(gradient.logarithmic)}",
        [head for head, _ in shown],
        [Chart(one.gradient, None, x, gradient) if one else None for one in group],
        (width, HEIGHTS[1]),
        ascii_only,
    )


def _row(
    title: str,
    heads: Sequence[str],
    charts: Sequence[Chart | None],
    size: tuple[int, int],
    ascii_only: bool,
) -> Iterator[Line]:
    width, height = size
    yield []
    yield from wrapped(title, width, indent=2, style="code")
    each = min((width - 2 * len(charts)) // len(charts), WIDEST)
    beside = each >= NARROWEST
    each = each if beside else max(min(width - 2, WIDEST), 14)
    drawn = [
        [
            [(f"{head:^{each}}", "gutter")],
            *(draw(chart, each, height, ascii_only=ascii_only) if chart else []),
            *([[(note, "warning")] for note in _notes(chart)] if chart else []),
        ]
        for head, chart in zip(heads, charts, strict=True)
    ]
    if not beside:
        yield from ([("  ", ""), *line] for one in drawn for line in one)
        return
    for row in itertools.zip_longest(*drawn, fillvalue=[]):
        yield [piece for line in row for piece in [("  ", ""), *_filled(line, each)]]


def _notes(chart: Chart) -> Iterator[str]:
    """What the axes cannot show: values that are no numbers."""
    for line in (chart.solid, chart.dashed):
        if line is None:
            continue
        kinds = Counter(short(value) for value in line.y if not math.isfinite(value))
        for kind, number in sorted(kinds.items()):
            first = next(x for x, y in zip(line.x, line.y, strict=True) if short(y) == kind)
            yield f"  {kind} at {number} of {len(line.y)} points, as {short(first)}"


def _mark(witness: Witness | None, index: int) -> tuple[float, float] | None:
    if witness is None or index >= len(witness.parameters) or math.isnan(witness.total):
        return None
    x = witness.parameters[index]
    return None if math.isnan(x) else (x, witness.total)


def _legend(along: Along | None, width: int, ascii_only: bool) -> Iterator[Line]:
    """What the lines and the mark are, in one line if it fits."""
    solid, dashed, mark = ("---", "o o", "X") if ascii_only else ("⠒⠒⠒", "⠒ ⠒", "◆")
    entries = [(solid, "", "task losses of 1")]
    if along is None or along.solved:
        entries.append((dashed, "hunk", "task losses of 0"))
    entries.append((mark, "error", "lowest total found"))
    pieces = [
        [("  ", ""), (drawn, style), (f" {said}", "gutter")] for drawn, style, said in entries
    ]
    if sum(columns(text) for entry in pieces for text, _ in entry) <= width:
        pieces = [list(itertools.chain.from_iterable(pieces))]
    yield from pieces


def _scaled(logarithmic: bool) -> str:
    return " (axis logarithmic beyond 1)" if logarithmic else ""


def _filled(line: Line, width: int) -> list[Piece]:
    taken = sum(columns(text) for text, _ in line)
    return [*line, (" " * (width - taken), "")]
