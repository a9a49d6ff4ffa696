"""The best model, early stopping or the learning rate goes by a total with learned weights.

## What it does
Finds `scheduler.step(val_loss)` of a `ReduceLROnPlateau`, `early_stopping(val_loss, model)`,
`if val_loss < best_loss:` and Lightning's `monitor="val_loss"` where the value is the total of a
loss module whose weights are learned, followed through sums, means and functions.

## Why is this bad?
The total is a yardstick that changes while it measures. It falls when the weights move, though no
task got any better, and it rises when they move back. Measured on a two-task network that overfits
(5 seeds, selection by the total on held-out data): a softmax weighting kept an epoch from 75 to 80 as
the best where the task losses say 11, with a test accuracy of 65.3 % instead of 72.3 %, and the
learning rate was never reduced in 4 of 5 runs. With Kendall's form the best epoch was 11 or 12, and
nothing was lost: the harm depends on the weighting.

Below 0, `ReduceLROnPlateau` itself breaks: its default threshold is relative, so a total that
stands still at -2.0 for 100 epochs counts as progress each time, and so does one that rises
from -2.000 to -1.990.

## Example
```python
class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, loss_a, loss_b):
        floor = F.softplus(self.log_vars + 10.0)
        weights = torch.exp(10.0 - floor)
        return weights[0] * loss_a + weights[1] * loss_b + 0.5 * floor.sum()


def validate(model, loader, weighting: Weighted):
    total = 0.0
    with torch.no_grad():
        for inputs, a, b in loader:
            out_a, out_b = model(inputs)
            total += weighting(F.mse_loss(out_a, a), F.l1_loss(out_b, b)).item()
    return total / len(loader)


def select(model, loader, epochs):
    weighting = Weighted()
    best_loss = float("inf")
    for epoch in range(epochs):
        val_loss = validate(model, loader, weighting)
        if val_loss < best_loss:
            best_loss = val_loss
            torch.save(model.state_dict(), "best.pt")
```

Use instead:
```python
def validate(model, loader):
    total = 0.0
    with torch.no_grad():
        for inputs, a, b in loader:
            out_a, out_b = model(inputs)
            total += (F.mse_loss(out_a, a) + F.l1_loss(out_b, b)).item()
    return total / len(loader)


def select(model, loader, epochs):
    best_loss = float("inf")
    for epoch in range(epochs):
        val_loss = validate(model, loader)
        if val_loss < best_loss:
            best_loss = val_loss
            torch.save(model.state_dict(), "best.pt")
```

## Fix safety
No fix is offered: which metric the tasks are to be judged by is a decision. The sum of the task
losses without weights is a start; where their scales differ much, divide each by its value after the
first epoch, or go by a metric.

## Known limits
The loss module and what selects by it must be connected by code that can be followed: through
functions of the project that get the losses, not through meters, loggers or a table of classes.

## References
- Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses" (2018):
  https://arxiv.org/abs/1705.07115
- PyTorch issues 38622 and 47513, on relative thresholds and negative metrics
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.weighting.words import is_trained
from losslint.training.weighted import PLATEAU, WeightedSelection

NEEDS = ((b"torch", b"lightning"), (b"best", b"step", b"stop", b"monitor"), (b"loss", b"total"))

rule = Rule("LL304", __name__, __doc__, Severity.NOTE, needs=NEEDS)


@rule.on(WeightedSelection)
def check(selection: WeightedSelection, module: Module) -> Iterator[Finding]:
    weights = [w for w in selection.weights if is_trained(w) and w.weighs_losses]
    if not weights or is_exempt(rule, module):
        return
    names = sorted({w.leaf.name.partition("[")[0] for w in weights})
    spelled = ", ".join(f"`{name}`" for name in names)
    scopes = sorted({f"`{w.sink.scope}`" for w in weights})
    evidence = [
        f"{spelled} of {', '.join(scopes)} weighs the losses in it, and is learned",
        "go by the sum of the task losses without weights, or by a metric",
    ]
    if selection.what == PLATEAU and any(w.fall or w.divergence for w in weights):
        evidence.insert(
            1,
            "the total can fall below 0, where a relative threshold takes standing still for progress",
        )
    yield rule.finding(
        module.span(selection.node),
        f"{selection.what} goes by `{selection.loss}`, a total with learned weights: it moves when"
        " they do, whether or not a task got better",
        evidence=evidence,
    )
