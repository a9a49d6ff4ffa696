"""The exponential of a parameter without bounds weights a loss.

## What it does
PAGE
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.forms import weight_edits
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, is_trained

rule = Rule("LL105", __name__, __doc__, Severity.NOTE, needs=NEEDS)

HALF_PRECISION = re.compile(r"\b(?:autocast|GradScaler|float16|bfloat16)\b|\.half\(\)")


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if not is_trained(weight) or not (weight.solos or weight.known_losses):
        return
    half = HALF_PRECISION.search(module.source.text) is not None
    cured = (weight.fall or weight.divergence) is not None
    edits = {} if cured else weight_edits(weight, module)
    for step in _unbounded(weight):
        edit = edits.get(step.node)
        yield rule.finding(
            module.span(step.node),
            f"nothing bounds `{weight.leaf}` in this weight: the exponential overflows"
            " in float16 at 11.1, in float32 at 88.7",
            severity=Severity.WARNING if half else Severity.NOTE,
            fix=edit and Fix("Bound the exponential by a soft floor", edit, Safety.SAFE),
            evidence=_evidence(half, cured),
        )


def _unbounded(weight: LearnedWeight) -> list[Step]:
    """The exponentials of the weights that grow without end, each once."""
    found: dict[object, Step] = {}
    for term in weight.weights:
        for step in term.steps:
            if step.what is not What.EXP:
                continue
            grows = [term.at(weight.leaf, end) for end in (End.MINUS, End.PLUS)]
            if any(x.known_to_grow() and x.rate for x in grows):
                found.setdefault(step.node, step)
    return list(found.values())


def _evidence(half: bool, cured: bool) -> list[str]:
    found = ["half precision is used in this file"] if half else []
    if cured:
        found.append("the fix of the regularizer of the same parameter bounds this weight too")
    return found
