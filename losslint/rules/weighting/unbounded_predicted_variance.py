"""A log-variance that the network predicts enters a Gaussian likelihood without bounds.

## What it does
Finds `exp(-log_var) * error + log_var` for a `log_var` that is an output of a network,
with nothing that bounds it. Opt-in: select LL110 by its code.

## Why is this bad?
One sample that the network fits exactly is enough: where its error is 0 the likelihood
falls without end as `log_var` falls, and the weight of the error, `exp(-log_var)`, is
inf from -88.7 in float32, from -11.1 in float16. The next sample that is not fitted
comes back with a gradient of that size, and the loss is NaN or starts over.

It is a note, and off unless it is asked for: many such heads train well for ever, since
noise in the data keeps the error from 0. Each total in the fixtures of this rule
returns inf or NaN in torch, in float32, within 100 of the start of its head.

## Example
```python
class DepthWithVariance(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(256, 2)

    def forward(self, features, target):
        depth, log_var = self.head(features).chunk(2, dim=-1)
        return (torch.exp(-log_var) * (target - depth) ** 2 + log_var).mean()
```

Use instead:
```python
class DepthWithVariance(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(256, 2)

    def forward(self, features, target):
        depth, log_var = self.head(features).chunk(2, dim=-1)
        log_var = log_var.clamp(-10.0, 10.0)
        return (torch.exp(-log_var) * (target - depth) ** 2 + log_var).mean()
```

## Fix safety
Unsafe: beyond -10 and 10 the prediction no longer counts, and has no gradient there. For
the output of a network that is no dead end as it is for a parameter (LL106): other
samples move the same weights. torch checks that the total is a number, and no less than
-10 a sample, wherever the head is put.

## Known limits
The fix is written behind the one line that binds a name to the prediction; an entry of
a dict, or what a module of the same file returns, gets none. `beta`-weighted
likelihoods, and a bound that stands in another file, are not known.

## References
- Kendall and Gal, "What uncertainties do we need in Bayesian deep learning for computer
  vision?" (2017), section 3.1: https://arxiv.org/abs/1703.04977
- Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation with
  probabilistic neural networks" (2022): https://arxiv.org/abs/2203.09168
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.clamped import clamped_after_prediction
from losslint.model.module import Module
from losslint.ranges.value import Kind
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import is_trained, reaches, shape

rule = Rule(
    "LL110",
    __name__,
    __doc__,
    Severity.NOTE,
    needs=((b"torch",), (b"exp",)),
    opt_in=True,
)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.leaf.kind is not Kind.NETWORK or is_trained(weight) or weight.fall is None:
        return
    name = weight.leaf.name.partition("@")[0]
    edits = clamped_after_prediction(weight, module)
    fix = Fix("Clamp the prediction to [-10, 10]", edits, Safety.UNSAFE) if edits else None
    for solo in weight.falling_solos(weight.fall):
        step = weight.occurrence(solo)
        if step is None:
            continue
        yield rule.finding(
            module.span(step.whole),
            f"nothing bounds `{name}`, which a network predicts: where its error is 0 this falls"
            " to -inf, and the weight of the error to inf",
            fix=fix,
            evidence=[
                f"as {name} {reaches(weight.fall)}, the weight of the error grows"
                f" {shape(weight.lead_of_weights(weight.fall), weight.leaf, weight.fall)}".replace(
                    str(weight.leaf), name
                )
            ],
        )
