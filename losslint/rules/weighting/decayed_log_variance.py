"""Weight decay pulls learned log-variances towards 0, and every task weight towards 1.

## What it does
Finds an optimizer that adds a weight decay to its gradients, as Adam and SGD do, and whose
parameters hold the log-variances of a loss: directly, or as those of a loss module that is made beside it.

## Why is this bad?
A log-variance is no weight of a network: 0 is not "small", it is a task weight of 1. Weight decay
is a prior that all tasks weigh the same, and the stronger the further the losses' scales lie apart.
For a loss of 0.001, which Kendall's form weighs with 500, Adam settles at a weight of 439 under
a weight decay of 0.01 and at 228 under 0.05.

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        return (torch.exp(10.0 - floored) * losses).sum() + 0.5 * floored.sum()


model = nn.Linear(8, 2)
criterion = UncertaintyLoss()
optimizer = torch.optim.Adam([*model.parameters(), *criterion.parameters()], weight_decay=0.05)
```

Use instead:
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        return (torch.exp(10.0 - floored) * losses).sum() + 0.5 * floored.sum()


model = nn.Linear(8, 2)
criterion = UncertaintyLoss()
groups = [
    {"params": model.parameters()},
    {"params": criterion.parameters(), "weight_decay": 0.0},
]
optimizer = torch.optim.Adam(groups, weight_decay=0.05)
```

## Fix safety
No fix is offered: whether the tasks are to be held together is a decision, and the groups of an
optimizer are written in too many ways.

## Known limits
A weight decay that comes from the command line or a configuration is not known, and nothing is said.
Nothing is said of AdamW either: its decoupled decay leaves the same weight at 496 and 477 after 4,000 steps.

## References
- Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses" (2018):
  https://arxiv.org/abs/1705.07115
- Loshchilov and Hutter, "Decoupled weight decay regularization" (2019): https://arxiv.org/abs/1711.05101
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.project.decay import Decayed
from losslint.project.joined import Project
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL109", __name__, __doc__, Severity.NOTE, needs=NEEDS, rests_on=(LearnedWeight,))


@rule.across(Decayed)
def check(found: Decayed, project: Project) -> Iterator[Finding]:
    decay = found.optimizer.decay
    yield rule.finding(
        found.site.span,
        f"a weight decay of {decay:g} pulls `{found.leaf}` of `{found.of}` towards 0, and every task"
        " weight towards 1",
        evidence=[
            f"`{found.optimizer.name}` gets it with the parameters of `{found.root}`",
            "put it in a group of its own with a weight decay of 0",
        ],
    )
