"""The total falls to -inf along a learned parameter, whatever the task losses are.

## What it does
Finds learned weights whose regularizer nothing holds: `0.5 * s` beside weights that are
normalised (softmax, `w / w.sum()`), clamped, bounded or detached, a wrong sign
(`exp(s) * loss + s`), and weights that may themselves become negative (`w * loss`).

## Why is this bad?
Such an objective has no minimum. A softmax does not change when all its logits move
together, so there the regularizer falls for nothing: with the task losses held at 3.26
and 2.83, Adam takes the total of softmax weights from 3.05 to -6.96 in 1,000 steps. In a
small training it falls by more than 1.5 in ten epochs in which the task losses change by
less than 0.2: schedulers, early stopping and "best" checkpoints go by the drift
(`tests/test_scenarios.py`, both). A wrong sign switches its task off, a weight that is
learned as it is becomes negative and makes the task worse. Detached weights let the
gradient of the regularizer alone drive the parameter on, until they overflow.

The usual advice for totals below 0 does not help here. By `python -m
losslint.verify.advice`, in torch: without the regularizer, with `exp(s)` and with
`softplus(s)` one task takes all the weight (0 and 1 at losses of 2 and 1); with `abs` or
a clamp of s at 0 small losses are not balanced at all.

## Example
```python
class SoftmaxWeightedLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        weights = F.softmax(-self.log_vars, dim=0)
        weighted = torch.sum(weights * torch.stack(losses))
        return weighted + 0.5 * torch.sum(self.log_vars)
```

Use instead:
```python
class SoftmaxWeightedLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        weights = F.softmax(-self.log_vars, dim=0)
        weighted = torch.sum(weights * torch.stack(losses))
        return weighted - 0.5 * F.log_softmax(-self.log_vars, dim=0).sum()
```

## Fix safety
Safe, though training changes: an objective without a minimum has no behaviour to
preserve. For softmax weights the regularizer becomes the barrier -0.5 * sum(log w),
Kendall's log(sigma) of the weights that are used: it rises to +inf as a weight goes to 0,
never lies below 0.5 * N * log(N) for N tasks, and does not drift: the total above comes
to rest at 3.716. Its strength is that of the regularizer before. For exponential weights
the regularizer gets the soft floor of LL101, and the sign that goes with its weight.
torch checks every fixed fixture: bounded, finite, no dead zone, balances, comes to rest.

## Known limits
Without a fix: `w / w.sum()`, a regularizer that is added task by task beside a softmax,
detached weights, raw weights `w * loss`, and weights with an upper bound below 100, which
no regularizer lets answer a small loss. A share `a * x + (1 - a) * y`, a single argument
that is but called `loss`, and gradients that are written by hand (GradNorm) are not reported.

## References
- Kendall, Gal and Cipolla (2018), whose weights are not normalised:
  https://arxiv.org/abs/1705.07115
- Kirchdorfer et al., "Analytical uncertainty-based loss weighting in multi-task
  learning" (2024), softmax weights without learned parameters:
  https://arxiv.org/abs/2408.07985
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.barrier import barrier_edits
from losslint.fixes.bounds import weight_edits
from losslint.fixes.forms import floor_of, floored, merged
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
    return Fix(
        f"{title} the log-variance a soft floor at {-floor_of(weight, end):g}", edits, Safety.SAFE
    )
