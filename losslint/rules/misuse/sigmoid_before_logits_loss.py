"""A binary cross-entropy gets probabilities where it takes logits, or the other way round.

## What it does
Finds `BCEWithLogitsLoss` and `F.binary_cross_entropy_with_logits` whose input is the output of a
sigmoid or a softmax, and `BCELoss` and `F.binary_cross_entropy` whose input comes straight out of a
linear or convolutional layer. The value is followed back to where it was made, as for LL401.

## Why is this bad?
The loss with logits applies its own sigmoid. To one that sees only numbers from 0 to 1 every answer is
a "rather yes": `sigmoid(sigmoid(x))` lies between 0.5 and 0.73. The loss of a positive cannot fall below 0.31,
that of a negative not below 0.69, which is what guessing costs. And at a threshold of 0.5 on what such a network
learned everything is a positive.

Measured in torch 2.13 with one linear layer and as many positives as negatives, 5 seeds: after 60 steps of SGD the loss is
0.505 of at least 0.503, with logits 0.001 or less.

The other way round there is no loss at all: `BCELoss` refuses the first number outside of 0 and 1 with a `RuntimeError` on a CPU,
and with a device-side assert on a GPU.

## Example
```python
def objective(head, features, labels):
    scores = torch.sigmoid(head(features))
    return F.binary_cross_entropy_with_logits(scores, labels)
```

Use instead:
```python
def objective(head, features, labels):
    scores = head(features)
    return F.binary_cross_entropy_with_logits(scores, labels)
```

## Fix safety
Unsafe: what is learned changes, on purpose. The sigmoid is dropped where it stands in the argument of the loss, or in one
assignment of the same function whose value goes nowhere else. For logits in `BCELoss` the form with logits takes its
place, with the arguments that are there; a threshold of 0.5 elsewhere is one of 0 for logits. A softmax is left
alone: whether its classes exclude each other is yours to say.

## Known limits
As those of LL401. Layers in front of `BCELoss` count as logits only where nothing but views, sums of logits, scales and dropout stands
between: what passed a `relu`, a `clamp` or an unknown function is taken to be a probability.

## References
- `torch.nn.BCEWithLogitsLoss`, "combines a Sigmoid layer and the BCELoss in one single class":
  https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.activations import dropped, only_for
from losslint.fixes.criteria import with_logits
from losslint.model.module import Module
from losslint.provenance.kinds import Kind
from losslint.provenance.loss_calls import LossCall
from losslint.provenance.project_losses import ProjectLoss
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.misuse.words import CRITERIA, advice, inside, is_wrong, named, origins

NEEDS = ((b"torch",), (b"BCE", b"binary_cross_entropy", *CRITERIA))

rule = Rule("LL402", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(ProjectLoss)
@rule.on(LossCall)
def check(call: LossCall, module: Module) -> Iterator[Finding]:
    if call.loss == "binary_cross_entropy_with_logits" and not is_exempt(rule, module):
        yield from _probabilities(call, module)
    elif call.loss == "binary_cross_entropy" and not is_exempt(rule, module):
        yield from _logits(call, module)


def _probabilities(call: LossCall, module: Module) -> Iterator[Finding]:
    given, tensor = call.argument("input"), call.traced("input")
    if given is None or not is_wrong(call, tensor):
        return
    activation = None if isinstance(call, ProjectLoss) else only_for(given, tensor, module)
    name = "softmax" if tensor.kind is Kind.SOFTMAX else "sigmoid"
    fix = None
    if activation is not None and tensor.kind is Kind.SIGMOID:
        fix = Fix("Drop the sigmoid", dropped(activation, module), Safety.UNSAFE)
    yield rule.finding(
        module.span(given),
        f"{named(call)} takes logits and gets {tensor.kind.value}: its loss cannot fall below 0.31"
        " for a positive and 0.69 for a negative",
        fix=fix,
        evidence=[*inside(call, module), *origins(tensor, given, module), *advice(fix, name)],
    )


def _logits(call: LossCall, module: Module) -> Iterator[Finding]:
    given, tensor = call.argument("input"), call.traced("input")
    if given is None or not is_wrong(call, tensor):
        return
    edits = () if isinstance(call, ProjectLoss) else with_logits(call, module)
    fix = Fix("Take the loss with logits", edits, Safety.UNSAFE) if edits else None
    yield rule.finding(
        module.span(given),
        f"{named(call)} takes probabilities and gets logits: the first one outside of 0 and 1"
        " stops the training with an error",
        fix=fix,
        evidence=[*inside(call, module), *origins(tensor, given, module)],
    )
