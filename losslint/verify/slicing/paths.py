"""The way to a total: what runs before it, as one line of statements.

Branches that hold the total are taken, loops run once, contexts and `try` are
entered: what is said of them is in the notes.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from losslint.verify.slicing.notes import Notes
from losslint.verify.slicing.places import FUNCTIONS, Function
from losslint.verify.slicing.surroundings import blocks, is_main_guard

Node = TypeVar("Node", bound=ast.AST)


@dataclass
class Way:
    """The statements before a total, in their order.

    `loop` is how many of them stand before the outermost loop that holds the total;
    `inner` the functions on the way that are inside of the first one, `entry` how
    many statements stand before the innermost of them. None where there is none.
    """

    statements: list[ast.stmt] = field(default_factory=list)
    loop: int | None = None
    inner: list[Function] = field(default_factory=list)
    entry: int | None = None


def way(route: Sequence[ast.AST], notes: Notes) -> Way:
    """The way through a function, or through a module, along a route that begins with it."""
    found = Way()
    for node, following in pairwise(route):
        if isinstance(following, (ast.ExceptHandler, ast.match_case)):
            continue
        _enter(node, route, found, notes)
        body = _block_of(node, following)
        for statement in body:
            if statement is following:
                break
            found.statements.append(statement)
    return found


def _block_of(node: ast.AST, following: ast.AST) -> list[ast.stmt]:
    """The statements of `node` up to where `following` is among them."""
    if isinstance(node, ast.Try) and following in node.orelse:
        return [*node.body, *node.orelse]
    if isinstance(node, ast.Try) and following in node.finalbody:
        return [*node.body, *node.orelse, *node.finalbody]
    return next((block for block in blocks(node) if following in block), [])


def _enter(node: ast.AST, route: Sequence[ast.AST], found: Way, notes: Notes) -> None:
    match node:
        case ast.If() if not is_main_guard(node):
            notes.add(f"the branch at line {_branch_line(node, route)} is taken")
            found.statements += _named_in(node.test)
        case ast.For() | ast.AsyncFor():
            found.loop = len(found.statements) if found.loop is None else found.loop
            notes.add(f"the loop at line {node.lineno} is run once")
            found.statements += _first_item(node)
        case ast.While():
            found.loop = len(found.statements) if found.loop is None else found.loop
            notes.add(f"the loop at line {node.lineno} is run once")
            found.statements += _named_in(node.test)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars is not None:
                    found.statements.append(_assign(item.optional_vars, item.context_expr, node))
        case ast.ExceptHandler():
            notes.add(f"the handler at line {node.lineno} is taken")
            if node.name:
                found.statements.append(_stood_in(node.name, node))
        case ast.match_case():
            line = node.pattern.lineno
            notes.add(f"the case at line {line} is taken")
            found.statements += [_stood_in(n, node.pattern) for n in _captures(node.pattern)]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if node is not next((n for n in route if isinstance(n, FUNCTIONS)), None):
                found.inner.append(node)
                found.entry = len(found.statements)


def _branch_line(node: ast.If, route: Sequence[ast.AST]) -> int:
    following = route[list(route).index(node) + 1]
    if following in node.body:
        return node.lineno
    return following.lineno if isinstance(following, ast.stmt) else node.lineno


def _first_item(node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
    """The targets of a loop bound to what it begins with."""
    match node.target, node.iter:
        case ast.Name() as target, ast.Call(func=ast.Name(id="range"), args=args) if args:
            first = args[0] if len(args) > 1 else ast.copy_location(ast.Constant(0), node)
            return [_assign(target, first, node)]
        case (
            ast.Tuple(elts=[ast.Name() as count, target]),
            ast.Call(func=ast.Name(id="enumerate"), args=[items, *rest]),
        ):
            start = rest[0] if rest else ast.copy_location(ast.Constant(0), node)
            return [_assign(count, start, node), _assign(target, _next(items), node)]
    return [_assign(node.target, _next(node.iter), node)]


def _next(items: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name("iter", ast.Load()), [items], [])
    return _placed(ast.Call(ast.Name("next", ast.Load()), [call], []), items)


def _assign(target: ast.expr, value: ast.expr, place: ast.AST) -> ast.stmt:
    return _placed(ast.Assign([target], value), place)


def _stood_in(name: str, place: ast.AST) -> ast.stmt:
    call = ast.Call(ast.Name("stand_in", ast.Load()), [ast.Constant(name)], [])
    return _placed(ast.Assign([ast.Name(name, ast.Store())], call), place)


def _placed(node: Node, place: ast.AST) -> Node:
    return ast.fix_missing_locations(ast.copy_location(node, place))


def _named_in(test: ast.expr) -> list[ast.stmt]:
    """The assignments inside of a condition."""
    return [
        _assign(inner.target, inner.value, inner)
        for inner in ast.walk(test)
        if isinstance(inner, ast.NamedExpr)
    ]


def _captures(pattern: ast.pattern) -> list[str]:
    return [
        name
        for inner in ast.walk(pattern)
        for name in [getattr(inner, "name", None) or getattr(inner, "rest", None)]
        if isinstance(name, str)
    ]
