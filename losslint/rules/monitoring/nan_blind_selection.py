"""Early stopping, a plateau or a best checkpoint that takes a metric of NaN for a new best.

## What it does
Finds where a metric is compared with the best so far, and runs the code with NaN in
place of the metric, where every comparison is false. It reports the comparison if NaN then
becomes the best, a checkpoint is saved or the patience starts anew, and that is not what is done
with every metric. It also finds `min(loss, best)`, which is NaN for a NaN that stands first.

`best is None or loss < best` is reported as well, because it takes a first loss that is NaN.

## Why is this bad?
`if loss > best: wait += 1` with an `else` that saves asks whether the loss got worse. NaN
is not greater than anything, so it counts as progress: the weights that have just become NaN replace
the best checkpoint, the patience starts anew, and early stopping never ends the run. The next
comparison is with NaN, and false too: any loss is then the new best, however bad.

Where it is `loss < best` that finds the best, a NaN that gets there as the first stays for
ever: no loss is smaller than NaN, and no checkpoint is saved any more.

## Example
```python
import math


class EarlyStopping:
    def step(self, val_loss, model):
        if val_loss > self.best_loss - self.min_delta:
            self.wait += 1
        else:
            self.best_loss = val_loss
            self.wait = 0
            torch.save(model.state_dict(), self.path)
        return self.wait >= self.patience
```

Use instead:
```python
import math


class EarlyStopping:
    def step(self, val_loss, model):
        if math.isnan(val_loss) or val_loss > self.best_loss - self.min_delta:
            self.wait += 1
        else:
            self.best_loss = val_loss
            self.wait = 0
            torch.save(model.state_dict(), self.path)
        return self.wait >= self.patience
```

## Fix safety
Safe: for a metric that is a number every branch is the one that it was, also where it equals the
best. A NaN keeps the best that there is, saves nothing and counts as an epoch without progress. In
`min(best, loss)` the arguments change places, and `not loss >= best` becomes
`loss < best`, which differ for NaN only. Where code behind the selection relies on a
best that is a number, a first NaN is still taken, and replaced by the next number.

## Known limits
A metric and the best are compared and stored in one function; a best that another function stores
is not seen. A metric that is a share of what was counted (accuracy, F1, IoU) cannot be NaN, and a
metric that is tested for NaN anywhere in the function, or what it is made of, is left
alone. `epoch == 0 or loss < best` is not seen to take the first. `ReduceLROnPlateau` itself
counts NaN as an epoch without progress.

## References
- Python documentation, *Comparisons*: https://docs.python.org/3/reference/expressions.html#value-comparisons
- PyTorch documentation, `torch.optim.lr_scheduler.ReduceLROnPlateau`
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.turned import turned
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.training.selections import BEST, PATIENCE, SAVED, Selection

NEEDS = (
    (b"torch", b"lightning", b"transformers", b"accelerate", b"patience"),
    (b"best", b"lowest", b"highest", b"min_", b"_min", b"prev", b"patience"),
)
DOES = {
    BEST: "becomes the best",
    SAVED: "is saved as a checkpoint",
    PATIENCE: "starts the patience anew",
}

rule = Rule("LL306", __name__, __doc__, Severity.WARNING, needs=NEEDS)


@rule.on(Selection)
def check(selection: Selection, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    metric, best = module.text(selection.metric), selection.best
    edits = turned(module, selection)
    yield rule.finding(
        module.span(selection.place),
        _message(metric, best, selection),
        fix=Fix(f"Let a NaN leave `{best}` as it is", edits, Safety.SAFE) if edits else None,
        evidence=[_afterwards(metric, best, selection)],
    )


def _message(metric: str, best: str, selection: Selection) -> str:
    if selection.first:
        return (
            f"the first `{metric}` becomes the best even if it is NaN, and for ever: no number"
            " compares as better than NaN"
        )
    first, *others = (DOES[done] for done in selection.does)
    last = f" and {others.pop()}" if others else ""
    return f"a NaN `{metric}` counts as an improvement: it {', '.join([first, *others])}{last}"


def _afterwards(metric: str, best: str, selection: Selection) -> str:
    if BEST not in selection.does:
        return f"run with NaN as `{metric}`: what is done only for a better one is done"
    if selection.lasting:
        return f"run with NaN as `{best}`: no later `{metric}` replaces it"
    return f"run with NaN as `{best}`: the next `{metric}` replaces it, however bad it is"
