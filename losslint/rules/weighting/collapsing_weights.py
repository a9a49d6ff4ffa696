"""Learned weights multiply the losses, and nothing grows when they shrink.

## What it does
PAGE
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.barrier import added_barrier, barrier_edits
from losslint.fixes.regularizer import added_regularizer
from losslint.model.module import Module
from losslint.ranges.value import Kind, Term
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, reaches, shape

rule = Rule("LL103", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    end = weight.collapse
    if end is None or weight.divergence or weight.signed or weight.dead:
        return
    if weight.leaf.kind is not Kind.PARAMETER or not weight.known_losses:
        return
    term = next((t for t in weight.weights if t.steps), None)
    place = None if term is None else weight.place(term)
    if term is None or place is None:
        return
    if weight.on_simplex:
        message = (
            f"nothing keeps the normalised weights of `{weight.leaf}` away from 0:"
            " the optimum gives everything to the task with the smallest loss"
        )
        evidence = [
            "weights that add up to 1 make a mean of the losses, which is never below the smallest"
            " of them and reaches it where that one has all the weight"
        ]
        if weight.solos:
            evidence.append(
                f"the regularizer is least where all of {weight.leaf} have moved together,"
                " which leaves the weights as they are: it is no barrier"
            )
    else:
        message = (
            f"nothing grows when the weights of `{weight.leaf}` shrink:"
            " the optimum switches the tasks off"
        )
        evidence = [
            f"as {weight.leaf} {reaches(end)}, the weight decays"
            f" {shape(weight.lead_of_weights(end), weight.leaf, end)}, and no term grows in return"
        ]
    yield rule.finding(
        module.span(place.node), message, fix=_fix(weight, term, module), evidence=evidence
    )


def _fix(weight: LearnedWeight, term: Term, module: Module) -> Fix | None:
    if weight.on_simplex and len(weight.solos) == 1:
        edits = barrier_edits(weight, weight.solos[0], module)
        title = "Replace the regularizer by the barrier of the weights"
    elif weight.solos:
        return None
    elif weight.on_simplex:
        edits = added_barrier(weight, module)
        title = "Add the barrier of the weights"
    elif len(weight.weights) > 1 or not term.growth:
        return None
    else:
        edits = added_regularizer(weight, term, module)
        title = "Add the regularizer that the weight lacks"
    return None if edits is None else Fix(title, edits, Safety.UNSAFE)
