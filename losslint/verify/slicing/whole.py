"""The whole class or function of a total, with what it needs from its module."""

from __future__ import annotations

import ast

from losslint.verify.programs import CannotSlice, Program, Total
from losslint.verify.slicing.assembling import Assembly
from losslint.verify.slicing.leaves import makes_leaf, roots
from losslint.verify.slicing.needs import local_names, needs, parameters
from losslint.verify.slicing.notes import Notes
from losslint.verify.slicing.places import FUNCTIONS, Function, Place, place_of
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.pruning import pruned
from losslint.verify.slicing.surroundings import Surroundings, surroundings
from losslint.verify.verdict import Slice

# What a module is called by.
CALLS = ("forward", "__call__")


def whole(tree: ast.Module, total: Total) -> Program:
    """The class or function that a total is in, as it stands.

    Raises:
        CannotSlice: it needs something that a program cannot have, or is no
            definition that can be called for its total.
    """
    place = place_of(tree, total)
    around = surroundings(tree)
    notes = Notes()
    definition, method = _definition(place, around, total)
    node: ast.stmt = definition
    if isinstance(definition, ast.ClassDef):
        node = pruned(definition, [method] if method else [])
    made = portable([node], around)
    _expect_nothing_around(definition, place, made)
    text = Assembly(around, notes, strict=True).text(made)
    return Program(Slice.WHOLE, text, definition.name, method, notes.sentences())


def _expect_nothing_around(
    definition: ast.ClassDef | Function, place: Place, made: list[ast.stmt]
) -> None:
    """Refuse what needs something of a function that it is defined in."""
    outer = place.route[: place.route.index(definition)]
    for function in (n for n in outer if isinstance(n, FUNCTIONS)):
        for name, line in needs(made).items():
            if name in local_names(function) and name != definition.name:
                raise CannotSlice(f"needs `{name}` of `{function.name}` (line {line})")


def _definition(
    place: Place, around: Surroundings, total: Total
) -> tuple[ast.ClassDef | Function, str]:
    """What is to be called for the total, and by which method."""
    if not place.functions:
        raise CannotSlice(f"the total is computed outside of any function (line {total.row})")
    function = place.functions[0]
    if len(place.functions) > 1:
        inner = place.functions[-1]
        raise CannotSlice(
            f"`{inner.name}` is defined inside of `{function.name}` (line {inner.lineno})"
        )
    if place.route[-1] not in _returns(function):
        raise CannotSlice(f"`{function.name}` does not return the total (line {total.row})")
    if place.owner is not None:
        return place.owner, "" if function.name in CALLS else function.name
    handed = {argument.arg for argument in parameters(function.args)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and makes_leaf(node, roots(total.leaves) - handed, around):
            raise CannotSlice(f"`{function.name}` makes what it learns itself (line {node.lineno})")
    return function, ""


def _returns(function: Function) -> list[ast.AST]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Return)]
