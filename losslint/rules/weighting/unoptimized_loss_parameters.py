"""A loss has learnable parameters that no optimizer of the project ever gets.

## What it does
Follows a loss module with learnable parameters, and a plain tensor that weighs losses, through
all files of the project: through names, attributes, arguments and results, to what each optimizer
is given. Reports the optimizer that should have them, a commented-out `add_param_group` that would
hand them over, and a loss module that is made anew in every step.

## Why is this bad?
The task weights are computed, logged and back-propagated to, and stay what they were in the
beginning: the loss is a fixed sum, with the constants of a regularizer in it. Nothing clears their
gradients either, as `optimizer.zero_grad()` does not know them: they add up over the whole run, and
reach every clipping that goes by the norm of `criterion.parameters()`. In 50 steps of Adam on the
fixture, the parameters are bit for bit those of the start; handed over, they move by more than 0.1.

## Example
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        return (torch.exp(10.0 - floored) * losses).sum() + 0.5 * floored.sum()


model = nn.Linear(8, 2)
criterion = UncertaintyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

Use instead:
```python
class UncertaintyLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        return (torch.exp(10.0 - floored) * losses).sum() + 0.5 * floored.sum()


model = nn.Linear(8, 2)
criterion = UncertaintyLoss()
optimizer = torch.optim.Adam([*model.parameters(), *criterion.parameters()], lr=1e-3)
```

## Fix safety
Unsafe: the weights begin to be learned, which is what they are there for, and changes every run.
Offered where the loss is made before the optimizer, in the same function or the same class. Where
they stand apart the finding says what is missing and where the other place is.

## Known limits
Names that are alike, an attribute of any class, or a variable of one file, are taken for the same,
so what might reach an optimizer counts as reaching it. Silent as long as one optimizer of the project
is built from something that is not known, a class is registered or named in a configuration, or no
optimizer is connected with the loss by imports. Of the trainers that make their own optimizer, those of
transformers are known.

## References
- PyTorch documentation, torch.optim, "Constructing it"
- jonbarron/robust_loss_pytorch issue 7, open-mmlab/mmdetection issue 4967: losses whose parameters
  no optimizer got
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Edit, Finding, Fix, Related, Safety, Severity
from losslint.fixes.groups import with_parameters
from losslint.model.facts import FileFacts, Site
from losslint.project.joined import Project
from losslint.project.unoptimized import OWN_OPTIMIZER, Unoptimized
from losslint.ranges.weights import LearnedWeight
from losslint.rules.base import Rule
from losslint.rules.weighting.words import NEEDS

rule = Rule("LL107", __name__, __doc__, Severity.ERROR, needs=NEEDS, rests_on=(LearnedWeight,))


@rule.across(Unoptimized)
def check(found: Unoptimized, project: Project) -> Iterator[Finding]:
    names = ", ".join(f"`{name.removeprefix('self.')}`" for name in found.names)
    here = found.site.place
    related = [
        other
        for other in _related(found)
        if (other.path, other.row, other.column) != (found.path, here.row, here.column)
    ]
    edit = _edit(found)
    yield rule.finding(
        found.site.span,
        _message(found, names),
        severity=Severity.NOTE if found.is_comment else None,
        fix=Fix("Give them to the optimizer", (edit,), Safety.UNSAFE) if edit else None,
        evidence=_evidence(found),
        related=related,
    )


def _message(found: Unoptimized, names: str) -> str:
    learned = "it is not learned" if len(found.names) == 1 else "they are not learned"
    if found.anew:
        return (
            f"`{found.of}` is made anew in {found.anew}: what {names} would learn is forgotten"
            " with every step"
        )
    if found.framework:
        return (
            f"`{found.framework}` makes its optimizer of the model's parameters alone: {names} of"
            f" `{found.of}` stay what they are"
        )
    if found.is_comment:
        return f"this comment would hand {names} of `{found.of}` to the optimizer, and nothing else does"
    assert found.optimizer is not None
    whose = names if found.is_plain else f"{names} of `{found.of}`"
    return f"`{found.optimizer.name}` never gets {whose}, and no other optimizer does: {learned}"


def _evidence(found: Unoptimized) -> Iterator[str]:
    if found.anew:
        return
    if found.framework:
        yield f"make it part of the model, or override `{OWN_OPTIMIZER}`"
        return
    if found.optimizer is not None and found.optimizer.roots:
        roots = ", ".join(f"`{root}`" for root in dict.fromkeys(found.optimizer.roots) if root)
        yield f"it gets the parameters of {roots}"
    if found.comment is not None and not found.is_comment:
        facts, site = found.comment
        yield f"a call that would add them is commented out at {facts.path}:{site.place}"
    if found.made is not None and found.holder:
        yield f"hand it the parameters of `{found.holder}` too, in a group without weight decay"


def _related(found: Unoptimized) -> Iterator[Related]:
    """The other places: where the loss is made, where its parameters are, which optimizer there is."""
    if found.optimizer is not None and found.gets is not None:
        yield _place(found.gets, found.optimizer.site, "the optimizer")
    if found.made is not None:
        facts, built = found.made
        yield _place(facts, built.site, f"`{found.of}` is made here")
    home = found.home
    yield _place(*home, f"the parameters of `{found.of}`")


def _place(facts: FileFacts, site: Site, message: str) -> Related:
    return Related(facts.path, site.place.row, site.place.column, message, site.place.cell)


def _edit(found: Unoptimized) -> Edit | None:
    """The parameters of the loss beside those that the optimizer gets, where they are at hand."""
    optimizer, made = found.optimizer, found.made
    if optimizer is None or made is None or optimizer.argument is None:
        return None
    if found.site != optimizer.site or found.gets is None or found.gets.path != found.path:
        return None
    facts, built = made
    own = built.target.startswith("self.")
    before = built.site.span.start < optimizer.site.span.start
    near = facts.path == found.path and built.owner == optimizer.owner
    if not built.target or not near or not (own or (built.scope == optimizer.scope and before)):
        return None
    text = with_parameters(optimizer.text, built.target)
    return Edit(optimizer.argument, text) if text else None
