"""Which values a call, or an assignment to a progress bar, shows: each part of a text for itself."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.training.events import Shown
from losslint.training.run import Run
from losslint.training.shows import shown
from losslint.training.state import Frame, State
from losslint.training.values import Value

WRITES = frozenset(("str", "repr", "format", "join", "round", "dict", "OrderedDict"))


def display(run: Run, node: cst.CSTNode, frame: Frame, state: State) -> bool:
    """Take note of what `node` shows; whether it shows anything."""
    expressions = shown(node, frame.scope.names, run.monitors)
    if expressions is None:
        return False
    values = [
        (part, item)
        for expression in expressions
        for part in parts(expression)
        for item in _items(run.evaluate(part, frame, state))
        if item.terms
    ]
    if values:
        loops, at = frame.every_loop(), state.copy()
        run.events.shown += [Shown(node, part, item, loops, frame, at) for part, item in values]
    return True


def _items(value: Value) -> Iterator[Value]:
    if not value.items:
        yield value
    for _, item in value.items:
        yield from _items(item)


def parts(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """The expressions whose values a text is put together of."""
    match node:
        case cst.FormattedString():
            for part in node.parts:
                if isinstance(part, cst.FormattedStringExpression):
                    yield from parts(part.expression)
        case cst.ConcatenatedString():
            yield from parts(node.left)
            yield from parts(node.right)
        case cst.BinaryOperation(operator=cst.Modulo(), left=left, right=right) if _is_text(left):
            yield from parts(right)
        case cst.BinaryOperation(operator=cst.Add(), left=left, right=right) if _is_text(
            left
        ) or _is_text(right):
            yield from parts(left)
            yield from parts(right)
        case cst.Call(func=cst.Attribute(value=text, attr=cst.Name("format")), args=args):
            if not _is_text(text):
                yield from parts(text)
            for arg in args:
                yield from parts(arg.value)
        case cst.Call(func=cst.Name(name) | cst.Attribute(attr=cst.Name(name)), args=args) if (
            name in WRITES
        ):
            for arg in args:
                yield from parts(arg.value)
        case cst.Tuple() | cst.List():
            for element in node.elements:
                yield from parts(element.value)
        case cst.Dict():
            for entry in node.elements:
                yield from parts(entry.value)
        case cst.BaseExpression():
            yield node


def _is_text(node: cst.BaseExpression) -> bool:
    match node:
        case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString():
            return True
        case cst.BinaryOperation(operator=cst.Add() | cst.Modulo(), left=left, right=right):
            return _is_text(left) or _is_text(right)
        case cst.Call(func=cst.Attribute(value=text, attr=cst.Name("format" | "join"))):
            return _is_text(text)
        case cst.Call(func=cst.Name("str")):
            return True
    return False
