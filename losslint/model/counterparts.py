"""Which of CPython's nodes stands for a statement of libcst's tree: by their places in the blocks around."""

from __future__ import annotations

import ast

import libcst as cst

from losslint.model.parents import parent

Clause = (cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase)


def syntax_of_line(
    tree: cst.Module, line: cst.SimpleStatementLine, syntax: ast.Module | None
) -> ast.stmt | None:
    """The first statement in a line; None where the trees differ, or where the line is not in a block."""
    try:
        return None if syntax is None else _counterpart(tree, line, syntax)
    except (AttributeError, IndexError):
        return None


def _counterpart(tree: cst.Module, statement: cst.CSTNode, syntax: ast.Module) -> ast.stmt:
    """What stands for a statement.

    Raises:
        AttributeError, IndexError: nothing does.
    """
    block = parent(tree, statement)
    if isinstance(block, cst.If):  # an `elif`
        return _counterpart(tree, block, syntax).orelse[0]  # type: ignore[attr-defined, no-any-return]
    assert isinstance(block, (cst.Module, cst.IndentedBlock)), block
    at = 0
    for before in block.body:
        if before is statement:
            break
        at += len(before.body) if isinstance(before, cst.SimpleStatementLine) else 1
    return _block(tree, block, syntax)[at]


def _block(tree: cst.Module, block: cst.CSTNode, syntax: ast.Module) -> list[ast.stmt]:
    """What stands for the statements of a block."""
    if block is tree:
        return syntax.body
    holder = parent(tree, block)
    assert holder is not None
    if not isinstance(holder, Clause):
        return _counterpart(tree, holder, syntax).body  # type: ignore[attr-defined, no-any-return]
    statement = parent(tree, holder)
    assert statement is not None
    around = _counterpart(tree, statement, syntax)
    match holder:
        case cst.Else():
            return around.orelse  # type: ignore[attr-defined, no-any-return]
        case cst.Finally():
            return around.finalbody  # type: ignore[attr-defined, no-any-return]
        case cst.MatchCase():
            return around.cases[statement.cases.index(holder)].body  # type: ignore[attr-defined, no-any-return]
    return around.handlers[statement.handlers.index(holder)].body  # type: ignore[attr-defined, no-any-return]
