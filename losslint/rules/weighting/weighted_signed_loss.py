"""A learned weight multiplies a loss that can be negative by its meaning.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.model.module import Module
from losslint.ranges.value import Kind
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL111", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    term = weight.signed
    if term is None or weight.leaf.kind is not Kind.PARAMETER or not term.steps:
        return
    negative = next((f for f in term.factors if f.known_signed), None)
    what = (
        f"what `{negative.name.partition('@')[0]}` returns can be negative"
        if negative is not None
        else "the loss enters with a minus sign"
    )
    yield rule.finding(
        module.span(term.steps[-1].node),
        f"`{weight.leaf}` weights a loss that can be negative: its weight runs away,"
        " whatever the regularizer",
        evidence=[
            what,
            "an exponential weight times a negative loss outgrows every regularizer",
        ],
    )
