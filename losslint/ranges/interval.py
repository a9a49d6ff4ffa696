"""The values a float expression can take: a range, and whether NaN is among them."""

from __future__ import annotations

from functools import lru_cache
from math import inf, isnan

from losslint.frozen import dataclass


@dataclass(frozen=True)
class Interval:
    """All floats from `lo` to `hi`, infinities included, and NaN if `nan`.

    Raises:
        ValueError: `lo` is above `hi`, or one of them is NaN.
    """

    lo: float
    hi: float
    nan: bool = False

    def __post_init__(self) -> None:
        if not self.lo <= self.hi:
            raise ValueError(f"empty interval [{self.lo}, {self.hi}]")

    def __contains__(self, value: float) -> bool:
        return self.nan if isnan(value) else self.lo <= value <= self.hi

    def join(self, other: Interval) -> Interval:
        """Everything either of the two can be."""
        lo, hi = min(self.lo, other.lo), max(self.hi, other.hi)
        return Interval(lo, hi, self.nan or other.nan)

    def widen(self, later: Interval) -> Interval:
        """What a loop can reach whose next turn gives `later`: a bound that moved is gone."""
        lo = self.lo if self.lo <= later.lo else -inf
        hi = self.hi if later.hi <= self.hi else inf
        return Interval(lo, hi, self.nan or later.nan)


@lru_cache(maxsize=1024)
def point(value: float) -> Interval:
    """The interval that holds `value` alone; for NaN, nothing but NaN is known."""
    return ANYTHING if isnan(value) else Interval(value, value)


REAL = Interval(-inf, inf)
ANYTHING = Interval(-inf, inf, nan=True)
