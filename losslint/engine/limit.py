"""How long work on one file may take. It is the time of the processor: a busy machine takes nothing away.

In this process a thread watches, and raises an error in the one that works: signals are the
program's that losslint is part of, and only its main thread hears of them.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

Result = TypeVar("Result")

# A file of a library takes a tenth of a second. What takes this long may never end.
SECONDS = 60.0
AGAIN = 1.0  # where what was raised got lost, in a finalizer say

TOO_LONG = f"it takes more than {SECONDS:.0f} s of the processor"

_limited = threading.local()


class OutOfTime(BaseException):
    """The work took too long. Not an `Exception`, so that nobody on the way takes it for theirs."""


def in_time(work: Callable[[], Result], late: Callable[[], Result]) -> Result:
    """What comes of work in this thread; of what takes more than `SECONDS`, what `late` says.

    Of work that is part of such work, the whole is limited. Code that is not Python ends
    first. Where no thread can be had, or none can be told to stop, there is no limit.
    """
    if getattr(_limited, "is_on", False):
        return work()
    try:
        return _watched(work)
    except OutOfTime:
        return late()
    except _NoThread:
        return work()


def _watched(work: Callable[[], Result]) -> Result:
    watch = _Watch(threading.get_ident())
    try:
        watch.start()
        _limited.is_on = True
        return work()
    finally:
        # What is raised in here is raised once: the next would come after `AGAIN`.
        try:
            watch.end()
        finally:
            watch.end()
            _limited.is_on = False


def give_up() -> NoReturn:
    """Say that it takes too long.

    Raises:
        TimeoutError: always.
    """
    raise TimeoutError(TOO_LONG)


def end_when_late(seconds: float = 0) -> None:
    """Let the system end this process after so many seconds, whatever it is at; never, for 0.

    `TOO_LONG` is what to say of what it was at.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    _limited.is_on = seconds > 0


class _NoThread(Exception):
    """The system has no room for a thread, or Python is about to end."""


class _Watch:
    """A thread that raises `OutOfTime` in another when that has taken too long."""

    def __init__(self, watched: int) -> None:
        self._watched = watched
        self._clock = _clock(watched)
        self._until = self._clock() + SECONDS
        self._is_over = self._has_raised = False
        self._over = threading.Event()
        self._raising = threading.Lock()

    def start(self) -> None:
        """Begin to watch.

        Raises:
            _NoThread: no thread can be had to do so.
        """
        try:
            threading.Thread(target=self._watch, name="losslint-limit", daemon=True).start()
        except RuntimeError as problem:
            raise _NoThread from problem

    def _watch(self) -> None:
        left = SECONDS
        while not self._over.wait(left):
            left = self._until - self._clock()
            if left > 0:
                continue
            with self._raising:
                if self._is_over:
                    return
                self._has_raised = True
                _raise_in(self._watched)
            left = AGAIN
            self._until += AGAIN

    def end(self) -> None:
        """Raise nothing any more.

        Raises:
            OutOfTime: it had been raised, and had not arrived.
        """
        self._is_over = True
        with self._raising:
            self._over.set()
        # Where a loop begins anew, it arrives. Python could take it back, but would go on
        # looking for it: 3.11 for ever, where it is profiled.
        for _ in range(2 if self._has_raised else 0):
            pass


def _clock(thread: int) -> Callable[[], float]:
    """The time of the processor that a thread takes; where nobody knows, that of all of them."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(thread)
    return lambda: time.clock_gettime(clock)


def _raise_in(thread: int) -> None:
    """Raise `OutOfTime` in a thread as soon as it is at code of Python."""
    try:
        import ctypes
    except ImportError:  # a Python that is built without
        return
    if hasattr(ctypes, "pythonapi"):
        error = ctypes.py_object(OutOfTime)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)
