"""The command: its exit status, and that nothing unchecked ever looks clean."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import losslint
from losslint.cli import main

BAD, CLEAN, WORSE = "bad = 1\n", "x = 1\n", "worse = 1\n"
R_NOTEBOOK = '{"nbformat": 4, "cells": [], "metadata": {"language_info": {"name": "R"}}}'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.py").write_text(text)


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("clean.py", 0),
        ("bad.py", 1),
        (".", 1),
        ("", 1),
        ("check bad.py", 1),
        ("check", 1),
        ("--exit-zero check", 0),
        ("--select LL901 check bad.py", 1),
        ("--select LL901 check missing.py", 2),
        ("--isolated rule LL000", 2),
        ("clean.py --no-cache bad.py -q", 1),
        ("--no-cache -- bad.py", 1),
        ("-- --fix", 2),
        ("bad.py --ignore LL901", 0),
        ("bad.py --select bad_word", 1),
        ("bad.py --exit-zero", 0),
        ("bad.py --no-cache", 1),
        ("bad.py --fix", 0),
        ("worse.py --fix", 1),
        ("worse.py --fix --unsafe-fixes", 0),
        ("bad.py --diff", 1),
        ("worse.py --diff", 0),
        ("worse.py --diff --unsafe-fixes", 1),
        ("clean.py --diff", 0),
        ("bad.py --diff --exit-zero", 0),
        ("syntax.py", 2),
        ("syntax.py --exit-zero", 2),
        ("syntax.py --fix", 2),
        ("syntax.py --diff", 2),
        ("syntax.py bad.py --select LL901", 2),
        ("crash.py", 2),
        ("missing.py", 2),
        ("missing.py clean.py", 2),
        ("missing", 2),
        ("note.ipynb", 2),
        ("clean.py --select LL999", 2),
        ("clean.py --ignore bad_wrod", 2),
        ("clean.py --extend-select X", 2),
        ("clean.py --extend-ignore X", 2),
        ("clean.py --select ,", 2),
        ("clean.py --ignore LL000", 2),
        ("clean.py --no-such-option", 2),
        ("clean.py --output-format sarfi", 2),
        ("clean.py --output-format json=", 2),
        ("clean.py --output-format json --output-format full", 2),
        ("clean.py --output-format json=a --output-format jsonl=./a", 2),
        ("clean.py --output-format json=a --output-file b", 2),
        ("clean.py --output-format json=a/b", 2),
        ("clean.py --output-format sarif --statistics", 2),
        ("clean.py --output-format sarif --diff", 2),
        ("bad.py --fail-on error", 0),
        ("bad.py --fail-on warning", 1),
        ("syntax.py --fail-on error", 2),
        ("bad.py --fail-on never", 2),
        ("clean.py --fi", 2),
        ("clean.py --config missing.toml", 2),
        ("clean.py --config wrong.toml", 2),
        ("clean.py --config wrong.toml --isolated", 2),
        ("clean.py --output-file missing/report.txt", 2),
        ("clean.py -", 2),
        ("--show-files missing.py", 2),
        ("--show-files", 0),
        ("--show-settings", 0),
        ("--version", 0),
        ("--help", 0),
        ("rule LL901", 0),
        ("rule bad_word", 0),
        ("rule --all", 0),
        ("rule LL999", 2),
        ("rule", 2),
        ("rule LL901 --all", 2),
    ],
)
def test_the_exit_status_is_that_of_the_contract(arguments: str, status: int) -> None:
    write(bad=BAD, clean=CLEAN, worse=WORSE)
    if "syntax" in arguments:
        write(syntax="def bad(:\n")
    if "crash" in arguments:
        write(crash="boom\n")
    Path("wrong.toml").write_text("selct = []\n")
    if "note" in arguments:
        Path("note.ipynb").write_text(json.dumps({"cells": []}))
    assert main(arguments.split()) == status


@pytest.mark.usefixtures("toys")
def test_the_configuration_is_honoured_and_can_be_left_aside() -> None:
    write(bad=BAD)
    Path("pyproject.toml").write_text("[tool.losslint]\nignore = ['bad_word']\n")
    assert main([]) == 0
    assert main(["--isolated"]) == 1
    assert main(["--select", "LL901"]) == 1


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("form", ["full", "concise", "json"])
def test_a_run_without_findings_says_what_it_looked_at_and_what_not(
    form: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clean=CLEAN)
    for name in ("a", "b"):
        Path(f"{name}.ipynb").write_text(R_NOTEBOOK)
    os.symlink(here.parent, "elsewhere")
    assert main(["--output-format", form]) == 0
    output = capsys.readouterr()
    said = output.err if form == "json" else output.out
    assert said == "Checked 1 file: no findings.\nNot checked: 1 link, 2 non-Python notebooks.\n"
    if form == "json":
        assert json.loads(output.out) == []


@pytest.mark.usefixtures("toys")
def test_a_run_without_files_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "No Python file was found." in capsys.readouterr().out


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("form", ["full", "concise", "json"])
@pytest.mark.parametrize("name", ["missing.py", "note.ipynb", "latin.py", "null.py"])
def test_what_cannot_be_read_is_ll000_in_every_format(
    name: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("note.ipynb").write_text('{"cells": [{"source": ["bad"]}]}')
    Path("latin.py").write_bytes(b"bad = '\xe9'\n")
    Path("null.py").write_bytes(b"bad\0\n")
    assert main([name, "--output-format", form]) == 2
    output = capsys.readouterr().out
    assert "LL000" in output
    assert name in output
    assert "Traceback" not in output


@pytest.mark.usefixtures("toys")
def test_a_crash_is_told_and_traced_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    write(crash="bad = boom\n")
    assert main([]) == 2
    short = capsys.readouterr().out
    assert "KeyError" in short
    assert "LL901" in short
    assert "Traceback" not in short
    assert main(["-v"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().out


@pytest.mark.usefixtures("toys")
def test_quiet_prints_findings_only(capsys: pytest.CaptureFixture[str]) -> None:
    write(bad=BAD)
    assert main(["-q", "--output-format", "concise"]) == 1
    output = capsys.readouterr()
    assert output.out.count("\n") == 1
    assert output.err == ""


@pytest.mark.usefixtures("toys")
def test_a_fix_that_is_withheld_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write(broken="broken = 1\n")
    assert main(["--fix"]) == 1
    assert Path("broken.py").read_text() == "broken = 1\n"
    assert "the fix of LL905 was not applied" in capsys.readouterr().err


@pytest.mark.usefixtures("toys")
def test_a_diff_writes_nothing_and_applies(capfd: pytest.CaptureFixture[str], here: Path) -> None:
    write(bad="x = 1\nbad = 1\nno_newline = bad", clean=CLEAN)
    assert main(["--diff"]) == 1
    output = capfd.readouterr()
    assert "Would fix 2 findings in 1 file." in output.err
    assert Path("bad.py").read_text() == "x = 1\nbad = 1\nno_newline = bad"
    subprocess.run(["git", "apply", "-p0"], input=output.out.encode(), check=True, cwd=here)
    assert Path("bad.py").read_text() == "x = 1\ngood = 1\nno_newline = good"


@pytest.mark.usefixtures("toys")
def test_a_diff_shows_what_it_could_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--diff", "missing.py"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "missing.py:1:1: error LL000" in output.err


@pytest.mark.usefixtures("toys")
def test_findings_can_go_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    write(bad=BAD)
    assert main(["--output-format", "json", "--output-file", "out.json"]) == 1
    assert json.loads(Path("out.json").read_text())[0]["code"] == "LL901"
    assert "Checked 1 file" in capsys.readouterr().out


@pytest.mark.usefixtures("toys")
def test_the_files_and_the_settings_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    write(bad=BAD, clean=CLEAN)
    Path("losslint.toml").write_text("exclude = ['clean.py']\n")
    assert main(["--show-files"]) == 0
    assert capsys.readouterr().out == "bad.py\n"
    assert main(["--show-settings", "--select", "LL901"]) == 0
    settings = capsys.readouterr().out
    assert 'exclude = ["clean.py"]' in settings
    assert 'select = ["LL901"]' in settings
    assert "losslint.toml" in settings


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_pages_of_the_rules_can_be_printed(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rule", "--all", "--output-format", form]) == 0
    output = capsys.readouterr().out
    assert all(word in output for word in ("LL000", "bad_word", "Finds `bad`"))
    if form == "json":
        assert json.loads(output)[2]["summary"] == "The word bad."


def losslint_process(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "losslint", "--isolated", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, **pipes)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("flag", ["-P", "-I"])
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no -P")
def test_it_runs_as_a_module_where_modules_of_a_project_have_names_of_python_s(flag: str) -> None:
    write(bad="x = 1  # losslint: ignore\n", json="1 / 0\n", losslint="1 / 0\n", types="1 / 0\n")
    command = [sys.executable, flag, "-m", "losslint", "--isolated", "-q", "."]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("bad.py:1:8: note LL001")


def test_it_runs_as_a_module_from_any_folder(here: Path) -> None:
    write(bad="x = 1  # losslint: ignore\n")
    (here / "below").mkdir()
    with losslint_process("--output-format", "concise", "../bad.py", cwd=here / "below") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, b"")
    assert b"/bad.py:1:8: note LL001" in out


@pytest.mark.usefixtures("heeding")
def test_an_interrupt_ends_it_with_130_and_one_line() -> None:
    for n in range(400):
        Path(f"f{n}.py").write_text("# losslint: ignore\nx = " + " + ".join("a" * 900) + "\n")
    with losslint_process("-v") as process:
        assert process.stderr is not None
        # Said when it begins; there are seconds of work left then.
        assert process.stderr.readline() == b"settings: the defaults\n"
        out, err = interrupted(process)
    assert (process.returncode, out) == (130, b"")
    ignored, said = err[: -len(INTERRUPTED)], err[-len(INTERRUPTED) :]
    assert said == INTERRUPTED
    assert not ignored or ignored.startswith(b"Exception ignored in")


INTERRUPTED = b"losslint: interrupted\n"


def interrupted(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process says that is interrupted, until it ends: Python ignores an interrupt
    that comes while it finalizes something.
    """
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=5)
    process.kill()
    return process.communicate()


@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [
        ("bad.py", ">&-", 1),
        ("clean.py", ">&-", 0),
        ("bad.py", "2>&-", 1),
        ("-", "<&-", 2),
        ("-", "<&- 2>&-", 2),
        ("bad.py", ">/dev/full", 2),
    ],
)
def test_a_closed_or_a_full_stream_is_no_traceback(
    arguments: str, closed: str, status: int
) -> None:
    write(bad="x = 1  # losslint: ignore\n", clean=CLEAN)
    command = f"{sys.executable} -m losslint --isolated {arguments} {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_what_goes_to_both_streams_stays_in_order() -> None:
    write(bad="x = 1  # losslint: ignore-file[LL101]")
    with losslint_process("--diff", stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate(timeout=30)
    assert out.splitlines()[-3:] == [
        b"\\ No newline at end of file",
        b"Would fix 1 finding in 1 file.",
        b"Checked 1 file: no findings.",
    ]


def test_a_terminal_that_lacks_a_character_is_no_error() -> None:
    Path("é€.py").write_text("x = '日'  # losslint: ignore\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = losslint_process(env=environment)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, b"")
    assert b"\\xe9\\u20ac.py:1:10" in out


def test_no_file_at_all_is_no_failure() -> None:
    """pre-commit may hand none to a hook that always runs."""
    process = losslint_process("--force-exclude")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert b"No Python file was found." in out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"losslint {losslint.__version__}\n"
