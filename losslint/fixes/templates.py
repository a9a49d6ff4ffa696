"""A formatted string as pieces: its text, and the places where its values go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.captions import Caption, caption, gap
from losslint.frozen import dataclass
from losslint.model.module import Module

Kind = Literal["f", "%", "{}"]
StringPart = cst.SimpleString | cst.FormattedString

_PLACES: dict[Kind, re.Pattern[str]] = {
    "%": re.compile(r"%%|(?P<place>%[#0 +-]*\d*(?:\.\d+)?[hlL]?[diouxXeEfFgGcrsa])"),
    "{}": re.compile(r"\{\{|\}\}|(?P<place>\{(?P<field>\w*)(?:![rsa])?(?::[^{}]*)?\})"),
}
_SPECIAL: dict[Kind, str] = {"f": "{}", "%": "%", "{}": "{}"}
_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


@dataclass(frozen=True)
class Piece:
    """A stretch of a string as its source has it; a `place` if a value goes there.

    `end` is the byte behind it, `quote` what its string begins and ends with, `field`
    the name or number that a place of `.format` gives, `node` the place of an f-string.
    """

    text: str
    end: int
    quote: str
    raw: bool
    place: bool = False
    field: str = ""
    node: cst.FormattedStringExpression | None = None

    @property
    def meaning(self) -> str:
        """The text with its white space as it will be printed."""
        text = self.text
        for character, escape in () if self.raw else _ESCAPES.items():
            text = text.replace(escape, character)
        return text


@dataclass(frozen=True)
class Template:
    """A string, perhaps of several parts, that values are put into."""

    kind: Kind
    pieces: tuple[Piece, ...]

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Which of the pieces are places."""
        return tuple(n for n, piece in enumerate(self.pieces) if piece.place)

    @property
    def is_bare(self) -> bool:
        """Whether it only formats one value, and says nothing about it."""
        texts = "".join(piece.meaning for piece in self.pieces if not piece.place)
        return len(self.places) == 1 and not re.search(r"\w", texts)

    def place(self, number: int) -> Piece:
        """The place of the value of that number."""
        return self.pieces[self.places[number]]

    def added(self, number: int, labels: Sequence[str], places: Sequence[str]) -> Edit | None:
        """Put more places, named in the style of that one, behind it; None if it has no name."""
        at = self.place(number)
        before, after = self._around(number)
        style: Caption | None = caption(before, after, first=number == 0)
        if at.node is not None and at.node.equal is not None:
            style = Caption(gap(before, after, first=number == 0), "", "")
        if style is None or any(self._names(label) for label in labels):
            return None
        named = [self._literal(style.of(label), at) for label in labels]
        if None in named:
            return None
        text = "".join(f"{name}{place}" for name, place in zip(named, places, strict=True))
        return Edit(Span(at.end, at.end), text)

    def _around(self, number: int) -> tuple[str, str]:
        start = self.places[number - 1] + 1 if number else 0
        here = self.places[number]
        end = self.places[number + 1] if number + 1 < len(self.places) else len(self.pieces)
        before = "".join(piece.meaning for piece in self.pieces[start:here])
        return before, "".join(piece.meaning for piece in self.pieces[here + 1 : end])

    def _names(self, label: str) -> bool:
        texts = " ".join(piece.meaning for piece in self.pieces if not piece.place)
        return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", texts) is not None

    def _literal(self, text: str, at: Piece) -> str | None:
        for special in _SPECIAL[self.kind]:
            text = text.replace(special, special * 2)
        return escaped(text, at.quote, raw=at.raw)


def escaped(text: str, quote: str, *, raw: bool = False) -> str | None:
    """`text` as a string with these quotes holds it; None if a raw one cannot."""
    found = text.replace("\\", r"\\").replace(quote[0], f"\\{quote[0]}")
    for character, escape in _ESCAPES.items():
        found = found.replace(character, escape)
    return None if raw and found != text else found


def template(module: Module, string: cst.BaseExpression, kind: Kind) -> Template | None:
    """The pieces of a string that is written out; None if it is not, or not understood."""
    parts = string_parts(string)
    if parts is None or not all(_is_understood(part, kind) for part in parts):
        return None
    pieces = [piece for part in parts for piece in _pieces(module, part, kind)]
    return Template(kind, tuple(pieces)) if any(piece.place for piece in pieces) else None


def string_parts(string: cst.BaseExpression) -> list[StringPart] | None:
    """The strings that one is written as, in order; None if there is anything else in it."""
    match string:
        case cst.SimpleString() | cst.FormattedString():
            return [string]
        case cst.ConcatenatedString(left=left, right=right):
            sides = (string_parts(left), string_parts(right))
        case cst.BinaryOperation(operator=cst.Add(), left=left, right=right):
            sides = (string_parts(left), string_parts(right))
        case _:
            return None
    one, other = sides
    return None if one is None or other is None else one + other


def _is_understood(part: StringPart, kind: Kind) -> bool:
    if kind == "f":
        return True  # a plain part of a concatenation holds nothing but text
    if isinstance(part, cst.FormattedString):
        return False
    return not set(_PLACES[kind].sub("", part.raw_value)) & set(_SPECIAL[kind])


def _pieces(module: Module, part: StringPart, kind: Kind) -> Iterator[Piece]:
    quote, raw = part.quote, "r" in part.prefix.lower()
    if isinstance(part, cst.FormattedString):
        for piece in part.parts:
            node = piece if isinstance(piece, cst.FormattedStringExpression) else None
            end = module.span(piece).end
            yield Piece(module.text(piece), end, quote, raw, node is not None, node=node)
        return
    body = part.raw_value
    base = module.span(part).start + len(part.prefix) + len(quote)

    def stretch(start: int, end: int, *, place: bool = False, field: str = "") -> Piece:
        after = base + len(body[:end].encode())
        return Piece(body[start:end], after, quote, raw, place, field)

    done = 0
    for found in _PLACES[kind].finditer(body) if kind != "f" else ():
        if found["place"] is not None:
            yield stretch(done, found.start())
            yield stretch(*found.span(), place=True, field=found.groupdict().get("field") or "")
            done = found.end()
    yield stretch(done, len(body))
