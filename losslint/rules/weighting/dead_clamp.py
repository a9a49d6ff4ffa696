"""A clamp on the parameter of a learned weight: beyond its bound the gradient is exactly 0.

## What it does
Finds `clamp`, `clip`, `clamp_min`, `clamp_max`, `relu`, `hardtanh`, and `max` or
`min` with a constant, on a learnable parameter that weights a loss, where no
other term gives that parameter a gradient beyond the bound.

## Why is this bad?
A clamp has no gradient outside its range. Once a step has carried the parameter
across, nothing brings it back: the weight stays at the bound for the rest of
the run, however its task's loss changes. With `clamp(min=0)` on log-variances that
start at 0, as below, the first step crosses the bound if the task's loss is under
0.5, and its weight is 1 for ever: torch returns a gradient of exactly 0 at -0.05
and at -20 alike.

Only momentum, or weight decay where it points back, still moves such a
parameter. Neither has to do with the loss.

## Example
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        log_vars = self.log_vars.clamp(min=0.0)
        return (torch.exp(-log_vars) * losses + 0.5 * log_vars).sum()
```

Use instead:
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        log_vars = F.softplus(self.log_vars)
        return (torch.exp(-log_vars) * losses + 0.5 * log_vars).sum()
```

## Fix safety
Unsafe: it changes what is learned, so that something can be. `clamp(x, lo, hi)`
becomes `F.softplus(x - lo) - F.softplus(x - hi) + lo`, which keeps the bounds and
has a gradient everywhere; with one bound, the other softplus is left out. The
value moves by log 2 = 0.69 at a bound, by e**-d at a distance d from it. What a
clamp bounded stays bounded; torch checks that every property that held before
the fix still does, and that no dead zone is left.

An alternative that keeps the values: clamp after the step, outside the graph,
as `with torch.no_grad(): log_vars.clamp_(lo, hi)`.

## Known limits
Bounds that are no constants are not followed. There is no fix for a clamp in
place (`clamp_`, `relu(..., inplace=True)`), nor for a weight without any
regularizer, which the smooth form would let shrink for ever. The gradient of the
smooth form fades as e**-d, and rounds to 0 some 20 beyond a bound. Where the
best weight lies beyond the bound, the parameter drifts on, slowly, and comes
back when the loss changes.

## References
- `torch.clamp`: https://docs.pytorch.org/docs/stable/generated/torch.clamp.html
- Liebel and Koerner, "Auxiliary Tasks in Multi-task Learning" (2018), on keeping
  the regularizer of a task's weight positive: https://arxiv.org/abs/1805.06334
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Finding, Fix, Safety, Severity
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges.growth import End
from losslint.ranges.value import Kind, Step, What
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL106", __name__, __doc__, Severity.WARNING, needs=NEEDS)

# What may stand around an expression that ends in a sum, without parentheses.
OUTERMOST = (cst.Arg, cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.Return, cst.Element)


@rule.on(LearnedWeight)
def check(weight: LearnedWeight, module: Module) -> Iterator[Finding]:
    if weight.dead is None or weight.leaf.kind is not Kind.PARAMETER:
        return
    if not (weight.solos or weight.known_losses):
        return
    clamps = [s for t in weight.terms for s in t.steps if s.what is What.CLAMP]
    for step in dict.fromkeys(clamps):
        yield rule.finding(
            module.span(step.node),
            _message(weight, step, module),
            fix=_fix(weight, step, module),
            evidence=[f"every term that {weight.leaf} enters is constant {_beyond(weight)}"],
        )


def _message(weight: LearnedWeight, step: Step, module: Module) -> str:
    name, start = f"`{weight.leaf}`", weight.leaf.start
    low, high = _bounds(step)
    if start is not None and _reads(weight, step) and start in (low, high):
        return (
            f"{name} starts at {start:g}, on the edge of this clamp: beyond it the gradient is"
            " exactly 0, so the first step across is the last"
        )
    value = name if step.argument is None else f"`{module.text(step.argument)}`"
    sides = [f"below {low:g}"] if low is not None else []
    sides += [f"above {high:g}"] if high is not None else []
    return (
        f"where {value} is {' or '.join(sides)}, this clamp leaves"
        f" {'it' if value == name else name} a gradient of exactly 0:"
        " a weight that gets there stays there"
    )


def _reads(weight: LearnedWeight, step: Step) -> bool:
    """Whether what is clamped is the parameter itself."""
    read = {s.node for t in weight.terms for s in t.steps if s.what is What.READ}
    return step.argument in read


def _beyond(weight: LearnedWeight) -> str:
    ends = [
        end.value
        for end in (End.MINUS, End.PLUS)
        if all((weight.leaf, end) in term.flat for term in weight.terms)
    ]
    return f"as it runs to {' and to '.join(ends)}"


def _bounds(step: Step) -> tuple[float | None, float | None]:
    return (0.0, None) if step.bounds == (None, None) else step.bounds  # relu has none


def _fix(weight: LearnedWeight, step: Step, module: Module) -> Fix | None:
    """None where no regularizer holds the weight: along the smooth form it would shrink for ever."""
    edits = smooth_edits(step, module) if weight.solos else None
    return Fix("Replace the clamp by its smooth form", edits, Safety.UNSAFE) if edits else None


def smooth_edits(step: Step, module: Module) -> tuple[Edit, ...] | None:
    """Edits that write a clamp of x as `softplus(x - lo) - softplus(x - hi) + lo`.

    Either bound may be missing. None for a clamp in place, whose result nothing reads.
    """
    softplus = spelled(module, "torch.nn.functional.softplus")
    if softplus is None or step.argument is None or _in_place(step.node):
        return None
    low, high = _bounds(step)
    bare = isinstance(step.argument, (cst.Name, cst.Attribute, cst.Subscript, cst.Call))
    text = module.text(step.argument)
    text = text if bare and not step.argument.lpar else f"({text})"
    name = softplus.text
    if low is None:
        new = f"{high} - {name}({high} - {text})"
    else:
        new = f"{name}({_added(text, -low)})"
        new = new if high is None else f"{new} - {name}({_added(text, -high)})"
        new = _added(new, low)
    single = low == 0 and high is None
    if not single and not isinstance(parent(module.tree, step.node), OUTERMOST):
        new = f"({new})"
    return (Edit(module.span(step.node), new), *softplus.edits)


def _in_place(node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    match node.func:
        case cst.Attribute(attr=cst.Name(value=name)) | cst.Name(value=name):
            pass
        case _:
            return True
    return name.endswith("_") or any(
        a.keyword is not None and a.keyword.value == "inplace" for a in node.args
    )


def _added(text: str, value: float) -> str:
    if value == 0:
        return text
    return f"{text} + {value}" if value > 0 else f"{text} - {-value}"
