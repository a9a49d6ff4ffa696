"""A check of the loss lets some values through that are no losses.

## What it does
Runs the code around a check with NaN, inf and -inf in place of the loss, and reports
a check that stops some of them and not the others: `isnan` alone, `loss != loss`,
`loss > 10`; one that looks at some of the losses in a total; an `assert`; and one that
prints the bad loss and then back-propagates it.

## Why is this bad?
A loss that diverges becomes inf before it becomes NaN, and one step with an infinite loss already
turns parameters into NaN: `isnan` notices at the next step, when they are lost. `loss > 10` is
False for NaN, as is every comparison but `!=`. An `assert` is not there when Python runs with `-O`
or with `PYTHONOPTIMIZE` set. And a check on one of two losses says nothing of the other.

## Example
```python
def train(model, criterion, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if torch.isnan(loss):
            raise ValueError("the loss is NaN")
        loss.backward()
        optimizer.step()
```

Use instead:
```python
def train(model, criterion, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            raise ValueError("the loss is NaN")
        loss.backward()
        optimizer.step()
```

## Fix safety
Safe: `isnan(x)` becomes `not isfinite(x)`, which is true for NaN and both infinities, and
an `assert` becomes an `if` that raises `ValueError` with the same message. Nothing changes as
long as the loss is finite. The text of a message is left as it is.

## Known limits
No fix for a check on some of the losses, for comparisons, and for checks that only print. A loss that may
legitimately be inf, such as one of `ctc_loss`, is reported all the same.

## References
- IEEE 754-2019, section 5.11, *Details of comparison predicates*
- Python documentation, *The assert statement*
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isnan, nan

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.finite import asserted_as_raise, finite_instead_of_nan
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import NEEDS_TEST, is_exempt, is_here
from losslint.training.backward import Guard, Stop

rule = Rule("LL202", __name__, __doc__, Severity.WARNING, needs=NEEDS_TEST)


@rule.on(Guard)
def check(guard: Guard, module: Module) -> Iterator[Finding]:
    if guard.trusted or is_exempt(rule, module):
        return
    if guard.printed is not None and is_here(guard.printed, module):
        yield rule.finding(
            module.span(_head(guard.printed)),
            "the loss is found not to be finite, and back-propagated all the same",
        )
    elif guard.partial:
        yield from _partial(guard, module)


def _partial(guard: Guard, module: Module) -> Iterator[Finding]:
    loss = guard.backward.loss if guard.backward else None
    for stop in guard.stops:
        head = _head(stop.node)
        if not is_here(stop.node, module) or (nan not in _plain(stop) and inf not in stop.numbers):
            continue
        if isinstance(stop.node, cst.Assert):
            edits = asserted_as_raise(module, stop.node, loss)
        else:
            edits = finite_instead_of_nan(module, head, loss)
        yield rule.finding(
            module.span(head),
            _message(guard, stop),
            fix=Fix("Reject every loss that is not finite", edits, Safety.SAFE) if edits else None,
            evidence=[_evidence(guard, stop)],
        )


def _message(guard: Guard, stop: Stop) -> str:
    if guard.passes:
        missed = " and ".join(_name(number) for number in guard.passes)
        return f"this check lets {missed} through"
    if guard.asserted:
        return "an `assert` is all that stops a loss that is not finite: `python -O` drops it"
    missed = ", ".join(f"`{label}`" for label in guard.unchecked)
    return f"this check does not look at {missed}, which may be NaN as well"


def _evidence(guard: Guard, stop: Stop) -> str:
    stopped = " and ".join(_name(number) for number in stop.numbers)
    return f"run with NaN, inf and -inf in place of the loss: it stops {stopped}"


def _plain(stop: Stop) -> list[float]:
    """Its numbers, NaN by identity, since it equals nothing."""
    return [nan if isnan(number) else number for number in stop.numbers]


def _name(number: float) -> str:
    return "NaN" if isnan(number) else f"{number:g}"


def _head(node: cst.CSTNode) -> cst.CSTNode:
    """What a finding marks: the condition of an `if`, and not all that it guards."""
    return node.test if isinstance(node, (cst.If, cst.IfExp, cst.While)) else node
