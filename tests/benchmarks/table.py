"""Figures as text: tables in Markdown, and the machine that they were measured on."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterator, Mapping

from .cases import Row, Table
from .measuring import ratio
from .tree import Tree

HEAD = ("tool", "wall s", "×", "CPU s", "×", "peak MB", "runs", "")


def machine() -> str:
    """The machine, and how busy it is."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line for line in file if line.startswith("model name"))
            model = model.partition(":")[2].strip()
    except (OSError, StopIteration):
        pass
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        f"{os.cpu_count()} cores, {model}; {platform.system()} {platform.release()};"
        f" {platform.python_implementation()} {platform.python_version()};"
        f" {now:%Y-%m-%d %H:%M} UTC; load {load}"
    )


def tree_lines(tree: Tree) -> Iterator[str]:
    """What the tree holds, and what it lacks."""
    yield (
        f"{tree.files:,} files, {tree.lines:,} lines, {tree.size / 1e6:.1f} MB;"
        f" {tree.torch / tree.files:.0%} of the files name torch; {tree.training} have"
        f" `.backward(` ({tree.training / tree.files:.1%} of the files,"
        f" {tree.training_size / tree.size:.1%} of the bytes); contents {tree.digest}"
    )
    for name, reason in tree.missing.items():
        yield f"NOT IN THE TREE: {name}: {reason}"


def absent_lines(absent: Mapping[str, str]) -> Iterator[str]:
    """The peers that do not run here."""
    for name, reason in absent.items():
        yield f"NOT MEASURED: {name}: {reason}"


def rendered(table: Table) -> str:
    """A table in Markdown; × is a multiple of the table's base row."""
    base = next((row for row in table.rows if row.name == table.base), None)
    rows = [HEAD, *(_cells(row, base) for row in table.rows)]
    widths = [max(len(cells[n]) for cells in rows) for n in range(len(HEAD))]
    lines = [_line(cells, widths) for cells in rows]
    lines.insert(1, _line(["-" * width for width in widths], widths))
    notes = [f"- {note}" for note in table.notes]
    busy = f"- others kept {table.others:.2f} cores busy meanwhile" if table.rows else ""
    return "\n".join([f"### {table.title}", "", *lines, "", *notes, busy])


def _cells(row: Row, base: Row | None) -> tuple[str, ...]:
    wall = cpu = "-"
    if base:
        wall = figure(ratio(row.cost.wall, base.cost.wall))
        cpu = figure(ratio(row.cost.cpu, base.cost.cpu))
    seconds = figure(row.cost.wall), wall, figure(row.cost.cpu), cpu
    return (row.name, *seconds, f"{row.cost.peak:.0f}", str(row.runs), row.note)


def figure(value: float) -> str:
    """Three digits that count, or two; seconds and multiples alike."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{value:.3f}" if value >= 0.1 else f"{value:#.2g}"


def _line(cells: tuple[str, ...] | list[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
