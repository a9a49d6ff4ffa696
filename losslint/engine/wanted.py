"""Which of some names stand in a file: by its words, which takes a tenth of what a pattern takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from losslint.model.facts import FileFacts

# All that is no part of a word, as patterns of bytes know them.
APART = bytes(
    n if chr(n).isascii() and (chr(n).isalnum() or n == ord("_")) else 32 for n in range(256)
)


class Wanted:
    """Some names that are looked for in files."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.encode(): name for name in sorted(names)}
        self.pattern = rb"\b(?:" + (b"|".join(self._names) or b"(?!)") + rb")\b"
        self._is_ascii = all(name.isascii() for name in self._names)

    def of(self, raw: bytes) -> frozenset[str]:
        """The names that stand in a file."""
        return frozenset(self._names[word] for word in self._names.keys() & self._words(raw))

    def outside(self, raw: bytes, facts: FileFacts | None) -> Counter[str]:
        """How often each name stands in a file, outside the definition there of what it names."""
        words = self._words(raw)
        counts = Counter({self._names[n]: words.count(n) for n in self._names.keys() & words})
        for defined in facts.defined if counts and facts is not None else ():
            if defined.name in counts:
                own = self._words(raw[defined.body.start : defined.body.end])
                counts[defined.name] -= own.count(defined.name.encode())
        return +counts

    def _words(self, raw: bytes) -> list[bytes]:
        return raw.translate(APART).split() if self._is_ascii else re.findall(self.pattern, raw)
