"""What a join read of files: their facts by their content, and by its names who mentions what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from losslint.engine.fingerprint import digest
from losslint.engine.index import dumped, loaded
from losslint.engine.kept import packed, unpacked
from losslint.engine.records import Malformed, plain, reader
from losslint.model.facts import FileFacts

MAX_JOINS = 2  # of other names each

# A path, the digest of its content, whether it matters where the names count, and how often
# each stands in it.
Mention = tuple[str, str, bool, tuple[tuple[str, int], ...]]
Index = tuple[tuple[tuple[str, str, int, int], ...], tuple[tuple[str, tuple[Mention, ...]], ...]]


class Contents(Protocol):
    """Who knows what files hold."""

    def content(self, path: str) -> str:
        """The digest of a file; empty if there is none."""


class Others:
    """What was read of files, as long as their content is the same. Without `contents` nothing is kept."""

    def __init__(
        self,
        contents: Contents | None = None,
        index: bytes | None = None,
        records: bytes | None = None,
    ) -> None:
        self._contents = contents
        self.is_changed = False
        self._facts: dict[str, tuple[str, bytes]] = {}
        self._joins: dict[str, dict[str, tuple[str, bool, tuple[tuple[str, int], ...]]]] = {}
        self._names: dict[str, tuple[str, bool, tuple[tuple[str, int], ...]]] = {}
        if contents is None:
            return
        try:
            rows, joins = reader(Index)(loaded(index or b""))
        except (Malformed, RecursionError):
            return
        for path, content, start, length in rows:
            self._facts[path] = (content, (records or b"")[start : start + length])
        for names, mentions in joins:
            self._joins[names] = {path: tuple(rest) for path, *rest in mentions}

    def ask_for(self, names: bytes) -> None:
        """Say which names are looked for: a pattern of them."""
        self._names = self._joins.pop(digest(names), {})
        self._joins = dict([(digest(names), self._names), *self._joins.items()][:MAX_JOINS])

    def mentions(self, path: str) -> tuple[bool, Mapping[str, int]] | None:
        """Whether a file matters, and how often it mentions each name; None if that is not known."""
        known = self._names.get(path)
        if known is None or self._contents is None or known[0] != self._contents.content(path):
            return None
        return known[1], dict(known[2])

    def put_mentions(self, path: str, raw: bytes, matters: bool, names: Mapping[str, int]) -> None:
        """Remember what was read of a file with this content."""
        if self._contents is not None:
            self._names[path] = (digest(raw), matters, tuple(sorted(names.items())))
            self.is_changed = True

    def facts(self, path: str) -> tuple[FileFacts | None] | None:
        """The facts of a file, which may be that it cannot be read; None if they are not known."""
        content, record = self._facts.get(path, ("", b""))
        if self._contents is None or not content or content != self._contents.content(path):
            return None
        try:
            return unpacked(path, record)[:1]
        except (Malformed, RecursionError):
            return None

    def put_facts(self, path: str, raw: bytes, facts: FileFacts | None) -> None:
        """Remember the facts of a file with this content."""
        if self._contents is None:
            return
        try:
            self._facts[path] = (digest(raw), packed(facts))
        except ValueError:  # half a character, of a file's name
            return
        self.is_changed = True

    def packed(self) -> tuple[bytes, bytes]:
        """All that is known of files that are there, as an index and the records."""
        rows = []
        records = []
        at = 0
        for path, (content, record) in self._facts.items():
            if os.path.exists(path):
                rows.append((path, content, at, len(record)))
                records.append(record)
                at += len(record)
        joins = [
            (names, [(path, *rest) for path, rest in mentions.items() if os.path.exists(path)])
            for names, mentions in self._joins.items()
        ]
        return dumped(plain((rows, joins))), b"".join(records)
