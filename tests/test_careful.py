"""What losslint writes is whole or not there: killed, crowded out or shut out, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from losslint.cli import main
from losslint.engine import write as writing

ROOT = Path(__file__).parents[1]
BAD, GOOD = "bad = 1\n", "good = 1\n"
FILES = 10

# Each command, what it writes besides files of the project, and what those hold before.
REPORT, BASELINE = "report.json", "known.json"
WRITERS = [
    f"--fix --output-format json={REPORT}",
    f"--add-ignores --output-format html={REPORT}",
    f"--write-baseline {BASELINE} --output-format sarif={REPORT}",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments: str) -> int:
    return main(["--isolated", "-q", "--jobs", "1", *arguments.split()])


def state() -> dict[str, bytes]:
    """All that is there, but for the cache and what a killed run left."""
    return {
        path.name: path.read_bytes()
        for path in Path().iterdir()
        if path.is_file() and not path.name.startswith(".losslint-")
    }


def lay(files: dict[str, bytes]) -> None:
    for path in Path().iterdir():
        if path.is_file():
            path.unlink()
    for name, data in files.items():
        Path(name).write_bytes(data)


def killed_after(seconds: float, arguments: str) -> None:
    """Run the command in a process of its own, and kill that after so long."""
    process = os.fork()
    if not process:
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            run(arguments)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def kill_in_rounds(rounds: int) -> tuple[int, int]:
    """Kill runs at random. In how many some files were the old and some the new, and what was left over."""
    chance = random.Random(0)
    files = {f"f{number:02}.py": f"{BAD}# {number}\n".encode() for number in range(FILES)}
    old = {**files, REPORT: b"{}", BASELINE: b""}
    known: list[tuple[float, dict[str, bytes]]] = []
    for arguments in WRITERS:
        lay({name: data for name, data in old.items() if name != BASELINE})
        started = time.monotonic()
        assert run(arguments) in (0, 1)
        known.append((time.monotonic() - started, state()))
    torn = left_over = done = 0
    while done < rounds or (not torn and done < 20 * rounds):
        seconds, new = known[done % len(WRITERS)]
        arguments = WRITERS[done % len(WRITERS)]
        lay({name: data for name, data in old.items() if name != BASELINE})
        killed_after(chance.uniform(0, 1.1 * seconds), arguments)
        there = state()
        assert there.keys() - {BASELINE} == old.keys() - {BASELINE}
        for name, data in there.items():
            assert data in (old[name], new.get(name, b"")), f"{name} after {arguments}: {data!r}"
        torn += len({there[name] == old[name] for name in files}) == 2
        left_over += len([*Path().glob(".losslint-*")])
        # the next run is none the worse for it
        assert run(arguments) in (0, 1)
        assert {name: state()[name] for name in files} == {name: new[name] for name in files}
        done += 1
    return torn, left_over


@pytest.mark.usefixtures("toys")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_at_any_time_each_file_is_the_old_or_the_new() -> None:
    torn, _ = kill_in_rounds(15)
    assert torn


@pytest.mark.slow
@pytest.mark.usefixtures("toys")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_five_hundred_times(capsys: pytest.CaptureFixture[str]) -> None:
    torn, left_over = kill_in_rounds(500)
    with capsys.disabled():
        print(f"\n500 kills: {torn} between two files, {left_over} temporary files left, none torn")
    assert torn > 20
