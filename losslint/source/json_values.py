"""Where the values of a JSON text are, and how one of them is written as it was before."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

SPACE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()

# A line of a text, and one of the inside of a JSON string, escapes and all.
LINE = re.compile(r"[^\n]*\n|[^\n]+")
RAW_LINE = re.compile(
    r"""
    (?: \\(?!n|u000[aA]). | [^\\] )* (?: \\(?:n|u000[aA]) )
    | (?: \\. | [^\\] )+
    """,
    re.VERBOSE | re.DOTALL,
)


def members_of(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Where the values of the JSON object at `at` are."""
    return {str(key): (start, end) for key, start, end in items_of(text, at)}


def items_of(text: str, at: int) -> Iterator[tuple[str | None, int, int]]:
    """The key, if it has one, and the place of each value of the JSON object or list at `at`."""
    named = text[at] == "{"
    at = after_space(text, at + 1)
    while text[at] not in "]}":
        key = None
        if named:
            key, at = DECODER.raw_decode(text, at)
            at = after_space(text, after_space(text, at) + 1)
        _, end = DECODER.raw_decode(text, at)
        yield key, at, end
        at = after_space(text, end)
        if text[at] == ",":
            at = after_space(text, at + 1)


def after_space(text: str, at: int) -> int:
    """Where the blank space that may begin at `at` ends."""
    space = SPACE.match(text, at)
    return space.end() if space else at


def value_at(text: str, place: tuple[int, int]) -> Any:
    """What stands at a place, as Python has it."""
    return json.loads(text[slice(*place)])


def rewritten(value: str, text: str) -> str:
    """The JSON of a text, which may be a list of its lines, in the same style with another text."""
    before = json.loads(value)
    if "".join(before) == text:
        return value
    if isinstance(before, str):
        return f'"{"".join(_raw_lines([value[1:-1]], text))}"'
    places = [(start, end) for _, start, end in items_of(value, 0)]
    if not places:
        return json.dumps(LINE.findall(text))
    first, last = places[0], places[-1]
    opening, closing = value[: first[0]], value[last[1] :]
    comma = value[first[1] : places[1][0]] if places[1:] else f",{opening[1:] or ' '}"
    lines = _raw_lines([value[start + 1 : end - 1] for start, end in places], text)
    return opening + comma.join(f'"{line}"' for line in lines) + closing


def _raw_lines(insides: Sequence[str], text: str) -> list[str]:
    """The lines of `text` as JSON; those that the strings of `insides` have as they are there."""
    known: defaultdict[str, deque[str]] = defaultdict(deque)
    for raw in (raw for inside in insides for raw in RAW_LINE.findall(inside)):
        known[json.loads(f'"{raw}"')].append(raw)
    in_ascii = all(map(str.isascii, insides))
    return [
        known[line].popleft() if known[line] else json.dumps(line, ensure_ascii=in_ascii)[1:-1]
        for line in LINE.findall(text)
    ]
