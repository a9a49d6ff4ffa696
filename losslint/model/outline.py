"""What one walk over CPython's syntax tree tells of a file: the cheap look before libcst's dear one.

It says too much rather than too little. What code uses under a name that it does not write,
by `getattr` or `exec`, libcst's tree does not show either.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from losslint.model.depth import TooDeep, syntax_tree

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
GIVING = (ast.Assign, ast.AnnAssign, ast.AugAssign)
COMPARING = frozenset("less less_equal greater greater_equal lt le gt ge monitor_op".split())
MAX_WORD = 80  # a longer string names nothing


@dataclass
class Body:
    """What one function says, or the module outside of its functions.

    `names` are all identifiers in it, those of attributes, keywords and parameters too;
    `compared` those in comparisons of size and in calls of what compares, `given` what it gives a
    value by each assignment, or appends to, with the value. Strings count as names there.
    """

    name: str
    names: set[str] = field(default_factory=set)
    has_loop: bool = False
    compared: set[str] = field(default_factory=set)
    given: list[tuple[ast.expr, ast.expr]] = field(default_factory=list)


@dataclass
class Outline:
    """A file by the names that it writes; `imported` are those that imports bind, with what to."""

    bodies: list[Body]
    calls: list[ast.Call] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    imported: dict[str, str] = field(default_factory=dict)
    strings: set[str] = field(default_factory=set)
    names: frozenset[str] = frozenset()


def syntax_of(text: str) -> ast.Module | None:
    """What CPython's parser makes of a text; None where it is left to libcst to say what is wrong."""
    try:
        tree = syntax_tree(text)
    except (SyntaxError, TooDeep):
        return None
    return None if isinstance(tree, SyntaxError) else tree


def outline(tree: ast.AST) -> Outline:
    """The outline of a syntax tree, or of a part of one."""
    found = Outline([Body("")])
    waiting: list[tuple[ast.AST, Body]] = [(tree, found.bodies[0])]
    while waiting:
        node, body = waiting.pop()
        kind = type(node)
        if kind is ast.Constant:
            if type(node.value) is str and len(node.value) <= MAX_WORD:  # type: ignore[attr-defined]
                found.strings.add(node.value)  # type: ignore[attr-defined]
            continue
        if kind in FUNCTIONS:
            body = Body(node.name)  # type: ignore[attr-defined]
            found.bodies.append(body)
        elif kind in LOOPS:
            body.has_loop = True
        elif kind in GIVING:
            body.given += _given(node)
        elif kind is ast.ClassDef:
            found.classes.append(node)  # type: ignore[arg-type]
        elif isinstance(node, ast.alias):
            name = node.name if node.asname else node.name.partition(".")[0]
            found.imported[node.asname or name] = name
        elif kind is ast.Compare:
            if any(type(op) in ORDERED for op in node.ops):  # type: ignore[attr-defined]
                body.compared |= words([node])
        elif kind is ast.Call:
            assert isinstance(node, ast.Call)
            found.calls.append(node)
            body.given += _appended(node)
            if last(node.func) in COMPARING:
                body.compared |= words([node])
        names = body.names
        for value in node.__dict__.values():
            if type(value) is str:
                names.add(value)
            elif isinstance(value, ast.AST):
                waiting.append((value, body))
            elif type(value) is list:
                for item in value:
                    if isinstance(item, ast.AST):
                        waiting.append((item, body))
                    elif type(item) is str:
                        names.add(item)
    for body in found.bodies:
        body.names.update(*(name.split(".") for name in body.names if "." in name))
    found.names = frozenset().union(*(body.names for body in found.bodies))
    return found


def identifiers(node: ast.AST) -> set[str]:
    """Every identifier in a piece of code, wherever it stands."""
    return set(outline(node).names)


def words(nodes: Iterable[ast.AST]) -> set[str]:
    """Every identifier and string in some expressions."""
    found: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def last(node: ast.AST) -> str:
    """The last name of a chain of attributes; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _given(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _unpacked(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _unpacked(target, value)
        case ast.AugAssign(target=target, value=value):
            yield from _unpacked(target, value)


def _appended(node: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Call(func=ast.Attribute(value=base, attr="append"), args=[value]):
            yield from _unpacked(base, value)


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    match target, value:
        case ((ast.Tuple() | ast.List()), (ast.Tuple() | ast.List())) if len(target.elts) == len(
            value.elts
        ):
            for inner, given in zip(target.elts, value.elts, strict=True):
                yield from _unpacked(inner, given)
        case ((ast.Tuple() | ast.List()), _):
            for inner in target.elts:
                yield from _unpacked(inner, value)
        case _:
            yield target, value
