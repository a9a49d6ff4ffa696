"""A loss that is not finite is put out of sight: the run goes on, and the log looks clean.

## What it does
Finds `nan_to_num` on a loss; a branch taken for a loss that is NaN or inf that says
nothing and skips the batch, or puts a constant in the loss's place; and the Hugging Face
`TrainingArguments`, whose `logging_nan_inf_filter` is on unless it is switched off.

## Why is this bad?
The cause stays: bad data, a diverging weight, an overflow. With `nan_to_num` the value is a
number again while the gradient is not: `sqrt(x)` at x = -1, `log(x)` at 0, `exp(x)` at 1000 and
x / x at 0 all have the gradient NaN behind `nan_to_num`, and the step writes it into the parameters
behind a loss that looks like 0. (Only where nothing that is NaN is multiplied, as in the mean over no element,
is the gradient 0.) A batch that is skipped without a word may be every
batch: once the parameters are NaN, every loss is, and the loop runs to its end
without one more step. And `logging_nan_inf_filter` replaces a loss that is NaN or inf by the average of
the others in the log, and only there.

## Example
```python
def train(model, criterion, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            continue
        loss.backward()
        optimizer.step()
```

Use instead:
```python
def train(model, criterion, optimizer, loader):
    skipped = 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        if not torch.isfinite(loss):
            skipped += 1
            print(f"loss is {loss.item()}: batch skipped, {skipped} so far")
            continue
        loss.backward()
        optimizer.step()
```

## Fix safety
Safe for `TrainingArguments`: `logging_nan_inf_filter=False` changes the log and nothing else.
There is no fix for the others: what to do with a batch that yields NaN is for you to
say. Raise, or count and tell what is skipped.

## Known limits
A function that is called in such a branch may tell of it; a branch with any call that shows
something counts as one that says so.

## References
- PyTorch documentation, `torch.nan_to_num`
- Hugging Face documentation, `transformers.TrainingArguments`, `logging_nan_inf_filter`
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import libcst as cst

from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span
from losslint.fixes.beside import beside, laid_out
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt, is_here
from losslint.training.backward import Guard, Stop, Survey
from losslint.training.hiding import TrainerLog, is_quiet

rule = Rule(
    "LL204",
    __name__,
    __doc__,
    Severity.WARNING,
    needs=(
        (b"torch", b"transformers"),
        (b"nan", b"inf", b"finite", b"TrainingArguments"),
    ),
)

SKIPPING = frozenset(("continue", "break", "return"))


@rule.on(Guard)
def silent_branch(guard: Guard, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    for stop in guard.stops:
        if not isinstance(stop.node, cst.If) or not is_here(stop.node, module):
            continue
        if not any(isnan(number) for number in stop.numbers):
            continue
        if guard.backward is None and _selects(stop.node.test):
            continue
        if is_quiet(stop.node, module) and (stop.how == "replaced" or stop.how in SKIPPING):
            yield rule.finding(module.span(stop.node.test), _consequence(stop))


def _selects(test: cst.BaseExpression) -> bool:
    """Whether losses that are numbers are turned down as well: `isnan(loss) or loss >= best`."""
    match test:
        case cst.BooleanOperation(left=left, right=right):
            return _selects(left) or _selects(right)
        case cst.Comparison(comparisons=[cst.ComparisonTarget(comparator=best)]):
            return not isinstance(best, cst.BaseNumber)
    return False


def _consequence(stop: Stop) -> str:
    if stop.how == "replaced":
        return "a loss that is not finite is replaced here without a word: the log looks clean"
    return "a batch whose loss is not finite is skipped here without a word, were it every batch"


@rule.on(Survey)
def replaced(survey: Survey, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    for one in survey.events.replaced:
        if one.value.is_loss and is_here(one.node, module):
            yield rule.finding(
                module.span(one.node),
                "`nan_to_num` hides a loss that is NaN, and seldom the NaN in its gradients",
            )


@rule.on(TrainerLog)
def filtered(log: TrainerLog, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    edits = _switched_off(log, module)
    yield rule.finding(
        module.span(log.call.func),
        "`logging_nan_inf_filter` is on: the log leaves out every loss that is NaN or inf",
        severity=Severity.WARNING if log.value is not None else Severity.NOTE,
        fix=Fix("Log losses that are NaN or inf too", edits, Safety.SAFE) if edits else None,
    )


def _switched_off(log: TrainerLog, module: Module) -> tuple[Edit, ...]:
    if log.value is not None:
        return (Edit(module.span(log.value), "False"),)
    if not log.call.args:
        end = module.span(log.call).end - 1
        return (Edit(Span(end, end), "logging_nan_inf_filter=False"),)
    edits = beside(module, log.call.args[-1], ["logging_nan_inf_filter=False"])
    return laid_out(module, log.call, edits)
