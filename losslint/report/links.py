"""What a link in a report leads to: a file, or the page of a rule."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def address(kind: str, name: str) -> str:
    """The address of a "file" by its path, or of the page of a "rule" by its code.

    A rule's page is the top of its module. Empty for what is nowhere.
    """
    path = name if kind == "file" else _module_of(name)
    return Path(path).absolute().as_uri() if path else ""


def _module_of(code: str) -> str:
    from losslint.rules.registry import all_rules

    modules = [rule.module for rule in all_rules() if rule.code == code]
    return str(getattr(sys.modules.get(modules[0]), "__file__", None) or "") if modules else ""
