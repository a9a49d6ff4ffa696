"""Learned weights of a loss that nothing outside the loss ever reads.

## What it does
Finds learned weights (log-variances, softmax weights and the like) of a total that is
back-propagated in this file, where nothing but the function that computes the total reads
them: no log, no progress bar, no other method, no `named_parameters()`.

## Why is this bad?
The weights decide which task is trained. A task whose weight has gone to 0 is switched
off, one whose weight has run away drowns the others, and the total tells neither: under
`exp(-s) * L + s` a task with L = 0.01 settles at a weight of 100 and one with L = 10 at 0.1, and
the weighted loss of each is 1. What has been learned is seen only where it is shown.

## Example
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.Parameter(torch.zeros(2))

    def forward(self, first, second):
        scales = F.softplus(self.scales)
        total = torch.exp(-scales[0]) * first + scales[0]
        return total + torch.exp(-scales[1]) * second + scales[1]


def train(model, loader, optimizer):
    criterion = TaskWeights()
    bar = tqdm(loader)
    for inputs, labels, depths in bar:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss, depth_loss = F.cross_entropy(classes, labels), F.mse_loss(depth, depths)
        loss = criterion(label_loss, depth_loss)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        bar.set_postfix(loss=loss.item(), label=label_loss.item(), depth=depth_loss.item())
```

Use instead:
```python
class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.Parameter(torch.zeros(2))

    def forward(self, first, second):
        scales = F.softplus(self.scales)
        total = torch.exp(-scales[0]) * first + scales[0]
        return total + torch.exp(-scales[1]) * second + scales[1]


def train(model, loader, optimizer):
    criterion = TaskWeights()
    bar = tqdm(loader)
    for inputs, labels, depths in bar:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss, depth_loss = F.cross_entropy(classes, labels), F.mse_loss(depth, depths)
        loss = criterion(label_loss, depth_loss)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        bar.set_postfix(
            loss=loss.item(),
            scales=criterion.scales.tolist(),
            label=label_loss.item(),
            depth=depth_loss.item(),
        )
```

## Fix safety
Safe: the parameters join a `set_postfix` or a `print` that shows the total, as a list. Training is
not touched. The other calls take numbers and no lists: there it is for you to choose.

## Known limits
A loss module that is made in another file than the loop is looked at only where its
class is known here. What reads the weights in a third file is not seen.

## References
- Kendall, Gal and Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses*, CVPR 2018
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Finding, Fix, Safety, Severity
from losslint.fixes.shown import extended
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import parent
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS, is_exempt, is_here
from losslint.training.unread import UnreadWeight

rule = Rule("LL302", __name__, __doc__, Severity.NOTE, needs=NEEDS)

TAKES_LISTS = frozenset(("set_postfix", "print"))


@rule.on(UnreadWeight)
def check(unread: UnreadWeight, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    reached = unread.reached
    edits = _fix(unread, module)
    yield rule.finding(
        module.span(reached.loss),
        f"nothing shows the learned weights in this loss: only the loss reads `{unread.attribute}`",
        fix=Fix("Show the parameters beside the total", edits, Safety.SAFE) if edits else None,
    )


def _fix(unread: UnreadWeight, module: Module) -> tuple[Edit, ...] | None:
    show = unread.show
    if show is None or not unread.holder or not isinstance(show.node, cst.Call):
        return None
    if called(show.node) not in TAKES_LISTS or show.frame is not unread.reached.frame:
        return None
    if not is_here(show.node, module):
        return None
    holder = parent(module.tree, show.expression)
    if not isinstance(holder, (cst.Arg, cst.DictElement)):
        return None
    text = f"{unread.holder}.{unread.attribute}.tolist()"
    return extended(module, show.node, show.expression, [(unread.attribute, text)])
