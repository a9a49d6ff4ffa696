"""A loss is taken out of its graph on the way to backward(), and trains nothing.

## What it does
Finds `torch.tensor([a, b])`, `torch.Tensor(losses)`, `torch.as_tensor(losses)`, `.item()`,
`float(loss)`, `.tolist()`, `.numpy()`, `.data` and `Variable(loss)` where what they yield
is back-propagated: by `backward()`, in this function or behind a few calls, or by the
framework that gets it from `training_step` or `compute_loss`.

It looks at the value that is back-propagated, term by term: all of it may be cut off, or one
loss of several.

## Why is this bad?
All of these hand on numbers. Autograd cannot see what the numbers were computed from, so no gradient
gets past the call, and whatever this loss alone trains stays as it was initialized.

Where no loss is left that has its graph, `backward()` raises: `element 0 of tensors does not
require grad and does not have a grad_fn`. What is often tried then, `requires_grad=True`, only
silences that: the copy is a leaf of its own, and after 50 steps every parameter of
the network is where it was, bit for bit. Where another loss keeps its graph nothing raises in the
first place, and the total that is logged counts the loss in all the same.

## Example
```python
def train(model, loader, optimizer):
    for inputs, labels, depths in loader:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss = F.cross_entropy(classes, labels)
        depth_loss = F.mse_loss(depth, depths)
        loss = torch.tensor([label_loss, depth_loss], requires_grad=True).mean()
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
```

Use instead:
```python
def train(model, loader, optimizer):
    for inputs, labels, depths in loader:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss = F.cross_entropy(classes, labels)
        depth_loss = F.mse_loss(depth, depths)
        loss = torch.stack([label_loss, depth_loss]).mean()
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
```

## Fix safety
Safe: `torch.stack` holds the same values and keeps the graph; a `device` and a `dtype` that are asked
for move into `.to()` behind it. It is offered where all that the call gets are losses of torch that reduce
to one number, and nothing else takes them out of the graph. `torch.tensor` keeps the type of the losses, and so
does `torch.stack`; `torch.Tensor` made float32 of them. The result stays on the device of the losses.

The network trains from then on, as it was meant to: curves will differ.

Where `loss.requires_grad = True` follows, which torch refuses of what has a graph, it becomes
`loss.requires_grad_(True)`, which does nothing then. For `.item()`, `.data` and the like there is
no fix: leave them out.

## Known limits
Silent on `.detach()` and `torch.no_grad()`, which are deliberate; where the number is multiplied with, or
divides, anything but a number, since it is a weight then; where it is subtracted from a loss that has its
graph; where the function back-propagates the loss by itself as well; where the gradient of the copy is
read (`losses.grad`); and where one branch cuts the loss off and another decides whether it is
back-propagated. Predictions that lose their graph before a loss is computed are not followed. Files
of tests are left alone unless the rule is selected by its code or its name.

## References
- PyTorch documentation, *Autograd mechanics*: https://docs.pytorch.org/docs/stable/notes/autograd.html
- PyTorch documentation, `torch.tensor`: "torch.tensor() reads out 'the data' from whatever it is passed,
  and constructs a leaf variable": https://docs.pytorch.org/docs/stable/generated/torch.tensor.html
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.stacked import stacked
from losslint.model.module import Module
from losslint.model.names import called
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS, is_exempt, is_here
from losslint.training.detached import Detached
from losslint.training.naming import names
from losslint.training.state import path_of

rule = Rule("LL407", __name__, __doc__, Severity.ERROR, needs=NEEDS)


@rule.on(Detached)
def check(detached: Detached, module: Module) -> Iterator[Finding]:
    node = detached.node if is_here(detached.node, module) else detached.reached.place
    if is_exempt(rule, module) or not is_here(node, module):
        return
    woken = [one for one in detached.awake if isinstance(one, cst.Assign)]
    edits = stacked(module, node, woken) if detached.stackable else None
    yield rule.finding(
        module.span(node),
        f"{_losses(detached)} no gradient: {_spelled(detached.node)} hands on"
        " the value and leaves the graph behind",
        fix=Fix("Stack the losses: that keeps their graph", edits, Safety.SAFE) if edits else None,
        evidence=_evidence(detached, module),
    )


def _losses(detached: Detached) -> str:
    reached = detached.reached
    *others, last = [f"`{name}`" for name in names(detached.losses, reached.loss, reached.state)]
    return f"{', '.join(others)} and {last} get" if others else f"{last} gets"


def _spelled(node: cst.CSTNode) -> str:
    match node:
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(name))) if path_of(base) not in (
            "torch",
            "np",
            "numpy",
        ):
            return f"`.{name}()`"
        case cst.Call(func=func):
            return f"`{path_of(func) or called(node)}()`"
        case cst.Attribute(attr=cst.Name(name)):
            return f"`.{name}`"
    return "what is called"


def _evidence(detached: Detached, module: Module) -> Iterator[str]:
    if not is_here(detached.node, module):
        yield "it is called in another file"
    reached = detached.reached
    if not is_here(reached.place, module):
        yield "what it yields is back-propagated in another file"
        return
    loss = module.text(reached.loss)
    if isinstance(reached.place, cst.Return):
        yield f"`{loss}` is returned to the framework, which back-propagates it"
    elif not detached.whole:
        yield f"`{module.text(reached.place)}` goes on through the rest of `{loss}`: nothing raises"
    elif not detached.awake:
        yield f"nothing in `{loss}` has a graph: `{module.text(reached.place)}` raises"
    else:
        yield (
            f"`{_wake_up(detached.awake[0], module)}` only keeps `{module.text(reached.place)}` from raising:"
            " no parameter gets a gradient by it"
        )


def _wake_up(node: cst.CSTNode, module: Module) -> str:
    match node:
        case cst.Assign() | cst.Call(func=cst.Attribute(attr=cst.Name("requires_grad_"))):
            return module.text(node)
    return "requires_grad=True"
