"""From a source to the module that is checked: a notebook without the cells that are no Python."""

from __future__ import annotations

import ast

from losslint.config import Settings
from losslint.findings import Span
from losslint.model.module import Module, Unreadable
from losslint.source.notebook import Cell, Notebook
from losslint.source.text import Source


def parsed(
    source: Source, settings: Settings, syntax: ast.Module | None = None
) -> tuple[Module, list[Unreadable]]:
    """The module of a source, and what is wrong with the cells that are left out of it.

    `syntax` is what CPython's parser makes of it, where that is known.

    Raises:
        Unreadable: there is nothing that can be checked.
    """
    if not isinstance(source, Notebook):
        return Module(source, settings, syntax), []
    cells = zip(source.cells, source.spans, strict=True)
    broken = {span: problem for cell, span in cells if (problem := _problem(source, cell, span))}
    return Module(source.without(broken), settings), list(broken.values())


def _problem(source: Notebook, cell: Cell, span: Span) -> Unreadable | None:
    if not cell.is_text:
        return Unreadable("half of a surrogate pair: not text", span.start)
    try:
        Module(source.with_data(source.data[span.start : span.end]))
    except Unreadable as problem:
        return Unreadable(problem.message, span.start + problem.offset)
    return None
