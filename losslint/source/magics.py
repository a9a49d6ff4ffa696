"""What IPython reads in a cell that Python does not: magics, shell commands, help."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What follows one of these runs where the other cells do; after any other it is
# no Python, or runs elsewhere. The first are IPython's own.
PYTHON_CELLS = frozenset(
    """
    capture debug prun time timeit
    ipytest memit memray_flamegraph pyinstrument scalene snakeviz wandb
    """.split()
)
CELL_MAGIC = re.compile(r"\s*(?P<magic>%%[ \t]*(?P<name>\S*))")

# At the start of a statement none of these is Python.
MAGIC = re.compile(
    r"""[ \t]*
    (?: (?P<magic> [!?,;/] | %(?!%) )
      | (?: [^\r\n\#'"=!%;] | "[^"\r\n]*" | '[^'\r\n]*' )+
        =[ \t]* (?P<value> [!%] )                       # files = !ls
      | (?P<help> [^\s\#'"] [^\r\n\#'"]* \? ) [ \t]* (?![^\r\n])
    )""",
    re.VERBOSE,
)
LINE = re.compile(r"(?:\\(?:\r\n|\r|\n)|[^\r\n])*")

TOKEN = re.compile(
    r"""
      (?P<skip> \#[^\r\n]* | \\(?:\r\n|\r|\n)
      | (?P<quotes>\"{3}|'{3}) (?:\\.|.)*? (?P=quotes)
      | "(?:\\.|[^"\\\r\n])*" | '(?:\\.|[^'\\\r\n])*' )
    | (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | (?P<newline> \r\n|\r|\n )
    """,
    re.VERBOSE | re.DOTALL,
)
PRINTED = re.compile(r"[^\r\n]")


def magics(text: str) -> Iterator[tuple[int, int]]:
    """Where the magics of a cell begin and end, from top to bottom."""
    at = 0
    while whole := CELL_MAGIC.match(text, at):  # one may run a cell of another
        python = whole["name"] in PYTHON_CELLS
        at = _line_end(text, whole.start("magic")) if python else len(text)
        yield whole.start("magic"), at
    while at < len(text):
        found = MAGIC.match(text, at)
        if found and found.lastgroup:
            start = found.start(found.lastgroup)
            at = _line_end(text, start)
            yield start, at
        at = _statement_end(text, at)


def without_magics(text: str) -> str:
    """The Python of a cell: each magic gives way to a name and blanks of as many bytes."""
    parts = []
    at = 0
    for start, end in magics(text):
        parts += [text[at:start], "_", blank(text[start:end])[1:]]
        at = end
    return "".join([*parts, text[at:]])


def blank(text: str) -> str:
    """As many bytes of blank space in as many lines."""
    return PRINTED.sub(lambda found: " " * len(found[0].encode()), text)


def _line_end(text: str, at: int) -> int:
    line = LINE.match(text, at)
    return line.end() if line else at


def _statement_end(text: str, at: int) -> int:
    """Where the line ends that is one to Python: brackets, strings and backslashes hold it up."""
    depth = 0
    for token in TOKEN.finditer(text, at):
        match token.lastgroup:
            case "open":
                depth += 1
            case "close":
                depth -= 1
            case "newline" if depth <= 0:
                return token.end()
    return len(text)
