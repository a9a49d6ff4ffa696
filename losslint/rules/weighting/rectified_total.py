"""The total is folded or cut off at 0 to keep it positive.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.model.module import Module
from losslint.ranges.weights import RectifiedTotal
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL112", __name__, __doc__, Severity.ERROR, needs=NEEDS)

FOLDED = "turns every gradient round, so training makes the task losses larger"
CUT_OFF = "takes every gradient away, so training stands still"


@rule.on(RectifiedTotal)
def check(total: RectifiedTotal, module: Module) -> Iterator[Finding]:
    consequence = FOLDED if total.how == "abs" else CUT_OFF
    yield rule.finding(
        module.span(total.node),
        f"where this total is negative, `{total.how}` {consequence}",
        evidence=[
            *_what_falls(total),
            "give the regularizer a floor instead: the page of LL101 shows how",
        ],
    )


def _what_falls(total: RectifiedTotal) -> list[str]:
    """The terms that take the total below 0, each leaf once."""
    falling = [t for t in total.value.terms if not t.factors and t.interval.lo < 0]
    return [
        f"the term in {leaf} alone takes the total down to {term.interval.lo:g}"
        for leaf, term in {str(leaf): term for term in falling for leaf in term.leaves()}.items()
    ]
