"""A learned log-variance weighs a loss, and nothing bounds its regularizer from below.

## What it does
Finds the regularizer of uncertainty weighting, `0.5 * s` beside `exp(-s) * loss`, in
every spelling: of tensors, loops, comprehensions and dicts, of s, log(sigma), sigma and
sigma^2, of the weight exp(+s) with a minus. What decides is how weight and regularizer
grow along the parameter, not what they are called. Where a clamp bounds the term below
0, that is a note.

## Why is this bad?
A negative total is legitimate: it is a negative log-likelihood up to a constant, and
its gradients are right. Two things are wrong. The total goes to -inf as a task's loss
goes to 0, since the optimal weight, 1 / loss, has no upper bound: with `0.5 * s` it is
below 0 from a loss of 0.184, and -80 at s = -80 (`python -m losslint.verify.advice`).
And whatever compares by a ratio breaks below 0: for `ReduceLROnPlateau`, as it comes, a
total that stands still at -2 is better every epoch, and one that rises from -2.0000 to
-1.9999 too (`tests/test_rules.py`), so the rate is never reduced and the "best"
checkpoint is the latest. Logs of the total hide what the tasks do.

The usual advice costs more than it cures. By the same command, in torch: without the
regularizer all weights go to 0. With `abs`, or a clamp of s at 0, a task with a loss below
0.5 gets no larger weight any more, and the clamp's gradient is 0 on that whole side.
With `exp(s)` the balance is halved everywhere, and gradients differ sixfold. `abs`,
`relu` and `clamp` of the total turn gradients round or take them away: that is LL112.

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        total = 0.0
        for s, loss in zip(self.log_vars, losses):
            total = total + torch.exp(-s) * loss + 0.5 * s
        return total
```

Use instead:
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        total = 0.0
        for s, loss in zip(self.log_vars, losses):
            total = total + torch.exp(10.0 - F.softplus(s + 10.0)) * loss + 0.5 * F.softplus(s + 10.0)
        return total
```

## Fix safety
Safe: the log-variance gets a soft floor at -10, in the regularizer and, where that is an
exponential, in the weight; deeper, by as much, where it starts below -0.4 (at -12 for a
start of -1.85). In the working range, from 4 below the start to 2 above, weights and
gradients stay within 0.8 % of what they were: torch checks it on every fixture of this
rule. A start that the code does not show is taken for 0. The logged value rises by a
constant, 10 times the coefficient for each task (`0.5 * s`: 5), which makes a plateau
threshold that is relative to it that much coarser: better let schedulers and
checkpoints go by the sum of the task losses. Weights end at e**10, so the balance
between the tasks ends at a loss of about 5e-5.

Unsafe with `log-variance-form = "softplus"`, which writes `F.softplus(s)` (Liebel and Koerner): no
constant to choose and never below 0, but the balance changes, with exponents from 0.59
to 0.93 in place of 1 for losses from 0.02 to 20.

## Known limits
The losses are taken to be 0 or more (LL111 finds those that are not), and numbers that
configure a loss to be positive. A tensor that is handed in, or that a network returns,
counts as a weight only beside losses that are reduced already, one of several. Without a
fix: a raw variance, which LL104 asks to re-parametrise first, and what is clamped.

## References
- Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses for
  scene geometry and semantics" (2018): https://arxiv.org/abs/1705.07115
- Liebel and Koerner, "Auxiliary tasks in multi-task learning" (2018), on
  log(1 + sigma^2): https://arxiv.org/abs/1805.06334
- `ReduceLROnPlateau` below 0: https://github.com/pytorch/pytorch/issues/47513
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.bounds import weight_edits
from losslint.fixes.forms import floor_of, floored, merged
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import What
from losslint.ranges.weights import LearnedWeight, never_vanishes
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
    title = f"Give the log-variance a soft floor at {-floor_of(weight, end):g}"
    return Fix(title, bounded, Safety.SAFE)


def _clamped(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    """A clamp keeps the total from -inf, but not from below 0."""
    if not weight.is_number(End.ZERO_BELOW) or any(map(never_vanishes, weight.weights)):
        return  # NaN before it is negative, or held above 0 by more than a loss of 0
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
