"""A clamp on a learned weight's parameter, with no gradient on its far side.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.smooth import smooth_edits
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import Kind, Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL106", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.dead is None or weight.leaf.kind is not Kind.PARAMETER:
        return
    if not (weight.solos or weight.known_losses):
        return
    clamps = [s for t in weight.terms for s in t.steps if s.what is What.CLAMP]
    for step in dict.fromkeys(clamps):
        edits = smooth_edits(step, module)
        yield rule.finding(
            module.span(step.node),
            f"beyond this clamp the gradient of `{weight.leaf}` is exactly 0:"
            f" {_consequence(weight, step)}",
            fix=edits and Fix("Replace the clamp by its smooth form", edits, Safety.UNSAFE),
            evidence=[
                f"as {weight.leaf} runs to {weight.dead.value}, every term that it enters"
                " is constant"
            ],
        )


def _consequence(weight: LearnedWeight, step: Step) -> str:
    start, (low, high) = weight.leaf.start, step.bounds
    on_edge = start is not None and (
        (low is not None and start <= low) or (high is not None and start >= high)
    )
    if on_edge:
        return f"it starts at {start:g}, on the edge, and the first step outward sticks for ever"
    side = "below" if weight.dead is End.MINUS else "above"
    return f"once {side} it, the weight sticks there for ever"
