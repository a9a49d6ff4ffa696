"""Learned weights multiply the losses, and nothing grows when the weights shrink.

## What it does
Finds losses that are multiplied by a learned weight which can go to 0 at no cost: an
exponential, a sigmoid, a square or an absolute value without a regularizer, `1 / sigma**2`
without log(sigma), a softmax without a barrier.

## Why is this bad?
The cheapest way to lower such a total is to lower its weights. `exp(-s) * loss` falls as
s rises, so s rises for ever and its task is switched off; under Adam, to which a common
scale of all losses makes no difference, this may go unseen for long. With a softmax the
total is a mean of the losses, which is least where the smallest loss has all the
weight: the hard task is the one that is dropped. By `python -m losslint.verify.advice`,
in torch, with the losses held at 2 and 1: exponential weights without a regularizer end at
0 and 0 and never rest, softmax weights at 0 and 1. So do softmax weights with `exp(s)` or
`softplus(s)` as the regularizer, since both only ask all logits to fall together.

Every item of this rule's fixtures was run in torch: its parameters never come to rest,
its weights vanish, or one task takes more than 98.5 % of them.

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return torch.sum(torch.exp(-self.log_vars) * torch.stack(losses))
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
        return torch.sum(weighted) + 0.5 * torch.sum(floored)
```

## Fix safety
Unsafe: it changes what is trained, on purpose. Exponential weights and `1 / sigma**2` get
`0.5 * F.softplus(s + 10.0)`, or its like in sigma, so that a task's weight settles near
0.5 / loss and the total is never below 0; the weight itself is left as it is (LL105 bounds
it). Softmax weights get the barrier of LL102, in place of a regularizer that holds nothing.
torch checks every fixed fixture: bounded, balances the tasks, comes to rest, none collapses.

## Known limits
Without a fix: sigmoids, absolute values and squares, for which log(w) would do but
changes what the weight means. One argument alone that is but called `loss` is not
reported (a layer may scale it), nor features that are mixed by a softmax, nor a leaf that
another total of the same class holds. A share `a * x + (1 - a) * y` is not seen.

## References
- Kendall, Gal and Cipolla (2018), on the regularizer log(sigma), which keeps the noise
  from growing: https://arxiv.org/abs/1705.07115
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
