"""One source file: its text, and how the text came out of bytes and goes back."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate

from losslint.frozen import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.findings import Span

# What ends a line of Python. `str.splitlines` knows eight more that do not.
LINE_END = re.compile(rb"\r\n|\r|\n")

WIDE_BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Undecodable(ValueError):
    """These bytes are no Python source text. The message says why."""


@dataclass(frozen=True)
class Place:
    """Where something stands, as people count: from 1, and in a notebook in its cell."""

    row: int
    column: int
    cell: int | None = None

    def __str__(self) -> str:
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{cell}{self.row}:{self.column}"


@dataclass(frozen=True)
class Source:
    """A decoded file. Every offset counts UTF-8 bytes of `text`.

    `name` is the path as it was given, `bom` the byte order mark that stood
    before the text. Rows and columns start at 1; columns count code points.
    """

    name: str
    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    @classmethod
    def decode(cls, name: str, raw: bytes) -> Source:
        """The source that `raw` holds, read as PEP 263 says.

        Raises:
            Undecodable: the bytes are no text in the encoding that they declare,
                or would not come back the same from it.
        """
        _refuse_binary(raw)
        bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
        encoding = _declared_encoding(raw)
        body = raw[len(bom) :]
        try:
            source = cls(name, body.decode(encoding), encoding, bom)
            comes_back = source.encode() == raw
        except UnicodeDecodeError as problem:
            row = len(LINE_END.findall(body[: problem.start])) + 1
            raise Undecodable(
                f"not {encoding}: byte 0x{body[problem.start]:02x} on line {row}"
            ) from problem
        except (UnicodeError, LookupError) as problem:
            raise Undecodable(f"not {encoding}: {problem}") from problem
        if not comes_back:
            raise Undecodable(f"does not come back from {encoding} as it went in")
        source._refuse_surrogates()
        return source

    @classmethod
    def from_text(cls, name: str, text: str) -> Source:
        """The source of a text that is in memory already.

        Raises:
            Undecodable: the text holds a null or half a character.
        """
        bom = codecs.BOM_UTF8 if text.startswith("\ufeff") else b""
        source = cls(name, text.removeprefix("\ufeff"), "utf-8", bom)
        if "\0" in text:
            raise Undecodable("a null byte: not Python source")
        source._refuse_surrogates()
        return source

    def encode(self) -> bytes:
        """The bytes of the file: what `decode` was given, if nothing was edited.

        Raises:
            UnicodeEncodeError: the text holds what its encoding cannot write.
        """
        return self.bom + self.content.encode(self.encoding)

    @property
    def content(self) -> str:
        """All that the file holds, as a text without its byte order mark."""
        return self.text

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8, whatever the file's encoding is."""
        return self.text.encode()

    def with_data(self, data: bytes) -> Source:
        """A file of nothing but another text, which is given in UTF-8."""
        return Source(self.name, data.decode(), self.encoding, self.bom)

    def spliced(self, pieces: Sequence[tuple[Span, bytes]]) -> Source:
        """The same file with other bytes at some spans, which come one behind the other.

        Raises:
            ValueError: the file is one in which that cannot be done.
        """
        return self.with_data(splice(self.data, pieces))

    @cached_property
    def _line_starts(self) -> list[int]:
        lines = self.data.splitlines(keepends=True)
        if lines and not lines[-1].endswith((b"\r", b"\n")):
            del lines[-1]
        return [0, *accumulate(map(len, lines))]

    @property
    def line_count(self) -> int:
        """How many lines there are; a final line end begins no further line."""
        starts = self._line_starts
        return len(starts) - (len(starts) > 1 and starts[-1] == len(self.data))

    def line_start(self, row: int) -> int:
        """The offset at which line `row` begins; past the last, the end of the text."""
        starts = self._line_starts
        return starts[row - 1] if row <= len(starts) else len(self.data)

    def line(self, row: int) -> str:
        """The text of line `row` without its line end."""
        whole = self.data[self.line_start(row) : self.line_start(row + 1)]
        return whole.decode().rstrip("\r\n")

    def position(self, offset: int) -> tuple[int, int]:
        """Row and column of a byte offset, both from 1."""
        offset = max(0, min(offset, len(self.data)))
        row = bisect_right(self._line_starts, offset)
        before = self.data[self.line_start(row) : offset]
        return row, len(before.decode(errors="ignore")) + 1

    def place(self, offset: int) -> Place:
        """What to call a byte offset in a report."""
        return Place(*self.position(offset))

    def offset(self, row: int, column: int) -> int:
        """Byte offset of a row and column; the nearest one that there is."""
        row = max(1, min(row, len(self._line_starts)))
        start, end = self.line_start(row), self.line_start(row + 1)
        whole = self.data[start:end].decode()
        column = max(0, column - 1)
        if column >= len(whole):
            whole = whole.rstrip("\r\n")
        return start + len(whole[:column].encode())

    def newline_at(self, offset: int) -> str:
        """How the line around `offset` ends; if it does not, how the one before did."""
        following = LINE_END.search(self.data, self.line_start(self.position(offset)[0]))
        if following:
            return following[0].decode()
        earlier = LINE_END.findall(self.data)
        return earlier[-1].decode() if earlier else "\n"

    def _refuse_surrogates(self) -> None:
        try:
            self.text.encode()
        except UnicodeEncodeError as problem:
            raise Undecodable("half of a surrogate pair: not text") from problem


def splice(data: bytes, pieces: Iterable[tuple[Span, bytes]]) -> bytes:
    """`data` with other bytes at some spans, which come one behind the other."""
    parts: list[bytes] = []
    at = 0
    for span, new in pieces:
        parts += [data[at : span.start], new]
        at = span.end
    return b"".join([*parts, data[at:]])


def _refuse_binary(raw: bytes) -> None:
    for bom, name in WIDE_BOMS.items():
        if raw.startswith(bom):
            raise Undecodable(f"{name}: Python source is UTF-8 or ASCII-compatible")
    if b"\0" in raw:
        raise Undecodable("a null byte: not Python source")


def _declared_encoding(raw: bytes) -> str:
    """The encoding that the first two lines declare; UTF-8 if they do not."""
    head = LINE_END.sub(b"\n", raw[: _end_of_line(raw, _end_of_line(raw, 0))])
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    except SyntaxError as problem:
        raise Undecodable(str(problem.msg)) from problem
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _end_of_line(raw: bytes, start: int) -> int:
    found = LINE_END.search(raw, start)
    return found.end() if found else len(raw)
