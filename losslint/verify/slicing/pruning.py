"""A class without the methods that nothing in the program can come to."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.slicing.places import FUNCTIONS, Function

# What torch calls by itself.
CALLED_BY_TORCH = frozenset(("forward", "reset_parameters"))


def pruned(owner: ast.ClassDef, entries: Iterable[str] = ()) -> ast.ClassDef:
    """A class with the methods that its entries come to, by the names that are mentioned.

    Without entries the call of the class is one.
    """
    methods = [n for n in owner.body if isinstance(n, FUNCTIONS)]
    rest = [n for n in owner.body if not isinstance(n, FUNCTIONS)]
    wanted = set(entries) | CALLED_BY_TORCH
    for node in (*rest, *owner.decorator_list):
        wanted |= mentions(node)
    kept: set[Function] = set()
    while True:
        added = {m for m in methods if m not in kept and (_is_special(m) or m.name in wanted)}
        if not added:
            break
        kept |= added
        for method in added:
            wanted |= mentions(method)
    body = [n for n in owner.body if not isinstance(n, FUNCTIONS) or n in kept]
    made = ast.ClassDef(
        name=owner.name,
        bases=owner.bases,
        keywords=owner.keywords,
        body=body or [ast.copy_location(ast.Pass(), owner)],
        decorator_list=owner.decorator_list,
    )
    for field in set(owner._fields) - set(made.__dict__):
        setattr(made, field, getattr(owner, field))
    return ast.copy_location(made, owner)


def mentions(node: ast.AST) -> set[str]:
    """Every name, attribute and word that a piece of syntax mentions."""
    found: set[str] = set()
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                found.add(name)
            case ast.Constant(value=str(text)):
                found.add(text)
    return found


def _is_special(method: Function) -> bool:
    return method.name.startswith("__") and method.name.endswith("__")
