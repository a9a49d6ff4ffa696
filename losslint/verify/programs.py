"""A program that a worker runs: what of the user's code it holds, and what it takes for granted."""

from __future__ import annotations

from losslint.frozen import dataclass
from losslint.verify.verdict import Slice


@dataclass(frozen=True)
class Program:
    """Self-contained Python text that defines `entry`, a class or a function.

    `method` is what of a class returns the total, "" for its call. `text` may use three
    names without defining them: `stand_in(name)`, `missing(problem, name)` and
    `StandInModule`. `assumes` says in sentences what was left out or taken for granted.
    """

    slice: Slice
    text: str
    entry: str
    method: str = ""
    assumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Total:
    """Where a total leaves its function, as `ast` counts: rows from 1, columns in bytes from 0.

    `leaves` are the learned leaves in it as they are spelled, as "self.log_vars".
    """

    row: int
    column: int
    end_row: int
    end_column: int
    leaves: tuple[str, ...] = ()


class CannotSlice(Exception):
    """No program can be made; the message is why not, as a part of a sentence."""
