"""The losses of an epoch are shown as one mean, and nothing else of them is.

## What it does
Finds a list of losses that is used for nothing but its mean, where that mean is printed, logged
or put on a progress bar; and a training loop that adds its losses up and shows nothing on the
way, so that the sum or its mean at the end is all there is to see.

It is opt-in: a mean is often all that is wanted.

## Why is this bad?
A mean over an epoch hides what comes before a run breaks: 999 steps with a loss of 0.5 and one of
500 make 1.0, and so do 1,000 steps at 1.0. A median that stays where it was while the
maximum rises tells of a few bad batches; a minimum of 0 of a masked or empty one.

## Example
```python
def validate(model, criterion, loader, writer, epoch):
    losses = []
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        losses.append(loss.detach())
    writer.add_scalar("val/loss", torch.stack(losses).mean(), epoch)
```

Use instead:
```python
def validate(model, criterion, loader, writer, epoch):
    losses = []
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        losses.append(loss.detach())
    writer.add_scalar("val/loss", torch.stack(losses).mean(), epoch)
    writer.add_scalar("val/loss_min", torch.stack(losses).min(), epoch)
    writer.add_scalar("val/loss_median", torch.stack(losses).median(), epoch)
    writer.add_scalar("val/loss_max", torch.stack(losses).max(), epoch)
```

## Fix safety
Safe: minimum, median and maximum are shown by the call that shows the mean, in its own format.
Nothing that is trained changes. An epoch without any batch, of which `np.mean` makes
NaN and a warning, has no minimum: there the call raises.

There is no fix where the losses are only added up, and none where the call has no form that is
known to take more values.

## Known limits
A list that is an attribute, or is used for anything else (returned, plotted, stored), is taken
for monitored. What an object adds up (`AverageMeter`) is not seen.

## References
- Google Research, *Deep Learning Tuning Playbook*, on debugging training instability:
  https://github.com/google-research/tuning_playbook
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.spread import spread
from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.training.means import ShownMean

NEEDS = ((b"torch", b"lightning", b"transformers", b"accelerate"), (b"loss", b"crit"))

rule = Rule("LL305", __name__, __doc__, Severity.NOTE, needs=NEEDS, opt_in=True)


@rule.on(ShownMean)
def check(shown: ShownMean, module: Module) -> Iterator[Finding]:
    if is_exempt(rule, module):
        return
    if shown.losses is None:
        total = module.text(shown.mean)
        message = f"`{total}` is all that is shown of this loop's losses: no single step is seen"
    else:
        losses = module.text(shown.losses)
        message = f"the mean is all that is shown of `{losses}`: spikes and drift vanish in it"
    edits = spread(module, shown)
    yield rule.finding(
        module.span(shown.mean),
        message,
        fix=Fix("Show minimum, median and maximum too", edits, Safety.SAFE) if edits else None,
    )
