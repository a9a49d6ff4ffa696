"""A loss of the project that nothing in the project builds, calls or names.

## What it does
Finds a loss class or function, by its base classes, its name and what it returns, whose name stands
nowhere in the project but in its own definition: in no Python file or notebook, in no string, in no
configuration file.

## Why is this bad?
A loss is written for a reason: classes are ordered, errors far off are worse, one class is rare. If
nothing uses it, the training that runs is not the one that was meant, and whoever reads the folder
of losses believes otherwise. The project that losslint began with had written a loss for its ordered
classes and trained them with plain cross-entropy.

## Example
```python
class OrdinalLoss(nn.Module):
    def forward(self, logits, target):
        levels = torch.arange(logits.shape[1], device=logits.device)
        expected = (logits.softmax(dim=1) * levels).sum(dim=1)
        return F.cross_entropy(logits, target) + (expected - target).abs().mean()


criterion = nn.CrossEntropyLoss()
model = nn.Linear(8, 5)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

Use instead:
```python
class OrdinalLoss(nn.Module):
    def forward(self, logits, target):
        levels = torch.arange(logits.shape[1], device=logits.device)
        expected = (logits.softmax(dim=1) * levels).sum(dim=1)
        return F.cross_entropy(logits, target) + (expected - target).abs().mean()


criterion = OrdinalLoss()
model = nn.Linear(8, 5)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

## Fix safety
No fix is offered: use it, or delete it.

## Known limits
Looks at whole projects only: a text in memory, and a project that is made to be installed, have users
that are not seen. A name that stands anywhere else, in a comment too, counts as used; so does one that
only a test uses.

## References
- Humbatova et al., "Taxonomy of real faults in deep learning systems" (ICSE 2020): wrong loss function
"""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.project.joined import Project
from losslint.project.unused import UnusedLoss
from losslint.rules.base import Rule

NEEDS = ((b"torch",), (b"oss", b"riterion"), (b"class ", b"def "))

rule = Rule("LL408", __name__, __doc__, Severity.NOTE, needs=NEEDS)


@rule.across(UnusedLoss)
def check(found: UnusedLoss, project: Project) -> Iterator[Finding]:
    defined = found.defined
    verb = "builds" if defined.kind == "class" else "calls"
    yield rule.finding(
        found.site.span,
        f"nothing in the project {verb} `{defined.name}`: no training goes by this loss",
        evidence=[f"its name stands in none of the other {project.searched} files of the project"],
    )
