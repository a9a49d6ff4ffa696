"""Functions that a total calls, cut down to what they return or change."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.lenient import unbound
from losslint.verify.slicing.liveness import Slicer, closures
from losslint.verify.slicing.needs import parameters
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.signatures import made_function


def returning(
    function: ast.FunctionDef, scope: Scope, attributes: Iterable[str]
) -> ast.FunctionDef:
    """A function without the statements that matter neither for its result nor for what it changes.

    `attributes` are those of its object that are read elsewhere.
    """
    if _generates(function):
        return function
    handed = {argument.arg for argument in parameters(function.args)}
    leaving = frozenset(handed | {f"{scope.own}.{name}" for name in attributes})
    slicer = Slicer(scope, closures(function.body, scope), leaving=leaving)
    kept, before = slicer.slice(function.body, leaving)
    body = [one.node for one in kept]
    body = [*unbound(before, body, function.args), *body]
    made = made_function(
        function.name, function.args, body or [ast.Pass()], function.decorator_list
    )
    return in_place_of(made, function)


def _generates(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))
