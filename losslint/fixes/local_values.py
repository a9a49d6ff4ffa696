"""A local name and the one assignment that gives it its value: whether that may as well stand where the name does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.inserting import line_end, line_start
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, nodes, parent
from losslint.provenance.binders import binders, bound_names
from losslint.provenance.paths import Path, path
from losslint.provenance.reaching import reaching

NUMBERS = frozenset("size dim numel item float long int to".split())
Function = (cst.FunctionDef, cst.Lambda, cst.Module)


@dataclass(frozen=True)
class Local:
    """A local name, and the assignment that it holds the value of."""

    name: cst.Name
    statement: cst.SimpleStatementLine
    value: cst.BaseExpression


def local_value(module: Module, node: cst.BaseExpression) -> Local | None:
    """The one assignment above that a name holds the value of, in the same function."""
    if not isinstance(node, cst.Name):
        return None
    bindings = reaching(module, (node.value, ()), node)
    if len(bindings) != 1 or bindings[0].keys:
        return None
    value = bindings[0].value
    small = parent(module.tree, value) if isinstance(value, cst.BaseExpression) else None
    match small:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(node.value))]):
            pass
        case cst.AnnAssign(target=cst.Name(node.value)):
            pass
        case _:
            return None
    statement = parent(module.tree, small)
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(
        value, cst.BaseExpression
    ):
        return None
    block = parent(module.tree, statement)
    above = module.span(statement).start < module.span(node).start
    if not above or all(one is not block for one in ancestors(module.tree, node)):
        return None
    function = _function(module, node)
    if function is not _function(module, statement):
        return None
    if isinstance(function, cst.FunctionDef) and node.value in bound_names(function).outer:
        return None  # global: read by others
    return Local(node, statement, value)


def _function(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    return next(one for one in ancestors(module.tree, node) if isinstance(one, Function))


def same_there(module: Module, local: Local, moves: frozenset[str]) -> bool:
    """Whether what was assigned to a name, evaluated where the name stands, is still the same.

    Calls other than `moves` may cost something, or depend on their order.
    """
    for node in nodes(local.value):
        if isinstance(node, (cst.NamedExpr, cst.Await, cst.Yield, cst.Lambda, cst.CompFor)):
            return False
    makers = [node for node in nodes(local.value) if isinstance(node, cst.Call)]
    plain = all(called(call) in moves | NUMBERS or _makes(call) for call in makers)
    if not plain and not (len(reads(module, local)) == 1 and _follows(module, local)):
        return False
    return all(
        _bound(module, one, at) == _bound(module, one, local.name)
        for one, at in _paths(module, local.value)
    )


def _makes(call: cst.Call) -> bool:
    """Whether a call is one of those that the fix is about, of no more than its argument."""
    name = called(call).lower()
    return "softmax" in name or "sigmoid" in name


def _follows(module: Module, local: Local) -> bool:
    """Whether a name is read in the very next statement."""
    block = parent(module.tree, local.statement)
    body: Sequence[cst.CSTNode] = getattr(block, "body", ())
    place = next((n for n, one in enumerate(body) if one is local.statement), len(body))
    after = body[place + 1 : place + 2]
    return any(isinstance(one, cst.SimpleStatementLine) for one in after) and any(
        node is local.name for one in after for node in nodes(one)
    )


def _bound(module: Module, wanted: Path, at: cst.CSTNode) -> list[tuple[object, ...]]:
    """What binds a path at a place, to be compared; what cannot be told equals nothing."""
    return [
        (id(one.value) if one.value is not None else object(), one.keys)
        for one in reaching(module, wanted, at)
    ]


def _paths(module: Module, value: cst.BaseExpression) -> Iterator[tuple[Path, cst.CSTNode]]:
    """Every name that an expression reads, with as many attributes as stand behind it."""
    for node in nodes(value):
        if not isinstance(node, cst.Name):
            continue
        around = parent(module.tree, node)
        if isinstance(around, cst.Attribute) and around.attr is node:
            continue
        if isinstance(around, cst.Arg) and around.keyword is node:
            continue
        longest: cst.CSTNode = node
        while isinstance(around, cst.Attribute) and around.value is longest:
            above = parent(module.tree, around)
            if isinstance(above, cst.Call) and above.func is around:
                break
            longest, around = around, above
        found = path(longest)
        if found is not None:
            yield found, node


def is_read_once(module: Module, local: Local) -> bool:
    """Whether a name of a function has the one value, and nothing but this place reads it."""
    function = _function(module, local.name)
    if not isinstance(function, cst.FunctionDef):
        return False
    return len(reads(module, local)) == len(binders(function.body)[local.name.value]) == 1


def reads(module: Module, local: Local) -> list[cst.Name]:
    """Every place in the function at which the name is written, other than its assignments."""
    found: list[cst.Name] = []
    for node in nodes(_function(module, local.name)):
        if not isinstance(node, cst.Name) or node.value != local.name.value:
            continue
        around = parent(module.tree, node)
        if isinstance(around, cst.Attribute) and around.attr is node:
            continue
        if isinstance(around, cst.Arg) and around.keyword is node:
            continue
        if not isinstance(around, (cst.AssignTarget, cst.AnnAssign)):
            found.append(node)
    return found


def removed(module: Module, local: Local) -> Edit | None:
    """An edit that takes an assignment away, with its line; None if it holds more, or must stay."""
    function = _function(module, local.name)
    if not isinstance(function, cst.FunctionDef):
        return None  # others may import what a module assigns
    block = parent(module.tree, local.statement)
    others = binders(function.body).get(local.name.value, [])
    if not isinstance(block, cst.IndentedBlock) or len(block.body) < 2 or len(others) != 1:
        return None
    span = module.span(local.statement)
    start, end = line_start(module, span.start), line_end(module, span.end)
    data = module.source.data
    comments = any(line.comment is not None for line in local.statement.leading_lines)
    if comments or b"#" in data[start:end] or len(local.statement.body) != 1:
        return None
    newline = data.find(b"\n", end)
    return None if newline < 0 else Edit(Span(start, newline + 1), "")
