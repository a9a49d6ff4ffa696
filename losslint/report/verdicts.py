"""Verdicts for people: what torch said of each loss, with charts of what it does."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from losslint.report.chart import can_draw
from losslint.report.paint import PROSE, Line, linked, printable, wrapped
from losslint.report.paint import width as columns
from losslint.report.place import display_name
from losslint.report.saying import (
    SAID,
    defects_of,
    difference_said,
    facts_of,
    table_of,
    versions,
)
from losslint.report.verdict_charts import charts
from losslint.verify.verdict import Status, Verdict

STYLES = {Status.VERIFIED: "good", Status.REFUTED: "error", Status.NOT_RUNNABLE: "warning"}
TOLD = {"holds": "good", "fails": "error", "not judged": "warning"}


def concise(verdicts: Iterable[Verdict]) -> Iterator[Line]:
    """One line for each loss, with what decided."""
    for verdict in verdicts:
        yield [*_headline(verdict), (f": {printable(verdict.why)}" if verdict.why else "", PROSE)]


def full(
    verdicts: Iterable[Verdict],
    *,
    width: int = 80,
    ascii: bool = False,  # noqa: A002 - as the option is called
    verbose: bool = False,
) -> Iterator[Line]:
    """Each loss with its properties, its assumptions and its charts, `width` columns wide.

    `verbose` adds why each property holds, and the programs that were run.
    """
    drawable = can_draw()
    hidden = False
    for verdict in verdicts:
        yield _headline(verdict)
        yield from wrapped(verdict.why, width, indent=2)
        yield from _facts(verdict, width, verbose)
        if drawable:
            yield from charts(verdict, width, ascii_only=ascii)
        if verbose:
            yield from _programs(verdict)
        hidden |= not drawable and any(version.figures.along for _, version in versions(verdict))
        yield []
    if hidden:
        yield [("Charts need plotille: pip install 'torch-losslint[verify]'", "gutter")]


def summary(verdicts: Sequence[Verdict]) -> Iterator[Line]:
    """The last line: how many losses got which verdict."""
    if not verdicts:
        yield [("Ran no loss: none that learns its weights was found.", "warning")]
        return
    number = Counter(verdict.status for verdict in verdicts)
    parts = ", ".join(f"{number[status]} {status.value}" for status in Status if number[status])
    noun = "loss" if len(verdicts) == 1 else "losses"
    order = (Status.REFUTED, Status.NOT_RUNNABLE, Status.VERIFIED)
    worst = next(status for status in order if number[status])
    yield [(f"Ran {len(verdicts)} {noun}: {parts}.", STYLES[worst])]


def _headline(verdict: Verdict) -> Line:
    return [
        (
            f"{printable(display_name(verdict.path))}:{verdict.row}:",
            linked("path", "file", verdict.path),
        ),
        (" ", ""),
        (verdict.status.value, STYLES[verdict.status]),
        (f" {printable(verdict.qualname)}", "code"),
        (f" ({facts_of(verdict)})", PROSE),
    ]


def _facts(verdict: Verdict, width: int, verbose: bool) -> Iterator[Line]:
    if verdict.call:
        yield from wrapped(verdict.call, width, indent=2)
    for defect in defects_of(verdict):
        yield from wrapped(f"before the fix: {defect.name}: {defect.why}", width, indent=2)
    yield from _table(verdict, width, verbose)
    for assumption in verdict.assumes:
        yield from wrapped(f"assumes: {assumption}", width, indent=2)
    difference = difference_said(verdict)
    if difference:
        yield from wrapped(difference, width, indent=2)


def _table(verdict: Verdict, width: int, verbose: bool) -> Iterator[Line]:
    heads, rows = table_of(verdict)
    if not rows:
        return
    longest = max(columns(printable(name)) for name, _ in rows)
    name_width = max(min(longest, width - 2 - 14 * len(heads)), 8)
    yield []
    yield [(f"  {'property':{name_width}}{''.join(f'  {head:12}' for head in heads)}", "gutter")]
    for name, cells in rows:
        first, *rest = textwrap.wrap(printable(name), name_width) or [""]
        pieces: Line = [(f"  {first}{' ' * (name_width - columns(first))}", "")]
        for cell in cells:
            said = SAID[cell.holds] if cell else "-"
            pieces += [("  ", ""), (f"{said:10}", TOLD.get(said, "")), ("  ", "")]
        yield pieces
        yield from ([(f"  {part}", "")] for part in rest)
        for head, cell in zip(heads, cells, strict=True):
            if cell and (verbose or cell.holds is not True):
                lead = f"{head}: " if len(heads) > 1 else ""
                yield from wrapped(f"{lead}{cell.why}", width, indent=4)


def _programs(verdict: Verdict) -> Iterator[Line]:
    for head, version in versions(verdict):
        if version.program:
            yield []
            yield [(f"  what was run, {head}:", "gutter")]
            yield from ([(f"    {printable(line)}", "")] for line in version.program.splitlines())
