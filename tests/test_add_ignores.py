"""Comments that suppress what was found: on the right line, beside what is there, and once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from losslint.cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
ADDED = "added by --add-ignores"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commented(data: bytes, name: str = "x.py") -> bytes:
    """What becomes of a file; the next run finds nothing, and adds nothing."""
    Path(name).write_bytes(data)
    assert main(["--add-ignores", name]) == 0
    after = Path(name).read_bytes()
    assert main([name]) == 0
    assert main(["--add-ignores", "--no-cache", name]) == 0
    assert Path(name).read_bytes() == after
    return after


@pytest.mark.usefixtures("toys", "here")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bad = 1\n", "bad = 1  # losslint: ignore[LL901] {}\n"),
        ("bad = 1", "bad = 1  # losslint: ignore[LL901] {}"),
        ("x = 1\r\nbad = 1\r\ny = 2", "x = 1\r\nbad = 1  # losslint: ignore[LL901] {}\r\ny = 2"),
        ("\ufeffbad = worse  \n", "\ufeffbad = worse  # losslint: ignore[LL901, LL902] {}\n"),
        ("bad = worse; bad\n", "bad = worse; bad  # losslint: ignore[LL901, LL902] {}\n"),
        (
            "bad = 1  # losslint: ignore[LL902] why\nworse = bad  # losslint:ignore[worse_word]\n",
            "bad = 1  # losslint: ignore[LL902, LL001, LL901] why\n"
            "worse = bad  # losslint:ignore[worse_word, LL901]\n",
        ),
        ("bad = 1  # why\n", "bad = 1  # why  # losslint: ignore[LL901] {}\n"),
        ("bad = 1  # type: ignore\n", "bad = 1  # type: ignore  # losslint: ignore[LL901] {}\n"),
        (
            "bad = worse  # noqa: LL902\n",
            "bad = worse  # noqa: LL902  # losslint: ignore[LL901] {}\n",
        ),
        (
            "x = 1  # losslint: disable[LL901]\n",
            "x = 1  # losslint: disable[LL901]  # losslint: ignore[LL001] {}\n",
        ),
        (
            "# losslint: ignore-file[LL902]\nx = 1\n",
            "# losslint: ignore-file[LL902]  # losslint: ignore[LL001] {}\nx = 1\n",
        ),
        ("x = f(\n    bad,\n)\n", "x = f(\n    bad,  # losslint: ignore[LL901] {}\n)\n"),
        ("if x:\n    bad\n", "if x:\n    bad  # losslint: ignore[LL901] {}\n"),
        # A comment on the first or last line of the statement is merged into.
        (
            "x = f(  # losslint: ignore[LL902] why\n    bad,\n    worse,\n)\n",
            "x = f(  # losslint: ignore[LL902, LL901] why\n    bad,\n    worse,\n)\n",
        ),
        # No comment goes into a string, nor behind a backslash.
        ('x = """\nbad\n"""\n', 'x = """\nbad\n"""  # losslint: ignore[LL901] {}\n'),
        ('x = f"""\nbad {y}\n{bad}\n"""\n', 'x = f"""\nbad {y}\n{bad}\n"""  # losslint: ignore[LL901] {}\n'),
        ('f("""a\nbad""", bad)\n', 'f("""a\nbad""", bad)  # losslint: ignore[LL901] {}\n'),
        ('bad("""a\nb""")\n', 'bad("""a\nb""")  # losslint: ignore[LL901] {}\n'),
        ("x = bad + \\\n    1\n", "x = bad + \\\n    1  # losslint: ignore[LL901] {}\n"),
        ("x = 1 + \\\n bad \\\n+ 1\n", "x = 1 + \\\n bad \\\n+ 1  # losslint: ignore[LL901] {}\n"),
        ("if f(\n    1,\n    bad\n): pass\n", "if f(\n    1,\n    bad  # losslint: ignore[LL901] {}\n): pass\n"),
        ("if f('''\nbad'''\n):\n    x\n", "if f('''\nbad'''  # losslint: ignore[LL901] {}\n):\n    x\n"),
        ("if bad and \\\n  y:\n    x\n", "if bad and \\\n  y:  # losslint: ignore[LL901] {}\n    x\n"),
        ("'''bad'''\nx = 1\n", "'''bad'''  # losslint: ignore[LL901] {}\nx = 1\n"),
    ],
)  # fmt: skip
def test_the_comment_stands_where_it_counts(before: str, after: str) -> None:
    assert commented(before.encode()).decode() == after.replace("{}", ADDED, 1)


@pytest.mark.usefixtures("toys", "here")
def test_the_encoding_of_a_file_stays() -> None:
    raw = "# -*- coding: latin-1 -*-\nx = 'é'; bad\n".encode("latin-1")
    expected = raw.replace(b"bad\n", b"bad  # losslint: ignore[LL901] " + ADDED.encode() + b"\n")
    assert commented(raw) == expected


@pytest.mark.usefixtures("toys", "here")
def test_of_a_notebook_only_the_lines_of_code_change() -> None:
    cells = [["%time bad\n", "bad = 1"], ["x = f(\n", "  bad,\n", ")\n"], "y = '''\nbad'''\n!ls"]
    listed = [{"cell_type": "code", "source": c, "id": "é", "outputs": []} for c in cells]
    text = json.dumps({"nbformat": 4, "metadata": {}, "cells": listed}, indent=3)
    after = commented(text.encode(), "x.ipynb").decode()
    comment = f"  # losslint: ignore[LL901] {ADDED}"
    assert after == (
        text.replace('"bad = 1"', f'"bad = 1{comment}"')
        .replace('"  bad,\\n"', f'"  bad,{comment}\\n"')
        .replace("bad'''\\n", f"bad'''{comment}\\n")
    )


@pytest.mark.usefixtures("toys", "here")
def test_what_was_not_checked_is_left_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    files = {"bad.py": "bad\nbad\n", "broken.py": "def bad(:\n", "crash.py": "bad = boom\n"}
    for name, text in files.items():
        Path(name).write_text(text)
    assert main(["--add-ignores", "--output-format", "concise"]) == 2
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines() if "LL000" in line][:2] == [
        "broken.py",
        "crash.py",
    ]
    assert "LL901" not in said.out
    assert "Wrote comments that suppress 3 findings in 2 files." in said.err
    assert Path("broken.py").read_text() == files["broken.py"]
    assert Path("crash.py").read_text() == f"bad = boom  # losslint: ignore[LL901] {ADDED}\n"


@pytest.mark.usefixtures("toys", "here")
def test_a_file_that_cannot_be_written_stays_and_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    Path("x.py").write_text("bad = 1\n")
    monkeypatch.setattr(os, "replace", refuse)
    assert main(["--add-ignores", "--no-cache", "x.py"]) == 2
    assert Path("x.py").read_text() == "bad = 1\n"
    assert os.listdir() == ["x.py"]
    out = capsys.readouterr().out
    assert "the comments could not be written" in out
    assert "LL901" in out


@pytest.mark.usefixtures("toys", "here")
def test_only_what_is_new_beside_a_baseline_gets_a_comment() -> None:
    Path("x.py").write_text("bad = 1\n")
    assert main(["--write-baseline", "known.json"]) == 0
    Path("x.py").write_text("bad = 1\nbad = 2\n")
    assert main(["--baseline", "known.json", "--add-ignores"]) == 0
    assert Path("x.py").read_text() == f"bad = 1\nbad = 2  # losslint: ignore[LL901] {ADDED}\n"


@pytest.mark.usefixtures("toys", "here")
@pytest.mark.parametrize("other", ["--fix", "--diff", "-", "--write-baseline known.json"])
def test_it_goes_with_nothing_else_that_writes(
    other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.py").write_text("bad = 1\n")
    assert main(["--add-ignores", *other.split()]) == 2
    assert "losslint: error: " in capsys.readouterr().err
    assert os.listdir() == ["x.py"]
    assert Path("x.py").read_text() == "bad = 1\n"


@pytest.mark.usefixtures("toys", "here")
def test_what_stands_before_a_magic_is_left_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Behind it is the shell's."""
    cell = {"cell_type": "code", "source": "x = 1; bad\nbad = !ls", "id": "a", "outputs": []}
    Path("x.ipynb").write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}))
    assert main(["--add-ignores", "--output-format", "concise"]) == 1
    said = capsys.readouterr()
    assert [line.split(" ")[0] for line in said.out.splitlines()][:2] == ["x.ipynb:cell", "Checked"]
    assert "suppress 1 finding in 1 file." in said.err
    source = json.loads(Path("x.ipynb").read_text())["cells"][0]["source"]
    assert source == f"x = 1; bad  # losslint: ignore[LL901] {ADDED}\nbad = !ls"


def test_every_rule_is_silent_where_it_got_a_comment(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is found in the fixtures, by rules of single files and of the project."""
    for bad in sorted(FIXTURES.glob("*/bad*")):
        copied = here / bad.parent.name / bad.name
        (shutil.copytree if bad.is_dir() else shutil.copy)(bad, _made(copied))
    assert main(["--select", "ALL", "--add-ignores", "--jobs", "1"]) == 0
    assert int(capsys.readouterr().err.split()[4]) > 500
    assert main(["--select", "ALL", "--jobs", "1"]) == 0


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
