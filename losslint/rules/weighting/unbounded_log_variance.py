"""A learned log-variance enters the loss as a weight and, with no lower bound, as a regularizer.

## What it does
PAGE
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.forms import (
    FLOOR,
    LOWEST_START,
    floored,
    merged,
    starting_log_variance,
    weight_edits,
)
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, is_trained, reaches, shape, witness

rule = Rule("LL101", __name__, __doc__, Severity.WARNING, needs=NEEDS)

LIKELIHOOD = (
    "a negative total is legitimate as a likelihood up to a constant; what breaks below 0"
    " are relative thresholds: early stopping, ReduceLROnPlateau, the best checkpoint"
)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if not is_trained(weight) or weight.signed or weight.divergence:
        return
    end = weight.fall
    if end is None:
        yield from _clamped(weight, module)
        return
    fix = _fix(weight, end, module)
    for solo in weight.falling_solos(end):
        step = weight.occurrence(solo)
        if step is not None:
            yield rule.finding(
                module.span(step.whole),
                f"nothing bounds `{weight.leaf}` in this loss: the total turns negative"
                " and goes to -inf as a task's loss goes to 0",
                fix=fix,
                evidence=[
                    f"as {weight.leaf} {reaches(end)}, this term falls"
                    f" {shape(solo.at(weight.leaf, end), weight.leaf, end)}; the weight grows"
                    f" {shape(weight.lead_of_weights(end), weight.leaf, end)},"
                    " times a loss that can be 0",
                    *witness(module, weight, end, far=False),
                    LIKELIHOOD,
                    *_low_start(fix, weight, end),
                ],
            )


def _fix(weight: LearnedWeight, end: End, module: Module) -> Fix | None:
    form = module.settings.log_variance_form
    edits = floored(weight, end, module, form)
    if edits is None:
        return None
    if form != "floor":
        return Fix("Replace the regularizer by softplus", edits, Safety.UNSAFE)
    bounded = merged([edits, *weight_edits(weight, module).values()])
    start = starting_log_variance(weight, end)
    near = start is not None and start < LOWEST_START
    safety = Safety.UNSAFE if near else Safety.SAFE
    return Fix("Give the log-variance a soft floor at -10", bounded, safety)


def _low_start(fix: Fix | None, weight: LearnedWeight, end: End) -> list[str]:
    """Why the floor is not safe here."""
    start = starting_log_variance(weight, end)
    if fix is None or start is None or start >= LOWEST_START:
        return []
    return [
        f"the log-variance starts at {start:g}, nearer to the floor: 4 below its start the fix"
        f" changes gradients by {200 * math.exp(4 - FLOOR - start):.2g} %, where safe is 0.8 %"
    ]


def _clamped(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    """A clamp keeps the total from -inf, but not from below 0."""
    for solo in weight.solos:
        clamp = solo.last(What.CLAMP)
        step = weight.occurrence(solo)
        low = solo.interval.lo
        if clamp is None or step is None or clamp.bounds[0] is None:
            continue
        if float("-inf") < low < 0:
            yield rule.finding(
                module.span(step.whole),
                f"the clamp bounds this term at {low:g} a task, so the total can still be negative",
                severity=Severity.NOTE,
                evidence=[
                    f"clamped to {list(clamp.bounds)}, this term is at least {low:g}",
                    LIKELIHOOD,
                ],
            )
