"""The loss is checked when it has been back-propagated already, or the step has been made.

## What it does
Runs a training loop with NaN in place of the loss and reports the check that stops it, if
that stands behind `backward()` or behind `optimizer.step()` and nothing stops the
run before.

## Why is this bad?
`backward()` has put NaN into every gradient, and `optimizer.step()` into every parameter and
into the state of the optimizer. The check ends the run, but the model in memory is lost: what a handler
saves on the way out is a checkpoint of NaN, and a loop that goes on with the next batch goes
on with parameters that are NaN.

## Example
```python
def train(model, criterion, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
```

Use instead:
```python
def train(model, criterion, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()}")
        loss.backward()
        optimizer.step()
```

## Fix safety
Unsafe: the check moves to the line above `backward()`, with its comments; where it looks for
NaN alone, or is an `assert`, it becomes what LL202 writes. A run whose losses are
finite computes what it did; one with a loss that is not ends before the parameters
change, so code that relied on the step being made first sees another state.

## Known limits
A check is moved only within its block, and only if what it reads is there before
`backward()`.

## References
- PyTorch documentation, *torch.optim*, "Taking an optimization step"
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.finite import asserted_as_raise, finite_instead_of_nan
from losslint.fixes.moving import moved_above
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS_TEST, is_exempt, is_here
from losslint.training.backward import Backward, Guard

rule = Rule("LL203", __name__, __doc__, Severity.WARNING, needs=NEEDS_TEST)


@rule.on(Guard)
def check(guard: Guard, module: Module) -> Iterator[Finding]:
    late, backward = guard.late, guard.backward
    if late is None or backward is None or guard.rejected or not is_here(late, module):
        return
    if is_exempt(rule, module):
        return
    test = getattr(late, "test", late)
    if isinstance(late, cst.Assert):
        strict = asserted_as_raise(module, late, backward.loss)
    else:
        strict = finite_instead_of_nan(module, test, backward.loss)
    edits = moved_above(module, late, backward.statement, strict or ())
    yield rule.finding(
        module.span(test),
        f"this check comes after `{_called(backward, module)}`: the gradients are NaN by then",
        fix=Fix("Check the loss before it is back-propagated", edits, Safety.UNSAFE)
        if edits
        else None,
        evidence=["run with NaN in place of the loss: nothing stops it before this check"],
    )


def _called(backward: Backward, module: Module) -> str:
    """The call that back-propagates, without what it is given."""
    place = backward.place
    return module.text(place.func if isinstance(place, cst.Call) else place)
