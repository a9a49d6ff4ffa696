"""How a statement moves to another place of its block."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.inserting import lines_above, start_with_comments
from losslint.model.module import Module
from losslint.model.parents import nodes, parent


def moved_above(
    module: Module, statement: cst.CSTNode, target: cst.CSTNode, edits: Iterable[Edit] = ()
) -> tuple[Edit, ...] | None:
    """Edits that move a statement above an earlier one of its block, with its comments.

    `edits` are made to it on the way. None where the two do not stand in one block, or where
    something between them gives a meaning to a name that the statement reads.
    """
    if isinstance(statement, cst.Assert):
        statement = parent(module.tree, statement) or statement
    block = parent(module.tree, statement)
    if not isinstance(block, (cst.IndentedBlock, cst.Module)) or statement not in block.body:
        return None
    if not isinstance(target, cst.SimpleStatementLine) or target not in block.body:
        return None
    first, last = block.body.index(target), block.body.index(statement)
    if first >= last or _gives(block.body[first:last]) & _named(statement):
        return None
    place = _rows(module, statement)
    if place is None:
        return None
    text, others = edited(module, place, edits)
    above = lines_above(module, target, text)
    return (above, Edit(_with_blank_rows(module, place), ""), *others)


def edited(module: Module, span: Span, edits: Iterable[Edit]) -> tuple[str, tuple[Edit, ...]]:
    """The text of a place with the edits to it, and those that are elsewhere."""
    data, end = b"", span.start
    others: list[Edit] = []
    for edit in sorted(edits):
        if span.start <= edit.span.start and edit.span.end <= span.end:
            data += module.source.data[end : edit.span.start] + edit.text.encode()
            end = edit.span.end
        else:
            others.append(edit)
    return (data + module.source.data[end : span.end]).decode(), tuple(others)


def _gives(statements: Iterable[cst.CSTNode]) -> set[str]:
    """The names that statements give a meaning to."""
    targets = (target for statement in statements for target in _targets(statement))
    return {name for target in targets for name in _named(target)}


def _named(node: cst.CSTNode) -> set[str]:
    return {inner.value for inner in nodes(node) if isinstance(inner, cst.Name)}


def _rows(module: Module, statement: cst.CSTNode) -> Span | None:
    """The rows of a statement and of the comments above it; None where it shares its rows."""
    data, span = module.source.data, module.span(statement)
    end = data.find(b"\n", span.end)
    behind = data[span.end : end].strip() if end >= 0 else b"?"
    row = data.rfind(b"\n", 0, span.start) + 1
    if data[row : span.start].strip() or not (behind == b"" or behind.startswith(b"#")):
        return None
    return Span(start_with_comments(module, span.start), end + 1)


def _with_blank_rows(module: Module, rows: Span) -> Span:
    """The rows, and the blank ones above them if nothing else is set apart by these."""
    before, after = module.source.data[: rows.start], module.source.data[rows.end :]
    if after.partition(b"\n")[0].strip():
        return rows
    return Span(len(before.rstrip()) + 1, rows.end)


def _targets(statement: cst.CSTNode) -> list[cst.CSTNode]:
    """What the statements within one give a meaning to."""
    found: list[cst.CSTNode] = []
    for node in nodes(statement):
        match node:
            case cst.Assign(targets=targets):
                found += [target.target for target in targets]
            case cst.AugAssign(target=target) | cst.AnnAssign(target=target):
                found.append(target)
            case cst.For(target=target) | cst.NamedExpr(target=target):
                found.append(target)
            case cst.AsName(name=name):
                found.append(name)
    return found
