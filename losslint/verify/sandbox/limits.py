"""What one job of the worker may use."""

from __future__ import annotations

from losslint.frozen import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds by the clock, seconds of CPU, and bytes of memory beyond torch itself."""

    wall: float = 30.0
    cpu: int = 30
    memory: int = 4 * 2**30
