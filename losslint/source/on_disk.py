"""Where things stand in a file as it is on disk: of a notebook, in its JSON."""

from __future__ import annotations

import json
import re
from functools import cached_property

from losslint.source.json_values import items_of
from losslint.source.notebook import Cell, Notebook, cells_of
from losslint.source.text import Place, Source

# A character inside a JSON string, as it is written there.
WRITTEN = re.compile(
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]",
    re.DOTALL,
)


class OnDisk:
    """The file that a source was made from, as programs see it that know no cells."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.notebook = source if isinstance(source, Notebook) else None

    @cached_property
    def text(self) -> Source:
        """All that the file holds."""
        if self.notebook is None:
            return self.source
        return Source(self.source.name, self.source.content, self.source.encoding, self.source.bom)

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return tuple(cells_of(self.text.text))

    def offset(self, offset: int) -> int:
        """The byte offset in the file of a byte offset in the source."""
        if self.notebook is None:
            return offset
        index, inside = self.notebook.within(offset)
        before = self.notebook.cells[index].written[:inside].decode(errors="ignore")
        cell = self._cells[index]
        at = _written_at(self.text.text, cell, min(len(before), len(cell.text)))
        return len(self.text.text[:at].encode())

    def written(self, text: str) -> str:
        """What a text is where it stands in the file."""
        if self.notebook is None:
            return text
        return json.dumps(text, ensure_ascii=self.text.text.isascii())[1:-1]

    def offset_of(self, place: Place) -> int:
        """The byte offset in the source of a place in it."""
        if self.notebook is None or place.cell is None:
            return self.source.offset(place.row, place.column)
        numbers = [cell.number for cell in self.notebook.cells]
        start = self.notebook.spans[numbers.index(place.cell)].start
        first, _ = self.source.position(start)
        return self.source.offset(first + place.row - 1, place.column)


def _written_at(text: str, cell: Cell, count: int) -> int:
    """Where in the JSON the character of a cell stands that `count` others come before."""
    if text[cell.start] == '"':
        strings = [(cell.start, cell.end)]
    else:
        strings = [(start, end) for _, start, end in items_of(text, cell.start)]
    end = cell.end
    for start, end in strings:
        characters = list(WRITTEN.finditer(text, start + 1, end - 1))
        if count < len(characters):
            return characters[count].start()
        count -= len(characters)
    return end - 1
