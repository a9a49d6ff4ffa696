"""What a program takes for granted, in sentences."""

from __future__ import annotations


class Notes:
    """Sentences, each once, in the order in which they came up."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        """Note a sentence."""
        self._found.setdefault(sentence)

    def sentences(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._found)
