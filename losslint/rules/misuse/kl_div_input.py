"""A KL divergence of something else than log-probabilities, or of a target that is not as announced.

## What it does
Finds `F.kl_div(...)` and calls of an `nn.KLDivLoss` whose input is known to be probabilities or
logits, and whose target is known to be log-probabilities without `log_target=True`,
probabilities with it, or logits. What goes in is followed back through names, layers, functions
and files of the project.

## Why is this bad?
`kl_div(input, target)` takes the logarithm of one distribution and, unless told otherwise, the
probabilities of the other. It checks neither. What it computes of anything else is no divergence:
it can be negative, is not 0 for equal distributions, and its minimum may lie anywhere. Measured in
torch 2.13 with `reduction="batchmean"`, on 64 pairs of random distributions over 10 classes,
whose divergence is 0.87, and on 64 pairs of equal ones:

| what is given | loss | of equal ones | what minimising it does |
|---|---|---|---|
| probabilities as input | -2.00 | -2.10 | puts all probability on the likeliest class |
| logits as input | -1.97 | -2.76 | lets all logits grow, to a loss of -inf |
| log-probabilities as target | NaN | NaN | the loss is of no use to any check or log |
| logits as target | NaN | NaN | the same, as soon as one of them is negative |
| probabilities with `log_target=True` | 32.1 | 30.9 | makes the classes nearly equal |
| logits with `log_target=True` | 65.9 | 49.5 | weighs each sample by the sum of `exp` of its logits |

## Example
```python
def distillation(student, teacher):
    p = F.softmax(student, dim=1)
    q = F.softmax(teacher, dim=1)
    return F.kl_div(p, q, reduction="batchmean")
```

Use instead:
```python
def distillation(student, teacher):
    p = F.log_softmax(student, dim=1)
    q = F.softmax(teacher, dim=1)
    return F.kl_div(p, q, reduction="batchmean")
```

## Fix safety
Unsafe: another quantity is minimised. `log_softmax` takes the place of `softmax` where that stands
in the argument, or is assigned to a name that nothing else reads; logits get it around them where
the dimension is known, from the other argument or a linear layer; and a target of
log-probabilities gets `log_target=True`. No fix where input and target look swapped, since only
the author knows which of the two divergences is meant, and none for sigmoids, each of which has
two classes of its own.

## Known limits
Tensors that come from where nobody can see are not judged, and neither are those that are no
distribution for another reason.

## References
- `torch.nn.functional.kl_div` and `torch.nn.KLDivLoss`, "this loss expects the argument input in
  the log-space": https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Edit, Finding, Fix, Safety, Severity
from losslint.fixes.divergences import as_log_probabilities, as_probabilities, with_log_target
from losslint.model.module import Module
from losslint.provenance.kinds import LOG_PROBABILITIES, PROBABILITIES, Kind
from losslint.provenance.loss_calls import LossCall
from losslint.provenance.objects import Constant
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.misuse.words import origins

NEEDS = ((b"torch",), (b"kl_div", b"KLDivLoss", b"loss", b"Loss", b"criterion"))

rule = Rule("LL406", __name__, __doc__, Severity.ERROR, needs=NEEDS)

INPUT = {
    Kind.SOFTMAX: "`kl_div` gets probabilities where it takes their logarithm: it is no divergence,"
    " and least where all probability is on the likeliest class",
    Kind.SIGMOID: "`kl_div` gets sigmoid probabilities where it takes log-probabilities: it is no"
    " divergence, and least where each of them is 1",
    Kind.LOGITS: "`kl_div` gets logits where it takes log-probabilities: it is no divergence, and"
    " falls to -inf as the logits grow",
}
TARGET_LOGARITHM = (
    "the target of `kl_div` is log-probabilities, and nothing says so: the loss is NaN"
)
TARGET_LOGITS = (
    "the target of `kl_div` is logits, not probabilities: the loss is NaN where one is negative"
)
ANNOUNCED = {
    **dict.fromkeys(
        PROBABILITIES,
        "`log_target=True` announces log-probabilities and the target is probabilities: what is"
        " matched is their exponential, nearly the same for every class",
    ),
    Kind.LOGITS: "`log_target=True` announces log-probabilities and the target is logits: each sample"
    " is weighted by the sum of `exp` of its logits, and the loss is not 0 where both agree",
}

Edits = tuple[Edit, ...] | None


@rule.on(LossCall)
def check(call: LossCall, module: Module) -> Iterator[Finding]:
    if call.loss != "kl_div" or call.others or is_exempt(rule, module):
        return
    wrong = {
        "input": None if _is_chosen(call, "input") else INPUT.get(call.traced("input").kind),
        "target": None if _is_chosen(call, "target") else _target(call),
    }
    is_swapped = None not in wrong.values() and wrong["target"] == TARGET_LOGARITHM
    for name, message in wrong.items():
        given = call.argument(name)
        if message is None or given is None:
            continue
        edits = None if is_swapped else _edits(call, module, name, message)
        evidence = list(origins(call.traced(name), given, module))
        if is_swapped:
            evidence.append("input and target look swapped")
        fix = Fix(_title(message), edits, Safety.UNSAFE) if edits else None
        yield rule.finding(module.span(given), message, fix=fix, evidence=evidence)


def _is_chosen(call: LossCall, name: str) -> bool:
    """Whether callers that hand in such a tensor may choose another branch."""
    return call.traced(name).handed and call.is_conditional


def _target(call: LossCall) -> str | None:
    """What is wrong with the target, if that is known."""
    kind = call.traced("target").kind
    match call.setting("log_target"):
        case None | (Constant(value=False),):
            if kind in LOG_PROBABILITIES:
                return TARGET_LOGARITHM
            return TARGET_LOGITS if kind is Kind.LOGITS else None
        case (Constant(value=True),):
            return ANNOUNCED.get(kind)
    return None


def _edits(call: LossCall, module: Module, name: str, message: str) -> Edits:
    if message == TARGET_LOGARITHM:
        return with_log_target(module, call)
    if message == TARGET_LOGITS:
        return as_probabilities(module, call, name)
    return as_log_probabilities(module, call, name)


def _title(message: str) -> str:
    if message == TARGET_LOGARITHM:
        return "Announce the log-probabilities: `log_target=True`"
    return "Make it probabilities" if message == TARGET_LOGITS else "Make it log-probabilities"
