"""A logarithm of softmax or sigmoid in two steps, where one step loses nothing.

## What it does
Finds `torch.log(F.softmax(x, dim=1))`, `x.softmax(1).log()`, `torch.log(torch.sigmoid(x))` and
`torch.log(1 - torch.sigmoid(x))`, also where the probabilities come from an `nn.Softmax`, by way
of a local name, an index or a `view`, or out of a function or network of the project.

## Why is this bad?
A probability has no room for what its logarithm can still say: it is rounded to 0, or to 1,
and the logarithm of that is -inf. The gradient overflows on the way there, before the loss shows
anything, and the next optimizer step makes every weight of the network NaN. Sure and
wrong, as at an outlier or a bad label, is where it happens. Measured in torch 2.13 on a CPU:

| | in float32 | float16 | bfloat16 |
|---|---|---|---|
| `log(softmax(x))`, two classes: -inf for a logit below the other by | 104.0 | 17.3 | 92.8 |
| its gradient is NaN from | 88.7 | 11.1 | 88.8 |
| `log(sigmoid(x))`: -inf for `x` below | -88.7 | -17.3 | -88.8 |
| its gradient is no number from | -88.7 | -11.1 | -88.8 |
| `log(1 - sigmoid(x))`: -inf, with a NaN gradient, for `x` above | 16.6 | 8.3 | 6.2 |

`F.log_softmax` and `F.logsigmoid` are finite with a finite gradient at every finite `x`.

## Example
```python
def soft_cross_entropy(logits, target):
    prob = F.softmax(logits, dim=1)
    return -(target * torch.log(prob)).sum(dim=1).mean()
```

Use instead:
```python
def soft_cross_entropy(logits, target):
    return -(target * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
```

## Fix safety
Safe: value and gradient are those of the original to float rounding, wherever the original
has both. `dim` stays as it is written. `log(1 - sigmoid(x))` becomes `F.logsigmoid(-x)`. Of a local
name the logarithm is written anew where it is taken, if nothing gives its parts another
value on the way; the assignment goes where nothing else reads it and no comment belongs to it.

No fix for probabilities that are made in another function or file, or by a call that it
would cost to repeat, such as that of a network: return the logits from there.

## Known limits
Silent where something is added to the probability (`torch.log(p + 1e-8)`) or it is clamped: its
logarithm is biased then, but finite in float32 (in float16 `1e-8` is 0). Silent, too, for averages
of probabilities, which are 0 only where all of them are, for `math.log` and NumPy, and for `log2`,
`log10` and `log1p(-p)`. Where the logits themselves are bounded, say by `tanh`, nothing breaks.

## References
- `torch.nn.functional.log_softmax`, "While mathematically equivalent to log(softmax(x)), doing these
  two operations separately is slower and numerically unstable":
  https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html
- `torch.nn.functional.logsigmoid`:
  https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.log_probabilities import in_one_step, is_complement
from losslint.model.module import Module
from losslint.provenance.kinds import Kind
from losslint.provenance.log_calls import LogCall
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.misuse.words import origins

rule = Rule("LL404", __name__, __doc__, Severity.WARNING, needs=((b"torch",), (b"log(", b"log as")))

SOFTMAX = (
    "`log` of a softmax has a NaN gradient once a logit is 88.7 below the largest, and is -inf"
    " from 104 on (in float16: 11.1 and 17.3)"
)
SIGMOID = (
    "`log` of a sigmoid is -inf with a NaN gradient for `x` below -88.7"
    " (in float16: -17.3, and the gradient from -11.1)"
)
COMPLEMENT = (
    "`log(1 - sigmoid(x))` is -inf with a NaN gradient for `x` above 16.6 (in float16: 8.3)"
)


@rule.on(LogCall)
def check(log: LogCall, module: Module) -> Iterator[Finding]:
    if log.tensor.altered or is_exempt(rule, module):
        return
    edits = in_one_step(module, log)
    yield rule.finding(
        module.span(log.node),
        _message(module, log),
        fix=Fix(f"Take it in one step: `{_better(log)}`", edits, Safety.SAFE) if edits else None,
        evidence=origins(log.tensor, log.argument, module),
    )


def _better(log: LogCall) -> str:
    return "log_softmax" if log.tensor.kind is Kind.SOFTMAX else "logsigmoid"


def _message(module: Module, log: LogCall) -> str:
    if log.tensor.kind is Kind.SOFTMAX:
        return SOFTMAX
    return COMPLEMENT if is_complement(module, log.argument, log.tensor) else SIGMOID
