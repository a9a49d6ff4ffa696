"""What is told of a verdict, in words that every format shares."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losslint.report.paint import printable
from losslint.report.scale import short
from losslint.verify.verdict import Result, Slice, Verdict, Version, Witness

SAID = {True: "holds", False: "fails", None: "not judged"}
RAN = {Slice.WHOLE: "run whole", Slice.EXPRESSION: "run as an expression slice"}


def versions(verdict: Verdict) -> Iterator[tuple[str, Version]]:
    """What was run, as ("before", ...) and ("after", ...)."""
    if verdict.before:
        yield ("before" if verdict.after else "as it stands"), verdict.before
    if verdict.after:
        yield "after", verdict.after


def facts_of(verdict: Verdict) -> str:
    """`LL101, safe fix; run whole; 1.3 s`, without what is not known."""
    codes = printable(", ".join(verdict.codes))
    fix = f"{verdict.safety} fix" if verdict.safety else ""
    rule = ", ".join(part for part in (codes, fix) if part)
    ran = RAN[verdict.slice] if verdict.slice else ""
    return "; ".join(part for part in (rule, ran, f"{verdict.seconds:.1f} s") if part)


def defects_of(verdict: Verdict) -> list[Result]:
    """What is wrong with the code before its fix: it shows, and is not asked for after it."""
    if not (verdict.before and verdict.after):
        return []
    owed = {result.name for result in verdict.after.results}
    return [one for one in verdict.before.results if one.holds and one.name not in owed]


def table_of(verdict: Verdict) -> tuple[list[str], list[tuple[str, list[Result | None]]]]:
    """The versions that properties were asked of, and for each property its result in each.

    A result is None where a property was not asked of a version.
    """
    defects = defects_of(verdict)
    asked = {
        head: {result.name: result for result in version.results if result not in defects}
        for head, version in versions(verdict)
    }
    asked = {head: results for head, results in asked.items() if results}
    names = dict.fromkeys(name for results in asked.values() for name in results)
    return [*asked], [(name, [results.get(name) for results in asked.values()]) for name in names]


def witness_said(witness: Witness) -> str:
    """`lowest total -80 at parameters [-80, -80], task losses [0, 0]`."""
    at = ", ".join(short(value) for value in witness.parameters)
    losses = ", ".join(short(value) for value in witness.losses)
    total = short(witness.total)
    return f"lowest total {total} at parameters [{at}], task losses [{losses}]"


def difference_said(verdict: Verdict) -> str | None:
    """How far the gradients are from what they were, in a sentence without its end."""
    if verdict.gradient_difference is None:
        return None
    if not math.isfinite(verdict.gradient_difference):
        return "gradients in the working range are not comparable"
    percent = f"{100 * verdict.gradient_difference:.3g}%"
    return f"gradients in the working range differ by at most {percent}"
