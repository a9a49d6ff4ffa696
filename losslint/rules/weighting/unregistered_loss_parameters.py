"""Learned weights of a loss that its module does not register, or that each step makes anew.

## What it does
Finds learned weights (log-variances, softmax weights and the like) that are kept in an
nn.Module as a plain tensor with `requires_grad`, in a plain list or dict of Parameters, as
an attribute of the class, or as what `.cuda()` made of a Parameter; and those that are made
in `forward` or in the loop that trains, anew for each step.

Outside of any module, a tensor that an optimizer gets by hand does train. That is a note,
and a warning where the file saves a checkpoint without it. What is computed from such a
tensor at once, as in `torch.zeros(2, requires_grad=True).cuda()`, no optimizer takes.

## Why is this bad?
A module registers an `nn.Parameter` that is set as an attribute of its own, and what
`nn.ParameterList` and `nn.ParameterDict` hold. Of all else `parameters()`, `state_dict()` and
`.to()` know nothing: an optimizer that is built from `parameters()` leaves it where it
starts, the checkpoint is without it, and on a GPU it stays behind on the CPU. The loss
looks like uncertainty weighting, and every task has the weight that it began with: 50
steps of Adam move none of them, and all of them once they are registered
(`tests/test_unregistered_loss_parameters.py`). What every step makes anew is not learned
either: the tensor that a gradient was computed for is gone in the next one. (A warning where
the losses are multiplied by it as it is: it may be meant as a constant.)

## Example
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = [nn.Parameter(torch.zeros(())) for _ in range(2)]

    def forward(self, label_loss, depth_loss):
        s, t = F.softplus(self.scales[0]), F.softplus(self.scales[1])
        return torch.exp(-s) * label_loss + s + torch.exp(-t) * depth_loss + t
```

Use instead:
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.ParameterList([nn.Parameter(torch.zeros(())) for _ in range(2)])

    def forward(self, label_loss, depth_loss):
        s, t = F.softplus(self.scales[0]), F.softplus(self.scales[1])
        return torch.exp(-s) * label_loss + s + torch.exp(-t) * depth_loss + t
```

## Fix safety
Unsafe: what stood still begins to learn, and a checkpoint that was saved before lacks the
new keys. Written where `__init__` of a module sets the attribute once, after
`super().__init__()`, and nothing else is done with a list or dict than torch's own can do
(`torch.stack` takes no ParameterList). None where an optimizer of the file gets the tensor
by hand: it would get it twice.

## Known limits
A class counts as a module where its bases, followed through the project's files, lead to
one; an unknown base does not. `s = s.to(device)` in a statement of its own is not seen. A
leaf that something outside of the file moves or saves is taken for one that nothing does.
Test files are left alone but for the errors.

## References
- `torch.nn.ParameterList`: https://docs.pytorch.org/docs/stable/generated/torch.nn.ParameterList.html
- Leaf tensors: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.is_leaf.html
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.registering import registering
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.ranges.creation import How
from losslint.ranges.keeping import CreatedWeight
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.weighting.words import NEEDS
from losslint.training.sites import Site
from losslint.training.unregistered import (
    Fault,
    Unregistered,
    saved_without,
    taken_by_hand,
    unregistered,
)

rule = Rule("LL108", __name__, __doc__, Severity.ERROR, needs=NEEDS)

MISSED = "`parameters()`, `state_dict()` and `.to()` miss it"
FAULTS = {
    Fault.TENSOR: "is a plain tensor, which its module does not register",
    Fault.COPY: "is{} a copy of a Parameter, which its module does not register",
    Fault.CLASS: "is an attribute of the class, which no module registers",
}


@rule.on(CreatedWeight)
def check(created: CreatedWeight, module: Module) -> Iterator[Finding]:
    found = unregistered(created, module)
    if found is None:
        return
    if found.fault is Fault.ANEW:
        yield _anew(found, module)
    elif found.fault is Fault.NO_LEAF:
        yield _no_leaf(found, module)
    elif found.fault is not Fault.HOMELESS:
        yield _unregistered(found, module)
    elif not is_exempt(rule, module):
        yield _homeless(found, module)


def _anew(found: Unregistered, module: Module) -> Finding:
    step, name = found.step, _name(found)
    function = step.name.value if isinstance(step, cst.FunctionDef) else None
    where = f"call of `{function}`" if function else "turn of this loop"
    return rule.finding(
        module.span(found.site.creation.node),
        f"every {where} makes {name} anew: it is never learned",
        severity=Severity.WARNING if found.as_it_is else Severity.ERROR,
        evidence=[
            f"{name} starts{_start(found)} each time; what a step moves is gone in the next one"
        ],
    )


def _unregistered(found: Unregistered, module: Module) -> Finding:
    site, name = found.site, _name(found)
    by_hand = taken_by_hand(_attribute(found), site, module)
    edits = registering(site, module) if by_hand is None else None
    collection = f"is a plain {site.collection} of parameters, which its module does not look into"
    fault = FAULTS.get(found.fault, collection).format(", on a GPU," if site.moves else "")
    return rule.finding(
        module.span(_shown(site)),
        f"{name} {fault}: {MISSED}",
        fix=Fix(_title(site), edits, Safety.UNSAFE) if edits else None,
        evidence=[_registers(found, module), _moved(found, by_hand, module)],
    )


def _no_leaf(found: Unregistered, module: Module) -> Finding:
    """An optimizer takes leaves alone: it raises for anything that was computed from one."""
    site = found.site
    on_gpu = " on a GPU" if site.moves else ""
    return rule.finding(
        module.span(site.value),
        f"{_name(found)} is computed from the tensor that could be learned{on_gpu}: no optimizer takes it",
        severity=Severity.WARNING if site.moves else Severity.ERROR,
        evidence=[_copied(site, module)],
    )


def _homeless(found: Unregistered, module: Module) -> Finding:
    """A leaf outside of any module: it trains where an optimizer gets it by hand."""
    by_hand = taken_by_hand(_attribute(found), found.site, module)
    saved = saved_without(_attribute(found), module)
    evidence = [_moved(found, by_hand, module)] if by_hand is not None else []
    if saved is not None:
        evidence.append(
            f"what is saved at {_place(saved, module)} is without it:"
            f" a run that is resumed from that starts again{_start(found)}"
        )
    return rule.finding(
        module.span(found.site.creation.node),
        f"{_name(found)} is a parameter of no module: {MISSED}",
        severity=Severity.NOTE if saved is None else Severity.WARNING,
        evidence=evidence,
    )


def _registers(found: Unregistered, module: Module) -> str:
    """What the module would have registered."""
    owner = f"`{found.kept.facts.name}`" if found.kept is not None else "a module"
    if found.fault is Fault.COPY:
        return _copied(found.site, module)
    if found.created.creation.how is not How.PARAMETER:
        return f"{owner} registers an nn.Parameter, and no tensor with requires_grad"
    return f"{owner} registers a Parameter that is set on the object, as an attribute of its own"


def _moved(found: Unregistered, by_hand: cst.CSTNode | None, module: Module) -> str:
    """What optimizers do with it."""
    copy = found.site.copy
    if by_hand is None:
        stays = _start(found) or " where it starts"
        return f"an optimizer that is built from `parameters()` leaves it{stays}"
    place = _place(by_hand, module)
    if copy is None:
        return f"it trains: an optimizer gets it by hand at {place}"
    on_gpu = " on a GPU" if found.site.moves else ""
    return f"by hand, at {place}, no optimizer takes it{on_gpu}: `{module.text(copy)}` is no leaf"


def _copied(site: Site, module: Module) -> str:
    assert site.copy is not None
    return (
        f"`{module.text(site.copy)}` is no leaf and no Parameter: nothing holds what it was made of"
    )


def _name(found: Unregistered) -> str:
    target = found.site.target
    spelled = dotted(target) if target is not None else None
    if found.kept is not None and found.fault is not Fault.CLASS:
        spelled = f"self.{found.kept.attribute}"
    return f"`{spelled}`" if spelled else "this parameter"


def _attribute(found: Unregistered) -> str:
    """The last part of the name: `.scale` of an attribute, `scale` of a variable."""
    if found.kept is not None:
        return f".{found.kept.attribute}"
    _, dot, last = _name(found).strip("`").rpartition(".")
    return dot + last


def _start(found: Unregistered) -> str:
    start = found.created.leaf.start
    return "" if start is None else f" at {start:g}"


def _place(node: cst.CSTNode, module: Module) -> str:
    return str(module.source.place(module.span(node).start))


def _shown(site: Site) -> cst.BaseExpression:
    """What is reported: the list or dict as it is written, or the leaf."""
    match site.statement:
        case (
            cst.Assign(targets=[cst.AssignTarget(target)], value=value)
            | cst.AnnAssign(target=target, value=value)
        ) if site.collection and value is not None:
            return site.value if isinstance(target, cst.Subscript) else value
    return site.value


def _title(site: Site) -> str:
    kinds = {"": "a Parameter", "dict": "a ParameterDict"}
    return f"Make it {kinds.get(site.collection, 'a ParameterList')}"
