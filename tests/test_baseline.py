"""Findings that are known: what stays known, what is new, and what no longer occurs."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from losslint import Settings, check_paths
from losslint.cli import main

BAD = "x = 1\nbad = 1\ny = 2\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toys: object) -> Path:
    """A working directory with one finding, which is known."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(BAD)
    assert main(["--write-baseline", "known.json", "-q"]) == 0
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """What is reported beside the baseline, as `file:row code`."""
    capsys.readouterr()
    main(["--baseline", "known.json", "--output-format", "json", *arguments])
    output = capsys.readouterr()
    return [
        f"{f['filename']}:{f['location']['row']} {f['code']}"
        for f in json.loads(output.out or "[]")
    ]


def gone(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """What is said of known findings that are no longer there."""
    capsys.readouterr()
    main(["--baseline", "known.json", *arguments])
    return [
        line
        for line in capsys.readouterr().err.splitlines()
        if "is known and no longer found" in line
    ]


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (BAD, []),
        ("import os\n\n\n" + BAD, []),
        ("y = 2\nx = 1\nif x:\n    bad  =  1\n", []),
        (BAD.replace("\n", "\r\n"), []),
        ("", []),
        (BAD + BAD, ["a.py:5 LL901"]),
        (BAD + "bad = 2\n", ["a.py:4 LL901"]),
        ("x = bad = 1\n", ["a.py:1 LL901"]),
        ("bad = 1\nworse = 1\n", ["a.py:2 LL902"]),
    ],
)
def test_moved_code_stays_known_and_a_twin_is_new(
    text: str, new: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.py").write_bytes(text.encode())
    assert found(capsys) == new
    # Of what the cache knows the same is said, and of what is looked at alone.
    assert found(capsys) == new
    assert found(capsys, "a.py") == new
    assert found(capsys, "--no-cache") == new
    known = {"baseline": "known.json"}
    assert [f.code for r in check_paths(["."], Settings(**known)) for f in r.findings] == [
        each.split()[1] for each in new
    ]


def test_a_copy_in_another_file_is_new_and_a_renamed_file_stays_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("b.py").write_text(BAD)
    assert found(capsys) == ["b.py:2 LL901"]
    Path("a.py").unlink()
    assert found(capsys) == []
    assert gone(capsys) == []
    assert found(capsys, "b.py") == []
    Path("c.py").write_text(BAD)
    assert found(capsys) == ["c.py:2 LL901"]


def test_the_file_is_data_that_differs_by_a_line_for_each_finding(here: Path) -> None:
    (here / "pack").mkdir()
    (here / "pack" / "é.py").write_text("é = bad = worse\nbad = 1\nbad = 1\n", encoding="utf-8")
    assert main(["--write-baseline", "known.json"]) == 0
    written = Path("known.json").read_bytes()
    assert written.decode() == (
        '{\n  "losslint-baseline": 1,\n  "findings": {\n'
        '    "a.py": {\n      "LL901": {\n        "bad=1": 1\n      }\n    },\n'
        '    "pack/é.py": {\n'
        '      "LL901": {\n        "bad=1": 2,\n        "é=bad=worse": 1\n      },\n'
        '      "LL902": {\n        "é=bad=worse": 1\n      }\n    }\n  }\n}\n'
    )
    before = os.stat("known.json")
    assert main(["--write-baseline", "known.json"]) == 0
    assert os.stat("known.json").st_ino == before.st_ino
    assert not [name for name in os.listdir() if name.startswith(".losslint-")]


def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own() -> None:
    Path("plain").write_text("")
    assert os.stat("known.json").st_mode == os.stat("plain").st_mode
    os.chmod("known.json", 0o640)
    Path("a.py").write_text("")
    assert main(["--write-baseline", "known.json"]) == 0
    assert stat.S_IMODE(os.stat("known.json").st_mode) == 0o640


def test_its_names_count_from_its_folder_and_the_key_from_the_configuration(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("ci").mkdir()
    assert main(["--write-baseline", "ci/known.json"]) == 0
    assert [*json.loads(Path("ci/known.json").read_text())["findings"]] == ["../a.py"]
    Path("losslint.toml").write_text('baseline = "ci/known.json"\n')
    Path("b").mkdir()
    monkeypatch.chdir("b")
    assert main([str(here)]) == 0
    assert main([str(here), "--isolated"]) == 1
    assert main([str(here), "--baseline="]) == 1
    # The one that is written starts from all that there is, whatever is configured.
    assert main([str(here), "--write-baseline", "new.json"]) == 0
    assert [*json.loads(Path("new.json").read_text())["findings"]] == ["../a.py"]


def test_what_no_longer_occurs_is_said_and_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.py").write_text("bad = 1\nbad = 1\nbad = 2\n")
    assert main(["--write-baseline", "known.json"]) == 0
    Path("b.py").write_text("bad = 2\n")
    line = "b.py: LL901 is known and no longer found, 2 times: bad=1"
    assert gone(capsys) == gone(capsys, "b.py") == [line]
    assert gone(capsys, "-q") == []
    assert main(["--baseline", "known.json"]) == 0
    said = capsys.readouterr()
    assert "--write-baseline" in said.err.splitlines()[-1]
    assert "Known, and not told: 2 findings of the baseline." in said.out
    assert main(["--write-baseline", "known.json"]) == 0
    assert "known.json knows 2 findings: 0 new, 2 dropped." in capsys.readouterr().err
    assert gone(capsys) == []
    Path("b.py").unlink()
    assert gone(capsys) == ["b.py: LL901 is known and no longer found: bad=2"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["b.py"],
        ["pack"],
        ["--select", "LL902"],
        ["--ignore", "LL901"],
        ["--exclude", "a.py"],
    ],
)
def test_what_was_not_looked_for_is_not_called_gone_and_not_dropped(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pack").mkdir()
    Path("b.py").write_text("worse = 1\n")
    Path("a.py").write_text("x = 1\n")
    assert gone(capsys, *arguments) == []
    assert main(["--write-baseline", "known.json", *arguments]) == 0
    assert json.loads(Path("known.json").read_text())["findings"]["a.py"] == {"LL901": {"bad=1": 1}}
    assert len(gone(capsys)) == 1


def test_a_file_that_cannot_be_read_loses_nothing_and_is_never_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = Path("known.json").read_bytes()
    Path("a.py").write_text("def bad(:\n")
    assert gone(capsys) == []
    assert main(["--write-baseline", "known.json"]) == 2
    assert Path("known.json").read_bytes() == before
    assert "LL000" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_what_is_known_is_not_fixed_and_what_is_new_is(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.py").write_text(BAD + "bad = 1\nbad = 2\n")
    capsys.readouterr()
    assert main(["--baseline", "known.json", option]) == (option == "--diff")
    after = Path("a.py").read_text()
    said = capsys.readouterr().out
    if option == "--fix":
        assert after == BAD + "good = 1\ngood = 2\n"
        assert main(["--fix"]) == 0  # as soon as nobody knows it
        assert "bad" not in Path("a.py").read_text()
    else:
        assert after == BAD + "bad = 1\nbad = 2\n"
        assert [line for line in said.splitlines() if line[:2] == "+g"] == [
            "+good = 1",
            "+good = 2",
        ]


def test_a_notebook_knows_its_findings_whatever_cell_they_are_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def write(*cells: str) -> None:
        listed = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
        Path("n.ipynb").write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": listed}))

    write("%time bad\nbad = 1")
    assert main(["--write-baseline", "known.json"]) == 0
    assert json.loads(Path("known.json").read_text())["findings"]["n.ipynb"] == {
        "LL901": {"bad=1": 1}
    }
    write("x = 1", "y = 2\nbad = 1\n")
    assert found(capsys) == []
    write("bad = 1", "bad = 1")
    assert found(capsys) == ["n.ipynb:1 LL901"]


def test_standard_input_is_known_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stdin:
        buffer = io.BytesIO(b"bad = 1\nbad = 2\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert found(capsys, "-", "--stdin-filename", "a.py") == ["a.py:2 LL901"]
    Stdin.buffer.seek(0)
    assert found(capsys, "-", "--stdin-filename", "b.py") == ["b.py:1 LL901", "b.py:2 LL901"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not one of losslint"),
        ('{"findings": {}}', "not one of losslint"),
        ('{"losslint-baseline": true, "findings": {}}', "not one of losslint"),
        ('{"losslint-baseline": 2, "findings": {}}', "of a newer losslint (format 2)"),
        ('{"losslint-baseline": 1}', "damaged"),
        ('{"losslint-baseline": 1, "findings": []}', "damaged"),
        ('{"losslint-baseline": 1, "findings": {"a.py": 1}}', "damaged"),
        ('{"losslint-baseline": 1, "findings": {"a.py": {"LL901": []}}}', "damaged"),
        ('{"losslint-baseline": 1, "findings": {"a.py": {"LL901": {"": 0}}}}', "damaged"),
        ('{"losslint-baseline": 1, "findings": {"a.py": {"LL901": {"": "1"}}}}', "damaged"),
        ('{"losslint-baseline": 1, "findings": {"a.py": {"LL000": {"": 1}}}}', "LL000 cannot be"),
    ],
)
def test_a_file_that_is_no_baseline_is_an_error_and_stays(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("known.json").write_text(text)
    for arguments in (["--baseline"], ["--fix", "--baseline"], ["--write-baseline"]):
        assert main([*arguments, "known.json"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("losslint: error: the baseline ")
        assert says in error
    assert Path("known.json").read_text() == text
    assert Path("a.py").read_text() == BAD


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--baseline missing.json", "missing.json: No such file"),
        ("--baseline .", "Is a directory"),
        ("--baseline missing.json --fix", "missing.json: No such file"),
        ("--write-baseline .", "Is a directory"),
        ("--write-baseline missing/known.json", "could not be written: No such file"),
        ("--write-baseline x.json --baseline known.json", "not allowed with argument"),
        ("--write-baseline x.json --diff", "does not go with"),
        ("--write-baseline x.json -", "does not go with"),
    ],
)
def test_what_cannot_be_read_or_written_is_an_error(
    arguments: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    assert says in capsys.readouterr().err
    assert Path("a.py").read_text() == BAD
    assert not Path("x.json").exists()


def test_a_baseline_may_name_what_no_rule_is_called_any_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = {"losslint-baseline": 1, "findings": {"a.py": {"LL999": {"bad=1": 1}}}}
    Path("known.json").write_text(json.dumps(document))
    assert found(capsys) == ["a.py:2 LL901"]
    assert gone(capsys) == ["a.py: LL999 is known and no longer found: bad=1"]
