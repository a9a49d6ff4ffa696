"""What the reader of a stream can see: colours, links, and how wide a line may be."""

from __future__ import annotations

import os

from losslint.frozen import dataclass

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    from typing import TextIO

# Terminals that open links (OSC 8), by what they say of themselves. In others a link may be noise.
PROGRAMS = frozenset("Hyper Tabby WarpTerminal WezTerm ghostty iTerm.app rio vscode zed".split())
TERMS = ("alacritty", "contour", "foot", "rio", "wezterm", "xterm-ghostty", "xterm-kitty")
MARKS = ("WT_SESSION", "DOMTERM", "KONSOLE_VERSION")
# These stand between, and may let no link through.
BETWEEN = ("screen", "tmux", "dumb")
# From this version on the terminals of GNOME and its like do.
VTE = 5002


@dataclass(frozen=True)
class Terminal:
    """What a stream can show; `columns` is None where no line is too long."""

    colours: bool = False
    links: bool = False
    columns: int | None = None


def terminal_of(stream: TextIO, color: str = "auto") -> Terminal:
    """What a stream can show, if colours are wanted "auto", "always" or "never"."""
    if not stream.isatty():
        return Terminal(wants_colours(color, interactive=False))
    colours = wants_colours(color, interactive=True)
    return Terminal(colours, colours and _opens_links(), columns())


def wants_colours(color: str, *, interactive: bool) -> bool:
    """Whether to colour; `interactive` if a terminal shows it.

    What was said to losslint counts first. Then NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE,
    CLICOLOR and TERM, in this order.
    """
    if color != "auto":
        return color == "always"
    told = os.environ.get
    if told("NO_COLOR"):
        return False
    if told("FORCE_COLOR") or told("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return interactive and told("CLICOLOR") != "0" and told("TERM") != "dumb"


def columns() -> int | None:
    """How wide the terminal is, or said to be by COLUMNS; None if nothing is known of it."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    for descriptor in (1, 2):
        try:
            return os.get_terminal_size(descriptor).columns or None
        except OSError:
            continue
    return None


def is_watched(stream: TextIO) -> bool:
    """Whether somebody looks at a stream who sees what moves in it."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def _opens_links() -> bool:
    told = os.environ.get
    if told("FORCE_HYPERLINK"):
        return told("FORCE_HYPERLINK") != "0"
    term = told("TERM", "")
    if told("CI") or term.startswith(BETWEEN):
        return False
    if told("TERM_PROGRAM") in PROGRAMS or term.startswith(TERMS) or any(map(told, MARKS)):
        return True
    vte = told("VTE_VERSION", "")
    return vte.isdecimal() and int(vte) >= VTE
