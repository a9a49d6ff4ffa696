"""What is drawn of a verdict, panel by panel, before anything draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from losslint.frozen import dataclass
from losslint.report.paint import printable
from losslint.report.saying import versions, witness_said
from losslint.report.scale import scale_of, short
from losslint.verify.verdict import Figures, Line, Verdict, Witness

# What a positive axis shows of weights, from the largest down.
DECADES = 9

# Values are drawn up to here: beyond it the ticks of a logarithmic axis overflow.
LARGEST = 1e100


@dataclass(frozen=True)
class Mark:
    """A point to point at, moved to the edge of its panel where it lies beyond it."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Side:
    """One version in a panel: its name, lines and mark."""

    head: str
    lines: tuple[Line, ...]
    mark: Mark | None = None


@dataclass(frozen=True)
class Panel:
    """One quantity of every version, on the same axes.

    `scale` is that of the y axis: "linear", "symlog" (straight up to 1) or "log";
    with "log" the x axis is logarithmic too. `caption` says what is held fixed, and
    what the axes do not show.
    """

    title: str
    x_label: str
    y_label: str
    caption: str
    sides: tuple[Side, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    scale: str = "linear"


def panels_of(verdict: Verdict) -> list[Panel]:
    """The panels of a verdict; none if nothing of it was run or drawn."""
    shown = [(head, version.figures) for head, version in versions(verdict)]
    if not any(figures.along for _, figures in shown):
        return []
    name = printable(next(one.along[0].parameter for _, one in shown if one.along))
    return [*_over(name, shown), *_settled(shown), *_descents(shown)]


Shown = Sequence[tuple[str, Figures]]


def _over(name: str, shown: Shown) -> Iterator[Panel]:
    panel = _panel(
        f"Total over {name}",
        (name, "total"),
        "The other parameters stand where the code starts them; all task losses are alike.",
        [(head, _totals(figures)) for head, figures in shown],
    )
    if panel:
        yield _marked(panel, [figures.witness for _, figures in shown])
    panel = _panel(
        "Total, all parameters moved together",
        (f"{name}, the others moved as far", "total"),
        "Every parameter is as far from where the code starts it; all task losses are alike.",
        [(head, figures.together) for head, figures in shown],
    )
    if panel:
        yield panel


def _totals(figures: Figures) -> tuple[Line, ...]:
    if figures.totals or not figures.along:
        return figures.totals
    along = figures.along[0]
    return tuple(line for line in (along.solved, along.total) if line)


def _settled(shown: Shown) -> Iterator[Panel]:
    lines = [figures.weights for _, figures in shown if figures.weights]
    if not lines:
        return
    panel = _panel(
        "Weight over loss, once the parameters have settled",
        ("task loss", "weight"),
        f"The {printable(lines[0].name)}: the losses are held fixed, and the parameters "
        "descend until they rest.",
        [(head, (figures.weights,) if figures.weights else ()) for head, figures in shown],
        positive=True,
    )
    if panel:
        yield panel


def _descents(shown: Shown) -> Iterator[Panel]:
    lines = [figures.descent[0] for _, figures in shown if figures.descent]
    if not lines:
        return
    name = printable(lines[0].name)
    fixed = "The parameters alone are trained, at a learning rate of 0.01."
    parts: tuple[tuple[str, str, Callable[[Figures], tuple[Line, ...]]], ...] = (
        (f"2,000 steps of Adam: {name}", "total", lambda one: one.descent[:1]),
        ("2,000 steps of Adam: parameters", "value", lambda one: one.descent[1:]),
    )
    for title, label, of in parts:
        sides = [(head, of(figures)) for head, figures in shown]
        panel = _panel(title, ("step", label), fixed, sides)
        if panel:
            yield panel


def _panel(
    title: str,
    labels: tuple[str, str],
    caption: str,
    sides: Sequence[tuple[str, tuple[Line, ...]]],
    *,
    positive: bool = False,
) -> Panel | None:
    lines = [line for _, own in sides for line in own]
    pairs = [at for line in lines for at in zip(line.x, line.y, strict=True)]
    if not pairs:
        return None
    finite = [y for _, y in pairs if math.isfinite(y) and (y > 0 or not positive)]
    across = _axis([x for x, _ in pairs if x > 0], True)[:2] if positive else _ends(pairs)
    low, high, scale, clipped = _axis(finite, positive)
    cut = sum(not math.isfinite(y) for _, y in pairs)
    notes = [caption]
    if clipped:
        notes.append(f"Values beyond {low:.3g} and {high:.3g} are drawn on the edge.")
    if cut:
        notes.append(f"At {cut} of {len(pairs)} points the value is inf or NaN: no line there.")
    return Panel(
        title,
        *labels,
        " ".join(notes),
        tuple(Side(head, own) for head, own in sides),
        across,
        (low, high),
        scale,
    )


def _ends(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    scale = scale_of((x for x, _ in pairs), linear=True)
    return scale.low, scale.high


def _axis(values: Sequence[float], positive: bool) -> tuple[float, float, str, bool]:
    """The ends of a y axis with some margin, its scale, and whether values lie beyond."""
    if positive:
        low, high = min(values, default=0.1), max(values, default=1.0)
        top = min(max(high, 1 / LARGEST), LARGEST)
        floor = max(min(low, top), top * 10.0**-DECADES)
        return floor / 1.5, top * 1.5, "log", low < floor or high > top
    axis = scale_of(values)
    low, high = max(axis.low, -LARGEST), min(axis.high, LARGEST)
    clipped = (low, high) != (axis.low, axis.high)
    if axis.logarithmic:
        return _wider(low), _wider(high), "symlog", clipped
    room = 0.05 * (high - low)
    return low - room, high + room, "linear", clipped


def _wider(end: float) -> float:
    """An end of a symmetric-logarithmic axis, a little further out."""
    return end * 2 if abs(end) > 1 else end + math.copysign(0.5, end or -1.0)


def _marked(panel: Panel, witnesses: Sequence[Witness | None]) -> Panel:
    sides = tuple(
        replace(side, mark=_mark(witness)) if witness and side.lines else side
        for side, witness in zip(panel.sides, witnesses, strict=True)
    )
    said = [
        f"{side.head}: {witness_said(witness)}"
        for side, witness in zip(sides, witnesses, strict=True)
        if witness
    ]
    caption = f"{panel.caption} {'; '.join(said).capitalize()}." if said else panel.caption
    return replace(panel, caption=caption, sides=sides)


def _mark(witness: Witness) -> Mark | None:
    if not witness.parameters or math.isnan(witness.parameters[0] + witness.total):
        return None
    return Mark(witness.parameters[0], witness.total, f"lowest total found: {short(witness.total)}")
