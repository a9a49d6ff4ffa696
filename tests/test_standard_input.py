"""Standard input: checked as the file that it is called, fixed through, and never lost."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from losslint.cli import main

NOTEBOOK = json.dumps(
    {"cells": [{"cell_type": "code", "source": ["bad"]}], "nbformat": 4}, indent=1
).encode()


@dataclass
class Outcome:
    """What a run came to: its exit status, and what it wrote."""

    status: int
    out: bytes
    err: str


class Losslint:
    """Calls of the command in an empty working directory, with the toy rules."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> None:
        self._patch = patch
        self._capture = capture

    def __call__(self, raw: bytes, arguments: str = "", name: str = "a/b.py") -> Outcome:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        named = ["--stdin-filename", name] if name else []
        status = main(["-", *named, *arguments.split()])
        output = self._capture.readouterr()
        return Outcome(status, output.out, output.err.decode())


@pytest.fixture
def losslint(
    toys: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Losslint:
    """The command."""
    monkeypatch.chdir(tmp_path)
    return Losslint(monkeypatch, capfdbinary)


@pytest.mark.parametrize(
    ("raw", "status", "out", "code"),
    [
        (b"bad = 1\r\nx = 1\r\n", 0, b"good = 1\r\nx = 1\r\n", ""),
        (b"\xef\xbb\xbfbad = 1", 0, b"\xef\xbb\xbfgood = 1", ""),
        (b"worse = 1; bad", 1, b"worse = 1; good", "LL902"),
        (b"x = 1", 0, b"x = 1", ""),
        (b"", 0, b"", ""),
        (b"\r", 0, b"\r", ""),
        (b"# coding: latin-1\nbad='\xe9'", 0, b"# coding: latin-1\ngood='\xe9'", ""),
        (b"bad = '\xe9'", 2, b"bad = '\xe9'", "LL000"),
        (b"def bad(:", 2, b"def bad(:", "LL000"),
        (b"bad = boom", 2, b"good = boom", "LL000"),
        (b"bad\0", 2, b"bad\0", "LL000"),
    ],
)
@pytest.mark.parametrize("form", ["full", "concise", "json"])
def test_with_fix_the_text_goes_out_and_the_findings_to_standard_error(
    raw: bytes, status: int, out: bytes, code: str, form: str, losslint: Losslint
) -> None:
    done = losslint(raw, f"--fix -q --output-format {form}")
    assert (done.status, done.out) == (status, out)
    assert code in done.err
    if form == "json":
        assert {item["code"] for item in json.loads(done.err)} == ({code} if code else set())
    elif not code:
        assert done.err == ""


def test_a_notebook_is_one_by_its_name(losslint: Losslint) -> None:
    fixed = NOTEBOOK.replace(b"bad", b"good")
    done = losslint(NOTEBOOK, "--fix", "x.ipynb")
    assert (done.status, done.out) == (0, fixed)
    assert "Fixed 1 finding" in done.err
    done = losslint(NOTEBOOK, "--diff", "x.ipynb")
    assert (done.status, done.out.count(b"\n+"), done.out.count(b"\n-")) == (1, 2, 1)
    assert losslint(NOTEBOOK, "-q", "x.ipynb").out.startswith(b"x.ipynb:cell 1:1:1: ")
    for arguments in ("", "--fix"):
        done = losslint(NOTEBOOK, arguments, name="")
        said = done.err if arguments else done.out.decode()
        assert done.status == 2
        assert "must end in .ipynb" in said
        assert not arguments or done.out == NOTEBOOK


def test_without_fix_the_findings_go_out_and_name_the_file(losslint: Losslint) -> None:
    done = losslint(b"bad = 1", "-q --output-format concise")
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith(b"a/b.py:1:1: warning LL901")
    assert losslint(b"bad = 1", "-q", name="").out.startswith(b"<stdin>:1:1: warning LL901")


def test_a_diff_goes_out_and_what_is_left_to_standard_error(losslint: Losslint) -> None:
    done = losslint(b"bad = 1\n", "--diff")
    assert done.out == b"--- a/b.py\n+++ a/b.py\n@@ -1 +1 @@\n-bad = 1\n+good = 1\n"
    assert (done.status, "Would fix 1 finding" in done.err) == (1, True)
    done = losslint(b"def bad(:", "--diff --fix")
    assert (done.status, done.out) == (2, b"")
    assert "LL000" in done.err


def test_findings_can_go_to_a_file_while_the_text_goes_out(losslint: Losslint) -> None:
    done = losslint(b"worse = bad", "--fix --output-format json --output-file found.json")
    assert (done.status, done.out) == (1, b"worse = good")
    assert [item["code"] for item in json.loads(Path("found.json").read_text())] == ["LL902"]


@pytest.mark.parametrize(
    ("arguments", "configuration", "checked"),
    [
        ("", "per-file-ignores = {'a/*' = ['LL901']}", False),
        ("", "per-file-ignores = {'c/*' = ['LL901']}", True),
        ("", "exclude = ['a']", True),
        ("", "exclude = ['a']\nforce-exclude = true", False),
        ("--force-exclude", "extend-exclude = ['b.py']", False),
        ("--force-exclude", "extend-exclude = ['c.py']", True),
        ("--force-exclude --exclude a/*.py", "", False),
        ("--exclude a/*.py", "", True),
    ],
)
def test_the_name_decides_what_holds(
    arguments: str, configuration: str, checked: bool, losslint: Losslint
) -> None:
    Path("losslint.toml").write_text(configuration)
    assert losslint(b"bad", arguments).status == checked
    fixed = losslint(b"bad", f"--fix {arguments}")
    assert (fixed.status, fixed.out) == (0, b"good" if checked else b"bad")


def test_what_git_ignores_is_left_out_where_that_is_forced(losslint: Losslint) -> None:
    Path(".git").mkdir()
    Path(".gitignore").write_text("a/\n")
    assert losslint(b"bad").status == 1
    done = losslint(b"bad", "--force-exclude --fix")
    assert (done.status, done.out) == (0, b"bad")
    assert "No Python file was found." in done.err


@pytest.mark.parametrize(
    "arguments", ["- x.py", "--stdin-filename x.py", "--stdin-filename x.py ."]
)
def test_it_goes_with_no_other_path(
    arguments: str, losslint: Losslint, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(arguments.split()) == 2
    assert b"losslint: error: `-" in capfdbinary.readouterr().err
