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

CONSEQUENCES = {
    "abs": "its gradients point the wrong way",
    "relu": "it has no gradient at all",
    "clamp": "it has no gradient at all",
}


@rule.on(RectifiedTotal)
def check(total: RectifiedTotal, module: Module) -> Iterator[Finding]:
    yield rule.finding(
        module.span(total.node),
        f"where this total is negative, {CONSEQUENCES[total.how]}:"
        f" `{total.how}` hides the sign and stops the training",
        evidence=["give the regularizer a floor instead, as the page of LL101 shows"],
    )
