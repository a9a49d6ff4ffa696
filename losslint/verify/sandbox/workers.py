"""Where losses are run from: one worker process, started when it is first asked.

    with Worker() as worker:
        answer = worker.ask(job)

The worker (`worker.py`) does each job in a process of its own, confined as
`confinement.py` says. This side never imports torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from losslint.frozen import dataclass
from losslint.verify.sandbox.limits import Limits

# What is run for a job, unless a test says otherwise.
TRIAL = "losslint.verify.trial:run"
# Over the limit of a job, and for starting: torch from a cold disk takes its time.
GRACE, START = 5.0, 120.0

# losslint is found where it lies, and nothing else there; what else is installed
# comes last. Then the worker takes over.
CODE = """
import sys
home, call, *beside = sys.argv[1:]
sys.path.insert(0, home)
import losslint
sys.path.remove(home)
sys.path += [path for path in beside if path not in sys.path]
from losslint.verify.sandbox.worker import serve
serve(call)
"""


class NoTorch(Exception):
    """torch is not installed where losslint runs; the message says what to do."""


class Unsupported(Exception):
    """This system cannot run losses apart from losslint; the message says why."""


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself: its torch, and what of it is confined by the system.

    Of "network" (a network of its own, with nothing in it), "files" (it reads
    Python's and torch's, and writes none) and "system calls" (those that computing
    needs). What is not held is left to the limits and to the look at Python's doings.
    """

    torch: str
    held: tuple[str, ...]

    @property
    def network_off(self) -> bool:
        """Whether the system keeps it from the network."""
        return "network" in self.held or "system calls" in self.held


class Worker:
    """One process with torch that does jobs, each confined and under limits.

    Jobs and results are dicts of what JSON holds (with inf and NaN). A crash, hang or
    out-of-memory ends that job alone. Everything ends with the `with` block, or with
    this process. Not for several threads at once.

    `call` is "module:function", what does a job; `beside` are folders to import it from.
    """

    def __init__(
        self, limits: Limits | None = None, *, call: str = TRIAL, beside: tuple[str, ...] = ()
    ) -> None:
        self.limits = limits or Limits()
        self._call = call
        self._beside = beside
        self._running: _Running | None = None
        self._jobs = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and what it is at. Asked again, it starts again."""
        running, self._running = self._running, None
        if running is not None:
            running.end()

    def hello(self) -> Hello:
        """What the worker says of itself, started for it if need be.

        Raises:
            NoTorch: torch is not installed.
            Unsupported: this system cannot do it.
        """
        if self._running is None:
            self._running = _Running(self._call, self._beside)
        return self._running.hello

    def ask(self, job: Mapping[str, Any], limits: Limits | None = None) -> dict[str, Any]:
        """What the job's function returns, or a dict with "status" ("not runnable") and "why".

        Raises:
            NoTorch: torch is not installed.
            Unsupported: this system cannot do it.
        """
        limits = limits or self.limits
        self._jobs += 1
        line = {"id": self._jobs, "job": dict(job), "limits": asdict(limits)}
        answer = self._asked(line, limits) or self._asked(line, limits)
        if answer is None or answer.get("id") != self._jobs:
            self.close()
            answer = {"died": "the worker ended"}
        if "result" in answer:
            result: dict[str, Any] = answer["result"]
            return result
        return {"status": "not runnable", "why": _why(answer["died"], limits)}

    def _asked(self, line: Mapping[str, Any], limits: Limits) -> dict[str, Any] | None:
        """The answer to one line; None where the worker does not live to give it."""
        self.hello()
        running = self._running
        assert running is not None
        try:
            running.say(line)
            answer = running.answer(limits.wall + GRACE)
        except BaseException:
            self.close()
            raise
        if answer is None:
            self.close()
        return answer


class _Running:
    """A worker that runs: its process, its empty folder, and the lines to and from it."""

    def __init__(self, call: str, beside: tuple[str, ...]) -> None:
        if not hasattr(os, "fork"):
            raise Unsupported(f"losses are run in processes of their own: not on {sys.platform}")
        home = str(Path(__file__).parents[2])
        self.folder = tempfile.TemporaryDirectory(prefix="losslint-")
        self.complaints: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - as long as it runs
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", CODE, home, call, *beside, *_installed()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            cwd=self.folder.name,
            env=_environment(self.folder.name),
            start_new_session=True,
        )
        self.left = b""
        try:
            self.hello = self._greeted(self.answer(START))
        except BaseException:
            self.end()
            raise

    def _greeted(self, said: dict[str, Any] | None) -> Hello:
        if said is not None and "missing" in said:
            advice = "pip install 'torch-losslint[verify]'"
            raise NoTorch(f"{said['missing']} is not installed here: {advice}")
        if said is None:
            self.complaints.seek(0)
            lines = self.complaints.read().decode(errors="replace").strip().splitlines()
            raise Unsupported(
                f"torch does not start here: {''.join(lines[-1:]) or 'no reason given'}"
            )
        return Hello(said["torch"], tuple(said["held"]))

    def say(self, line: Mapping[str, Any]) -> None:
        """Hand it one line; where it is gone, waiting for the answer shows that."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """Its next line; None where it ends or says nothing for so long."""
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        lines = self.process.stdout.fileno()
        while b"\n" not in self.left:
            ready, _, _ = select.select([lines], [], [], max(until - time.monotonic(), 0))
            part = os.read(lines, 1 << 16) if ready else b""
            if not part:
                return None
            self.left += part
        line, _, self.left = self.left.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    def end(self) -> None:
        """End it, and with it what it runs; its folder goes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        self.complaints.close()
        os.makedirs(self.folder.name, exist_ok=True)
        self.folder.cleanup()


def _environment(folder: str) -> dict[str, str]:
    """What the worker knows of its surroundings: nothing of the user's but where libraries are."""
    libraries = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        **{name: os.environ[name] for name in libraries if name in os.environ},
    }


def _installed() -> list[str]:
    """The folders of installed packages: torch may be the user's own, which -I leaves out."""
    named = ("site-packages", "dist-packages")
    return [path for path in sys.path if os.path.basename(path) in named]


def _why(died: str, limits: Limits) -> str:
    if died == "time":
        return f"it takes more than {limits.wall:g} s"
    if died == "memory":
        return f"it takes more than {limits.memory / 2**30:g} GiB of memory"
    if died.startswith("signal"):
        return f"it crashes ({died})"
    if died.startswith("refused: "):
        return f"it asks for what no loss needs: {died.removeprefix('refused: ')}"
    return f"it ends its process: {died}"
