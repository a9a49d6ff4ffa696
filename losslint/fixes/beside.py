"""Writing more items beside one, as the file lays them out: on its line, or one a line."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.inserting import line_end, line_start
from losslint.fixes.wrapping import WIDTH, Line, wrapped
from losslint.model.module import Module
from losslint.model.parents import parent

_BLANK = b" \t\f"

Item = cst.Arg | cst.DictElement | cst.Element


def beside(module: Module, item: Item, texts: Sequence[str]) -> tuple[Edit, ...]:
    """Insert items behind one of a call, a dictionary or a tuple."""
    data, span = module.source.data, module.span(item)
    comma = module.span(item.comma) if isinstance(item.comma, cst.Comma) else None
    behind = data[(comma or span).end : line_end(module, span.end)].strip(_BLANK)
    alone = not data[line_start(module, span.start) : span.start].strip(_BLANK)
    if alone and (not behind or behind.startswith(b"#")):
        return _below(module, span, comma, texts)
    inline = "".join(f", {text}" for text in texts)
    if _spans_lines(module, item) and _too_long(module, span.end, inline):
        first = module.span(_siblings(module, item)[0]).start
        indent = _indent(module, first, whole=True)
        inline = f",\n{indent}{inline[2:]}"
    return (Edit(Span(span.end, span.end), inline),)


def _below(
    module: Module, span: Span, comma: Span | None, texts: Sequence[str]
) -> tuple[Edit, ...]:
    """One item a line, behind the comment of the one above."""
    indent = _indent(module, span.start, whole=True)
    end = line_end(module, span.end)
    if comma is not None:
        return (Edit(Span(end, end), "".join(f"\n{indent}{text}," for text in texts)),)
    lines = ",".join(f"\n{indent}{text}" for text in texts)
    if span.end == end:
        return (Edit(Span(end, end), f",{lines}"),)
    return (Edit(Span(span.end, span.end), ","), Edit(Span(end, end), lines))


def line_below(module: Module, call: cst.Call, texts: Sequence[str]) -> Edit | None:
    """Insert calls, one a line, below one that is a statement of its own."""
    expression = parent(module.tree, call)
    line = parent(module.tree, expression) if isinstance(expression, cst.Expr) else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    start, end = module.span(line).start, line_end(module, module.span(line).end)
    indent = _indent(module, start)
    if line_start(module, start) + len(indent.encode()) != start:
        return None
    line_of = _line(module, start)
    lines = [text if "\n" in text else wrapped(text, line_of) for text in texts]
    return Edit(Span(end, end), "".join(f"\n{indent}{text}" for text in lines))


def laid_out(module: Module, show: cst.CSTNode, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits; where they make a call on one line too long for it, one that breaks it."""
    span = module.span(show)
    lines = module.text(show) + "".join(edit.text for edit in edits)
    if not isinstance(show, cst.Call) or "\n" in lines:
        return tuple(edits)
    data = module.source.data[span.start : span.end]
    for edit in sorted(edits, reverse=True):
        start, end = edit.span.start - span.start, edit.span.end - span.start
        data = data[:start] + edit.text.encode() + data[end:]
    line = _line(module, span.start)
    before = module.source.data[line_start(module, span.start) : span.start].decode()
    broken = wrapped(data.decode(), line, len(before) - len(line.indent))
    return (Edit(span, broken),) if "\n" in broken else tuple(edits)


def _line(module: Module, offset: int) -> Line:
    step = module.tree.default_indent
    return Line(_indent(module, offset), _width(module), step)


def _width(module: Module) -> int:
    """How long a line may be: as long as the file has them."""
    lines = module.source.text.splitlines()
    return max(WIDTH, *(len(line) for line in lines), 0)


def _too_long(module: Module, offset: int, added: str) -> bool:
    line = module.source.data[line_start(module, offset) : line_end(module, offset)].decode()
    return len(line) + len(added) > _width(module)


def _spans_lines(module: Module, item: Item) -> bool:
    around = parent(module.tree, item)
    return around is not None and "\n" in module.text(around)


def _siblings(module: Module, item: Item) -> Sequence[cst.CSTNode]:
    match parent(module.tree, item):
        case cst.Call(args=items):
            return items
        case cst.Dict(elements=items) | cst.Tuple(elements=items):
            return items
    return (item,)


def _indent(module: Module, offset: int, *, whole: bool = False) -> str:
    """The indentation of a line; with `whole`, as much blank as there is before `offset`."""
    start = line_start(module, offset)
    before = module.source.data[start:offset].decode()
    if whole:
        return "".join(c if c in "\t\f" else " " for c in before)
    return before[: len(before) - len(before.lstrip(" \t\f"))]
