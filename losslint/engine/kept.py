"""The facts of a file as they are kept: each kind of them is read when it is asked for.

Most of a record is what flows where, and most files are never asked about that.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from losslint.engine.index import dumped, loaded
from losslint.engine.records import Malformed, Reader, plain, reader
from losslint.model.facts import FileFacts, Flow, Node

MAX_RECORD = 1 << 22  # bytes; as JSON that is up to 2 s of work, of a file from anybody

NAMES = tuple(f.name for f in fields(FileFacts) if f.name not in ("path", "flows"))

# How many parts a node of each kind has at least: see `losslint.model.facts.Node`.
LEAST = {"value": 3, "of": 2, "from": 2, "into": 3, "beyond": 2, "called": 2, "unknown": 1}

# The facts but for the flows, as JSON knows them, and the flows as bytes.
Record = tuple[list[Any], bytes]


class Forged(Exception):
    """The facts that a cache holds were not written by losslint: what came of them is worth nothing."""


class Kept(FileFacts):
    """The facts of a file, of which each kind is made of a record when it is asked for.

    Raises:
        Forged: what is asked for is not what was written.
    """

    record: Record

    def __init__(self, path: str, record: Record) -> None:
        self.__dict__.update(path=path, record=record)

    def __getattr__(self, name: str) -> Any:
        if name not in _readers() and name != "flows":
            raise AttributeError(name)
        values, flows = self.record
        try:
            if name == "flows":
                found: Any = _flows(self.path, flows)
            else:
                found = _readers()[name](values[NAMES.index(name)])
        except (Malformed, RecursionError) as problem:
            raise Forged(f"{name} of {self.path}") from problem
        self.__dict__[name] = found
        return found


def kept(facts: FileFacts) -> Kept:
    """The same facts with their record.

    Raises:
        ValueError: a name holds half a character.
    """
    if isinstance(facts, Kept):
        return facts
    values = [plain(getattr(facts, name)) for name in NAMES]
    numbers: dict[Node, int] = {}

    def number(nodes: Sequence[Node]) -> list[int]:
        return [numbers.setdefault(node, len(numbers)) for node in nodes]

    flows = [[*number((f.into,)), number(f.sources), number(f.closed)] for f in facts.flows]
    nodes = [[None if part == facts.path else part for part in node] for node in numbers]
    return Kept(facts.path, (values, deflated(dumped([nodes, flows])) if flows else b""))


def packed(facts: FileFacts | None, *beside: Any) -> bytes:
    """Facts as bytes, with further values of their file.

    Raises:
        ValueError: a name holds half a character.
    """
    values, flows = kept(facts).record if facts is not None else (None, b"")
    return deflated(dumped([*map(plain, beside), values])) + flows


def unpacked(path: str, data: bytes) -> tuple[FileFacts | None, list[Any]]:
    """The facts of a file that bytes hold, and what was packed beside them.

    Raises:
        Malformed: they hold none.
    """
    record, flows = inflated(data)
    match loaded(record):
        case [*beside, None]:
            return None, beside
        case [*beside, [*values]] if len(values) == len(NAMES):
            return Kept(path, (values, flows)), beside
    raise Malformed


@cache
def _readers() -> dict[str, Reader]:
    hints = get_type_hints(FileFacts)
    return {name: reader(hints[name]) for name in NAMES}


def _flows(path: str, data: bytes) -> tuple[Flow, ...]:
    """The flows of a file: the nodes in them, with nothing for the file itself, and the flows by number."""
    if not data:
        return ()
    record, rest = inflated(data)
    if rest:
        raise Malformed
    try:
        listed, flows = loaded(record)
        nodes = [tuple([path if part is None else part for part in node]) for node in listed]
        if not {str} >= {type(part) for node in nodes for part in node}:
            raise Malformed
        if any(len(node) < LEAST[node[0]] for node in nodes):
            raise Malformed
        get = nodes.__getitem__
        return tuple(
            [
                Flow(get(into), tuple(map(get, sources)), tuple(map(get, closed)))
                for into, sources, closed in flows
            ]
        )
    except (ValueError, TypeError, LookupError) as problem:
        raise Malformed from problem


def deflated(record: bytes) -> bytes:
    """A record in less bytes: facts say the same names over and over."""
    return zlib.compress(record, 1)


def inflated(data: bytes) -> tuple[bytes, bytes]:
    """The record that bytes begin with, and what comes behind it; they may be anybody's.

    Raises:
        Malformed: they hold none, or a boundless one.
    """
    inside = zlib.decompressobj()
    try:
        record = inside.decompress(data, MAX_RECORD)
    except zlib.error as problem:
        raise Malformed from problem
    if not inside.eof:
        raise Malformed
    return record, inside.unused_data
