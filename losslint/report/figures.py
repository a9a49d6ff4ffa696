"""Verdicts as pictures, with matplotlib: files, or SVG to stand in a page.

matplotlib is asked for figures as objects, without pyplot and its state.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import cycle, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losslint.config import ConfigError
from losslint.engine.write import put
from losslint.report.paint import printable
from losslint.report.panels import Mark, Panel, Side, panels_of
from losslint.report.place import display_name
from losslint.report.saying import facts_of
from losslint.report.scale import short
from losslint.verify.verdict import Line, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NEEDED = "--plot needs matplotlib: pip install 'torch-losslint[plot]'"

# Okabe and Ito's colours, told apart by all eyes, each with strokes of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B")
STROKES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
WITNESS = "#D55E00"

# Stands for the colour of the text around a picture, until it stands in a page.
INK = "#010203"

# Inches at 100 dots each: 1200 across, whether one version is drawn or two.
WIDTH, ROW, HEAD = 12.0, 3.7, 0.7
SINGLE = (5.4, 3.6)

# Room around the axes of a panel: left, below, right, above.
ROOM = (0.95, 0.6, 0.25, 0.4)
CAPTION, TITLE = 0.5, 0.3


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def write_plots(
    verdicts: Iterable[Verdict], directory: str | Path, kind: str = "svg"
) -> list[Path]:
    """One picture for each loss that was run, as `path-qualname.svg` or `.png` in `directory`.

    Raises `ConfigError` where matplotlib is not installed or nothing can be written.
    """
    folder = Path(directory)
    written: list[Path] = []
    with _drawing("losslint", size=11.0):
        for verdict in verdicts:
            panels = panels_of(verdict)
            if not panels:
                continue
            path = _free(folder, _file_name(verdict), kind, written)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure = _sheet(verdict, panels)
                drawn = io.BytesIO()
                figure.savefig(drawn, format=kind, dpi=100, metadata=_undated(kind))
                put(str(path), drawn.getvalue())
            except OSError as problem:
                raise ConfigError(
                    f"--plot cannot write {path}: {problem.strerror or problem}"
                ) from None
            written.append(path)
    return written


def svg_of(panel: Panel, side: Side, mark: str) -> str:
    """One version in a panel as an SVG element for a page, in the page's own text colour.

    `mark` begins every id in it, and is to be another for every picture of a page.
    """
    with _drawing(mark, size=14.0, ink=INK):
        from matplotlib.figure import Figure

        figure = Figure(figsize=SINGLE, facecolor="none")
        _draw(_axes(figure, (0.0, 0.0), SINGLE), panel, side)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=_undated("svg"))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r"<[^<>]*>", lambda tag: _adapted(tag[0], mark), svg).strip()


def _adapted(tag: str, mark: str) -> str:
    """A tag of an SVG with ids of its own and the page's colour for ink."""
    if tag.startswith("<svg"):
        tag = re.sub(r' (?:width|height)="[^"]*pt"', "", tag)
    tag = re.sub(r' id="([^"]*)"', rf' id="{mark}-\1"', tag)
    tag = re.sub(r'(url\(|href=")#', rf"\1#{mark}-", tag)
    return tag.replace(INK, "currentColor")


def _sheet(verdict: Verdict, panels: Sequence[Panel]) -> Figure:
    """All panels of a verdict, a row each, the versions side by side."""
    from matplotlib.figure import Figure

    height = HEAD + ROW * len(panels)
    figure = Figure(figsize=(WIDTH, height))
    place = f"{display_name(verdict.path)}:{verdict.row}"
    figure.suptitle(
        f"{printable(verdict.qualname)}: {verdict.status.value}\n"
        f"{printable(place)} ({facts_of(verdict)})",
        y=1 - 0.12 / height,
        fontsize=14,
    )
    for row, panel in enumerate(panels):
        bottom = height - HEAD - ROW * (row + 1)
        width = WIDTH / len(panel.sides)
        for column, side in enumerate(panel.sides):
            corner = (column * width, bottom + CAPTION)
            axes = _axes(figure, corner, (width, ROW - CAPTION - TITLE))
            _draw(axes, panel, side, title=f"{panel.title}, {side.head}")
        figure.text(
            ROOM[0] / WIDTH,
            (bottom + CAPTION) / height,
            textwrap.fill(panel.caption, 160),
            fontsize=9,
            style="italic",
            va="top",
        )
    return figure


def _axes(figure: Figure, corner: tuple[float, float], size: tuple[float, float]) -> Axes:
    """Axes in a box of a figure, all in inches, with room for what stands around them."""
    across, up = figure.get_size_inches()
    left, below, right, above = ROOM
    return figure.add_axes(
        (
            (corner[0] + left) / across,
            (corner[1] + below) / up,
            (size[0] - left - right) / across,
            (size[1] - below - above) / up,
        )
    )


def _draw(axes: Axes, panel: Panel, side: Side, title: str = "") -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    if panel.scale == "log":
        axes.set_xscale("log")
        axes.set_yscale("log")
    elif panel.scale == "symlog":
        axes.set_yscale("symlog", linthresh=1.0)
    axes.set_autoscale_on(False)
    axes.set_xlim(*panel.x)
    axes.set_ylim(*panel.y)
    drawn: list[Line2D] = []
    strokes = zip(cycle(COLOURS), cycle(STROKES), strict=False)
    for line, label, (colour, stroke) in zip(side.lines, _labels(side), strokes, strict=False):
        y = _drawable(line, panel)
        drawn += axes.plot(line.x, y, color=colour, linestyle=stroke, linewidth=1.8, label=label)
        if len(line.x) == 1 or panel.scale == "log":
            axes.plot(line.x, y, color=colour, marker="o", markersize=4, linestyle="none")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        axis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    if panel.scale == "symlog":
        axes.set_yticks(_decades(*panel.y))
    if panel.y[0] < 0 < panel.y[1]:
        axes.axhline(0.0, color=axes.yaxis.label.get_color(), linewidth=0.8)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
    axes.set_title(title, pad=26)
    axes.spines[["top", "right"]].set_visible(False)
    if not side.lines:
        middle = ((panel.x[0] + panel.x[1]) / 2, (panel.y[0] + panel.y[1]) / 2)
        axes.annotate("not drawn of this version", middle, ha="center")
    plain: dict[str, Any] = {"frameon": False, "fontsize": "small", "borderpad": 0.2}
    if side.mark:
        at = axes.legend(handles=[_mark(axes, panel, side.mark)], loc="lower right", **plain)
    if len(side.lines) > 1:
        axes.legend(
            handles=drawn,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(side.lines),
            handlelength=2.2,
            handletextpad=0.5,
            columnspacing=0.9,
            borderaxespad=0.2,
            **plain,
        )
        if side.mark:
            axes.add_artist(at)  # a second legend takes the place of the first


def _labels(side: Side) -> list[str]:
    """The names of the lines, without what all of them begin with but on the first."""
    names = [printable(line.name).split() for line in side.lines]
    shared = takewhile(lambda words: len(set(words)) == 1, zip(*names, strict=False))
    skipped = len(list(shared))
    return [" ".join(name[skipped if number else 0 :]) for number, name in enumerate(names)]


def _mark(axes: Axes, panel: Panel, mark: Mark) -> Line2D:
    """The witness, drawn on the edge if it lies beyond it."""
    x = min(max(mark.x, panel.x[0]), panel.x[1])
    y = min(max(mark.y, panel.y[0]), panel.y[1])
    shape = "<" if mark.x < x else ">" if mark.x > x else "D"
    (drawn,) = axes.plot(
        [x],
        [y],
        marker=shape,
        color=WITNESS,
        markersize=8,
        linestyle="none",
        clip_on=False,
        zorder=5,
        label=mark.text,
    )
    return drawn


def _drawable(line: Line, panel: Panel) -> list[float]:
    """The values on the axes or on their edge; what is no number breaks the line."""
    low, high = panel.y
    return [min(max(y, low), high) if math.isfinite(y) else math.nan for y in line.y]


def _decades(low: float, high: float) -> list[float]:
    """Ticks of a symmetric-logarithmic axis: at most some eight powers of ten, and 0."""
    most = max(abs(low), abs(high), 10.0)
    step = max(1, math.ceil(math.log10(most) / 4))
    powers = [10.0 ** (step * n) for n in range(5) if step * n < 300]
    return [v for v in (*(-p for p in reversed(powers)), 0.0, *powers) if low <= v <= high]


@contextmanager
def _drawing(salt: str, *, size: float, ink: str = "#222222") -> Iterator[None]:
    """matplotlib's settings, ours for this long; whoever uses it finds theirs again."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise ConfigError(NEEDED) from None
    ours: dict[Any, Any] = {
        "axes.edgecolor": ink,
        "axes.facecolor": "none" if ink == INK else "white",
        "axes.labelcolor": ink,
        "axes.titlesize": "medium",
        "font.family": ["DejaVu Sans"],
        "font.size": size,
        "path.simplify": True,
        "svg.fonttype": "none" if ink == INK else "path",
        "svg.hashsalt": salt,
        "text.color": ink,
        "text.parse_math": False,
        "text.usetex": False,
        "xtick.color": ink,
        "ytick.color": ink,
    }
    with mpl.rc_context(), warnings.catch_warnings():
        # A letter that the font has not is drawn as a box, and no reason to talk.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield


def _undated(kind: str) -> dict[str, str | None]:
    """Nothing in a file that differs from one run to the next."""
    if kind == "png":
        return {"Software": None}
    return dict.fromkeys(("Creator", "Date", "Format", "Type"))


def _file_name(verdict: Verdict) -> str:
    name = f"{display_name(verdict.path)}-{verdict.qualname}"
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:120] or "loss"


def _free(folder: Path, name: str, kind: str, taken: Iterable[Path]) -> Path:
    """A path in `folder` that no other verdict has, whatever the case of its letters."""
    names = {path.name.lower() for path in taken}
    for number in range(1, len(names) + 2):
        path = folder / f"{name}{f'-{number}' * (number > 1)}.{kind}"
        if path.name.lower() not in names:
            return path
    raise AssertionError(names)
