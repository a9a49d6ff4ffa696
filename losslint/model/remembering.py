"""What was worked out about modules, kept while it may be asked for again, and forgotten all at once.

Whatever is known of one module may hold on to the trees of many: each a hundred times as large
as its text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_forget: list[Callable[[], None]] = []


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that knows what it returned last for so many arguments."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        known = lru_cache(maxsize=maxsize)(function)
        _forget.append(known.cache_clear)
        return known  # type: ignore[return-value]

    return decorate


def forget() -> None:
    """Let go of all that was remembered."""
    for clear in _forget:
        clear()
