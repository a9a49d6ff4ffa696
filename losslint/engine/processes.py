"""Work on many things by several processes: in order, and without what a process dies of.

Forked, and told over pipes which of the things to do: that takes a millisecond, where
`multiprocessing` takes 30 to 200. The children write nothing but to their pipe.
"""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import struct
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from losslint.engine import limit

Item = TypeVar("Item")
Result = TypeVar("Result")

TASK = struct.Struct("=II")  # the first item, and the one behind the last
SIZE = struct.Struct("=Q")  # of the pickle of a result, which follows

MOST = 16  # items handed out at once: fewer are left idle by a slow one
COLLECTED = 64  # after so many items garbage is, which is switched off otherwise
WHOLLY = 512  # and after so many all of it: what is kept of other files is long to look through
AHEAD = 2  # tasks that a process has, so that it need not wait for the next


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """`work` of each item, in order, done by so many processes.

    Of an item that a process dies of, or is ended over since it takes too long, and of one that
    `work` raises an error for, it is `lost`, which is told why. Closed early, or interrupted, it
    ends all processes.
    """
    pool = _Pool(work, items, jobs, lost)
    try:
        pool.start()
        for index in range(len(items)):
            while index not in pool.done:
                pool.wait()
            yield pool.done.pop(index)
    finally:
        pool.end()


class _Child:
    """A process, and the numbers of the items that it has still to do, in order."""

    def __init__(self, process: int, tasks: int, results: int) -> None:
        self.process = process
        self.tasks = tasks
        self.results = results
        self.received = bytearray()
        self.waiting: deque[int] = deque()

    def pickles(self) -> Iterator[bytes]:
        """The results that have arrived whole."""
        while len(self.received) >= SIZE.size:
            end = SIZE.size + SIZE.unpack_from(self.received)[0]
            if len(self.received) < end:
                return
            yield bytes(self.received[SIZE.size : end])
            del self.received[:end]

    def close(self) -> int:
        """Forget the process, which ends if it has not. Returns how it ended."""
        os.close(self.tasks)
        os.close(self.results)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


class _Pool(Generic[Item, Result]):
    def __init__(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        jobs: int,
        lost: Callable[[Item, str], Result],
    ) -> None:
        self.done: dict[int, Result] = {}
        self._work = work
        self._items = items
        self._jobs = jobs
        self._lost = lost
        self._next = 0
        self._again: deque[int] = deque()  # what a process had to do that died
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()

    def start(self) -> None:
        """Start the processes. Whoever calls it ends them, whatever comes of it."""
        for _ in range(min(self._jobs, len(self._items))):
            # An interrupt waits until the process is one that will be ended.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self._fork()
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def wait(self) -> None:
        """Wait until some more of the work is done."""
        if not self._children:  # no process can be had
            for index in self._task():
                self.done[index] = self._work(self._items[index])
            return
        for key, _ in self._selector.select():
            child: _Child = key.data
            data = os.read(child.results, 1 << 20)
            if not data:
                self._bury(child)
                continue
            child.received += data
            for pickled in child.pickles():
                index = child.waiting.popleft()
                result, problem = pickle.loads(pickled)
                self.done[index] = self._lost(self._items[index], problem) if problem else result
            self._feed(child)

    def end(self) -> None:
        """End all processes, whatever they are at."""
        for child in self._children:
            os.kill(child.process, signal.SIGKILL)
            child.close()
        self._children = []
        self._selector.close()

    def _bury(self, child: _Child) -> None:
        """Put another in the place of a process that died, and see what of."""
        self._children.remove(child)
        self._selector.unregister(child.results)
        status = child.close()
        if child.waiting:
            culprit = child.waiting.popleft()
            self.done[culprit] = self._lost(self._items[culprit], _ending(status))
        self._again.extendleft(reversed(child.waiting))
        if self._again or self._next < len(self._items):
            self._fork()

    def _fork(self) -> None:
        """Start a process; none if the system has no room for it."""
        task_end, tasks = os.pipe()
        results, result_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            with warnings.catch_warnings():
                # A progress bar is drawn by a thread, of which the child knows nothing.
                warnings.simplefilter("ignore", DeprecationWarning)
                process = os.fork()
        except OSError:
            for each in (task_end, tasks, results, result_end):
                os.close(each)
            return
        if not process:
            # What others have to do ends when no process can tell them more.
            for each in (
                tasks,
                results,
                *(pipe for c in self._children for pipe in (c.tasks, c.results)),
            ):
                os.close(each)
            _serve(self._work, self._items, task_end, result_end)
        os.close(task_end)
        os.close(result_end)
        child = _Child(process, tasks, results)
        self._children.append(child)
        self._selector.register(results, selectors.EVENT_READ, child)
        self._feed(child)

    def _feed(self, child: _Child) -> None:
        while len(child.waiting) <= (AHEAD - 1) * self._size() and (task := self._task()):
            child.waiting.extend(task)
            try:
                os.write(child.tasks, TASK.pack(task.start, task.stop))
            except BrokenPipeError:
                return  # it died, which the other pipe will tell

    def _task(self) -> range:
        """The next items to do; empty if all are handed out."""
        if self._again:
            index = self._again.popleft()
            return range(index, index + 1)
        start = self._next
        self._next = min(start + self._size(), len(self._items))
        return range(start, self._next)

    def _size(self) -> int:
        """How many items make a task: fewer and fewer, so that all come to their end together."""
        return max(1, min(MOST, (len(self._items) - self._next) // (4 * self._jobs)))


def _serve(work: Callable[[Item], Result], items: Sequence[Item], tasks: int, results: int) -> None:
    """The life of a child: it ends when there is nothing to read, or nobody to write to."""
    status = 1
    try:
        gc.freeze()  # what is there is the parent's: to leave it alone saves its pages
        # Of Ctrl-C the parent hears too, which ends its children.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while task := os.read(tasks, TASK.size):
            for index in range(*TASK.unpack(task)):
                limit.end_when_late(limit.SECONDS)
                outcome = _outcome(work, items[index])
                limit.end_when_late(0)
                _send(results, outcome)
                if not index % COLLECTED:
                    gc.collect(1 if index % WHOLLY else 2)
        status = 0
    finally:
        os._exit(status)  # nothing that the parent has open is to be flushed here


def _outcome(work: Callable[[Item], Result], item: Item) -> bytes:
    """The pickle of a result, or of why there is none."""
    try:
        return pickle.dumps((work(item), ""), pickle.HIGHEST_PROTOCOL)
    except Exception as problem:
        return pickle.dumps((None, f"{type(problem).__name__}: {problem}"))


def _send(pipe: int, data: bytes) -> None:
    left = memoryview(SIZE.pack(len(data)) + data)
    while left:
        left = left[os.write(pipe, left) :]


def _ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"its process ended with status {status}"
    if -status == signal.SIGPROF:
        return limit.TOO_LONG
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"its process was ended by {name}"
