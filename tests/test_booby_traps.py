"""Nothing that is checked is run: modules that would tell of it, in every place where tools look for code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HERE = Path(sys.executable).parent

TRAP = """\
import os
os.write(os.open({mark!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"{name} was run\\n")
"""
LOSS = """\
import torch
from torch import nn
import helpers.inner
from losses import scaled
from evil import check
import json, typing, libcst


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(()))

    def forward(self, loss):
        return scaled(torch.exp(-self.s) * loss + 0.5 * self.s)


def step(loss, optimizer):
    total = Loss()(loss)
    total.backward()
    optimizer.step()
"""
# Modules of the project; those that Python, its tools and ours look for by name; and
# the ones that losslint itself imports, which a project may have of its own.
PROJECT = """
losses helpers/__init__ helpers/inner __init__ __main__ conftest setup noxfile sitecustomize
usercustomize manage evil evil_rules evil_flake8 torch
""".split()
NAMED = """
libcst json typing rich pathspec pygls lsprotocol flake8 pyflakes matplotlib watchfiles
markdown_it shtab tomllib tomli tokenize ast argparse re zlib pickle selectors tempfile hashlib
multiprocessing subprocess socket dataclasses enum pathlib shutil random gc stat
""".split()
PYPROJECT = """\
[build-system]
requires = []
build-backend = "evil"
backend-path = ["."]

[project]
name = "evil"
version = "1"

[project.scripts]
losslint = "evil:main"

[project.entry-points."losslint.rules"]
EVL = "evil_rules"

[tool.losslint]
loss-validator = "evil:check"
loss-functions = ["losses.scaled"]
monitor-functions = ["evil.show"]
"""
ENTRY_POINTS = """\
[losslint.rules]
EVL = evil_rules

[flake8.extension]
EVL = evil_flake8:Checker
"""


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that a trap writes to."""
    return tmp_path_factory.mktemp("mark") / "run"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Path:
    """A project with traps wherever there is code."""
    root = tmp_path_factory.mktemp("tree")

    def write(name: str, text: str) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    def trap(name: str) -> str:
        return TRAP.format(mark=str(mark), name=name)

    for name in [*PROJECT, *NAMED]:
        write(f"{name}.py", trap(name) + LOSS * (name in PROJECT))
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": s}
        for s in (
            trap("a cell") + LOSS,
            f"!touch {mark}\n%run evil.py\n",
            f"%%bash\ntouch {mark}\n",
        )
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write("training.ipynb", json.dumps(notebook))
    write("evil.pth", trap("a .pth").replace("import os\n", "import os; "))
    for kind in ("evil-1.dist-info", "evil.egg-info"):
        write(f"{kind}/entry_points.txt", ENTRY_POINTS)
        write(f"{kind}/METADATA", "Name: evil\nVersion: 1\n")
    write("pyproject.toml", PYPROJECT)
    write("losslint.yaml", "!!python/object/apply:os.system ['touch run']\n")
    return root


@pytest.fixture(autouse=True)
def nothing_was_run(mark: Path) -> Iterator[None]:
    """Look for the marks of traps behind each test."""
    yield
    said = mark.read_text() if mark.exists() else ""
    mark.unlink(missing_ok=True)
    assert said == ""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def done(command: list[str], tree: Path, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=tree, env=environment(), capture_output=True, text=True, timeout=60, **options
    )


def test_the_traps_would_tell(tree: Path, mark: Path) -> None:
    for name in ("evil", "torch", "helpers"):
        assert done([sys.executable, "-c", f"import {name}"], tree).returncode
        assert name in mark.read_text()
    mark.unlink()


@pytest.mark.parametrize("arguments", ["--no-cache .", "rule --all", "--show-settings"])
@pytest.mark.parametrize("how", ["losslint", "python -m losslint"])
def test_the_command_runs_nothing(tree: Path, how: str, arguments: str) -> None:
    command = [str(HERE / "losslint")] if how == "losslint" else [sys.executable, "-m", "losslint"]
    said = done([*command, *arguments.split()], tree)
    assert said.returncode in (0, 1), said.stderr
    assert "EVL" not in said.stdout + said.stderr
    if "." in arguments:
        assert said.stdout.count("warning LL101") > 10
        assert "training.ipynb:cell 1:" in said.stdout


# Runs commands one after the other, and ends with a status of its own at the first thing that
# none of them has any business with.
WATCHED = """
import os, sys

sys.path.remove("")
FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.",
    "ctypes.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "code.__new__",
    "marshal.loads",
)
FOLDER = os.getcwd()
OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
CHANGING = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod")
writes = False

def stop(*what):
    os.write(2, repr(what).encode())
    os._exit(99)

def is_inside(path):
    return os.path.realpath(os.fspath(path)).startswith(FOLDER + os.sep)

def hook(event, arguments):
    if event.startswith(FORBIDDEN) and not (event == "marshal.loads" and is_importing()):
        stop(event, *arguments)
    if event == "exec" and os.path.exists(name := arguments[0].co_filename) and is_inside(name):
        stop(event, arguments[0])
    if event == "open" and arguments[2] & OPENED_TO_WRITE and not isinstance(arguments[0], int):
        may_change(event, arguments[0])
    if event.startswith(CHANGING):
        may_change(event, arguments[0])

def is_importing():
    return "importlib" in sys._getframe(2).f_code.co_filename

def may_change(event, path):
    if path in (os.devnull, os.devnull.encode()):
        return
    if not is_inside(path):
        stop(event, path)
    cache = os.path.join(FOLDER, ".losslint_cache")
    if not (writes or os.path.realpath(path).startswith(cache)):
        stop(event, path)

from losslint.cli import main

sys.dont_write_bytecode = True
sys.addaudithook(hook)
for line in sys.argv[1].splitlines():
    writes = line.startswith("w ")
    arguments = line.removeprefix("w ").split()
    print(line, main(arguments), flush=True)
import losslint
print(len([*losslint.check_paths(["."])]))
"""
COMMANDS = """\
-q --no-cache --jobs 2 --select ALL .
-q .
-q --output-format sarif .
--diff --unsafe-fixes .
rule LL101
completion bash
--show-files
w -q --write-baseline known.json --output-format html=out.html --output-format junit=out.xml .
w -q --baseline known.json --fix .
w -q --fix .
w -q --add-ignores .
w clean
"""


def test_no_socket_no_process_and_no_write_but_where_it_is_asked_for(
    tree: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tree, folder)
    said = done([sys.executable, "-c", WATCHED, COMMANDS], folder)
    assert said.returncode == 0, said.stderr[-2000:]
    for line in COMMANDS.splitlines():
        assert any(f"{line} {status}\n" in said.stdout for status in (0, 1)), line


def test_flake8_runs_nothing(tree: Path) -> None:
    said = done([str(HERE / "flake8"), "--select", "LL", "losses.py", "evil.py"], tree)
    assert said.stdout.count("LL101") == 2, said.stderr


def test_the_server_runs_nothing(tree: Path) -> None:
    uri = (tree / "losses.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": LOSS}
    root = {"processId": None, "rootUri": tree.as_uri(), "capabilities": {}}
    messages: list[dict[str, object]] = [
        {"id": 1, "method": "initialize", "params": root},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        {"id": 2, "method": "textDocument/diagnostic", "params": {"textDocument": {"uri": uri}}},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}) for message in messages]
    sent = "".join(f"Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies)
    command = [str(HERE / "losslint"), "server"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, cwd=tree, env=environment()) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        too_late = threading.Timer(30, server.kill)
        too_late.start()
        server.stdin.write(sent.encode())
        server.stdin.flush()
        said = b""
        while b"LL101" not in said and (part := os.read(server.stdout.fileno(), 1 << 16)):
            said += part
        too_late.cancel()
        server.kill()
    assert b"LL101" in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such files")
@pytest.mark.parametrize("place", ["losslint.toml", "pyproject.toml", ".gitignore", "known.json"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_what_has_no_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, kind: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "x.py").write_text("import torch\n")
    if place == "known.json":
        (project / "losslint.toml").write_text("baseline = 'known.json'")
    (project / place).symlink_to("/dev/zero" if kind == "device" else tmp_path / "pipe")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))"
    command = f"{limit}; import sys; from losslint.cli import main; sys.exit(main(['-q', '.']))"
    said = done([sys.executable, "-c", command], project)
    assert said.returncode == (0 if place == ".gitignore" else 2), said.stderr
    assert said.stderr == "" or "a device or a pipe" in said.stderr
