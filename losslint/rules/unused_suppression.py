"""A suppression comment that suppresses nothing.

## What it does
Reports a code in `# losslint: ignore[...]`, `# losslint: ignore-file[...]` or
`# noqa: LL...` that keeps no finding away, that no rule has, or a losslint
comment that names no code at all.

## Why is this bad?
A dead suppression waits: the next mistake that is made on its line will be
hidden by it, and nobody decided that. A misspelt one hides nothing, while its
author believes otherwise.

## Example
```python
total = (loss * torch.exp(-s)).sum() + F.softplus(s + 10.0).sum()  # noqa: LL101
```

Use instead:
```python
total = (loss * torch.exp(-s)).sum() + F.softplus(s + 10.0).sum()
```

## Fix safety
Safe: only a comment changes. Codes that are alive, codes of other linters and
the words that follow the codes stay. A code that no rule has gets no fix, as
it is more often misspelt than dead.

## Known limits
Only codes of rules that are selected can be called unused. A bare `# noqa` is
never called so: it may well be meant for another linter. Nor is a `noqa` with the
code of a plug-in's rule, in a file that trains nothing.

## References
- Ruff, unused-noqa (RUF100): https://docs.astral.sh/ruff/rules/unused-noqa/
"""

from __future__ import annotations

from losslint.findings import Severity
from losslint.rules.base import Rule

rule = Rule("LL001", __name__, __doc__, Severity.NOTE)
