"""A progress bar, for runs that are long enough to wonder about."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from losslint.report.terminal import is_watched

Item = TypeVar("Item")

# Shorter runs are over before anyone wonders.
PATIENCE = 1.0


def progress(items: Iterable[Item], total: int | None, doing: str = "checking") -> Iterator[Item]:
    """The same items, with a bar on standard error if somebody looks at it and this takes long.

    `total` is None where nobody knows how many there will be.
    """
    if not is_watched(sys.stderr):
        yield from items
        return
    started = time.monotonic()
    remaining = iter(items)
    for done, item in enumerate(remaining, start=1):
        yield item
        if time.monotonic() - started > PATIENCE:
            yield from _with_bar(remaining, done, total, doing)


def _with_bar(items: Iterator[Item], done: int, total: int | None, doing: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done)
        for item in items:
            yield item
            bar.advance(task)
