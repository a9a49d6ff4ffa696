"""A loss is back-propagated and nothing on the way checks that it is a finite number.

## What it does
Finds every place where a loss is back-propagated: `loss.backward()`,
`scaler.scale(loss).backward()`, `accelerator.backward(loss)`, the `return` of a
Lightning `training_step` or a Hugging Face `compute_loss`, and the like. It runs
the code around it with NaN, inf and -inf in place of the loss, and reports the
place if such a loss gets there on some path and nothing after it stops the run either.

A check may stand anywhere on the way, also in a function of the project that is
called with the loss, and may raise, exit, skip the step or put another value in the
loss's place. `torch.autograd.set_detect_anomaly(True)` counts; gradient clipping
and `GradScaler` do not.

## Why is this bad?
One NaN in the loss makes every gradient NaN, and one optimizer step makes every
parameter NaN. No exception is raised: the run goes on for as many hours as are left,
and the last checkpoint that is any good may be overwritten. The step that did it, and which
of several losses it was, can no longer be told.

`GradScaler` skips steps with inf or NaN gradients, which is meant for overflow
in float16: with a loss that is NaN it skips every step from there on, silently. Lightning
and the Hugging Face Trainer back-propagate NaN too, unless `detect_anomaly` is set.

## Example
```python
def train(model, criterion, optimizer, loader):
    for step, (inputs, targets) in enumerate(loader):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
```

Use instead:
```python
def train(model, criterion, optimizer, loader):
    for step, (inputs, targets) in enumerate(loader):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()} at step {step}")
        loss.backward()
        optimizer.step()
```

## Fix safety
Safe: it adds a function `validate_loss` to the module, once, and a call before each
`backward()`. A run whose losses are finite computes what it did, bit for bit; one with a
loss that is not stops with a `ValueError` that names the value, the step and the losses
it is made of. Where no loss in it can be negative, a negative value warns once.
With `loss-validator = "package.module:function"` your own function is called instead.

The check reads the value of the loss, which waits for the device once a step. Where
that matters, `loss-check-interval = 100` checks every hundredth step: NaN stays NaN, so
it is found, if later. Where the loop calls `loss.item()` anyway, that wait is there already.

Under distributed training the rank with the bad loss raises and its launcher
(`torchrun`) ends the others; no rank skips a step that the others wait for. Under `GradScaler` it is
the loss that is checked, not the scaled loss: overflow of that is the scaler's business.

## Known limits
A loss that a function gets as an argument is checked where it is called, if that is in the same
file. Files of tests are left alone unless the rule is selected by its code or its name.

## References
- Zhang et al., *An Empirical Study on TensorFlow Program Bugs*, ISSTA 2018
- PyTorch documentation, *Automatic Mixed Precision*, `torch.amp.GradScaler`
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.validator import told, validated
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.validation.words import NEEDS, is_exempt
from losslint.training.backward import Guard
from losslint.training.steps import backwards

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
        f"`{module.text(backward.loss)}` is back-propagated unchecked: a NaN in it makes every"
        " parameter NaN at the next step, and the run goes on",
        fix=Fix("Check the loss before it is back-propagated", edits, Safety.SAFE)
        if edits
        else None,
        evidence=[
            "run with NaN, inf and -inf in its place: each of them gets here, and nothing stops it",
            *([f"it is made of {', '.join(parts)}"] if parts else []),
        ],
    )
