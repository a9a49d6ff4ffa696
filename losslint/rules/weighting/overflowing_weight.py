"""The exponential of a parameter without bounds weights a loss.

## What it does
Finds `torch.exp(-s) * loss`, `loss / torch.exp(s)` and the like, for a learnable
parameter s that nothing keeps out of the range where the exponential overflows. A
warning in files that use half precision, a note elsewhere.

## Why is this bad?
The largest float16 is 65504, that is e**11.09, the largest float32 e**88.72. Once
`s` is below -11.1, or -88.7, `exp(-s)` is inf, and so is the loss; times a loss of
exactly 0 it is NaN. A task whose loss goes to 0, as one that is learned by heart
does, pulls its `s` there without end.

A division hides it. Autograd forms the gradient of `loss / exp(s)` by s as
`-loss / exp(s) / exp(s) * exp(s)`. Above 88.7 (11.1 in float16) that is `0 * inf`:
the loss reads a harmless 0.0, its gradient is NaN, and the next step makes `s` NaN
too. Below -44.4 (-5.6) it is infinite, halfway to the overflow of the weight itself.

Under `torch.autocast` `exp` runs in float32, which leaves the larger range; a model
after `.half()`, and parameters made as float16, have the smaller one.

## Example
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return (losses / torch.exp(self.log_vars) + F.softplus(self.log_vars)).sum()
```

Use instead:
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return (losses * torch.exp(10.0 - F.softplus(self.log_vars + 10.0)) + F.softplus(self.log_vars)).sum()
```

## Fix safety
Safe: `-s` becomes `10.0 - F.softplus(s + 10.0)`, and a division a multiplication. The
weight never exceeds e**10 = 22026, so neither float16 nor float32 overflows while
losses are at most 1. Weights from e**-2 to e**4 times those at the start, and all
gradients there, differ by less than 0.8 % from the original, which torch checks; at
a weight of 1 by 4.5e-5. The state dict stays as it is.

Where LL101 or LL102 stands on the same parameter, that fix bounds the weight too,
and this finding carries none of its own.

## Known limits
There is no fix where the exponential feeds the regularizer as well, where its
base is not e, or where it divides out of sight: as a variable, by `torch.div`, under
a power. The precision of float16 is not looked at, only its range.

## References
- `torch.finfo`: https://docs.pytorch.org/docs/stable/type_info.html
- Automatic mixed precision, "CUDA Ops that can autocast to float32":
  https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.bounds import weight_edits
from losslint.fixes.quotients import multiplied
from losslint.model.module import Module
from losslint.ranges.growth import End
from losslint.ranges.value import Leaf, Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS, is_trained, reaches, shape

rule = Rule("LL105", __name__, __doc__, Severity.NOTE, needs=NEEDS)

HALF_PRECISION = re.compile(
    r"\bGradScaler\b|(?:\.|\b)float16\b|\.half\(\)|\bautocast\b(?!\([^)\n]{0,200}bfloat16)"
)

# The logarithms of the largest float16, 65504, and of the largest float32.
LARGEST = {"float16": 11.09, "float32": 88.72}


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if not is_trained(weight) or not (weight.solos or weight.known_losses):
        return
    half = HALF_PRECISION.search(module.source.text) is not None
    covered = "LL102" if weight.divergence else "LL101" if weight.fall else None
    edits = {} if covered else weight_edits(weight, module)
    for step, end in _unbounded(weight).items():
        divides = not step.at(weight.leaf, end).known_to_grow()
        found = edits.get(step.node)
        if divides and multiplied(module, step.node) is None:
            found = None  # bounded from one side, the divisor still overflows on the other
        evidence = [
            f"as {weight.leaf} {reaches(end)}, the weight grows {_growth(weight, step, end)}"
        ]
        evidence += ["this file uses half precision"] if half else []
        if covered:
            evidence.append(f"the fix of {covered} for the same parameter bounds this weight too")
        yield rule.finding(
            module.span(step.node),
            _message(weight, step, end, divides),
            severity=Severity.WARNING if half else Severity.NOTE,
            fix=Fix("Bound the weight softly, at e**10", found, Safety.SAFE) if found else None,
            evidence=evidence,
        )


def _is_of(step: Step, leaf: Leaf) -> bool:
    """Whether the parameter itself is exponentiated here, and not a loss that it weighs."""
    return any(grown.name == leaf.name for grown, _ in step.growth)


def _unbounded(weight: LearnedWeight) -> dict[Step, End]:
    """The exponentials of the weights that grow without end, each once, and where."""
    found: dict[object, tuple[Step, End]] = {}
    for term in weight.weights:
        for step in term.steps:
            if step.what is not What.EXP or not _is_of(step, weight.leaf):
                continue
            for end in (End.MINUS, End.PLUS):
                grows = term.at(weight.leaf, end)
                if grows.known_to_grow() and grows.rate:
                    found.setdefault(step.node, (step, end))
    return dict(found.values())


def _growth(weight: LearnedWeight, step: Step, end: End) -> str:
    found = (t.at(weight.leaf, end) for t in weight.weights if step in t.steps)
    return shape(max(found, key=lambda growth: growth.rank), weight.leaf, end)


def _message(weight: LearnedWeight, step: Step, end: End, divides: bool) -> str:
    rate = abs(step.at(weight.leaf, end).rate)
    exact = step.at(weight.leaf, end).exact and rate > 0
    if divides:
        at = _limits(end is End.MINUS, rate) if exact else "where it overflows"
        return (
            f"dividing by this exponential gives `{weight.leaf}` a gradient of NaN {at},"
            " while the loss reads a harmless 0"
        )
    at = _limits(end is End.PLUS, rate) if exact else "where it overflows"
    return f"nothing bounds `{weight.leaf}`: this weight is inf {at}"


def _limits(upward: bool, rate: float) -> str:
    half, single = (limit / rate for limit in LARGEST.values())
    side, sign = ("above", "") if upward else ("below", "-")
    return f"{side} {sign}{half:.3g} in float16, {side} {sign}{single:.3g} in float32"
