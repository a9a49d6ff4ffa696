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

BARRIER = (
    "what holds normalised weights is a barrier, added once for all tasks:"
    " -0.5 * F.log_softmax(logits, dim=0).sum()"
)

# The weight that a loss of 0.01 asks for: 1 / 0.01.
LEAST_ROOM = 100.0


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
        f"{_reason(weight)}: {_consequence(weight)}",
        fix=fix,
        evidence=[
            f"as {weight.leaf} {reaches(end)}, this term falls"
            f" {shape(term.at(weight.leaf, end), weight.leaf, end)}{_beside(weight, end)}",
            *witness(module, weight, end, far=True),
            *([BARRIER] if weight.on_simplex and fix is None else []),
        ],
    )


def _reason(weight: LearnedWeight) -> str:
    if weight.on_simplex:
        return (
            f"normalised weights stay as they are when all of `{weight.leaf}` move together,"
            " and nothing else holds it back"
        )
    if _is_cut_off(weight):
        return f"no gradient of a loss reaches `{weight.leaf}`, so nothing holds it back"
    if not weight.solos:
        return f"`{weight.leaf}` multiplies the loss as it is and may become negative"
    return f"no weight holds `{weight.leaf}` back where its regularizer falls"


def _consequence(weight: LearnedWeight) -> str:
    if _is_cut_off(weight):
        return "training drives it on for ever, and the weights with it"
    return "the total falls to -inf whatever the task losses are"


def _beside(weight: LearnedWeight, end: End) -> str:
    """What the weights do meanwhile."""
    weights = weight.lead_of_weights(end)
    if weight.on_simplex:
        return "; the weights always add up to 1"
    if not weight.solos or _is_cut_off(weight) or not weights.has_order():
        return ""
    if weights.known_to_decay():
        return f"; the weight decays {shape(weights, weight.leaf, end)}, so the two pull one way"
    if not weights.known_to_grow() and weights.coefficient is not None:
        return f"; the weight stops at {weights.coefficient:.3g}"
    return ""


def _is_cut_off(weight: LearnedWeight) -> bool:
    """Whether no gradient of a loss reaches the leaf."""
    return all(not t.growth for t in weight.weights)


def _can_balance(weight: LearnedWeight, falls: End) -> bool:
    """Whether a floor below the regularizer leaves the weight room to answer small losses.

    A weight that is bounded where the regularizer falls stops there, at its bound.
    """
    weights = weight.lead_of_weights(falls)
    if not weights.has_order() or weights.known_to_grow() or weights.known_to_decay():
        return True
    return (weights.coefficient or 0.0) >= LEAST_ROOM


def _fix(weight: LearnedWeight, falling: list[Term], end: End, module: Module) -> Fix | None:
    if weight.on_simplex:
        edits = barrier_edits(weight, falling[0], module) if len(falling) == 1 else None
        title = "Replace the regularizer by the barrier of the weights"
        return None if edits is None else Fix(title, edits, Safety.SAFE)
    if _is_cut_off(weight) or not _can_balance(weight, end):
        return None
    edits = floored(weight, end, module, "floor")
    if edits is None:
        return None
    edits = merged([edits, *weight_edits(weight, module).values()])
    turned = weight.lead_of_weights(end).known_to_decay()
    title = "Turn the sign of the regularizer, and give" if turned else "Give"
    return Fix(f"{title} the log-variance a soft floor at -10", edits, Safety.SAFE)
