"""A total of several task losses is shown at each step, the losses themselves never are.

## What it does
Finds a loss that is back-propagated and is made of two or more losses, where the total
reaches a progress bar, a logger, TensorBoard or the like, and the losses in it reach no
person from inside the loop: not by name, not in a dictionary, not as a running mean.

It stays silent where a loss is returned, kept in an attribute, or handed to a function that
is not at hand, since it may be shown there; and where nothing is shown at all.

## Why is this bad?
A total hides what its parts do. One task may diverge, or stop learning, while another gets
better by as much: the curve goes down all the same. With learned weights it says still less, as
the weights move too: 0.5 * exp(-s) * L + 0.5 * s goes from 0.5 to -1.80 for a loss of 1 that
becomes 0.01, whatever the other losses do.

## Example
```python
def train(model, ce, mse, optimizer, loader):
    bar = tqdm(loader)
    for inputs, labels, depths in bar:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss = ce(classes, labels)
        depth_loss = mse(depth, depths)
        loss = label_loss + 0.1 * depth_loss
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        bar.set_postfix(loss=loss.item())
```

Use instead:
```python
def train(model, ce, mse, optimizer, loader):
    bar = tqdm(loader)
    for inputs, labels, depths in bar:
        optimizer.zero_grad()
        classes, depth = model(inputs)
        label_loss = ce(classes, labels)
        depth_loss = mse(depth, depths)
        loss = label_loss + 0.1 * depth_loss
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
        bar.set_postfix(
            loss=loss.item(), label_loss=label_loss.item(), depth_loss=depth_loss.item()
        )
```

## Fix safety
Safe: the losses join the call that shows the total, in its style. What was shown is
shown still, and training is not touched. On a GPU each `.item()` waits for the device; the first one in a
step has waited already.

## Known limits
No fix where a loss has no name of its own at the call, or where a running mean of the
total is shown. The sum of a dictionary whose entries are not known counts as one loss.

## References
- Kendall, Gal and Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses*, CVPR 2018
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Edit, Finding, Fix, Safety, Severity
from losslint.fixes.shown import extended
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS, is_exempt, is_here
from losslint.training.backward import Survey
from losslint.training.unshown import Unshown, unshown

rule = Rule("LL301", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(Survey)
def check(survey: Survey, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    for one in unshown(survey):
        if not is_here(one.show.node, module):
            continue
        labels = dict.fromkeys(component.label for component in one.components)
        names = ", ".join(f"`{label}`" for label in labels)
        edits = _fix(one, module)
        yield rule.finding(
            module.span(one.show.expression),
            f"this shows a total, and nothing shows the losses in it: {names}",
            fix=Fix("Show each loss beside the total", edits, Safety.SAFE) if edits else None,
            evidence=[_made_of(one, module)],
        )


def _made_of(one: Unshown, module: Module) -> str:
    reached = one.reached
    if reached.frame.scope.module is not module:
        return "the total is back-propagated in another file"
    return f"`{module.text(reached.loss)}`, which is back-propagated, adds them up"


def _fix(one: Unshown, module: Module) -> tuple[Edit, ...] | None:
    if one.total is None or not is_here(one.total, module):
        return None
    texts = [(component.label, component.text) for component in one.components]
    if not all(text for _, text in texts):
        return None
    suffix = ".item()" if one.is_number else ""
    return extended(module, one.show.node, one.total, texts, as_value=suffix)
