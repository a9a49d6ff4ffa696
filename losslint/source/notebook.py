"""One notebook: its code cells as one text of Python, and how they go back into the JSON."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from losslint.findings import Span
from losslint.frozen import dataclass
from losslint.source.json_values import after_space, items_of, members_of, rewritten, value_at
from losslint.source.magics import blank, magics, without_magics
from losslint.source.text import LINE_END, Place, Source, Undecodable, splice

# {"cells": [{"cell_type": "code", "source": ["x = 1\\n", "%time f(x)"]}, ...
#                             Cell.start -->^           Cell.end -->^
#
#     x = 1           what Python reads of the cell, `Cell.python`:
#     _               as many bytes as it has, and a last line end
#                     two lines that belong to no cell: BETWEEN
#     y = 2           the next cell

# What stands between the cells, as between the definitions of a module.
BETWEEN = b"\n\n"

# What tells whether a cell is for Python.
KIND = ("cell_type", "metadata")

# How every notebook begins, and no module that does anything.
OPENING = re.compile(r'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:')

# JSON may hold half of a character; no text may.
HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Cell:
    """A cell of code, the `number`-th of all cells, and where the JSON has its source.

    `is_text` is false where a half of a character stood, which `text` has a sign for.
    """

    number: int
    start: int
    end: int
    text: str
    is_text: bool = True

    @cached_property
    def magics(self) -> tuple[str, ...]:
        """The parts of it that are not for Python."""
        return tuple(self.text[start:end] for start, end in magics(self.text))

    @cached_property
    def newline(self) -> bytes:
        """What its first line ends with; that is put behind its last."""
        found = LINE_END.search(self.text.encode())
        return found[0] if found else b"\n"

    @cached_property
    def written(self) -> bytes:
        """All of it, and a line end."""
        return self.text.encode() + self.newline

    @cached_property
    def python(self) -> bytes:
        """What Python reads of it, in as many bytes."""
        return without_magics(self.text).encode() + self.newline

    def spliced(self, pieces: Iterable[tuple[Span, bytes]]) -> Cell:
        """The same cell with other bytes at some spans of `python`.

        Raises:
            ValueError: a magic would not be what it was.
        """
        text = splice(self.written, pieces).decode()
        ended = self.text.endswith(("\r", "\n"))
        text = text.removesuffix(self.newline.decode()) if ended else text.rstrip("\r\n")
        changed = replace(self, text=text)
        if changed.magics != self.magics:
            raise ValueError("it would change a magic")
        return changed


@dataclass(frozen=True, kw_only=True)
class Notebook(Source):
    """A notebook whose `text` is the Python of all its cells of code.

    `json` is what was read, and `language` what its kernel runs.
    """

    json: str
    cells: tuple[Cell, ...]
    language: str

    @property
    def is_python(self) -> bool:
        """Whether there is anything for Python in it."""
        return self.language.startswith("python")

    @property
    def content(self) -> str:
        """The JSON, with what was edited."""
        parts = []
        at = 0
        for cell in self.cells:
            source = self.json[cell.start : cell.end]
            parts.append(self.json[at : cell.start])
            parts.append(rewritten(source, cell.text) if cell.is_text else source)
            at = cell.end
        return "".join([*parts, self.json[at:]])

    @cached_property
    def spans(self) -> list[Span]:
        """The bytes of `text` that each cell has."""
        spans = []
        at = 0
        for cell in self.cells:
            spans.append(Span(at, at + len(cell.python)))
            at = spans[-1].end + len(BETWEEN)
        return spans

    def place(self, offset: int) -> Place:
        """The cell of a byte offset, and the row and column in it."""
        row, column = self.position(offset)
        index = self._index(offset)
        first, _ = self.position(self.spans[index].start)
        return Place(row - first + 1, column, self.cells[index].number)

    @cached_property
    def _written(self) -> Source:
        return self.with_data(BETWEEN.join(cell.written for cell in self.cells))

    def line(self, row: int) -> str:
        """The text of line `row` without its line end, as it is in the notebook."""
        return self._written.line(row)

    def spliced(self, pieces: Sequence[tuple[Span, bytes]]) -> Notebook:
        """The same notebook with other bytes at some spans, which come one behind the other.

        Raises:
            ValueError: a piece is in more than one cell, or would change a magic.
        """
        per_cell: dict[int, list[tuple[Span, bytes]]] = {}
        for span, data in pieces:
            index = self._index(span.start)
            whole = self.spans[index]
            if span.end > whole.end:
                raise ValueError("it would change what is in two cells of the notebook")
            inside = Span(span.start - whole.start, span.end - whole.start)
            per_cell.setdefault(index, []).append((inside, data))
        cells = tuple(
            cell.spliced(per_cell[index]) if index in per_cell else cell
            for index, cell in enumerate(self.cells)
        )
        return replace(self, text=_joined(cells), cells=cells)

    def without(self, spans: Iterable[Span]) -> Notebook:
        """The same notebook, with nothing for Python to read in some spans of it."""
        pieces = [(s, blank(self.data[s.start : s.end].decode()).encode()) for s in spans]
        return replace(self, text=splice(self.data, pieces).decode())

    def within(self, offset: int) -> tuple[int, int]:
        """Which of the cells of code an offset is in, or behind, and how many bytes from its start."""
        index = self._index(offset)
        return index, offset - self.spans[index].start

    def _index(self, offset: int) -> int:
        """Which of the cells of code an offset is in, or behind."""
        return max(0, bisect_right(self.spans, offset, key=lambda span: span.start) - 1)


def opened(source: Source) -> Source:
    """The notebook that a source holds if its name says so; else the source itself.

    Raises:
        Undecodable: it holds no notebook, or one that its name hides.
    """
    if not source.name.endswith(".ipynb"):
        if OPENING.match(source.text) and '"nbformat"' in source.text:
            raise Undecodable("a notebook, whose name must end in .ipynb")
        return source
    notebook = _loaded(source.text)
    language = _language(notebook.get("metadata"))
    cells = tuple(cells_of(source.text)) if language.startswith("python") else ()
    return Notebook(
        source.name,
        _joined(cells),
        source.encoding,
        source.bom,
        json=source.text,
        cells=cells,
        language=language,
    )


def _joined(cells: Iterable[Cell]) -> str:
    return BETWEEN.join(cell.python for cell in cells).decode()


def _loaded(text: str) -> dict[str, Any]:
    """The notebook as Jupyter reads it."""
    try:
        notebook: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as problem:
        row, column = problem.lineno, problem.colno
        raise Undecodable(f"no notebook: no JSON at {row}:{column}: {problem.msg}") from problem
    except (RecursionError, ValueError) as problem:
        raise Undecodable(f"no notebook: {problem}") from problem
    form = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(form, int):
        raise Undecodable("no notebook: no `nbformat`")
    if form < 4:
        convert = "`jupyter nbconvert --to notebook` makes it one of format 4"
        raise Undecodable(f"a notebook of the old format {form}: {convert}")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Undecodable("no notebook: no list of `cells`")
    for number, cell in enumerate(cells, start=1):
        if cell.get("cell_type") == "code" and not _is_text(cell.get("source")):
            raise Undecodable(f"no notebook: cell {number} has no `source`")
    return notebook


def _is_text(source: object) -> bool:
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(line, str) for line in lines)


def _language(metadata: object) -> str:
    """What the kernel runs. Python, if the notebook does not say."""
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(part) if isinstance(metadata, dict) else None
        if isinstance(found, dict) and isinstance(found.get(key), str):
            return str(found[key]).lower()
    return "python"


def cells_of(text: str) -> Iterator[Cell]:
    """The cells of code of what was found to be a notebook."""
    cells = members_of(text, after_space(text, 0))["cells"]
    for number, (_, start, _) in enumerate(items_of(text, cells[0]), start=1):
        members = members_of(text, start)
        if _is_python({key: value_at(text, members[key]) for key in KIND if key in members}):
            source = "".join(value_at(text, members["source"]))
            shown = HALF.sub("\ufffd", source)
            yield Cell(number, *members["source"], shown, is_text=shown == source)


def _is_python(cell: dict[str, Any]) -> bool:
    """Whether a cell is code, and not said to be in another language, as VS Code may do."""
    if cell.get("cell_type") != "code":
        return False
    told: Any = cell.get("metadata")
    for key in ("vscode", "languageId"):
        told = told.get(key) if isinstance(told, dict) else None
    return not isinstance(told, str) or told == "python"
