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
from losslint.fixes.quotients import multiplied
from losslint.ranges.growth import End
from losslint.ranges.value import Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, is_trained, reaches, shape

rule = Rule("LL105", __name__, __doc__, Severity.NOTE, needs=NEEDS)

HALF_PRECISION = re.compile(
    r"\bGradScaler\b|(?:\.|\b)float16\b|\.half\(\)|\bautocast\b(?!\([^)\n]*bfloat16)"
)

# The logarithms of the largest float16, 65504, and of the largest float32.
LARGEST = {"float16": 11.09, "float32": 88.72}


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if not is_trained(weight) or not (weight.solos or weight.known_losses):
        return
    half = HALF_PRECISION.search(module.source.text) is not None
    covered = "LL102" if weight.divergence else "LL101" if weight.fall else None
    edits = {} if covered else weight_edits(weight, module)
    for step, end in _unbounded(weight).items():
        divides = not step.at(weight.leaf, end).known_to_grow()
        found = edits.get(step.node)
        if divides and multiplied(module, step.node) is None:
            found = None  # bounded from one side, the divisor still overflows on the other
        evidence = [f"as {weight.leaf} {reaches(end)}, the weight grows {_growth(weight, step, end)}"]
        evidence += ["this file uses half precision"] if half else []
        if covered:
            evidence.append(f"the fix of {covered} for the same parameter bounds this weight too")
        yield rule.finding(
            module.span(step.node),
            _message(weight, step, end, divides),
            severity=Severity.WARNING if half else Severity.NOTE,
            fix=Fix("Bound the weight softly, at e**10", found, Safety.SAFE) if found else None,
            evidence=evidence,
        )


def _unbounded(weight: LearnedWeight) -> dict[Step, End]:
    """The exponentials of the weights that grow without end, each once, and where."""
    found: dict[object, tuple[Step, End]] = {}
    for term in weight.weights:
        for step in term.steps:
            if step.what is not What.EXP:
                continue
            for end in (End.MINUS, End.PLUS):
                grows = term.at(weight.leaf, end)
                if grows.known_to_grow() and grows.rate:
                    found.setdefault(step.node, (step, end))
    return dict(found.values())


def _growth(weight: LearnedWeight, step: Step, end: End) -> str:
    found = (t.at(weight.leaf, end) for t in weight.weights if step in t.steps)
    return shape(max(found, key=lambda growth: growth.rank), weight.leaf, end)


def _message(weight: LearnedWeight, step: Step, end: End, divides: bool) -> str:
    rate = abs(step.at(weight.leaf, end).rate)
    exact = step.at(weight.leaf, end).exact and rate > 0
    if divides:
        at = _limits(end is End.MINUS, rate) if exact else "where it overflows"
        return (
            f"dividing by this exponential of `{weight.leaf}` makes its gradient NaN {at},"
            " while the loss reads a harmless 0"
        )
    at = _limits(end is End.PLUS, rate) if exact else "where it overflows"
    return f"nothing bounds `{weight.leaf}`: this weight is inf {at}"


def _limits(upward: bool, rate: float) -> str:
    half, single = (limit / rate for limit in LARGEST.values())
    side, sign = ("above", "") if upward else ("below", "-")
    return f"{side} {sign}{half:.3g} in float16, {side} {sign}{single:.3g} in float32"
