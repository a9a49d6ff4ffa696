"""A loss is added up or stored across steps together with the graph that computed it.

## What it does
Finds `total += loss`, `total = total + loss`, `losses.append(loss)`, `stats["loss"] += loss`
and `meter.update(loss)`, in a loop over steps, where `loss` is still a tensor with a
graph and what it is added to outlives the step. A meter is looked into, also in
another file of the project: one that takes `.item()` itself keeps no graph.

It says which of the two is kept: of a loss that was back-propagated the nodes of its graph,
of one that never is all activations too.

## Why is this bad?
Memory grows with every step, and the run dies in a late one: `CUDA out of memory`, or the
process is killed. Measured per step in torch 2.13 on a CPU:

| network | back-propagated | never back-propagated | `.item()` |
|---|---|---|---|
| 3 linear layers of 256, batch of 64 | 12 kB | 255 kB | 0.3 kB |
| 50 blocks of linear, norm and ReLU, batch of 32 | 171 kB | 1,241 kB | 0.2 kB |

So an epoch of 10,000 steps of the second network keeps 1.7 GB for a line in a log.

## Example
```python
def train(model, criterion, optimizer, loader):
    losses = []
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        losses.append(loss)
    print(f"losses from {min(losses):.4f} to {max(losses):.4f}")
```

Use instead:
```python
def train(model, criterion, optimizer, loader):
    losses = []
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"losses from {min(losses):.4f} to {max(losses):.4f}")
```

## Fix safety
Safe: what is trained is the same, bit for bit. The fix writes `.item()` where the sum is a
Python number that is only averaged, compared and shown, and `.detach()` wherever it may be read
as a tensor: by a method of tensors, by torch, by a caller or a function that is not in sight.
`.item()` waits for the device once a step and adds up in double precision, so
the last digits of what is shown may differ.

A fix is written only where nothing back-propagates the sum.

## Known limits
Silent where the sum is back-propagated, is given a new start every few steps, where the loss passed
through a function that is not at hand, and in evaluation functions whose callers, which may
turn gradients off, are in other files. Loops over tasks, scales and layers are no loops over steps.
`loss.backward(retain_graph=True)` is left alone.

## References
- PyTorch documentation, *FAQ*, "Don't accumulate history across your training loop":
  https://docs.pytorch.org/docs/stable/notes/faq.html
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.training.retention import Retained, carrying

NEEDS = (
    (b"torch",),
    (b"backward", b"_grad", b"criterion"),
    (b"+", b"append", b"update", b"extend"),
)
ATOMS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)

rule = Rule("LL303", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(Retained)
def check(retained: Retained, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    loss = carrying(retained.expression)
    name, method = module.text(loss), "item" if retained.number else "detach"
    backward = retained.backward
    if backward is None:
        keeps = "the graph of `{}` and all its activations: nothing back-propagates it"
        evidence = (
            "no backward() reaches this loss or its sum, so autograd never frees what it saved"
        )
    else:
        keeps = "the graph of `{}`: memory grows with every step"
        evidence = (
            f"`{module.text(backward)}` frees its activations; the nodes of its graph stay, one for"
            " each operation, as long as the sum does"
        )
    yield rule.finding(
        module.span(retained.node),
        f"`{retained.path}` keeps {keeps.format(name)}",
        fix=Fix(
            f"Keep its value: `.{method}()`",
            tuple(_edits(module, loss, f".{method}()")),
            Safety.SAFE,
        ),
        evidence=[evidence],
    )


def _edits(module: Module, loss: cst.BaseExpression, method: str) -> Iterator[Edit]:
    """The call of a method of the loss; what is put together gets parentheses."""
    span = module.span(loss)
    if isinstance(loss, ATOMS):
        yield Edit(Span(span.end, span.end), method)
    elif loss.lpar:
        after = span.end + module.source.data[span.end :].index(b")") + 1
        yield Edit(Span(after, after), method)
    else:
        yield Edit(Span(span.start, span.start), "(")
        yield Edit(Span(span.end, span.end), f"){method}")
