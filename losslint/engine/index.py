"""The table of contents of the cache, in columns: ten thousand small lists take twice the time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from losslint.engine.records import Malformed
from losslint.engine.states import State
from losslint.frozen import dataclass

# A kind of question, what it is about, and the answer: see `losslint.model.asked`.
Answered = tuple[str, str, str]

# Half a character, as JSON may write it. No text that losslint writes has one.
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

LARGEST = 1 << 63


@dataclass(frozen=True)
class Index:
    """The files that are known, and where the record is of each that was checked: start and length.

    `rests` are the answers that a record holds with.
    """

    states: Mapping[str, State] = field(default_factory=dict)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rests: Mapping[str, tuple[Answered, ...]] = field(default_factory=dict)


def dumped(value: Any) -> bytes:
    """A value of lists, strings and numbers as bytes.

    Raises:
        ValueError: it holds half a character.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def loaded(data: bytes) -> Any:
    """The value that bytes hold; they may be anybody's.

    Raises:
        Malformed: they hold none.
    """
    if SURROGATE.search(data):
        raise Malformed
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise Malformed from problem


def packed(index: Index) -> bytes:
    """An index as bytes.

    Raises:
        ValueError: the name of a file holds half a character.
    """
    numbers: dict[Answered, int] = {}
    columns: list[list[Any]] = [[] for _ in range(7)]
    rests = []
    for path, state in index.states.items():
        for column, value in zip(
            columns, (path, *state, *index.places.get(path, (-1, 0))), strict=True
        ):
            column.append(value)
        answers = index.rests.get(path, ())
        if answers:
            rests.append([path, [numbers.setdefault(each, len(numbers)) for each in answers]])
    return dumped([columns, rests, [*numbers]])


def unpacked(data: bytes | None) -> Index:
    """The index that bytes hold; an empty one if they hold none."""
    try:
        columns, rests, questions = loaded(data or b"")
        paths, *numbers, starts, lengths = columns
        digests = numbers.pop()
        for column in (paths, digests):
            _expect(column, len(paths), str)
        for column in (*numbers, starts, lengths):
            _expect(column, len(paths), int)
            if column and not -2 < min(column) <= max(column) < LARGEST:
                raise Malformed
        for question in questions:
            _expect(question, 3, str)
        asked = [(kind, path, said) for kind, path, said in questions]
        return Index(
            dict(zip(paths, zip(*numbers, digests, strict=True), strict=True)),
            {
                p: (start, n)
                for p, start, n in zip(paths, starts, lengths, strict=True)
                if start >= 0
            },
            {path: tuple(asked[number] for number in each) for path, each in rests},
        )
    except (ValueError, TypeError, IndexError, AttributeError):  # `Malformed` is a ValueError
        return Index()


def _expect(column: Any, length: int, kind: type) -> None:
    if type(column) is not list or len(column) != length or not {*map(type, column)} <= {kind}:
        raise Malformed
