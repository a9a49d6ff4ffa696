"""A file that could not be checked, or not wholly.

## What it does
Reports a file that cannot be read, decoded or parsed, that nests deeper than
the parser can stand, or whose check failed. The message says which, and where.

## Why is this bad?
Nothing is known about the losses in such a file: no finding in it does not
mean that it is clean. A file that nobody could check must not look like one
that was checked, so losslint ends with exit status 2.

## Example
```python
def total(losses, s:
    return torch.exp(-s) * losses + s
```

Use instead:
```python
def total(losses, s):
    return torch.exp(-s) * losses + s
```

## Fix safety
There is no fix. This rule can be neither ignored nor suppressed: a file that is
not meant to be checked is left out by `exclude`.

## Known limits
A file without a single word that any selected rule looks for is not parsed, so
a syntax error in it is not reported. A cell of a notebook that is no Python is
reported, and the others are checked without what it defines.

## References
- PEP 263, on the encodings of source files: https://peps.python.org/pep-0263/
"""

from __future__ import annotations

from losslint.findings import Severity
from losslint.rules.base import Rule

rule = Rule("LL000", __name__, __doc__, Severity.ERROR)
