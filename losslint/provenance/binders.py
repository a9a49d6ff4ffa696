"""Which statements bind which names: worked out once for each block of code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import every_statement, suites
from losslint.model.remembering import remembered

Function = cst.FunctionDef | cst.Lambda


def within(function: Function) -> Iterator[cst.BaseStatement]:
    """Every statement of a function, without those of the functions in it."""
    if isinstance(function, cst.FunctionDef):
        yield from outside_definitions(block_of(function.body))


def parameter(function: Function, name: str) -> cst.Param | None:
    """A parameter by its name, stars aside."""
    params = function.params
    every = (*params.posonly_params, *params.params, *params.kwonly_params)
    return next((p for p in every if p.name.value == name), None)


@dataclass(frozen=True)
class Bound:
    """The names that a function binds itself, and those of the code around that it declares."""

    own: frozenset[str]
    outer: frozenset[str]  # declared global or nonlocal


@remembered(1024)
def bound_names(function: cst.FunctionDef) -> Bound:
    """The names that a function binds, or changes what they hold."""
    params = function.params
    own = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
    outer = {
        item.name.value
        for statement in within(function)
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
        if isinstance(small, (cst.Global, cst.Nonlocal))
        for item in small.names
    }
    names = own | starred(function) | _plainly_bound(function.body)
    return Bound(frozenset(names), frozenset(outer))


def _plainly_bound(body: cst.BaseSuite) -> set[str]:
    """The names that statements give a value, rather than an attribute or an entry one."""
    return {
        name
        for statements_of in binders(body).values()
        for statement in statements_of
        for name in _roots(statement, plain=True)
    }


@remembered(64)
def declaring(module: Module) -> dict[str, list[cst.FunctionDef]]:
    """The functions of a module that declare a name global."""
    found: dict[str, list[cst.FunctionDef]] = {}
    if b"global" in module.source.data:
        for statement in every_statement(module.tree):
            if isinstance(statement, cst.FunctionDef):
                for name in bound_names(statement).outer:
                    found.setdefault(name, []).append(statement)
    return found


@remembered(2048)
def binders(
    body: cst.BaseSuite | cst.Module,
) -> dict[str, list[cst.BaseStatement | cst.BaseSmallStatement]]:
    """The statements of a block, at any depth, by the names that they may bind or change."""
    found: dict[str, list[cst.BaseStatement | cst.BaseSmallStatement]] = {}
    for statement in outside_definitions(block_of(body)):
        parts = statement.body if isinstance(statement, cst.SimpleStatementLine) else (statement,)
        for part in parts:
            for name in dict.fromkeys(_roots(part)):
                found.setdefault(name, []).append(part)
    return found


def _roots(node: cst.BaseStatement | cst.BaseSmallStatement, plain: bool = False) -> Iterator[str]:
    """The names that a statement binds; those too whose attributes and entries it changes."""
    match node:
        case cst.FunctionDef() | cst.ClassDef():
            yield node.name.value
        case cst.For() | cst.AugAssign() | cst.AnnAssign():
            yield from _names(node.target, plain)
        case cst.With():
            for item in node.items:
                if item.asname is not None:
                    yield from _names(item.asname.name, plain)
        case cst.Assign():
            for target in node.targets:
                yield from _names(target.target, plain)
        case cst.Expr(value=cst.Call(func=cst.Attribute(value=base))) if not plain:
            yield from _names(base, plain)


def _names(target: cst.CSTNode, plain: bool = False) -> Iterator[str]:
    match target:
        case cst.Name():
            yield target.value
        case cst.Attribute() | cst.Subscript() if not plain:
            yield from _names(target.value)
        case cst.Tuple() | cst.List():
            for element in target.elements:
                yield from _names(element.value, plain)


def starred(function: Function) -> set[str]:
    """The names of `*args` and `**kwargs`."""
    stars = (function.params.star_arg, function.params.star_kwarg)
    return {star.name.value for star in stars if isinstance(star, cst.Param)}


def block_of(
    suite: cst.BaseSuite | cst.Module,
) -> Sequence[cst.BaseStatement | cst.BaseSmallStatement]:
    """The statements of a block, as they stand."""
    return suite.body


def outside_definitions(
    body: Sequence[cst.BaseStatement | cst.BaseSmallStatement],
) -> Iterator[cst.BaseStatement]:
    """Every statement at any depth that is in no definition of its own."""
    for statement in body:
        if isinstance(statement, cst.BaseSmallStatement):
            yield cst.SimpleStatementLine([statement])
            continue
        yield statement
        if not isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            for suite in suites(statement):
                yield from outside_definitions(block_of(suite))
