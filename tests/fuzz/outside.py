"""That edits change nothing but what they are about, told without what makes them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from losslint.engine import edits, fix
from losslint.findings import Edit
from losslint.source.notebook import Notebook, cells_of
from losslint.source.text import Source


def is_python(data: bytes) -> bool:
    """Whether CPython compiles it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "x.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@contextmanager
def edits_alone_change() -> Iterator[list[int]]:
    """Let every application of fixes fail that changes another byte; yields the edits of each."""
    applied: list[int] = []

    def strict(source: Source, given: Iterable[Edit]) -> Source:
        given = list(dict.fromkeys(given))
        changed = edits.apply_edits(source, given)
        if isinstance(source, Notebook):
            assert isinstance(changed, Notebook)
            expect_cells_alone(source, changed)
        else:
            expect_rest_as_it_was(source.encode(), changed.encode(), source, given)
        applied.append(len(given))
        return changed

    with patch.object(fix, "apply_edits", strict):
        yield applied


def expect_rest_as_it_was(before: bytes, after: bytes, source: Source, given: list[Edit]) -> None:
    """Every byte of a file that no edit takes is there still, in order, and ends in the same way."""

    def written(offset: int) -> int:
        text = source.data[:offset].decode()
        return len(source.bom) + len(text.encode(source.encoding))

    at = place = 0
    for edit in sorted(given, key=lambda edit: edit.span):
        start, end = written(edit.span.start), written(edit.span.end)
        kept = before[at:start]
        assert after[place : place + len(kept)] == kept
        place += len(kept)
        new = edit.text.replace("\r\n", "\n")
        for newline in ("\n", "\r\n", "\r"):
            inserted = new.replace("\n", newline).encode(source.encoding)
            if after.startswith(inserted, place):
                break
        else:
            raise AssertionError(f"{edit} is not what stands in its place")
        assert "\n" not in new or newline.encode() in before or b"\n" not in before
        place += len(inserted)
        at = end
    assert after[place:] == before[at:]


def expect_cells_alone(before: Notebook, after: Notebook) -> None:
    """The JSON around the sources of cells is what it was, and a source that is none of those too."""
    old, new = before.content, after.content
    assert _around(old) == _around(new)
    for cell, was, now in zip(after.cells, cells_of(old), cells_of(new), strict=True):
        assert now.text == cell.text
        if was.text == now.text:
            assert old[was.start : was.end] == new[now.start : now.end]
        else:
            assert type(json.loads(old[was.start : was.end])) is type(
                json.loads(new[now.start : now.end])
            )


def _around(text: str) -> list[str]:
    parts, at = [], 0
    for cell in cells_of(text):
        parts.append(text[at : cell.start])
        at = cell.end
    return [*parts, text[at:]]
