"""A total with a learned regularizer is folded or cut off at 0 to keep it positive.

## What it does
Finds `abs`, `relu`, `clamp` and `max(total, 0)` of a sum of weighted losses and
regularizers that can be negative, whole or task by task.

## Why is this bad?
The total of uncertainty weighting goes below 0 where it is doing well: `exp(-s) * loss + s`
is -5.6 at s = -6 and a loss of 0.001. There `abs` turns the gradient of everything round,
the network's too, so that training makes the task losses larger until the total is 0
again; `relu`, `clamp` and `max` take the gradient away, and training stands still. The
log, meanwhile, looks better than before: it shows a total that never falls below 0.

Every item of this rule's fixtures was run in torch: each has parameters and losses at
which the derivative of the total by a task's loss, the weight with which that task is
trained, is 0 or negative (`tests/test_fix_semantics.py`).

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        weighted = torch.exp(-self.log_vars) * torch.stack(losses)
        return torch.abs(weighted.sum() + 0.5 * self.log_vars.sum())
```

Use instead:
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        weighted = torch.exp(10.0 - floored) * torch.stack(losses)
        return weighted.sum() + 0.5 * floored.sum()
```

## Fix safety
No fix: to drop the rectifier alone brings the negative total back, and which bound the
regularizer should have is LL101's question. Take the rectifier away, and let LL101 write
the floor; where the total comes from softmax weights, that is LL102.

## Known limits
A rectifier in another function than the total, one that is built with `torch.where` or
`if total < 0`, and squares of the total are not seen. A clamp from above is no rectifier.

## References
- Kendall, Gal and Cipolla (2018), whose loss is a likelihood and may be negative:
  https://arxiv.org/abs/1705.07115
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.model.module import Module
from losslint.ranges.weights import RectifiedTotal
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL112", __name__, __doc__, Severity.ERROR, needs=NEEDS)

FOLDED = "turns every gradient round, so training makes the task losses larger"
CUT_OFF = "takes every gradient away, so training stands still"


@rule.on(RectifiedTotal)
def check(total: RectifiedTotal, module: Module) -> Iterator[Finding]:
    consequence = FOLDED if total.how == "abs" else CUT_OFF
    yield rule.finding(
        module.span(total.node),
        f"where this total is negative, `{total.how}` {consequence}",
        evidence=[
            *_what_falls(total),
            "give the regularizer a floor instead: the page of LL101 shows how",
        ],
    )


def _what_falls(total: RectifiedTotal) -> list[str]:
    """The terms that take the total below 0, each leaf once."""
    falling = [t for t in total.value.terms if not t.factors and t.interval.lo < 0]
    return [
        f"the term in {leaf} alone takes the total down to {term.interval.lo:g}"
        for leaf, term in {str(leaf): term for term in falling for leaf in term.leaves()}.items()
    ]
