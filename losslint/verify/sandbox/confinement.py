"""What a process gives up before it runs other people's code.

Damage limitation, in four lines: limits on resources (everywhere), a look at what
Python is asked to do (everywhere), no file but those of Python and torch, and no
system call but those that computing needs (both on Linux). The second, and the last two
together, each hold nearly all of tests/test_verify_sandbox.py alone; without the last two,
C++ called past Python can create an empty file and end the worker. It is no sandbox for malware: a hole in torch or in the kernel is a way out,
and code that gets past the allow-list can forge the verdict on itself.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import lru_cache

from losslint.verify.sandbox.landlock import only_read
from losslint.verify.sandbox.limits import Limits
from losslint.verify.sandbox.syscalls import filter_calls

# The file name that a program is compiled under.
PROGRAM = "<user>"

# Beside torch itself: what it imports when first needed.
OF_TORCH = ("torch", "torchgen", "functorch", "numpy", "numpy.libs", "sympy", "mpmath")

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1


class RefusedAtRunTime(BaseException):
    """A program asked for what it may not have. No `except Exception` holds it."""


def leave_network() -> bool:
    """Move this process to a network of its own, with nothing in it; whether that worked.

    In a user namespace, where nothing of what the user may do elsewhere counts, if
    possible. It must have no other thread then.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    kinds = (CLONE_NEWUSER | CLONE_NEWNET, CLONE_NEWNET)
    return any(library.unshare(kind) == 0 for kind in kinds)


def readable(own: str) -> list[str]:
    """The folders that Python, torch and what runs a job are read from, without links.

    `own` is the module with the function that does it.
    """
    paths = sysconfig.get_paths()
    torch = sys.modules["torch"].__file__ or ""
    beside = os.path.dirname(os.path.dirname(torch))
    folders = [paths["stdlib"], paths["platstdlib"], os.path.dirname(__file__)]
    folders.append(os.path.dirname(sys.modules[own].__file__ or ""))
    folders += [os.path.join(beside, name) for name in OF_TORCH]
    return list(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def confine(limits: Limits, result: int, own: str) -> tuple[list[str], list[str]]:
    """Confine this process for good, of whose files only the descriptor `result` stays open.

    Files of Python, of torch and of the module `own` can be read still. Returns what took hold beyond limits and the look at Python's doings ("files",
    "system calls"), and the list that every refusal is entered in: it counts even
    where the program went on.
    """
    folders = readable(own)
    _die_with_parent()
    _close_files(result)
    _limit(limits)
    held = ["files"] if only_read(folders) else []
    held += ["system calls"] if filter_calls() else []
    look = _Look(folders)
    sys.addaudithook(look)
    return held, look.refused


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _close_files(result: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 65536)
    os.closerange(3, result)
    os.closerange(result + 1, highest)


def _limit(limits: Limits) -> None:
    signal.alarm(int(limits.wall) + 2)
    _lower(resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, 64)
    _lower(resource.RLIMIT_NPROC, 0)
    if sys.platform == "linux":
        with open("/proc/self/statm") as sizes:
            mapped = int(sizes.read().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, mapped + limits.memory)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or leave the one there is where that is lower."""
    most = resource.getrlimit(kind)[1]
    hard = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))


# What does nothing by itself.
HARMLESS = frozenset(
    "array.__new__ builtins.id marshal.loads sys._getframe"
    " sys._getframemodulename sys.excepthook sys.unraisablehook time.sleep".split()
)
# What Python's own files and torch's may do, and no program.
INSIDE = frozenset(
    "compile exec object.__delattr__ object.__getattr__ object.__setattr__ os.listdir"
    " os.scandir".split()
)
OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Look:
    """Refuses what Python is asked to do, unless it is known and has to be."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.reads = _reads(folders)
        self.refused: list[str] = []
        self.looking = False

    def __call__(self, event: str, asked: Sequence[object]) -> None:
        if self.looking:  # looking at who asks is an event itself
            return
        self.looking = True
        try:
            if self.passes(event, asked):
                return
        finally:
            self.looking = False
        first = asked[0] if asked and isinstance(asked[0], str) else ""
        self.refused.append(f"{event} {first}"[:100].strip())
        raise RefusedAtRunTime(self.refused[-1])

    def passes(self, event: str, asked: Sequence[object]) -> bool:
        """Whether an event may take its course."""
        if event == "import":  # with a file name: of a library that is loaded
            return not asked[1] or self.reads(asked[1])
        if event == "open":
            return self.reads(asked[0]) and not _writes(*asked[1:])
        if event in INSIDE:
            return self.reads(sys._getframe(2).f_code.co_filename)
        return event in HARMLESS


def _writes(mode: object, flags: object) -> bool:
    plain = mode is None or (isinstance(mode, str) and not mode.strip("rbtU"))
    return not plain or not isinstance(flags, int) or bool(flags & OPENED_TO_WRITE)


def _reads(
    folders: Sequence[str], real: Callable[[str], str] = os.path.realpath
) -> Callable[[object], bool]:
    """Whether a path is in one of the folders; frozen modules count as files of Python."""
    starts = tuple(folder + os.sep for folder in folders)

    @lru_cache
    def reads(path: object) -> bool:
        path = path.decode(errors="replace") if isinstance(path, bytes) else path
        if not isinstance(path, str):
            return False
        if path.startswith("<frozen importlib"):
            return True
        path = real(path)
        inside = [path[len(start) :] for start in starts if path.startswith(start)]
        # What is installed may lie below Python's own folder.
        return any(not rest.startswith(("site-packages", "dist-packages")) for rest in inside)

    return reads
