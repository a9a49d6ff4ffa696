"""What one walk over CPython's syntax tree tells of a file: the cheap look before libcst's dear one.

It says too much rather than too little. What code uses under a name that it does not write,
by `getattr` or `exec`, libcst's tree does not show either.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from losslint.model.depth import TooDeep, syntax_tree
from losslint.model.trees import children, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ORDERED = frozenset((ast.Lt, ast.LtE, ast.Gt, ast.GtE))
FUNCTIONS = frozenset((ast.FunctionDef, ast.AsyncFunctionDef))
LOOPS = frozenset((ast.For, ast.AsyncFor, ast.While))
GIVING = frozenset((ast.Assign, ast.AnnAssign, ast.AugAssign))
TELLING = FUNCTIONS | LOOPS | GIVING | {ast.Call, ast.Compare, ast.ClassDef, ast.alias, ast.arg}
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
    """A file by the names that it writes; `imported` are those that imports bind, with what to.

    `annotations` are those of parameters.
    """

    bodies: list[Body]
    calls: list[ast.Call] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    imported: dict[str, str] = field(default_factory=dict)
    annotations: list[ast.expr] = field(default_factory=list)
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
    body = Body("")
    found = Outline([body])
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is ast.Name:
            body.names.add(node.id)
        elif kind is ast.Attribute:
            body.names.add(node.attr)
            waiting.append(node.value)
        elif kind is ast.Constant:
            if type(node.value) is str and len(node.value) <= MAX_WORD:
                found.strings.add(node.value)
        elif kind is str:
            body.names.add(node)
            if "." in node:
                body.names.update(node.split("."))
        elif kind is Body:
            body = node
        else:
            if kind in TELLING:
                if kind in FUNCTIONS:
                    waiting.append(body)
                    body = Body(node.name)
                    found.bodies.append(body)
                else:
                    _tell(node, body, found)
            waiting += children(node)
    found.names = frozenset().union(*(body.names for body in found.bodies))
    return found


def _tell(node: Any, body: Body, found: Outline) -> None:
    """What a node tells of its body, and of the file, but for its names."""
    kind = type(node)
    if kind is ast.Call:
        found.calls.append(node)
        called = last(node.func)
        if called in COMPARING:
            body.compared |= words([node])
        elif called == "append":
            body.given += _appended(node)
    elif kind in GIVING:
        body.given += _given(node)
    elif kind in LOOPS:
        body.has_loop = True
    elif kind is ast.Compare:
        if not ORDERED.isdisjoint(map(type, node.ops)):
            body.compared |= words([node])
    elif kind is ast.ClassDef:
        found.classes.append(node)
    elif kind is ast.arg:
        if node.annotation is not None:
            found.annotations.append(node.annotation)
    elif kind is ast.alias:
        name = node.name if node.asname else node.name.partition(".")[0]
        found.imported.setdefault(node.asname or name, name)


def identifiers(node: ast.AST) -> set[str]:
    """Every identifier in a piece of code, wherever it stands."""
    return set(outline(node).names)


def words(nodes: Iterable[ast.AST]) -> set[str]:
    """Every identifier and string in some expressions."""
    found: set[str] = set()
    for top in nodes:
        for node in walk(top):
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
