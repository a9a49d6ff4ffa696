"""A log-variance that the network predicts enters a Gaussian likelihood without bounds.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.clamped import clamped_after_prediction
from losslint.model.module import Module
from losslint.ranges.value import Kind
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import is_trained

rule = Rule(
    "LL110",
    __name__,
    __doc__,
    Severity.NOTE,
    needs=((b"torch",), (b"exp",)),
    opt_in=True,
)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.leaf.kind is not Kind.NETWORK or is_trained(weight) or weight.fall is None:
        return
    for solo in weight.falling_solos(weight.fall):
        step = weight.occurrence(solo)
        if step is None:
            continue
        edits = clamped_after_prediction(weight, module)
        yield rule.finding(
            module.span(step.whole),
            f"the network predicts `{weight.leaf}` without bounds: the likelihood falls to -inf"
            " where its error is 0, and the weight of the error overflows",
            fix=edits and Fix("Clamp the prediction to [-10, 10]", edits, Safety.UNSAFE),
            evidence=[f"`{weight.leaf}` is an output of a network, and no term bounds it"],
        )
