"""Standard output and standard error, as a command that many programs call needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from losslint.report.paint import Line
    from losslint.report.terminal import Terminal


def stand_in(name: str) -> TextIO:
    """A standard stream, or, where it is closed, one to nowhere in its place."""
    if getattr(sys, name) is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))
    stream: TextIO = getattr(sys, name)
    return stream


def never_fail_to_encode(stream: TextIO) -> None:
    """Let a terminal that lacks a character get it escaped, and no traceback."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="backslashreplace")


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End quietly when whoever reads standard output, such as `head`, has read enough."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Or Python would complain about the rest of its buffer at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_out(
    body: str | Iterable[Line], file: str, options: argparse.Namespace, to: TextIO
) -> None:
    """To a file, wholly or not at all; to the stream if `file` is empty.

    Raises:
        OSError: the file cannot be written. It is as it was then.
    """
    if file:
        from losslint.engine.write import put
        from losslint.report.terminal import Terminal

        # What the environment says of colours is about what is looked at.
        text = _text(body, Terminal(colours=options.color == "always"))
        put(file, text.encode(errors="backslashreplace"))
    else:
        write(body, options, to)
        to.flush()  # before the other stream has its say


def write(body: str | Iterable[Line], options: argparse.Namespace, to: TextIO) -> None:
    """To a stream, as whoever looks at it can see it."""
    from losslint.report.terminal import terminal_of

    to.write(_text(body, terminal_of(to, options.color)))


def _text(body: str | Iterable[Line], terminal: Terminal) -> str:
    from losslint.report.paint import rendered

    return body if isinstance(body, str) else rendered(body, terminal)
