"""Nothing takes for ever, by whatever door it comes: it is LL000, and the rest goes on."""

from __future__ import annotations

import io
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from losslint import check_source, fix_source
from losslint.cli import main
from losslint.config import Settings
from losslint.engine import across, check, fix, limit, whole
from losslint.flake8 import Checker
from losslint.model.module import Module
from losslint.project.unused import UnusedLoss
from losslint.source.text import Source

BAD = """\
import torch
import torch.nn.functional as F


def f(x):
    return torch.log(F.softmax(x, 1))
"""
SLOW = f"{BAD}\n# slow\n"
PROVIDERS = check.PROVIDERS
LATE = "it takes more than 60 s of the processor"


def for_ever() -> None:
    while True:
        pass


def never() -> Any:
    raise AssertionError("this is in time")


@pytest.fixture(autouse=True)
def soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    check_source(BAD)  # the first time takes that of its imports too
    monkeypatch.setattr(limit, "SECONDS", 0.2)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody who yields facts be at it for ever in a source that says so."""

    def slowly(provider: check.Provider) -> check.Provider:
        def provide(module: Module) -> dict[type[Any], list[Any]]:
            if b"# slow" in module.source.data:
                for_ever()
            return provider(module)

        return provide

    slowed = tuple((kinds, slowly(by), screen) for kinds, by, screen in check.PROVIDERS)
    monkeypatch.setattr(check, "PROVIDERS", slowed)


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return "".join(capsys.readouterr()).splitlines()


# --- the limit itself ---------------------------------------------------------------------


def test_work_in_time_is_what_it_was_and_leaves_nothing_behind() -> None:
    for number in range(200):
        assert limit.in_time(lambda: number, never) == number  # noqa: B023, called at once
    for watching in threading.enumerate():
        if watching.name == "losslint-limit":
            watching.join(5)
            assert not watching.is_alive()
    with pytest.raises(KeyError):
        limit.in_time(lambda: {}[0], never)


def test_only_the_time_of_the_processor_counts() -> None:
    assert limit.in_time(lambda: time.sleep(0.6), never) is None


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="nobody knows it")
def test_and_only_that_of_the_thread_that_works() -> None:
    other = threading.Thread(target=lambda: sum(range(40_000_000)))
    other.start()
    assert limit.in_time(other.join, never) is None


def test_what_is_part_of_the_work_has_no_time_of_its_own() -> None:
    started = time.thread_time()
    late = limit.in_time(lambda: limit.in_time(for_ever, never), lambda: "late")  # type: ignore[arg-type, return-value]
    assert late == "late"
    assert time.thread_time() - started < 1


def test_who_loses_the_error_gets_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "AGAIN", 0.1)

    def deaf() -> str:
        for _ in range(3):
            try:
                for_ever()
            except BaseException:
                continue
        return "ended"

    assert limit.in_time(deaf, never) == "ended"


def test_nothing_of_the_program_around_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have timers and signals of its own, and go on when losslint has given up."""
    heard: list[int] = []
    before = signal.signal(signal.SIGPROF, lambda number, _: heard.append(number))
    signal.setitimer(signal.ITIMER_PROF, 0.05, 0.05)
    monkeypatch.setattr(limit, "AGAIN", 0.01)
    try:
        assert limit.in_time(for_ever, lambda: None) is None
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass
        assert signal.getitimer(signal.ITIMER_PROF)[1] == 0.05
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert len(heard) > 4


def test_at_the_brink_it_is_in_time_or_late_and_never_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(turns: int) -> str:
        for _ in range(turns):
            pass
        return "done"

    monkeypatch.setattr(limit, "SECONDS", 0.002)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        outcomes = {
            limit.in_time(lambda: work(turns), lambda: "late")  # noqa: B023, called at once
            for turns in range(10_000, 400_000, 1_000)
        }
    finally:
        sys.setswitchinterval(interval)
    assert outcomes == {"done", "late"}
    work(1_000_000)
    # Python 3.11 never comes back from a profile while it looks for an error that was taken back.
    sys.setprofile(lambda *_: None)
    try:
        work(1)
    finally:
        sys.setprofile(None)


# --- every door ---------------------------------------------------------------------------


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("fixing", [(), ("--fix",)])
def test_a_file_is_reported_and_the_others_are_checked(
    jobs: str, fixing: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("a", BAD), ("slow", SLOW), ("z", BAD)):
        Path(f"{name}.py").write_text(text)
    arguments = ["--no-cache", "--jobs", jobs, "-q", "--output-format", "concise", *fixing]
    assert main(arguments) == 2
    lines = said(capsys)
    (late,) = (line for line in lines if "LL000" in line)
    assert late.startswith("slow.py:1:1: error LL000")
    assert late.endswith(f"it could not be checked: {LATE}")
    assert len(lines) == (1 if fixing else 3)
    assert Path("slow.py").read_text() == SLOW
    assert ("log_softmax" in Path("z.py").read_text()) == bool(fixing)


@pytest.mark.usefixtures("slow")
def test_it_is_not_remembered_as_what_comes_of_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("slow.py").write_text(SLOW)
    for _ in range(2):
        assert main(["-q", "--output-format", "concise"]) == 2
        assert "LL000" in "".join(said(capsys))
    monkeypatch.setattr(check, "PROVIDERS", PROVIDERS)
    assert main(["-q", "--output-format", "concise"]) == 1
    assert "LL404" in "".join(said(capsys))


@pytest.mark.usefixtures("slow")
def test_standard_input_passes_through_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SLOW.encode())))
    assert main(["--fix", "--output-format", "concise", "-"]) == 2
    output = capsys.readouterr()
    assert output.out == SLOW
    assert f"LL000 unreadable_source: it could not be checked: {LATE}" in output.err


@pytest.mark.usefixtures("slow")
def test_the_library_says_so_in_any_thread() -> None:
    def codes() -> list[str]:
        fixed = fix_source(SLOW)
        assert (fixed.text, [found.code for found in fixed.findings]) == (SLOW, ["LL000"])
        return [found.code for found in check_source(SLOW)]

    assert codes() == ["LL000"]
    with ThreadPoolExecutor(1) as other:
        assert other.submit(codes).result() == ["LL000"]
    assert [found.code for found in check_source(BAD)] == ["LL404"]


def test_fixes_that_take_too_long_leave_the_text_and_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fix, "apply_edits", lambda *_: for_ever())
    fixed = fix_source(BAD)
    assert (fixed.text, fixed.applied) == (BAD, 0)
    assert [found.code for found in fixed.findings] == ["LL404", "LL000"]
    assert fixed.findings[1].message == f"no fix was made: {LATE}"


@pytest.mark.usefixtures("slow")
def test_flake8_says_so() -> None:
    (result,) = Checker(None, "slow.py", SLOW.splitlines(keepends=True)).run()
    assert result[:3] == (1, 0, f"LL000 it could not be checked: {LATE}")


@pytest.mark.usefixtures("slow")
def test_the_language_server_says_so_and_checks_what_else_is_open() -> None:
    checking = pytest.importorskip("losslint.server.checking")
    documents = pytest.importorskip("losslint.server.documents")
    opened = []
    for name, text in (("slow", SLOW), ("good", BAD)):
        path = Path(f"{name}.py").resolve()
        path.write_text(text)
        part = documents.Part(path.as_uri(), 1, text, len)
        opened.append(documents.Document(path.as_uri(), (part,), is_notebook=False))
    with ThreadPoolExecutor(1) as worker:
        outcome = worker.submit(checking.Checker().outcome, opened, again=False).result()
    found = {Path(uri).name: [f.code for f in r.findings] for uri, r in outcome.results.items()}
    assert found == {"slow.py": ["LL000"], "good.py": ["LL404"]}


# --- the project --------------------------------------------------------------------------

UNUSED = Path(__file__).parents[1] / "fixtures" / "unused_loss" / "bad"


@pytest.fixture
def project() -> None:
    """Losses that nobody uses, a file with something else to find, and an idle comment in it."""
    shutil.copytree(UNUSED, ".", dirs_exist_ok=True)
    Path("pyproject.toml").touch()
    Path("z.py").write_text(f"{BAD}\n\nx = 1  # losslint: ignore[LL408]\n")


@pytest.mark.usefixtures("project")
def test_rules_of_the_project_that_take_too_long_cost_no_finding_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "--output-format", "concise"]) == 1
    before = [line.split()[2] for line in said(capsys)]
    assert before[0] == "LL408"
    assert before[-2:] == ["LL404", "LL001"]
    monkeypatch.setitem(across.PROVIDERS, UnusedLoss, lambda _: for_ever())  # type: ignore[arg-type, return-value]
    Path("later.py").touch()
    for _ in range(2):
        assert main(["-q", "--output-format", "concise"]) == 2
        first, second = said(capsys)
        assert "error LL000" in first
        assert first.endswith(f"the files could not be looked at together: {LATE}")
        assert "LL404" in second


@pytest.mark.usefixtures("project")
def test_neither_does_what_tells_the_losses_of_the_project(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(whole.unused, "losses", lambda _: for_ever())
    assert main(["-q", "--output-format", "concise"]) == 2
    first, second = said(capsys)
    assert "LL000" in first
    assert f"looking at the files together failed: TimeoutError: {LATE}" in first
    assert "LL404" in second


@pytest.mark.usefixtures("project")
def test_a_file_around_that_takes_too_long_is_one_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gathered = whole.facts_of

    def slowly(source: Source) -> object:
        return for_ever() if source.name.endswith("z.py") else gathered(source)

    name = str(next(Path("losses").glob("[a-z]*.py")))
    facts = gathered(Source(name, Path(name).read_text()))
    monkeypatch.setattr(whole, "facts_of", slowly)
    Path("z.py").write_text("optimizer = 1")
    found = whole.whole({name: facts}, [name], Settings())
    assert found is not None
    (unreadable,) = found.project.unreadable
    assert Path(unreadable).name == "z.py"
