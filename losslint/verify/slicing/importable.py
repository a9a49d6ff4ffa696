"""What a program may import: what the allow-list permits by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.verify.sandbox.permitted import is_module, is_permitted


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[ast.alias, str, bool]]:
    """Each alias of an import, the module as it is written, and whether it may be imported."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias, alias.name, is_module(alias.name) and is_permitted(alias.name)
        else:
            module = "." * node.level + (node.module or "")
            fine = (
                is_module(module) if alias.name == "*" else is_permitted(f"{module}.{alias.name}")
            )
            yield alias, module, not node.level and fine


def name_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The name that an alias of an import binds."""
    if isinstance(node, ast.Import) and not alias.asname:
        return alias.name.partition(".")[0]
    return alias.asname or alias.name


def path_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """What that name stands for, by its dotted path."""
    if isinstance(node, ast.ImportFrom):
        return f"{node.module}.{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]
