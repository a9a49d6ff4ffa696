"""How a statement moves to another place of its block."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.parents import nodes, parent


def moved_above(
    module: Module, statement: cst.CSTNode, target: cst.CSTNode
) -> tuple[Edit, ...] | None:
    """Edits that move a statement above an earlier one of its block.

    None where they do not stand in one block, or where something between them gives a
    meaning to a name that the statement reads.
    """
    if isinstance(statement, cst.Assert):
        statement = parent(module.tree, statement) or statement
    block = parent(module.tree, statement)
    if not isinstance(block, (cst.IndentedBlock, cst.Module)) or statement not in block.body:
        return None
    if not isinstance(statement, cst.BaseStatement) or target not in block.body:
        return None
    first, last = block.body.index(target), block.body.index(statement)
    if first >= last:
        return None
    given = {
        node.value
        for between in block.body[first:last]
        for target_of in _targets(between)
        for node in nodes(target_of)
        if isinstance(node, cst.Name)
    }
    if given & {node.value for node in nodes(statement) if isinstance(node, cst.Name)}:
        return None
    data, span = module.source.data, module.span(statement)
    start = data.rfind(b"\n", 0, span.start) + 1
    end = data.find(b"\n", span.end)
    if end < 0 or data[span.end : end].strip() or data[start : span.start].strip():
        return None
    indent = data[start : span.start].decode()
    at = module.span(target).start
    text = data[span.start : span.end].decode()
    return (
        Edit(Span(at, at), f"{text}\n{indent}"),
        Edit(Span(start, end + 1), ""),
    )


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
