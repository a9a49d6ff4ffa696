"""The process that runs losses: imports torch once, and forks a child for each job.

Reads a job as JSON from each line of its standard input, writes a line of JSON for
each to its standard output, and ends when its input does. `workers.py` is the other end.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from losslint.frozen import compile_waiting
from losslint.verify.sandbox.confinement import RefusedAtRunTime, confine, leave_network
from losslint.verify.sandbox.limits import Limits

Job = dict[str, Any]
Call = Callable[[Job], dict[str, Any]]

# More than any answer needs.
MOST_BYTES = 64 * 2**20
# By what signals a limit or a filter ends a process.
TIME = {signal.SIGXCPU, signal.SIGALRM}


class ParentGone(Exception):
    """Nobody waits for answers any more."""


def serve(call: str) -> None:
    """Answer jobs with the function `call` ("module:name") until the input ends.

    Says hello first: the version of torch, and what of the confinement this system
    has; or that there is no torch.
    """
    jobs, answers = os.dup(0), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    try:
        import torch
    except ModuleNotFoundError as problem:
        _say(answers, {"missing": problem.name or "torch"})
        return
    torch.set_num_threads(1)
    _ask_for_the_processor()
    module, _, name = call.partition(":")
    run: Call = getattr(import_module(module), name)
    compile_waiting()  # no job may compile anything
    held = ["network"] if leave_network() else []
    # What a child takes hold of is known once one has tried.
    held += _answer(run, None, Limits(), jobs)["result"]["held"]
    _say(answers, {"torch": torch.__version__, "held": held})
    with contextlib.suppress(ParentGone):
        for line in _lines(jobs):
            job = json.loads(line)
            _say(
                answers,
                {"id": job["id"], **_answer(run, job["job"], Limits(**job["limits"]), jobs)},
            )
    with contextlib.suppress(OSError):
        os.rmdir(os.getcwd())  # the parent may be in no state to
    os._exit(0)  # taking torch down in order takes a second


def _ask_for_the_processor() -> None:
    """Let torch look at what processor this is, by operations that ask: a child cannot read it."""
    import torch

    for dtype in (torch.float64, torch.float32, torch.float16):
        x = torch.linspace(0.1, 0.9, 32, dtype=dtype).reshape(4, 8).requires_grad_()
        for y in (x @ x.T, x.exp(), x.log_softmax(0), x.clamp(0.2, 0.8), x * x, x.relu(), x.sum(1)):
            torch.autograd.backward(y.sum())


def _say(answers: Any, line: dict[str, Any]) -> None:
    answers.write(json.dumps(line) + "\n")
    answers.flush()


def _lines(jobs: int) -> Any:
    waiting = b""
    while chunk := os.read(jobs, 1 << 16):
        *lines, waiting = (waiting + chunk).split(b"\n")
        yield from lines


def _answer(run: Call, job: Job | None, limits: Limits, jobs: int) -> dict[str, Any]:
    """Have a child do one job: its result, or what it died of.

    No job: it tells what of the confinement took hold.
    """
    until = time.monotonic() + limits.wall
    result, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(run, job, limits, writing)
    os.close(writing)
    status = None
    try:
        said = _read(result, until, jobs)
        status = None if said is None else _ended(child, until)
    finally:
        os.close(result)
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what it started and left
    if said is None or status is None:
        return {"died": "time"}
    return _understood(said, status)


def _be_child(run: Call, job: Job | None, limits: Limits, writing: int) -> None:
    """What the child does, and never returns from."""
    dump, write, leave = json.dumps, os.write, os._exit
    try:
        os.setsid()
        held, refused = confine(limits, writing, run.__module__)
        line: dict[str, Any]
        try:
            line = {"result": {"held": held} if job is None else run(job)}
        except RefusedAtRunTime:
            line = {}
        except MemoryError:
            line = {"died": "memory"}
        except BaseException as problem:
            line = {"died": f"{type(problem).__name__}: {problem}"[:300]}
        if refused:
            line = {"died": f"refused: {refused[0]}"}
        text = memoryview(dump(line).encode())
        while text:
            text = text[write(writing, text) :]
    except BaseException:
        leave(70)
    leave(0)


def _read(result: int, until: float, jobs: int) -> bytes | None:
    """All that a child writes; None where it takes too long or writes without end."""
    poll = select.poll()
    poll.register(result, select.POLLIN)
    poll.register(jobs, 0)  # its end comes unasked
    parts: list[bytes] = []
    size = 0
    while size < MOST_BYTES:
        left = until - time.monotonic()
        ready = poll.poll(max(left, 0) * 1000)
        if left <= 0 or not ready:
            return None
        if any(descriptor == jobs for descriptor, _ in ready):
            raise ParentGone
        part = os.read(result, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return None


def _ended(child: int, until: float) -> int | None:
    """How a child ended; None where it has not, long after it closed its pipe."""
    pause = 0.0005
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return None


def _understood(said: bytes, status: int) -> dict[str, Any]:
    """The line of a child that came to an end, judged by how it ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in TIME:
            return {"died": "time"}
        if sys.platform == "linux" and number == signal.SIGSYS:
            return {"died": "refused: a system call"}
        return {"died": f"signal {number}"}
    try:
        line = json.loads(said)
    except (ValueError, RecursionError):
        return {"died": f"ended without an answer, with exit status {os.WEXITSTATUS(status)}"}
    if isinstance(line, dict) and isinstance(line.get("result"), dict):
        return {"result": line["result"]}
    if isinstance(line, dict) and isinstance(line.get("died"), str):
        return {"died": line["died"]}
    return {"died": "its answer is none"}
