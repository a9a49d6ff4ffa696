"""Lines drawn in characters: a chart of a fixed size for a terminal.

The dots are set by plotille, whose canvas knows neither terminals nor state that
outlives it; axes, ticks and what goes beyond them are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import groupby, pairwise
from typing import NamedTuple

from losslint.frozen import dataclass
from losslint.report import paint
from losslint.report.scale import Scale, short
from losslint.verify.verdict import Line

# Columns for the figures at the left and the axis.
MARGIN = 9

# The dots of a braille character, from its lowest bit: rows of the left column,
# of the right one, and the row below both.
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
BLANK = 0x2800


class Glyphs(NamedTuple):
    """What the parts of a chart are written with."""

    tick: str
    side: str
    corner: str
    floor: str
    zero: str
    witness: str


UNICODE = Glyphs("┤", "│", "└", "─", "┈", "◆")
ASCII = Glyphs("+", "|", "+", "-", ".", "X")


@dataclass(frozen=True)
class Chart:
    """What is drawn: `solid` and, if there is one, `dashed` over the same axes.

    `mark` is a point (x, y) to point at; beyond the axes it is drawn on the edge.
    """

    solid: Line
    dashed: Line | None
    x: Scale
    y: Scale
    mark: tuple[float, float] | None = None


def can_draw() -> bool:
    """Whether the library that sets the dots is installed."""
    return find_spec("plotille") is not None


def draw(chart: Chart, width: int, height: int, *, ascii_only: bool = False) -> list[paint.Line]:
    """The chart in `height` + 2 lines, each exactly `width` columns wide."""
    glyphs = ASCII if ascii_only else UNICODE
    columns = max(width - MARGIN, 4)
    cells = _cells(chart, columns, height, glyphs, ascii_only)
    lines: list[paint.Line] = []
    ticks = {0: chart.y.high, height - 1: chart.y.low}
    zero = _zero_row(chart, height)
    if zero is not None and 0 < zero < height - 1:
        ticks[zero] = 0.0
    for row, line in enumerate(cells):
        said = short(ticks[row]) if row in ticks else ""
        edge = glyphs.tick if row in ticks else glyphs.side
        axis = (f"{said:>{MARGIN - 1}}{edge}", "gutter")
        lines.append([axis, *_joined(line)])
    foot = f"{'':{MARGIN - 1}}{glyphs.corner}{glyphs.floor * columns}"
    return [*lines, [(foot, "gutter")], [(_under(chart.x, columns), "gutter")]]


def _cells(
    chart: Chart, columns: int, height: int, glyphs: Glyphs, ascii_only: bool
) -> list[list[paint.Piece]]:
    solid = _dots(chart.solid, chart, columns, height)
    dashed = _dots(chart.dashed, chart, columns, height)
    zero = _zero_row(chart, height)
    cells: list[list[paint.Piece]] = []
    for row in range(height):
        line: list[paint.Piece] = []
        for column in range(columns):
            dash = dashed[row][column] if (column + 2 * row) % 4 < 2 else 0
            bits = solid[row][column] | dash
            if ascii_only:
                text = _ascii(solid[row][column]) or ("o" if dash else "")
            else:
                text = chr(BLANK + bits) if bits else ""
            style = "" if solid[row][column] else "hunk"
            line.append((text, style) if text else (" ", ""))
            if row == zero and not text:
                line[-1] = (glyphs.zero, "gutter")
        cells.append(line)
    if chart.mark is not None:
        x, y = chart.x.place(chart.mark[0]), chart.y.place(chart.mark[1])
        cells[round((1 - y) * (height - 1))][round(x * (columns - 1))] = (glyphs.witness, "error")
    return cells


def _dots(line: Line | None, chart: Chart, columns: int, height: int) -> list[list[int]]:
    """The bits of every character; where a value is no number the line is broken."""
    if line is None:
        return [[0] * columns for _ in range(height)]
    from plotille import Canvas

    # In its own dots, so that what is on the edge is neither rounded off it nor cut.
    across, up = 2 * columns, 4 * height
    canvas = Canvas(columns, height, xmin=0, ymin=0, xmax=across, ymax=up)
    points = [
        (round(chart.x.place(x) * (across - 1)), round(chart.y.place(y) * (up - 1)))
        if math.isfinite(x) and math.isfinite(y)
        else None
        for x, y in zip(line.x, line.y, strict=True)
    ]
    for before, after in pairwise(points):
        if before and after:
            canvas.line(*before, *after)
    for at in points:
        if at:
            canvas.point(*at)
    drawn = canvas.plot().split("\n")
    return [[max(ord(dot) - BLANK, 0) for dot in row] for row in drawn]


def _ascii(bits: int) -> str:
    """The character that is inked where the dots are."""
    rows = {row for bit, (_, row) in enumerate(DOTS) if bits >> bit & 1}
    if not rows:
        return ""
    if len(rows) > 2:
        return "|"
    if max(rows) <= 1:
        return "'" if 0 in rows else "-"
    return "_" if min(rows) >= 2 else "-"


def _zero_row(chart: Chart, height: int) -> int | None:
    if not chart.y.low < 0 < chart.y.high:
        return None
    return round((1 - chart.y.place(0.0)) * (height - 1))


def _under(scale: Scale, columns: int) -> str:
    """The ends of the x axis and its middle, under where they stand."""
    low, middle, high = (short(scale.value(place)) for place in (0.0, 0.5, 1.0))
    room = columns - len(low) - len(high)
    text = middle.center(room) if len(middle) + 2 <= room else " " * max(room, 1)
    return f"{'':{MARGIN}}{low}{text}{high}"


def _joined(cells: Sequence[paint.Piece]) -> Iterator[paint.Piece]:
    """Neighbours of one style as one piece."""
    for style, group in groupby(cells, key=lambda cell: cell[1]):
        yield "".join(text for text, _ in group), style
