"""Make the edits of fixes in a source. Imports nothing that checks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from losslint.findings import Edit, Span
from losslint.source.text import Source

LINE_FEED = re.compile(r"(?<!\r)\n")


def apply_edits(source: Source, edits: Iterable[Edit]) -> Source:
    """The source with all `edits` made.

    Raises:
        ValueError: two edits overlap, or the source has no place for one.
    """
    return source.spliced(pieces_of(source, edits))


def pieces_of(source: Source, edits: Iterable[Edit]) -> list[tuple[Span, bytes]]:
    """What the edits put in the place of what, one behind the other, with the line ends there.

    Equal edits are one; insertions at one place keep their order.

    Raises:
        ValueError: two edits overlap.
    """
    pieces: list[tuple[Span, bytes]] = []
    at = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: edit.span):
        if edit.span.start < at:
            raise ValueError(f"edits overlap at byte {edit.span.start}")
        text = edit.text
        if "\n" in text:
            text = LINE_FEED.sub(source.newline_at(edit.span.start), text)
        pieces.append((edit.span, text.encode()))
        at = edit.span.end
    return pieces
