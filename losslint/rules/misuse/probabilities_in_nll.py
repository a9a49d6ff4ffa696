"""`NLLLoss` gets something that is no log-probability: probabilities, or raw logits.

## What it does
Finds `nn.NLLLoss` and `F.nll_loss` whose input is the output of a softmax or a sigmoid, or comes straight
out of a linear or convolutional layer. The value is followed back to where it was made, as for LL401.

## Why is this bad?
The loss computes no likelihood: it takes the number of the right class and turns its sign. What that number is makes
the loss.

- Of a probability it is `-p`: a "loss" from -1 to 0, without a penalty for an answer that is certain and wrong. Its
  gradient is `p * (1 - p)`, so it fades exactly where the network is most wrong.
- Of a logit it is minus that logit, and nothing holds it: the loss falls to -inf as the logits grow, whatever the
  other classes get, and the network learns nothing but a larger bias.

Measured in torch 2.13 for five classes and a sample whose logit is 10 below the others: the largest gradient is 0.00001
through the probabilities, and 1 through `log_softmax`. On raw logits and labels at random, SGD with a rate of 0.5
brings the loss to -8.5 in 60 steps and to -86 in 600.

## Example
```python
def objective(head, features, labels):
    scores = F.softmax(head(features), dim=1)
    return F.nll_loss(scores, labels)
```

Use instead:
```python
def objective(head, features, labels):
    scores = F.log_softmax(head(features), dim=1)
    return F.nll_loss(scores, labels)
```

For logits, `cross_entropy` is `nll_loss` of their `log_softmax`.

## Fix safety
Unsafe: what is learned changes, on purpose. A softmax becomes a `log_softmax` over the same dimension where it stands in the argument
of the loss, or in one assignment of the same function whose value goes nowhere else; logits get a `log_softmax` over
dimension 1, that of the classes, unless the argument is one sample of a batch. Elsewhere the finding says
where the input is made. Probabilities of a sigmoid get no fix.

## Known limits
As those of LL401. `log(softmax(x))` is a log-probability, and a matter for LL404.

## References
- `torch.nn.NLLLoss`, "The input given through a forward call is expected to contain log-probabilities of each class":
  https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.activations import logarithm, only_for
from losslint.fixes.criteria import log_softmax_around
from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.provenance.kinds import PROBABILITIES, Kind, Tensor
from losslint.provenance.loss_calls import LossCall
from losslint.provenance.project_losses import ProjectLoss
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.misuse.words import CRITERIA, inside, is_wrong, named, origins

NEEDS = ((b"torch",), (b"NLLLoss", b"nll_loss", *CRITERIA))

rule = Rule("LL403", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(ProjectLoss)
@rule.on(LossCall)
def check(call: LossCall, module: Module) -> Iterator[Finding]:
    given = call.argument("input")
    if call.loss != "nll_loss" or given is None or is_exempt(rule, module):
        return
    tensor = call.traced("input")
    if not is_wrong(call, tensor):
        return
    if tensor.kind in PROBABILITIES:
        what = (
            f"{tensor.kind.value}: the loss of a sample is minus a probability, at least -1, and its gradient"
            " fades where the network is certain and wrong"
        )
    else:
        what = "logits: the loss falls to -inf as they grow, whatever the other classes get"
    fix = None if isinstance(call, ProjectLoss) else _fix(given, tensor, module)
    yield rule.finding(
        module.span(given),
        f"{named(call)} takes log-probabilities and gets {what}",
        fix=fix,
        evidence=[*inside(call, module), *origins(tensor, given, module), *_advice(fix, tensor)],
    )


def _fix(given: cst.BaseExpression, tensor: Tensor, module: Module) -> Fix | None:
    edits = None
    if tensor.kind is Kind.LOGITS and not any(isinstance(n, cst.Subscript) for n in nodes(given)):
        edits = log_softmax_around(given, module)
    elif tensor.kind is Kind.SOFTMAX:
        activation = only_for(given, tensor, module)
        edits = logarithm(activation, module) if activation is not None else None
    return Fix("Take the log_softmax", edits, Safety.UNSAFE) if edits else None


def _advice(fix: Fix | None, tensor: Tensor) -> Iterator[str]:
    if fix is None and tensor.kind is Kind.LOGITS:
        yield "`cross_entropy` is the loss for logits"
    elif fix is None:
        yield "give the loss the `log_softmax` of the logits, or `cross_entropy` the logits themselves"
