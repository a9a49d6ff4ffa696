"""A learned weight multiplies a loss that can be negative by its meaning.

## What it does
Finds a learned weight on a Gaussian or Poisson negative log-likelihood, on minus the
log-density of a continuous distribution, on minus a cosine similarity, and on a loss
that enters the total with a minus sign, such as that of an adversary.

## Why is this bad?
Learned weights rest on losses that are 0 or more: the weight of a loss that falls
rises, and the loss that is left times that weight stops it. A loss below 0 pulls the
other way. `exp(-s) * loss` with a loss of -0.5 falls without end as `s` falls, faster
than every regularizer grows, so the weight runs away and the other tasks stop to
count. Each total in the fixtures of this rule was descended in torch, at inputs of -1,
0.01 and 1 that make its loss negative: none comes to rest.

A density is no probability. That of a normal distribution with a standard deviation
of 0.1 reaches 4.0, its negative logarithm -1.38: a likelihood goes below 0 as soon as
the model is precise.

## Example
```python
class DepthAndClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.nll = nn.GaussianNLLLoss()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, depth, variance, target, class_loss):
        depth_loss = self.nll(depth, target, variance)
        total = torch.exp(-self.log_vars[0]) * depth_loss + F.softplus(self.log_vars[0])
        return total + torch.exp(-self.log_vars[1]) * class_loss + F.softplus(self.log_vars[1])
```

Use instead:
```python
class DepthAndClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.nll = nn.GaussianNLLLoss()

    def forward(self, depth, variance, target, class_loss):
        return self.nll(depth, target, variance) + class_loss
```

A likelihood carries its own scale, the variance that it predicts, and needs no second
one. Where a weight is wanted, make it a constant.

## Fix safety
There is no fix: whether the weight, the sign or the loss is wrong is not in the code.

## Known limits
A metric with a minus in front (`-iou.mean()`) is not known to be positive, and not
reported. `kl_div` on inputs that are no log-probabilities can be negative as well, and
is a matter of its own. The log-probability of a discrete distribution is at most 0, so
minus it is a proper loss, and silent, as is what adds a constant: `1 - cosine`. Weights
with a bound, softmax among them, cannot run away, and are silent.

## References
- `torch.nn.GaussianNLLLoss`:
  https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
- `torch.nn.PoissonNLLLoss`:
  https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.model.module import Module
from losslint.ranges.value import Kind, Term
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL111", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    term = weight.signed
    step = weight.place(term) if term is not None else None
    if term is None or step is None or weight.leaf.kind is not Kind.PARAMETER:
        return
    yield rule.finding(
        module.span(step.node),
        f"`{weight.leaf}` weights a loss that can be negative: once it is, its weight runs away,"
        " whatever the regularizer",
        evidence=[_reason(term)],
    )


def _reason(term: Term) -> str:
    negative = next((f for f in term.factors if f.known_signed), None)
    if negative is not None:
        return f"what {negative.name.partition('@')[0]} returns can be negative"
    losses = [f.name.partition("@")[0] for f in term.factors]
    return f"{' * '.join(sorted(losses))} enters the total with a minus sign"
