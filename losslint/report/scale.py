"""From values to places on an axis, whatever the values are."""

from __future__ import annotations

import math
from collections.abc import Iterable

from losslint.frozen import dataclass

# Beyond this the sizes of values are drawn, and their sign, not the values.
LARGEST_LINEAR = 50.0


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, finite and unlike, linear or symmetric-logarithmic.

    A symmetric-logarithmic one is straight near 0 and counts decades from 1 on,
    to either side of it.
    """

    low: float
    high: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """0 at `low`, 1 at `high`; what lies beyond is put on the edge. Not for NaN."""
        low, high = self._stretched(self.low), self._stretched(self.high)
        value = self._stretched(min(max(value, self.low), self.high))
        return (value - low) / (high - low)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis, its ends included."""
        return self.low <= value <= self.high

    def value(self, place: float) -> float:
        """The value that stands at a place from 0 to 1."""
        low, high = self._stretched(self.low), self._stretched(self.high)
        at = low + place * (high - low)
        if not self.logarithmic:
            return at
        return math.copysign(10 ** min(abs(at), 308.0) - 1, at)

    def _stretched(self, value: float) -> float:
        if not self.logarithmic:
            # Halved, so that a range over all of float64 has a length.
            return value / 2 if abs(value) > 1e307 else value
        return math.copysign(math.log10(1 + min(abs(value), 1e308)), value)


def scale_of(values: Iterable[float], *, linear: bool = False) -> Scale:
    """An axis for the finite ones among `values`; from -1 to 1 if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=-1.0), max(finite, default=1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):
        middle, room = low, max(abs(low) * 0.1, 1.0)
        low, high = middle - room, middle + room
    large = max(abs(low), abs(high)) > LARGEST_LINEAR
    return Scale(low, high, logarithmic=large and not linear)


def short(value: float) -> str:
    """A number in at most eight characters: `-0.307`, `1.6e5`, `inf`."""
    text = f"{value:.4g}" if 1e3 <= abs(value) < 1e5 else f"{value:.3g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{float(mantissa):.1f}e{int(exponent)}".replace(".0e", "e")
