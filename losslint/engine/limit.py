"""How long one file may take. It is the time of the processor: a busy machine takes nothing away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A file of a library takes a tenth of a second. What takes this long may never end.
SECONDS = 60.0
AGAIN = 1.0  # where what was raised got lost, in a finalizer say

TOO_LONG = f"it takes more than {SECONDS:.0f} s of the processor"


class OutOfTime(BaseException):
    """The work took too long. Not an `Exception`, so that nobody on the way takes it for theirs."""


@contextmanager
def limited(seconds: float | None = None) -> Iterator[None]:
    """Let work in this process take so many seconds, by default `SECONDS`.

    Code that is not Python ends first. Where there are no such signals, and in other threads
    than the main one, there is no limit.

    Raises:
        OutOfTime: it took longer.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and hasattr(signal, "setitimer")):
        yield
        return
    before = signal.signal(signal.SIGPROF, _end)
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS if seconds is None else seconds, AGAIN)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before or signal.SIG_DFL)


def end_when_late(seconds: float = 0) -> None:
    """Let the system end this process after so many seconds, whatever it is at; never, for 0.

    `TOO_LONG` is what to say of what it was at.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTime
