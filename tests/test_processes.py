"""Several processes come to what one comes to, and outlive what one dies of."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from losslint import check_source
from losslint.cli import main
from losslint.config import Settings
from losslint.engine import jobs, limit, processes
from losslint.engine.check import Checked, check
from losslint.engine.processes import spread
from losslint.engine.run import Run
from losslint.rules.base import Rule
from losslint.source.discover import discover
from losslint.source.text import Source

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
# Of each family, with what is found across files too.
NAMES = "unguarded_variance unoptimized_loss_parameters late_loss_check retained_graph kl_div_input"
DEADLY = "deadly"


def lost(item: int, why: str) -> str:
    return f"{item} lost: {why}"


def overflow() -> None:
    """End this process as an overflow of the native stack does."""
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def done(work: Callable[[int], str], number: int, jobs: int) -> list[str]:
    return list(spread(work, range(number), jobs, lost))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in NAMES.split():
        for path in sorted((FIXTURES / name).glob("[bg]*.py")):
            (tmp_path / name).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / name)
    (tmp_path / "plain.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("import torch\nloss.backward(\n")
    (tmp_path / "binary.py").write_bytes(b"\0")
    (tmp_path / "unused.py").write_text("x = 1  # losslint: ignore[LL101]\n")
    return tmp_path


@pytest.mark.parametrize("jobs", [1, 2, 5, 40])
@pytest.mark.parametrize("number", [0, 1, 7, 100])
def test_results_come_in_order(number: int, jobs: int) -> None:
    assert done(str, number, jobs) == [str(n) for n in range(number)]


def test_an_item_that_ends_its_process_is_lost_and_no_other() -> None:
    def work(item: int) -> str:
        if item in (3, 4, 17):
            overflow()
        if item == 30:
            os._exit(7)
        return str(item)

    expected = [str(n) for n in range(40)]
    for item in (3, 4, 17):
        expected[item] = f"{item} lost: its process was ended by SIGSEGV"
    expected[30] = "30 lost: its process ended with status 7"
    assert done(work, 40, 2) == expected


def test_an_error_is_told_and_the_process_goes_on() -> None:
    def work(item: int) -> str:
        if item == 2:
            raise KeyError("a")
        return str(item)

    assert done(work, 4, 2) == ["0", "1", "2 lost: KeyError: 'a'", "3"]


def test_a_result_that_is_long_arrives_whole() -> None:
    assert [len(text) for text in done(lambda n: "x" * (n << 20), 4, 2)] == [
        0,
        1 << 20,
        2 << 20,
        3 << 20,
    ]


def test_without_room_for_a_process_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError

    monkeypatch.setattr(processes.os, "fork", fork)
    assert done(lambda item: f"{item} {os.getpid()}", 30, 2) == [
        f"{n} {os.getpid()}" for n in range(30)
    ]


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_who_stops_to_listen_ends_all_processes() -> None:
    before = children()
    results: Iterator[str] = spread(lambda item: time.sleep(item) or str(item), range(60), 3, lost)
    assert next(results) == "0"
    assert len(children()) == len(before) + 3
    results.close()  # type: ignore[attr-defined]
    assert children() == before


def test_the_findings_are_the_same_for_any_number_of_jobs(tree: Path) -> None:
    def reports(jobs: int) -> list[object]:
        found = list(discover(["."], Settings()))
        run = Run(Settings(), paths=["."], jobs=jobs)
        return [(r.path, r.findings, r.skipped) for r in run.reports(found)]

    one = reports(1)
    assert sum(bool(findings) for _, findings, _ in one) > 6  # type: ignore[misc]
    assert reports(2) == one
    assert reports(5) == one


def test_the_output_is_the_same_with_a_cache_and_without(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = set()
    for options in ("--no-cache --jobs 1", "--jobs 3", "--jobs 3", "--jobs 1"):
        assert main([*options.split(), "--output-format", "json"]) == 2
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())) > 10


def test_fixes_are_the_same_for_any_number_of_jobs(tree: Path) -> None:
    def fixed(jobs: int) -> dict[str, bytes]:
        folder = tree.with_name(f"fixed-{jobs}")
        shutil.copytree(tree, folder)
        arguments = ["--fix", "--unsafe-fixes", "--isolated", "--no-cache", "-q"]
        main([*arguments, "--jobs", str(jobs), str(folder)])
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.py"))}

    one = fixed(1)
    assert sum(data != (tree / path).read_bytes() for path, data in one.items()) > 3
    assert fixed(3) == one


@pytest.mark.usefixtures("toys")
def test_a_file_that_ends_its_process_is_reported_and_the_others_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def deadly(source: Source, rules: list[Rule], settings: Settings) -> Checked:
        if DEADLY in source.name:
            overflow()
        return check(source, rules, settings)

    monkeypatch.setattr("losslint.engine.run.check", deadly)
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", DEADLY, "e", "f"):
        Path(f"{name}.py").write_text("bad\n")
    assert main(["--no-cache", "--jobs", "2", "-q", "--output-format", "concise"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["a.py", "b.py", "deadly.py", "e.py", "f.py"]
    assert "LL000" in lines[2]
    assert "SIGSEGV" in lines[2]


@pytest.mark.parametrize(
    ("sizes", "cores", "expected"),
    [
        ([], 4, 1),
        ([10**9], 4, 1),
        ([10, 10], 4, 1),
        ([150_000, 60_000], 4, 2),
        ([10**6] * 9, 4, 4),
        ([10**6] * 9, 1, 1),
    ],
)
def test_as_many_processes_as_pay(
    sizes: list[int], cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_cores", lambda: cores)
    monkeypatch.setattr(jobs, "_size", int)
    assert jobs.number(0, map(str, sizes)) == expected
    assert jobs.number(7, map(str, sizes)) == 7


def test_where_nothing_can_be_forked_one_process_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(jobs.os, "fork")
    assert jobs.number(0, []) == jobs.number(7, []) == 1


@pytest.mark.usefixtures("heeding")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupt_ends_all_processes(tmp_path: Path) -> None:
    script = (
        "import time; from losslint.engine.processes import spread; print('up', flush=True)\n"
        "list(spread(lambda item: time.sleep(60), range(9), 3, lambda item, why: None))\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"up\n"
    mine = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    deadline = time.monotonic() + 20
    while len(started := mine.read_text().split()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(started) == 3
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def for_ever() -> None:
    while True:
        pass


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "SECONDS", 0.3)


@pytest.mark.usefixtures("soon")
def test_what_takes_too_long_is_lost_and_nothing_else() -> None:
    def work(item: int) -> str:
        if item == 1:
            with suppress(Exception):
                for_ever()
        if item == 2:  # no code of Python, which would hear of it
            re.match("(a*)*b", "a" * 40)
        return str(item)

    late = "it takes more than 60 s of the processor"
    assert done(work, 5, 2) == ["0", f"1 lost: {late}", f"2 lost: {late}", "3", "4"]


@pytest.mark.parametrize("piece", ["a", "a.", "#", "# noqa ", "#add_param_group(a", "if a#:b "])
def test_a_long_line_is_read_once(piece: str) -> None:
    """Of what is as long as its line at each of its places, 200 kB took from 15 s to minutes."""
    line = (piece * 200_000)[:200_000]
    text = (FIXTURES / "retained_graph" / "bad.py").read_text()
    started = time.process_time()
    found = check_source(f"{text}\n# {line}\n'{line}'\n", "x.py", Settings(select=("ALL",)))
    assert "LL303" in {finding.code for finding in found}
    assert time.process_time() - started < 7
