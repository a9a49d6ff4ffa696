"""What is open in the editor: its texts, and the files and notebooks that they make."""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument
from pygls.workspace import Workspace as PyglsWorkspace

from losslint.findings import Span
from losslint.frozen import dataclass
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable

LINE_END = re.compile(r"\r\n|\r|\n")

# How many columns a text takes, as editor and server have agreed to count them.
Units = Callable[[str], int]


@dataclass(frozen=True)
class Part:
    """One text of the editor: a file, or a cell of a notebook."""

    uri: str
    version: int | None
    text: str
    units: Units

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in LINE_END.finditer(self.text))]

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8. Half a character, which an editor may send, is kept."""
        return self.text.encode(errors="surrogatepass")

    def position(self, index: int) -> types.Position:
        """Where a character is."""
        row = bisect_right(self._starts, index) - 1
        return types.Position(row, self.units(self.text[self._starts[row] : index]))

    def position_of_byte(self, offset: int) -> types.Position:
        """Where the character is that begins at a byte of `data`."""
        before = self.data[: max(0, offset)].decode(errors="ignore")
        return self.position(len(before))

    def index(self, position: types.Position) -> int:
        """Which character is at a position; the nearest one that there is."""
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[position.line]
        ending = LINE_END.search(self.text, start)
        columns = 0
        for index in range(start, ending.start() if ending else len(self.text)):
            if columns >= position.character:
                return index
            columns += self.units(self.text[index])
        return ending.start() if ending else len(self.text)

    def start_of_row(self, row: int) -> int:
        """Which character a row begins with, from 1."""
        return self._starts[min(row, len(self._starts)) - 1]


@dataclass(frozen=True)
class Document:
    """What is checked as one: a file that is open, or a notebook with its cells of code."""

    uri: str
    parts: tuple[Part, ...]
    is_notebook: bool

    @property
    def is_file(self) -> bool:
        """Whether it has a place on disk, though perhaps it was never saved there."""
        return to_fs_path(self.uri) is not None

    @property
    def path(self) -> str:
        """Where it is on disk, or what it is called if that is nowhere."""
        path = to_fs_path(self.uri) or unquote(self.uri)
        return path if path.endswith(".ipynb") or not self.is_notebook else f"{path}.ipynb"

    @cached_property
    def source(self) -> Source:
        """What losslint reads of it.

        Raises:
            Undecodable: it is no text.
        """
        if not self.is_notebook:
            return Source.from_text(self.path, self.parts[0].text)
        cells = [{"cell_type": "code", "source": part.text} for part in self.parts]
        return opened(Source(self.path, json.dumps({"nbformat": 4, "cells": cells})))

    @cached_property
    def _starts(self) -> list[int]:
        """The offset in the source at which each part begins."""
        try:
            source = self.source
        except Undecodable:
            return [0 for _ in self.parts]
        if isinstance(source, Notebook):
            return [span.start for span in source.spans]
        return [-len(source.bom)]

    def located(self, span: Span) -> tuple[Part, types.Range]:
        """The part that a span of the source is in, and where in it."""
        at = max(0, bisect_right(self._starts, span.start) - 1)
        part, start = self.parts[at], self._starts[at]
        first, last = (part.position_of_byte(o - start) for o in (span.start, span.end))
        return part, types.Range(first, last)

    def offset(self, uri: str, position: types.Position) -> int:
        """The offset in the source of a place in one of its parts."""
        at = next(n for n, part in enumerate(self.parts) if part.uri == uri)
        text = self.parts[at].text[: self.parts[at].index(position)]
        return self._starts[at] + len(text.encode(errors="surrogatepass"))


class Text(TextDocument):
    """A text that the editor keeps in step.

    pygls breaks lines wherever `str.splitlines` does, at form feeds too, and would
    change the wrong place after one.
    """

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Change what the editor says was changed."""
        if not isinstance(change, types.TextDocumentContentChangePartial):
            self._source = change.text
            return
        part = part_of(self)
        start, end = part.index(change.range.start), part.index(change.range.end)
        self._source = part.text[:start] + change.text + part.text[end:]


class Workspace(PyglsWorkspace):
    """The texts that are open."""

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Text:
        codec = self.position_codec
        return Text(doc_uri, source, version, language_id, position_codec=codec)

    def documents(self) -> Iterator[Document]:
        """Everything that is open, as it is now."""
        cells: set[str] = set()
        for notebook in self.notebook_documents.values():
            uris = [unquote(cell.document) for cell in notebook.cells]
            texts = [self.text_documents[uri] for uri in uris if uri in self.text_documents]
            cells.update(uris)
            yield Document(notebook.uri, tuple(map(part_of, texts)), is_notebook=True)
        for uri, text in self.text_documents.items():
            if uri not in cells:
                yield Document(text.uri, (part_of(text),), is_notebook=False)


def part_of(text: TextDocument) -> Part:
    """A text of the editor as it is now."""
    units = text.position_codec.client_num_units
    return Part(text.uri, text.version, text.source, units)


def opened_path(path: str, documents: list[Document]) -> Document | None:
    """The open document of a path."""
    real = os.path.realpath(path)
    return next((d for d in documents if os.path.realpath(d.path) == real), None)
