"""Parameters of functions, as they are written."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import TypeVar

from losslint.verify.slicing.needs import defaults, parameters
from losslint.verify.slicing.places import Function
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.surroundings import Surroundings

Definition = TypeVar("Definition", ast.FunctionDef, ast.ClassDef)


def bare(function: Function, around: Surroundings) -> ast.FunctionDef:
    """A function that can be defined anywhere, without its statements."""
    empty = made_function(function.name, function.args, [ast.Pass()], function.decorator_list)
    placed = ast.fix_missing_locations(ast.copy_location(empty, function))
    (made,) = portable([placed], around)
    assert isinstance(made, ast.FunctionDef)
    return made


def made_function(
    name: str,
    arguments: ast.arguments,
    body: list[ast.stmt],
    decorators: list[ast.expr] | None = None,
) -> ast.FunctionDef:
    """A function of these parts."""
    made = ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=decorators or [])
    return with_type_parameters(made)


def with_type_parameters(node: Definition) -> Definition:
    """A definition with the field that only newer Pythons have."""
    if "type_params" in node._fields:
        setattr(node, "type_params", [])  # noqa: B010 - Python 3.10 knows no such attribute
    return node


def chosen(arguments: ast.arguments, names: Collection[str]) -> ast.arguments:
    """The parameters with these names, in the forms that they have."""
    known = defaults(arguments)
    plain = [a for a in (*arguments.posonlyargs, *arguments.args) if a.arg in names]
    last = [a for a in arguments.kwonlyargs if a.arg in names]
    star, stars = arguments.vararg, arguments.kwarg
    return ast.arguments(
        posonlyargs=[a for a in plain if a in arguments.posonlyargs],
        args=[a for a in plain if a in arguments.args],
        vararg=star if star and star.arg in names else None,
        kwonlyargs=last,
        kw_defaults=[known.get(a.arg) for a in last],
        kwarg=stars if stars and stars.arg in names else None,
        defaults=[known[a.arg] for a in plain if a.arg in known],
    )


def add_parameters(arguments: ast.arguments, others: ast.arguments) -> None:
    """Add other parameters behind those that must be given, but for those that there are."""
    known = {argument.arg for argument in parameters(arguments)}
    at = len(arguments.args) - min(len(arguments.args), len(arguments.defaults))
    for argument in parameters(others):
        if argument.arg not in known:
            default = defaults(others).get(argument.arg)
            if default is None:
                arguments.args.insert(at, argument)
                at += 1
            else:
                arguments.kwonlyargs.append(argument)
                arguments.kw_defaults.append(default)
