"""Lines made of styled pieces, and how they are printed."""

from __future__ import annotations

import io
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    from rich.style import Style

    from losslint.report.terminal import Terminal

# A piece of text and its style: one of the names below, which may carry a link; "" is plain.
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
# Plain too, and may go on in the next line where the terminal ends.
PROSE = "prose"

LINK = " link "
# How far prose goes in under a line that has no margin of its own.
INDENT = 4
WORD = re.compile(r" *[^ ]+| +")


def linked(style: str, kind: str, name: str) -> str:
    """A style with a link to a "file", by its path, or to the page of a "rule", by its code."""
    return f"{style}{LINK}{kind}:{name}"


def rendered(lines: Iterable[Line], terminal: Terminal) -> str:
    """The lines as a terminal, or whatever takes its place, can show them."""
    if terminal.columns:
        lines = (part for line in lines for part in fitted(line, terminal.columns))
    return coloured(lines, links=terminal.links) if terminal.colours else plain(lines)


def plain(lines: Iterable[Line]) -> str:
    """The lines without their styles."""
    return "".join("".join(text for text, _ in line).rstrip(" ") + "\n" for line in lines)


def coloured(lines: Iterable[Line], *, links: bool = False) -> str:
    """The lines with escape sequences for a terminal; with `links` also those that links are."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=1000)
    with console.capture() as capture:
        for line in lines:
            text = Text()
            for piece, style in line:
                text.append(piece, _style(style, links))
            console.print(text, soft_wrap=True, highlight=False)
    return capture.get()


def fitted(line: Line, columns: int) -> Iterator[Line]:
    """The line in as many as it takes for its prose to end within `columns`.

    What is no prose stays whole. The later lines begin where the first one's margin ends.
    """
    if sum(width(text) for text, _ in line) <= columns or all(s != PROSE for _, s in line):
        yield line
        return
    indent = width(line[0][0]) if line[0][1] == "gutter" else INDENT
    now: Line = []
    at = 0
    for text, style in line:
        for word in WORD.findall(text) if style == PROSE else [text]:
            if at > indent and word.startswith(" ") and at + width(word) > columns:
                yield now
                word = word.lstrip(" ")
                now, at = [(" " * indent, "")], indent
            now.append((word, style))
            at += width(word)
    yield now


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


def _style(style: str, links: bool) -> Style:
    from rich.style import Style

    name, _, target = style.partition(LINK)
    known = Style.parse(STYLES.get(name, ""))
    if links and target:
        from losslint.report.links import address

        return known.update_link(address(*target.split(":", 1)) or None)
    return known


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else "�"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
