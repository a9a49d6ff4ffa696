"""A logarithm, quotient or root of a raw parameter that can reach 0 or below.

## What it does
Finds `log(v)`, `1 / v`, `v**-2`, `v**-0.5`, `sqrt(v)`, `rsqrt(v)` and the like in the
weight or in the regularizer of a loss, where v is a learnable parameter that
nothing keeps above 0.

## Why is this bad?
An optimizer does not know that a sigma is positive. As a task's loss falls, its
best sigma falls towards 0, and a step of fixed size carries the parameter across:
`log(sigma)` is NaN there, and so is the loss, and after the next step every weight
of the model. A raw variance is worse where it has no logarithm: below 0 it gives
no error, but a negative weight, which trains that task to do as badly as it can.

Every form that the fixtures of this rule hold was run in torch: each returns inf or
NaN for a parameter at 0 or below it.

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.sigma = nn.Parameter(torch.ones(2))

    def forward(self, losses):
        weighted = losses / (2 * self.sigma**2)
        return weighted.sum() + torch.log(self.sigma).sum()
```

Use instead:
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        weighted = losses * torch.exp(10.0 - F.softplus(self.log_vars + 10.0))
        return 0.5 * weighted.sum() + 0.5 * F.softplus(self.log_vars + 10.0).sum()
```

The logarithm is what is learned here: every number is one, so it needs no guard.

## Fix safety
Unsafe: each `v` that enters the loss becomes `F.softplus(v) + 1e-6`. The values
that can be learned stay the same ones, all those above 1e-6, but the parameter
means another number: one that starts at 1, or comes out of a checkpoint as 1, is
read as 1.31. No form that leaves the parameter its meaning exists, since below 0
the code has none. torch checks the result for numbers throughout, a gradient for
every parameter, weights above 0, a balance between the tasks and a minimum.

## Known limits
An even power beside a barrier, such as `0.5 * loss / p**2 + log(1 + p**2)`, is not
reported, by design: its total has a minimum on either side of 0 and the pole between
them pushes p away, so that only a loss of exactly 0 lets p reach it. A clamp in front
(`v.clamp(min=1e-6)`) counts as a guard here, and is a matter for LL106; `log(v**2)` is
-inf at 0 but never NaN, and is not reported. After the fix the total may still be
negative, by 13.8 for each `log(v)` at most.

## References
- Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses"
  (2018), section 3.2, on predicting log(variance) to avoid a division by zero:
  https://arxiv.org/abs/1705.07115
- `torch.log`: https://docs.pytorch.org/docs/stable/generated/torch.log.html
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.positive import positive_edits
from losslint.model.module import Module
from losslint.ranges.growth import UNDEFINED, End
from losslint.ranges.value import Kind, Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL104", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.leaf.kind is not Kind.PARAMETER or not weight.weighs_losses:
        return
    steps = list(dict.fromkeys(s for t in weight.terms for s in t.steps))
    hazards = [s for s in steps if _is_hazard(weight, s)]
    if not hazards:
        return
    poles = [s for s in steps if _is_pole_around_none(s, hazards, module)]
    edits = positive_edits(weight, module)
    fix = Fix("Make the parameter positive by softplus", edits, Safety.UNSAFE) if edits else None
    for step in (*hazards, *poles):
        yield rule.finding(
            module.span(step.node),
            _message(weight, step),
            fix=fix,
            evidence=[f"nothing keeps {weight.leaf} above 0{_start(weight)}"],
        )


def _is_hazard(weight: LearnedWeight, step: Step) -> bool:
    """NaN below 0, or a pole whose sign turns there."""
    if step.interval.lo >= 0:
        return False
    if step.what in (What.LOG, What.ROOT):
        return True
    below = step.at(weight.leaf, End.ZERO_BELOW)
    return step.what is What.POLE and (below.sign < 0 or below == UNDEFINED)


def _is_pole_around_none(step: Step, hazards: list[Step], module: Module) -> bool:
    """A pole at 0 of a parameter that gets there, told once: not around another hazard."""
    if step.what is not What.POLE or step in hazards:
        return False
    if not step.interval.lo <= 0 <= step.interval.hi:
        return False
    around = module.span(step.node)
    inside = (module.span(hazard.node) for hazard in hazards)
    return not any(around.start <= one.start and one.end <= around.end for one in inside)


def _message(weight: LearnedWeight, step: Step) -> str:
    name = f"`{weight.leaf}`"
    below = step.at(weight.leaf, End.ZERO_BELOW)
    if step.what is What.LOG:
        return f"once {name} falls below 0 this logarithm is NaN, and the loss and its gradients with it"
    if step.what is What.ROOT or below == UNDEFINED:
        return f"once {name} falls below 0 this root is NaN, and the loss and its gradients with it"
    if below.sign < 0:
        return (
            f"below 0, {name} makes this weight negative, so that its loss is driven up;"
            " at 0 it is infinite"
        )
    return f"at {name} = 0 this weight is infinite, and the loss and its gradients with it"


def _start(weight: LearnedWeight) -> str:
    start = weight.leaf.start
    return "" if start is None else f"; it starts at {start:g}"
