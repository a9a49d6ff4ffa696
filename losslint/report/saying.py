"""What is told of a verdict, in words that every format shares."""

from __future__ import annotations

import math
from collections.abc import Iterator

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
    codes = ", ".join(verdict.codes)
    fix = f"{verdict.safety} fix" if verdict.safety else ""
    rule = ", ".join(part for part in (codes, fix) if part)
    ran = RAN[verdict.slice] if verdict.slice else ""
    return "; ".join(part for part in (rule, ran, f"{verdict.seconds:.1f} s") if part)


def paired(verdict: Verdict) -> Iterator[tuple[str, Result | None, Result | None]]:
    """Each property with its result before and after, None where it was not asked."""
    before = {result.name: result for result in verdict.before.results} if verdict.before else {}
    after = {result.name: result for result in verdict.after.results} if verdict.after else {}
    for name in dict.fromkeys([*before, *after]):
        yield name, before.get(name), after.get(name)


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
