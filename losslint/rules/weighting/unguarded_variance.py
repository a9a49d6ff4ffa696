"""A logarithm, quotient or root of a raw parameter that can reach 0 or below.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.positive import positive_edits
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import Kind, Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL104", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.leaf.kind is not Kind.PARAMETER or not (weight.solos or weight.known_losses):
        return
    hazards = [s for t in weight.terms for s in t.steps if _is_hazard(weight, s)]
    poles = [s for t in weight.terms for s in t.steps if s.what is What.POLE and s not in hazards]
    if not hazards:
        return
    edits = positive_edits(weight, module)
    fix = edits and Fix("Make the parameter positive by softplus", edits, Safety.UNSAFE)
    for step in dict.fromkeys([*hazards, *(p for p in poles if _reaches_zero(p))]):
        yield rule.finding(
            module.span(step.node),
            f"{_consequence(step)} as soon as `{weight.leaf}` {_where(step)}",
            fix=fix or None,
            evidence=[
                f"{weight.leaf} is a parameter that nothing keeps above 0:"
                f" its range here is {_range(step)}"
            ],
        )


def _is_hazard(weight: LearnedWeight, step: Step) -> bool:
    """NaN below 0, or a pole whose sign turns there."""
    if step.interval.lo >= 0:
        return False
    if step.what in (What.LOG, What.ROOT):
        return True
    return step.what is What.POLE and step.at(weight.leaf, End.ZERO_BELOW).sign < 0


def _reaches_zero(step: Step) -> bool:
    return step.interval.lo <= 0 <= step.interval.hi


def _consequence(step: Step) -> str:
    kinds = {What.LOG: "this logarithm is NaN", What.ROOT: "this root is NaN"}
    return kinds.get(step.what, "this quotient is infinite")


def _where(step: Step) -> str:
    return "reaches 0" if step.what is What.POLE else "falls below 0"


def _range(step: Step) -> str:
    return f"[{step.interval.lo:g}, {step.interval.hi:g}]"
