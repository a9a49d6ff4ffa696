"""Classes that have an order go into plain cross-entropy, which knows of none.

## What it does
Finds a cross-entropy whose target is computed from a number (a floor division, `bucketize`,
`digitize`, a quotient that is rounded), and one that an ordinal loss was written for which lies
unused in the project: the two have a word of their names in common.

## Why is this bad?
Cross-entropy takes every wrong class for equally wrong: to read 2 dB as 20 dB costs what 2 dB as
8 dB costs. With few examples of a class the model gets no hint that its neighbours resemble it. A
loss that knows the distance, such as CORAL's or the expected distance to the true class, mostly
lowers the mean error, and sometimes at the price of some accuracy: try it, and compare both.

## Example
```python
def step(model, images, depths):
    levels = torch.bucketize(depths, torch.linspace(0.0, 10.0, 9))
    return F.cross_entropy(model(images), levels)
```

Use instead:
```python
def step(model, images, depths):
    levels = torch.bucketize(depths, torch.linspace(0.0, 10.0, 9))
    probabilities = model(images).softmax(dim=1)
    steps = probabilities.cumsum(dim=1) - F.one_hot(levels, 10).cumsum(dim=1)
    return steps.pow(2).sum(dim=1).mean()
```

## Fix safety
No fix is offered: which distance the classes have is a decision.

## Known limits
Only a target that is computed in the function of the loss is followed; labels mostly come out of a
data set, and then nothing but an unused ordinal loss speaks for their order. Many ordered classes are
trained well enough without.

## References
- Cao, Mirjalili and Raschka, "Rank consistent ordinal regression for neural networks" (2020):
  https://arxiv.org/abs/1901.07884
- Hou, Yu and Samaras, "Squared earth mover's distance-based loss for training deep neural networks"
  (2016): https://arxiv.org/abs/1611.05916
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Related, Severity
from losslint.project.joined import Project
from losslint.project.ordinal import OrdinalCrossEntropy
from losslint.rules.base import Rule

NEEDS = ((b"torch",), (b"cross_entropy", b"CrossEntropyLoss", b"class ", b"def "), (b"oss",))

rule = Rule("LL409", __name__, __doc__, Severity.NOTE, needs=NEEDS, opt_in=True)


@rule.across(OrdinalCrossEntropy)
def check(found: OrdinalCrossEntropy, project: Project) -> Iterator[Finding]:
    target = f"`{found.cross_entropy.target}`" if found.cross_entropy.target else "this target"
    evidence = []
    if found.cross_entropy.order:
        evidence.append(f"{target} is made of a number by {found.cross_entropy.order}")
    evidence += [
        f"`{loss.defined.name}` was written for it, and is used nowhere" for loss in found.losses
    ]
    yield rule.finding(
        found.site.span,
        f"the classes of {target} have an order, and cross-entropy takes every wrong one for equally wrong",
        evidence=evidence,
        related=[
            Related(
                loss.path,
                loss.site.place.row,
                loss.site.place.column,
                "an ordinal loss of the project",
                loss.site.place.cell,
            )
            for loss in found.losses
        ],
    )
