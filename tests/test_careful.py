"""What losslint writes is whole or not there: killed, crowded out or shut out, nothing is lost."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from losslint.cli import main
from losslint.engine import write as writing

resource = pytest.importorskip("resource", reason="the system takes no room away")

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


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Whether a process that does this work is killed when it calls what is written in C so often."""
    process = os.fork()
    if not process:
        steps = itertools.count()

        def step(frame: object, event: str, called: object) -> None:
            if event in ("c_call", "c_return") and next(steps) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(step)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("named", ["write", "put"])
def test_killed_at_each_step_of_a_write_the_file_is_the_old_or_the_new(
    here: Path, named: str
) -> None:
    file, old, new = here / "x.py", BAD.encode(), GOOD.encode()
    arguments = (str(file), old, new) if named == "write" else (str(file), new)
    seen = []
    for number in itertools.count():
        file.write_bytes(old)
        file.chmod(0o640)
        if not killed_at(number, lambda: getattr(writing, named)(*arguments)):
            break
        seen.append(file.read_bytes())
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_bytes() == new
    assert seen == sorted(seen)  # the old before the new
    assert {*seen} == {old, new}


# --- no room, no right, another's file ----------------------------------------------------


def run_without(taken: Callable[[], None], arguments: str) -> tuple[int, str]:
    """Status and output of the command in a process that something is taken from."""
    reading, writing_end = os.pipe()
    process = os.fork()
    if not process:
        status = 70
        try:
            taken()
            sys.stdout = sys.stderr = os.fdopen(writing_end, "w")
            status = main(["--isolated", "--output-format", "concise", *arguments.split()])
            sys.stdout.flush()
        finally:
            os._exit(status)
    os.close(writing_end)
    with os.fdopen(reading) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), text


def no_room() -> None:
    """No file can be longer than so many bytes, as on a disk that is full from there on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (80, 80))


def no_right() -> None:
    """Be somebody else, to whom neither this folder nor what is in it belongs."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def open_to_others(here: Path) -> None:
    """Let others get to a folder, and have all modules of Python that are behind closed ones."""
    run("--jobs 2 .")
    for folder in (here, here.parent, here.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o055)


EACH = ["--fix", "--add-ignores", "--write-baseline known.json", "--output-file old.txt"]
LEARNED = """\
import torch
from torch import nn


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(()))

    def forward(self, loss):
        return torch.exp(-self.s) * loss + 0.5 * self.s
"""


@pytest.mark.parametrize("arguments", EACH)
def test_without_room_nothing_is_lost_and_it_is_said(here: Path, arguments: str) -> None:
    Path("x.py").write_text(LEARNED)
    Path("old.txt").write_text("old")
    before = state()
    status, said = run_without(no_room, arguments)
    assert status == 2
    assert "File too large" in said
    assert state() == before
    assert not [*here.glob(".losslint-*")]


@pytest.mark.parametrize("arguments", EACH)
def test_in_a_folder_of_others_nothing_is_lost_and_it_is_said(here: Path, arguments: str) -> None:
    Path("x.py").write_text(LEARNED)
    Path("x.py").chmod(0o666)
    Path("old.txt").write_text("old")
    open_to_others(here)
    here.chmod(0o555)
    before = state()
    try:
        status, said = run_without(no_right, arguments)
    finally:
        here.chmod(0o755)
    assert status == 2
    assert "ermission denied" in said or "read-only" in said
    assert state() == before


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_may_not_be_read_is_said_and_the_rest_is_checked(here: Path, jobs: int) -> None:
    """A file, and a folder, of others."""
    (here / "closed").mkdir()
    for name in ("closed/x.py", "a.py", "z.py"):
        Path(name).write_text(LEARNED)
    open_to_others(here)
    for name in ("a.py", "closed"):
        Path(name).chmod(0)
    status, said = run_without(no_right, f"--no-cache --jobs {jobs} --select LL101 .")
    for name in ("a.py", "closed"):
        Path(name).chmod(0o755)
    assert status == 2
    found = [line.split(" ", 3) for line in said.splitlines() if line.startswith(("a", "c", "z"))]
    assert [(place.split(":")[0], code) for place, _, code, _ in found] == [
        ("a.py", "LL000"),
        ("closed", "LL000"),
        ("z.py", "LL101"),
    ]
    assert ["Permission denied" in what for *_, what in found] == [True, True, False]


@pytest.mark.parametrize("arguments", EACH)
def test_a_file_with_two_names_is_left_alone_and_it_is_said(
    here: Path, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("x.py", LEARNED), ("old.txt", "old")):
        (here / name).write_text(text)
    run("--write-baseline known.json")
    (here / "other").mkdir()
    for name in ("x.py", "old.txt", "known.json"):
        os.link(name, here / "other" / name)
    Path("y.py").write_text(LEARNED)  # which is new to the baseline
    before = state()
    capsys.readouterr()
    status = main(["--isolated", "--output-format", "concise", *arguments.split(), "x.py", "y.py"])
    said = "".join(capsys.readouterr())
    assert status == 2
    assert "a second name (a hard link)" in said
    assert {**state(), "y.py": b""} == {**before, "y.py": b""}


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="the system has no such attributes")
@pytest.mark.usefixtures("toys")
def test_a_file_keeps_its_attributes_and_its_group(here: Path) -> None:
    file = here / "x.py"
    file.write_text(BAD)
    try:
        os.setxattr(file, "user.origin", b"here")
    except OSError:
        pytest.skip("the disk keeps none")
    if os.getuid() == 0:
        os.chown(file, 12, 34)
    file.chmod(0o2754)
    before = file.stat()
    assert run("--fix") == 0
    after = file.stat()
    assert file.read_text() == GOOD
    assert os.getxattr(file, "user.origin") == b"here"
    kept = ("st_uid", "st_gid", "st_mode")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


def test_who_cannot_give_a_file_away_lends_no_rights(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError

    file = here / "x.py"
    file.write_text(BAD)
    if os.getuid() == 0:
        os.chown(file, 12, 34)
    file.chmod(0o6755)
    monkeypatch.setattr(os, "chown", denied)
    writing.write(str(file), BAD.encode(), GOOD.encode())
    mode = stat.S_IMODE(file.stat().st_mode)
    assert mode == (0o755 if os.getuid() == 0 else 0o6755)


def test_a_baseline_that_came_meanwhile_is_not_overwritten(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.py").write_text(LEARNED)
    write = writing.write

    def late(path: str, before: bytes | None, after: bytes) -> None:
        Path("known.json").write_text("another's")
        write(path, before, after)

    monkeypatch.setattr("losslint.engine.baseline.write", late)
    assert run("--write-baseline known.json") == 2
    assert "changed while it was checked" in capsys.readouterr().err
    assert Path("known.json").read_text() == "another's"
    assert not [*here.glob(".losslint-*")]


@pytest.mark.parametrize("what", ["gone", "pipe"])
def test_what_is_no_longer_that_file_is_not_written(here: Path, what: str) -> None:
    file = here / "x.py"
    if what == "pipe":
        os.mkfifo(file)
    with pytest.raises(writing.Changed):
        writing.write(str(file), BAD.encode(), GOOD.encode())
    assert [path.name for path in here.iterdir()] == ([] if what == "gone" else ["x.py"])


def test_an_interrupt_behind_the_last_step_is_told_as_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupted(*paths: str) -> None:
        replace(*paths)
        raise KeyboardInterrupt

    (here / "x.py").write_text(BAD)
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writing.write("x.py", BAD.encode(), GOOD.encode())
    assert {path.name: path.read_text() for path in here.iterdir()} == {"x.py": GOOD}


def test_a_report_is_synced_with_its_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    writing.put("out", json.dumps({}).encode())
    temporary, folder = synced
    assert Path(temporary).parent == Path(folder) == here.resolve()
