"""Break-outs, run in the worker itself: what the allow-list refuses, and what holds where it does not.

Each program of `BREAKOUTS` must be refused by the allow-list, and is then run all the
same, without it. What it was after must not have happened, and the worker must do the
next job.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from losslint.verify.sandbox.allowed import refusal
from losslint.verify.sandbox.limits import Limits
from losslint.verify.sandbox.workers import NoTorch, Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="losses are run on Unix")

# Runs any text, as the worker's own function does with programs that passed.
JOB = """
import ctypes
import torch

# Functions of C, found beforehand: nothing of Python is asked when they are called.
LIBC = ctypes.CDLL(None)
C = {name: getattr(LIBC, name) for name in "fork socket open kill memset prctl".split()}

def run(job):
    names = {"__name__": "user", **{"c_" + name: made for name, made in C.items()}}
    exec(compile(job["text"], "<user>", "exec"), names)
    ones = torch.ones(3, requires_grad=True)
    (ones * 2).sum().backward()
    return {"got": names.get("got"), "gradient": ones.grad.tolist()}
"""
LIMITS = Limits(wall=8.0, cpu=2, memory=2**30)
SECRET = "only the parent knows"

# How one gets at a module that is not handed over: by what a warning's class knows.
OS = """
known = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "catch_warnings"]
os = known[0]()._module.sys.modules["os"]
"""
# What is tried, and what it says where it does not get through ("" for any reason).
BREAKOUTS = {
    "reads a file": ("got = open('/etc/passwd').read()", "open /etc/passwd"),
    "reads a file by io": ("import io\ngot = io.FileIO('/etc/passwd').read()", "open /etc/passwd"),
    "reads the parent's environment": (
        "import os\ngot = open(f'/proc/{os.getppid()}/environ').read()",
        "open /proc/",
    ),
    "writes here": ("open('here', 'w').write('x')", "open here"),
    "writes elsewhere": ("open(OUTSIDE + '/written', 'w').write('x')", "open"),
    "writes by os.open": (
        "import os\nos.open(OUTSIDE + '/written', os.O_CREAT | os.O_WRONLY)",
        "open",
    ),
    "writes with torch": ("import torch\ntorch.save({}, OUTSIDE + '/written')", ""),
    "writes with numpy": ("import numpy as np\nnp.ones(3).tofile(OUTSIDE + '/written')", "open"),
    "maps a file in torch": (
        "import torch\ntorch.from_file(OUTSIDE + '/written', shared=True, size=8)",
        "",
    ),
    "deletes a file": ("import os\nos.remove(OUTSIDE + '/kept')", "os.remove"),
    "deletes a folder": ("import shutil\nshutil.rmtree(OUTSIDE)", ""),
    "lists a folder": ("import os\ngot = os.listdir('/')", "os.listdir"),
    "starts a shell": ("import os\nos.system('touch ' + OUTSIDE + '/written')", "os.system"),
    "starts a process": (
        "import subprocess\nsubprocess.run(['touch', OUTSIDE + '/written'])",
        "subprocess.Popen",
    ),
    "starts a process below subprocess": (
        "import _posixsubprocess as p\na, b = 8, 9\n"
        "p.fork_exec([b'/bin/touch'], [b'/bin/touch'], True, (b,), None, None, -1, -1, -1, -1,"
        " -1, -1, a, b, True, False, 0, None, None, None, -1, None, True)",
        "a system call",
    ),
    "becomes another program": ("import os\nos.execv('/bin/true', ['true'])", "os.exec"),
    "forks without end": ("import os\nwhile True: os.fork()", "os.fork"),
    "forks below Python": ("c_fork()", "a system call"),
    "connects": (
        "import socket\nsocket.create_connection(('127.0.0.1', PORT)).sendall(b'x')",
        "socket.",
    ),
    "connects below Python": ("c_socket(2, 1, 0)", "a system call"),
    "opens below Python": (
        "fd = c_open(b'/etc/passwd', 0)\ngot = fd if fd >= 0 else None",
        None,
    ),
    "writes below Python": (
        "fd = c_open(OUTSIDE.encode() + b'/written', 0o101, 0o600)\ngot = fd if fd >= 0 else None",
        None,
    ),
    "ends the worker": ("import os\nos.kill(os.getppid(), 9)", "os.kill"),
    "ends the worker below Python": (
        "import os\nc_kill(os.getppid(), 9)",
        "a system call",
    ),
    "ends its group": ("import os\nos.killpg(0, 9)", "os.killpg"),
    "loads ctypes": ("import ctypes\nctypes.CDLL(None).getpid()", "ctypes.dlopen"),
    "loads a hostile pickle": (
        "import io, torch\n"
        "class Evil:\n    def __reduce__(self):\n        return (print, ('x',))\n"
        "held = io.BytesIO()\ntorch.save(Evil(), held)\nheld.seek(0)\n"
        "torch.load(held, weights_only=False)\ngot = 'loaded'",
        "",
    ),
    "compiles C++": (
        "from torch.utils.cpp_extension import load_inline\n"
        "load_inline('x', 'int f() { return 1; }', functions=['f'])",
        "",
    ),
    "compiles with torch without end": (
        "import torch\ngot = torch.compile(lambda x: x + 1)(torch.ones(1)).item()",
        "",
    ),
    "imports what is installed": ("import pytest\ngot = 'imported'", "open"),
    "imports from here": ("import sys\nsys.path.insert(0, OUTSIDE)\nimport kept_module", ""),
    "finds os by its objects": (OS + "os.system('touch ' + OUTSIDE + '/written')", "os.system"),
    "finds os by a frame": (
        "def g():\n    yield frame.gi_frame.f_back.f_globals\nframe = g()\ngot = list(next(frame))",
        "object.__getattr__",
    ),
    "evaluates text": ("got = eval('1 + 1')", "compile"),
    "evaluates text in an annotation": (
        "import typing\nclass A:\n    x: 'open(\"/etc/passwd\")'\ngot = str(typing.get_type_hints(A))",
        "open /etc/passwd",
    ),
    "swallows the refusal": (
        "try:\n    open('/etc/passwd')\nexcept BaseException:\n    got = 'went on'",
        "open /etc/passwd",
    ),
    "reads secrets of the environment": (
        "import os\ngot = ' '.join(os.environ.values())",
        None,
    ),
    "runs without end": ("while True: pass", "more than"),
    "sleeps without end": ("import time\ntime.sleep(60)", "more than 1 s"),
    "takes all memory": ("got = [bytes(2**26) for _ in range(2**20)]", "GiB of memory"),
    "takes all memory in torch": (
        "import torch\ngot = [torch.empty(2**26) for _ in range(99)]",
        "can't allocate memory",
    ),
    "recurses": ("def f(): f()\nf()", "RecursionError"),
    "overflows the stack": (
        "import sys\nsys.setrecursionlimit(10**9)\nx = ()\n"
        "for _ in range(10**6): x = (x,)\ngot = hash(x)",
        "signal 11",
    ),
    "crashes below Python": ("c_memset(1, 0, 1)", "signal 11"),
    "leaves": ("raise SystemExit(0)", "SystemExit"),
    "leaves at once": ("import os\nos._exit(0)", "exit status 0"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "closes everything": ("import os\nos.closerange(0, 64)", "exit status"),
    "answers for itself": (
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'[1]\\n{}')\n"
        "    except OSError: pass\nos._exit(0)",
        "",
    ),
    "floods its output": ("import os\nfor _ in range(100): os.write(1, bytes(2**20))", None),
    "leaves a thread": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "new thread",
    ),
    "leaves a hook": ("import sys\nsys.settrace(print)", "sys.settrace"),
    "fakes torch": (
        "import torch\ntorch.Tensor.backward = lambda self: None\ntorch.ones = None",
        "NoneType",
    ),
    "fakes losslint": (
        "import sys\nsys.modules['losslint.verify.sandbox.worker'].confine = None\ngot = 'faked'",
        None,
    ),
}
# Those that sleep or spin: under a shorter limit.
PATIENT = Limits(wall=1.0, cpu=1, memory=2**30)


# What torch does in C++ without asking Python: the system's part.
IN_TORCH = {"writes with torch", "maps a file in torch"}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "kept").write_text("x")
    (folder / "kept_module.py").write_text("got = 1")
    return folder


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "unguarded.py").write_text(JOB)
    return folder


@pytest.fixture(scope="module")
def worker(jobs: Path) -> Iterator[Worker]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", SECRET)
        with Worker(LIMITS, call="unguarded:run", beside=(str(jobs),)) as worker:
            worker.hello()
            yield worker


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def serves(worker: Worker) -> bool:
    """Whether it does a plain job, with a gradient, as if nothing had been."""
    answer = worker.ask({"text": "import torch\ngot = float(torch.ones(3).sum())"})
    return answer == {"got": 3.0, "gradient": [2.0, 2.0, 2.0]}


@pytest.mark.parametrize("name", BREAKOUTS)
def test_a_break_out_is_refused_and_fails_where_it_is_not(
    name: str, worker: Worker, outside: Path, listener: socket.socket
) -> None:
    body, reason = BREAKOUTS[name]
    text = f"OUTSIDE = {str(outside)!r}\nPORT = {listener.getsockname()[1]}\n{body}"
    started = worker.hello()
    if ("below" in name or name in IN_TORCH) and not {"files", "system calls"} <= set(started.held):
        pytest.skip("this system holds nothing below Python")

    answer = worker.ask({"text": text}, PATIENT if "without end" in name else LIMITS)

    if reason is None:  # it may run, and come to nothing
        assert answer["gradient"] == [2.0, 2.0, 2.0]
        assert answer["got"] in (None, "faked") or SECRET not in str(answer["got"])
        assert not isinstance(answer["got"], int)
    else:
        assert answer["status"] == "not runnable"
        assert reason in answer["why"]
    assert sorted(path.name for path in outside.iterdir()) == ["kept", "kept_module.py"]
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert serves(worker)
    assert worker.hello() is started  # the same worker


# Plain Python that harms by what it costs or raises: the limits' part.
PLAIN = {
    "runs without end",
    "takes all memory",
    "takes all memory in torch",
    "recurses",
    "leaves",
    "interrupts",
}


# What has names that only the test provides is no text that could come along.
REACHING = sorted(name for name in set(BREAKOUTS) - PLAIN if "below Python" not in name)


@pytest.mark.parametrize("name", REACHING)
def test_the_allow_list_refuses_it(name: str) -> None:
    refused = refusal(BREAKOUTS[name][0])
    assert refused is not None
    assert "line " in refused


def test_there_are_many() -> None:
    assert len(BREAKOUTS) >= 25


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_the_system_holds_it_too(worker: Worker) -> None:
    hello = worker.hello()
    assert hello.network_off
    assert set(hello.held) <= {"network", "files", "system calls"}
    assert hello.torch


def test_a_worker_comes_and_goes(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Worker(call="unguarded:run", beside=(str(jobs),)) as worker:
        folder = Path(worker.ask({"text": "import os\ngot = os.getcwd()"})["got"])
        assert list(folder.iterdir()) == []
        first = pid_of(worker)
        os.kill(first, 9)
        assert serves(worker)  # another one
        assert not folder.exists()
        second = pid_of(worker)
        assert second != first

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(worker._running, "answer", interrupt)
        with pytest.raises(KeyboardInterrupt):
            worker.ask({"text": "while True: pass"})
        assert not alive(second)


def test_nothing_outlives_the_parent(jobs: Path, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    parent = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from losslint.verify.sandbox.workers import Worker
        worker = Worker(call="unguarded:run", beside=({str(jobs)!r},))
        worker.hello()
        open({str(told)!r}, "w").write(f"{{worker._running.process.pid}} {{worker._running.folder.name}}")
        worker.ask({{"text": "while True: pass"}})
    """
    process = subprocess.Popen([sys.executable, "-c", dedent(parent)])
    until = time.monotonic() + 20
    while not (told.exists() and told.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    pid, folder = told.read_text().split()
    time.sleep(0.3)  # it is at its endless job
    children = children_of(int(pid))
    process.kill()
    process.wait()
    while alive(int(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(int(pid))
    assert not any(alive(child) for child in children)
    assert not Path(folder).exists()


def test_without_torch_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("losslint.verify.sandbox.workers.CODE", without_torch())
    with pytest.raises(NoTorch, match=r"pip install 'torch-losslint\[verify\]'"):
        Worker().hello()


def without_torch() -> str:
    from losslint.verify.sandbox.workers import CODE

    return "import sys\nsys.modules['torch'] = None\n" + CODE


def pid_of(worker: Worker) -> int:
    assert worker._running is not None
    return worker._running.process.pid


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []
