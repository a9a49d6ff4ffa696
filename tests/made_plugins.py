"""Plug-ins as pip would install them: a package and the folder that tells of it."""

from __future__ import annotations

from pathlib import Path

PAGE = '''"""A word that is not to be said in a loss.

## What it does
Finds it.

## Why is this bad?
It is not to be said.

## Example
```python
bad = 1
```

Use instead:
```python
good = 1
```

## Fix safety
There is no fix.

## Known limits
It is a toy.

## References
- None.
"""
'''
IMPORTS = """
from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span
from losslint.model.module import Module
from losslint.rules.base import Rule
"""
RULE = """
rule = Rule("ACM001", __name__, __doc__, Severity.WARNING)
"""
CHECK = """
@rule.on(Module)
def check(module, _):
    at = module.source.data.find(b"toy")
    if at >= 0:
        yield rule.finding(Span(at, at + 3), "found a toy")
"""
WHOLE = PAGE + IMPORTS + RULE + CHECK


def install(
    folder: Path,
    *,
    module: str = WHOLE,
    points: str = "ACM = acme_losses",
    name: str = "acme_losses",
    version: str = "1.2",
) -> None:
    """Put a package with one rule, `toy_word`, into a folder that is on `sys.path`."""
    package = folder / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "toy_word.py").write_text(module)
    tell(folder, name=name, version=version, points=points)


def tell(
    folder: Path, *, name: str, version: str, points: str, group: str = "losslint.rules"
) -> None:
    """Write what `pip` would of the entry points of a package."""
    metadata = folder / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(
        f"[console_scripts]\nacme = acme:main\n\n[{group}]\n{points}\n"
    )
