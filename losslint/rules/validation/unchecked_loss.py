"""A loss is back-propagated and nothing on the way checks that it is a finite number.

## What it does
Finds every place where a loss is back-propagated: `loss.backward()`,
`scaler.scale(loss).backward()`, `accelerator.backward(loss)`, the `return` of a
Lightning `training_step` or a Hugging Face `compute_loss`, and the like. It runs
the code around it with NaN, inf and -inf in place of the loss, and reports the
place if such a loss gets there on some path and nothing after it stops the run either.

A check may stand anywhere on the way, also in a function of the project that is
called with the loss, every so many steps, and may raise, exit, skip the step or put
another value in the loss's place. A call of the function in the setting `loss-validator` counts, and
`torch.autograd.set_detect_anomaly(True)`; gradient clipping and `GradScaler` do not.

## Why is this bad?
One NaN in the loss makes the gradients NaN, and one optimizer step the parameters
that they belong to. No exception is raised: the run goes on for as many hours as are left,
and the last checkpoint that is any good may be overwritten. The step that did it, and which
of several losses it was, can no longer be told.

`GradScaler` leaves out a step whose gradients are inf or NaN and halves its scale, which
is meant for overflow in float16. So the parameters live; but a loss that is NaN at every step, as
with a bad column in the data, trains nothing to the end of the run, without a word. Lightning
and the Hugging Face Trainer back-propagate NaN too: Lightning's `detect_anomaly` is off by default.

## Example
```python
import math


def train(model, criterion, optimizer, loader):
    for step, (inputs, targets) in enumerate(loader):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
```

Use instead:
```python
import math


def validate_loss(loss, step=None):
    \"\"\"Raise ValueError if the loss is NaN or infinite, before it reaches the weights.\"\"\"
    value = loss.mean().item()  # nn.DataParallel returns one loss per device
    if not math.isfinite(value):
        raise ValueError(f"The loss is not finite: loss={value}, step={step}")


def train(model, criterion, optimizer, loader):
    for step, (inputs, targets) in enumerate(loader):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        validate_loss(loss, step=step)
        loss.backward()
        optimizer.step()
```

## Fix safety
Safe: it adds a function `validate_loss` to the module, once, and a call before each
`backward()`. A run whose losses are finite computes what it did, bit for bit; one with a
loss that is not stops with a `ValueError` that names the value, the step and the losses
it is made of, as far as these have names. Where no loss in it can be negative, a negative
value warns once. The function takes no more than the calls in its module need.
With `loss-validator = "package.module:function"` your own function is called instead.

The check reads the value of the loss, which waits for the device once a step. Where
that matters, `loss-check-interval = 100` checks every hundredth step: NaN stays NaN, so
it is found, if later. Where the loop calls `loss.item()` anyway, that wait is there already.

Under distributed training the rank with the bad loss raises and its launcher
(`torchrun`) ends the others; no rank skips a step that the others wait for. Under `GradScaler` it is
the loss that is checked, not the scaled loss: overflow of that is the scaler's business.

## Known limits
A loss that a function gets as an argument is checked where it is called, if that is in the same
file, and a check in the caller, of a loss that a function has back-propagated and returned, is not
seen. Neither is one inside a loss module that a function gets as an argument. Anomaly detection, which
counts, stops at NaN that the backward pass computes: inf passes. Files of tests are left alone unless the rule is selected by its code or its name.

## References
- Zhang et al., *An Empirical Study on TensorFlow Program Bugs*, ISSTA 2018
- PyTorch documentation, *Automatic Mixed Precision*, `torch.amp.GradScaler`
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.validator import told, validated
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS, is_exempt
from losslint.training.backward import Backward, Guard
from losslint.training.places import backwards

rule = Rule("LL201", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(Guard)
def check(guard: Guard, module: Module) -> Iterator[Finding]:
    backward = guard.backward
    if backward is None or guard.rejected or guard.late or guard.printed or guard.trusted:
        return
    if is_exempt(rule, module):
        return
    edits = validated(module, backward, told(module, backwards(module)))
    parts = list(dict.fromkeys(part.label for part in backward.components if part.label))
    yield rule.finding(
        module.span(backward.place),
        f"`{module.text(backward.loss)}` is back-propagated unchecked: {_consequence(backward)}",
        fix=Fix("Check the loss before it is back-propagated", edits, Safety.SAFE)
        if edits
        else None,
        evidence=[
            "run with NaN, inf and -inf in its place: each of them gets here, and nothing stops it",
            *([f"it is made of {', '.join(parts)}"] if parts else []),
        ],
    )


def _consequence(backward: Backward) -> str:
    match backward.place:
        case cst.Call(
            func=cst.Attribute(value=cst.Call(func=cst.Attribute(attr=cst.Name("scale"))))
        ):
            return (
                "at a NaN in it the scaler leaves the step out, and the run goes on without a word"
            )
    return "a NaN in it makes every parameter NaN at the next step, and the run goes on"
