"""Where in a module a total stands: its expression, and what is around that."""

from __future__ import annotations

import ast
from functools import cached_property

from losslint.frozen import dataclass
from losslint.verify.programs import CannotSlice, Total

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
# What has names of its own inside an expression.
INNER_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


@dataclass(frozen=True)
class Place:
    """An expression, and the statements around it from the module's down to its own."""

    expression: ast.expr
    route: tuple[ast.AST, ...]

    @cached_property
    def owner(self) -> ast.ClassDef | None:
        """The innermost class that the total is in a method of."""
        return next((n for n in reversed(self.route) if isinstance(n, ast.ClassDef)), None)

    @cached_property
    def inner(self) -> tuple[ast.AST, ...]:
        """The part of the route inside of the owner; all of it where there is none."""
        return self.route[self.route.index(self.owner) + 1 :] if self.owner else self.route

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions around the total, outermost first, up to its class."""
        return tuple(n for n in self.inner if isinstance(n, FUNCTIONS))


def place_of(tree: ast.Module, total: Total) -> Place:
    """Where a total is in a tree.

    Raises:
        CannotSlice: there is no expression in this place.
    """
    start, end = (total.row, total.column), (total.end_row, total.end_column)
    parents: list[ast.AST] = []
    node: ast.AST | None = tree
    while node is not None:
        parents.append(node)
        if isinstance(node, ast.expr) and _span(node) == (start, end):
            break
        node = next((c for c in ast.iter_child_nodes(node) if _holds(c, start, end)), None)
    expressions = [n for n in parents if isinstance(n, ast.expr)]
    if not expressions:
        raise CannotSlice(f"no expression stands at line {total.row}")
    around = (ast.mod, ast.stmt, ast.ExceptHandler, ast.match_case)
    route = tuple(n for n in parents if isinstance(n, around))
    return Place(_outside_scopes(expressions), route)


def qualname(tree: ast.Module, total: Total) -> str:
    """What a user types for the code of a total: its class, its function or `<module>`."""
    place = place_of(tree, total)
    if place.owner is not None and place.functions:
        names = [n.name for n in place.route if isinstance(n, ast.ClassDef)]
        return ".".join(names)
    return place.functions[0].name if place.functions else "<module>"


def _outside_scopes(expressions: list[ast.expr]) -> ast.expr:
    """The innermost expression, or what is around it where its names are bound inside of that."""
    for node in expressions:
        if isinstance(node, INNER_SCOPES):
            return node.body if isinstance(node, ast.Lambda) else node
    return expressions[-1]


def _holds(node: ast.AST, start: tuple[int, int], end: tuple[int, int]) -> bool:
    """Whether a place is inside of a node; what has no place of its own is asked for its parts."""
    if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
        first = min((d.lineno for d in node.decorator_list), default=node.lineno)
        return (first, 0) <= start and end <= _span(node)[1]
    if hasattr(node, "lineno"):
        low, high = _span(node)
        return low <= start and end <= high
    return any(_holds(child, start, end) for child in ast.iter_child_nodes(node))


def _span(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    low = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    return low, (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
