"""Breaking a call that is too long for its line, the way black does."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.frozen import dataclass

# How long a line may be, where the file has none that is longer.
WIDTH = 100

_PRINTER = cst.Module([])


@dataclass(frozen=True)
class Line:
    """Where an expression stands: the indentation of its line, what it may use, how to indent."""

    indent: str
    width: int
    step: str = "    "

    def deeper(self) -> Line:
        """The line of what is inside the brackets of this one."""
        return Line(self.indent + self.step, self.width, self.step)

    def fits(self, text: str, around: int = 0) -> bool:
        """Whether a text, with so many characters around it, is short enough."""
        return len(self.indent.expandtabs(4)) + len(text) + around <= self.width


def wrapped(text: str, line: Line, around: int = 0) -> str:
    """`text`, an expression on one line, over several lines if it must be.

    What is in its last brackets goes a level deeper: on one line if that is enough,
    or else one item a line. Strings are not broken.
    """
    if line.fits(text, around):
        return text
    items = _items(cst.parse_expression(text))
    sources = [_PRINTER.code_for_node(_bare(item)) for item in items]
    joined = ", ".join(sources)
    inner = line.deeper()
    between = "".join(map(_PRINTER.code_for_node, items)).rstrip()
    before, closing = text[:-1].rstrip(), text[-1:]
    if not items or closing not in tuple(")]}") or not before.endswith(between):
        return text
    head = before.removesuffix(between).rstrip()
    if len(items) == 1:
        only = sources[0]
        body = inner.indent + (only if inner.fits(only) else _item(items[0], only, inner, 0))
    elif inner.fits(joined):
        body = inner.indent + joined
    else:
        parts = zip(items, sources, strict=True)
        body = "\n".join(f"{inner.indent}{_item(i, source, inner, 1)}," for i, source in parts)
    return f"{head}\n{body}\n{line.indent}{closing}"


def _item(item: cst.CSTNode, source: str, line: Line, around: int) -> str:
    """One item on a line of its own, its value wrapped again if it is too long."""
    value = getattr(item, "value", None)
    if not isinstance(value, cst.BaseExpression) or line.fits(source, around):
        return source
    text = _PRINTER.code_for_node(value)
    before = source.removesuffix(text)
    return source if before == source else before + wrapped(text, line, around + len(before))


def _items(node: cst.BaseExpression) -> Sequence[cst.CSTNode]:
    """What is in the last brackets of an expression."""
    match node:
        case cst.Call(args=items):
            return items
        case cst.Dict(elements=items) | cst.List(elements=items) | cst.Tuple(elements=items):
            return items
        case cst.BinaryOperation(right=right, rpar=[]):
            return _items(right)
    return ()


def _bare(item: cst.CSTNode) -> cst.CSTNode:
    """An item without the comma, and the space, behind it."""
    if isinstance(item, cst.Arg):
        return item.with_changes(
            comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace("")
        )
    return item.with_changes(comma=cst.MaybeSentinel.DEFAULT)
