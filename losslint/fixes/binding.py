"""Where a line above a statement sees the loss that the statement back-propagates, and by which name."""

from __future__ import annotations

import ast
from itertools import takewhile

import libcst as cst

from losslint.findings import Edit, Span
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import ancestors, nodes, parent
from losslint.training.backward import Backward

FREE_NAMES = ("loss", "total_loss")

CONDITIONAL = (cst.IfExp, cst.BooleanOperation)
UNREACHABLE = (cst.Lambda, cst.BaseComp)
BINDING = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)


@dataclass(frozen=True)
class Bound:
    """How a loss is written in its check: under its name, or one that `edits` give it.

    `line` binds that name.
    """

    text: str
    line: str = ""
    edits: tuple[Edit, ...] = ()


def stands_open(module: Module, backward: Backward) -> bool:
    """Whether a line above the statement runs just before the loss is back-propagated.

    It must see the loss that is back-propagated, and only if that is. A CUDA graph records
    no transfer to the host.
    """
    inner: cst.CSTNode = backward.place
    for around in ancestors(module.tree, backward.place):
        if isinstance(around, (*UNREACHABLE, *CONDITIONAL)):
            return False
        if around is backward.statement:
            break
        inner = around
    before = takewhile(lambda small: small is not inner, backward.statement.body)
    binds = any(isinstance(n, BINDING) for small in before for n in (small, *nodes(small)))
    return not binds and not _captured(module, backward)


def _captured(module: Module, backward: Backward) -> bool:
    return any(
        isinstance(item.item, cst.Call) and (dotted(item.item.func) or "").endswith("cuda.graph")
        for around in ancestors(module.tree, backward.statement)
        if isinstance(around, cst.With)
        for item in around.items
    )


def bound(module: Module, backward: Backward) -> Bound | None:
    """A name for the loss: its own, or a new one that is bound above the statement."""
    loss = backward.loss
    text = module.text(loss)
    if _is_plain(loss):
        return Bound(text)
    whole = _with_parentheses(module, loss)
    scope = backward.function or module.tree
    taken = {n.value for n in nodes(scope) if isinstance(n, cst.Name) and _is_name(module, n)}
    name = next((name for name in FREE_NAMES if name not in taken), None)
    if name is None or whole is None or not _movable(module, backward):
        return None
    value = text if _parses(text) else f"({text})"
    return Bound(name, f"{name} = {value}", (Edit(whole, name),))


def _is_name(module: Module, node: cst.Name) -> bool:
    """Whether this is the name of a variable, not of an attribute or an argument."""
    match parent(module.tree, node):
        case cst.Attribute(attr=other) | cst.Arg(keyword=other):
            return other is not node
    return True


def _is_plain(node: cst.BaseExpression) -> bool:
    """Whether reading an expression twice is reading the same twice."""
    match node:
        case cst.Name():
            return True
        case cst.Attribute(value=value):
            return _is_plain(value)
        case cst.Subscript(value=value, slice=[cst.SubscriptElement(cst.Index(index))]):
            return _is_plain(value) and (_is_plain(index) or _is_constant(index))
    return False


def _is_constant(node: cst.BaseExpression) -> bool:
    match node:
        case cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer()):
            return True
    return isinstance(node, (cst.SimpleString, cst.Integer))


def _movable(module: Module, backward: Backward) -> bool:
    """Whether the loss may be computed above its statement: nothing runs before it there."""
    loss = backward.loss
    start = module.span(loss).start
    if any(isinstance(n, (cst.NamedExpr, cst.Yield)) for n in (loss, *nodes(loss))):
        return False
    for around in ancestors(module.tree, loss):
        if around is backward.statement:
            break
        if isinstance(around, (*CONDITIONAL, *UNREACHABLE)):
            return False
    calls = [n for n in nodes(backward.statement) if isinstance(n, cst.Call)]
    return not any(module.span(call).end <= start for call in calls)


def _with_parentheses(module: Module, node: cst.BaseExpression) -> Span | None:
    data, span = module.source.data, module.span(node)
    start, end = span.start, span.end
    for _ in node.lpar:
        start = data.rindex(b"(", 0, start)
        end = data.index(b")", end) + 1
    outside = data[start : span.start] + data[span.end : end]
    return None if b"#" in outside else Span(start, end)


def _parses(text: str) -> bool:
    """Whether an expression needs no parentheses to be assigned."""
    try:
        return len(ast.parse(f"_ = {text}").body) == 1
    except SyntaxError:
        return False
