"""A KL divergence averaged over its classes too, so that it is none, and too small.

## What it does
Finds `F.kl_div(...)` and `nn.KLDivLoss(...)` with reduction `"mean"`: left at its default, named,
or by way of the older `size_average` and `reduce`. An `nn.KLDivLoss` is reported where it is
built.

## Why is this bad?
The divergence of two distributions is a sum over the classes. `"mean"` divides the sum by the
number of all elements, so by the number of classes as well as by the batch, and what comes
out is too small by that factor: 10 on CIFAR-10, 1000 on ImageNet, 30,000 and more for a
vocabulary. Nothing fails. The term that is to distil a teacher, or to keep a policy near another,
is there in the logs and has next to no weight in the total, and a weight that was tuned
with it means something else for another number of classes.

Measured in torch 2.13, for 64 pairs of random distributions over 1000 classes: the divergence is
0.991, `"batchmean"` gives 0.991 and `"mean"` 0.000991. It is the default for the sake of older
code, until a later major release, says a warning that appears once a run.

## Example
```python
def distillation(student, teacher, temperature):
    log_p = F.log_softmax(student / temperature, dim=1)
    q = F.softmax(teacher / temperature, dim=1)
    return F.kl_div(log_p, q) * temperature**2
```

Use instead:
```python
def distillation(student, teacher, temperature):
    log_p = F.log_softmax(student / temperature, dim=1)
    q = F.softmax(teacher / temperature, dim=1)
    return F.kl_div(log_p, q, reduction="batchmean") * temperature**2
```

## Fix safety
Unsafe: the term grows by the number of classes. Where its weight was tuned, divide the weight by
that. `"batchmean"` divides by the size of the first dimension, which is right for a batch of
distributions, `(N, C)`. Sequences or images of them, `(N, T, C)`, it divides by N alone: flatten
them to `(N * T, C)` first, or divide by T. A single distribution, `(C,)`, wants `"sum"`. No fix
is written where the dimension of a softmax shows that it is one of these, nor where the
reduction is a variable or stands in an older argument by its place.

## Known limits
Silent where the result is multiplied by a size or a number of classes (`* x.size(1)`,
`* num_classes`), where the reduction is not known, and for sigmoids, which are no distribution
over classes. What another file does with an `nn.KLDivLoss` that is built here is not seen.

## References
- `torch.nn.KLDivLoss`, "reduction="mean" doesn't return the true KL divergence value, please use
  reduction="batchmean" which aligns with the mathematical definition":
  https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
- Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015), section 2, on the
  temperature: https://arxiv.org/abs/1503.02531
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span
from losslint.fixes.beside import beside
from losslint.fixes.written import quote
from losslint.model.module import Module
from losslint.provenance.divergences import Divergence
from losslint.provenance.kinds import Kind
from losslint.provenance.rescaling import is_rescaled
from losslint.provenance.tensors import argument
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt

NEEDS = ((b"torch",), (b"kl_div", b"KLDivLoss"))
SIGMOIDS = (Kind.SIGMOID, Kind.LOG_SIGMOID)

rule = Rule("LL405", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(Divergence)
def check(divergence: Divergence, module: Module) -> Iterator[Finding]:
    if divergence.reduction != "mean" or is_exempt(rule, module):
        return
    given = [call.traced(name) for call in divergence.calls for name in ("input", "target")]
    if any(tensor.kind in SIGMOIDS for tensor in given):
        return
    if any(is_rescaled(module, call.node) for call in divergence.calls):
        return
    dims = {tensor.dim for tensor in given} - {None, -1, 1}
    edits = None if dims else _edits(module, divergence)
    sizes = {tensor.size for tensor in given} - {None}
    classes = f"the {sizes.pop()} classes" if len(sizes) == 1 else "the number of classes"
    title = "Divide by the size of the batch alone"
    yield rule.finding(
        module.span(divergence.node),
        f'reduction "mean" divides by {classes} too: this divergence is too small by that factor',
        fix=Fix(title, edits, Safety.UNSAFE) if edits else None,
        evidence=[_why(divergence)],
    )


def _why(divergence: Divergence) -> str:
    settings = divergence.settings
    if settings.setting("reduction") is not None:
        return "the reduction is set to the mean over all elements"
    if settings.setting("size_average") or settings.setting("reduce"):
        return "`size_average` and `reduce` stand for the mean over all elements"
    return 'the reduction is left at its default, "mean"'


def _edits(module: Module, divergence: Divergence) -> tuple[Edit, ...] | None:
    """Edits that set the reduction, in place of what says it now."""
    call, is_built = divergence.node, bool(divergence.settings.built)
    before = 0 if is_built else 2  # input and target
    text = f"reduction={quote(module)}batchmean{quote(module)}"
    legacy = [a for a in call.args if a.keyword and a.keyword.value in ("size_average", "reduce")]
    said = argument(call, before + 2, "reduction")
    if said is not None:
        if legacy or not isinstance(said, cst.SimpleString):
            return None
        return (Edit(module.span(said), f"{said.quote}batchmean{said.quote}"),)
    if legacy:
        return (Edit(module.span(legacy[0]), text),) if len(legacy) == 1 else None
    if len([arg for arg in call.args if arg.keyword is None]) > before:
        return None
    if call.args:
        return beside(module, call.args[-1], [text])
    end = module.span(call).end - 1
    return (Edit(Span(end, end), text),)
