"""Lines made of styled pieces, and the two ways to print them."""

from __future__ import annotations

import io
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

# A piece of text and its style, one of the names below; "" is plain.
Piece = tuple[str, str]
Line = list[Piece]

STYLES = {
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold cyan",
    "code": "bold",
    "path": "bold",
    "gutter": "blue",
    "removed": "red",
    "added": "green",
    "hunk": "cyan",
    "good": "green",
}


def plain(lines: Iterable[Line]) -> str:
    """The lines without their styles."""
    return "".join("".join(text for text, _ in line).rstrip(" ") + "\n" for line in lines)


def coloured(lines: Iterable[Line]) -> str:
    """The lines with escape sequences for a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=1000)
    with console.capture() as capture:
        for line in lines:
            text = Text()
            for piece, style in line:
                text.append(piece, STYLES.get(style))
            console.print(text, soft_wrap=True, highlight=False)
    return capture.get()


def seen(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines as a terminal may be given them, code and all."""
    for line in lines:
        yield [(printable(text.removesuffix("\r")), style) for text, style in line]


def printable(text: str) -> str:
    """`text` on one line, without what would move or colour the terminal's cursor."""
    return "".join(map(_shown, text.replace("\t", "    ")))


def width(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    return sum(_columns(character) for character in text)


def wrapped(text: str, width: int, *, indent: int, style: str = "") -> Iterator[Line]:
    """`text` in lines of at most `width` columns, the later ones indented by two more."""
    lead = " " * indent
    for line in textwrap.wrap(
        printable(" ".join(text.split())),
        max(width, indent + 20),
        initial_indent=lead,
        subsequent_indent=f"{lead}  ",
    ):
        yield [(line, style)]


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else "�"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
