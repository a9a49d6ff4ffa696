"""The total falls to -inf along a learned parameter, whatever the task losses are.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.barrier import barrier_edits
from losslint.fixes.forms import floored, merged, weight_edits
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, is_trained, reaches, shape, witness

rule = Rule("LL102", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    end = weight.divergence
    if end is None or weight.signed or not is_trained(weight):
        return
    falling = weight.falling_solos(end) if weight.weighs_losses else []
    if falling:
        fix = _fix(weight, falling, end, module)
        for solo in falling:
            step = weight.occurrence(solo)
            if step is not None:
                yield _finding(weight, solo, step, end, module, fix)
    elif weight.known_losses and not weight.solos:
        for term in weight.weights:
            step = weight.place(term)
            if step is not None:
                yield _finding(weight, term, step, end, module, None)


def _finding(
    weight: LearnedWeight, term: Term, step: Step, end: End, module: Module, fix: Fix | None
) -> Finding:
    return rule.finding(
        module.span(step.whole),
        f"{_reason(weight)}: the total falls to -inf whatever the task losses are",
        fix=fix,
        evidence=[
            f"as {weight.leaf} {reaches(end)}, this term falls {shape(term.at(weight.leaf, end), weight.leaf, end)}"
            f" and no other term grows as fast",
            *witness(module, weight, end, far=True),
        ],
    )


def _reason(weight: LearnedWeight) -> str:
    if weight.on_simplex:
        return (
            f"normalised weights stay as they are when all of `{weight.leaf}` fall together,"
            " and nothing else holds it back"
        )
    if not weight.solos:
        return f"`{weight.leaf}` multiplies the loss as it is and may become negative"
    if all(not t.growth for t in weight.weights):
        return f"the weights are cut off from `{weight.leaf}`, so no loss holds it back"
    return f"no weight holds `{weight.leaf}` back where its regularizer falls"


def _fix(weight: LearnedWeight, falling: list[Term], end: End, module: Module) -> Fix | None:
    if weight.on_simplex:
        edits = barrier_edits(weight, falling[0], module) if len(falling) == 1 else None
        title = "Replace the regularizer by the barrier of the weights"
        return None if edits is None else Fix(title, edits, Safety.SAFE)
    if all(not t.growth for t in weight.weights):
        return None
    edits = floored(weight, end, module, "floor")
    if edits is None:
        return None
    edits = merged([edits, *weight_edits(weight, module).values()])
    return Fix("Give the log-variance a soft floor at -10", edits, Safety.SAFE)
