"""Command lines that cannot be meant: an error at once, and nothing is read or written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from losslint.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toys: object) -> Path:
    """A working directory with a file in which something is found, and a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("bad = 1\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--statistics", "--diff"], "--statistics does not go with --diff"),
        (["--add-ignores", "--fix"], "--add-ignores does not go with --fix"),
        (["--add-ignores", "--diff"], "--add-ignores does not go with --diff"),
        (["--add-ignores", "-"], "--add-ignores does not go with `-`"),
        (["--add-ignores", "--write-baseline", "k.json"], "--write-baseline does not go with"),
        (["--write-baseline", "k.json", "--diff"], "--write-baseline does not go with --diff"),
        (["--write-baseline", "k.json", "-"], "--write-baseline does not go with `-`"),
        (["--write-baseline", "k.json", "--baseline", "k.json"], "not allowed with argument"),
        (["--verify"], "--verify goes with --fix or --diff"),
        (["-", "bad.py"], "goes with no other path"),
        ([""], "a path is empty"),
        (["--config", ""], "argument --config: names nothing"),
        (["--cache-dir="], "argument --cache-dir: names nothing"),
        (["--output-file", ""], "argument --output-file: names nothing"),
        (["--write-baseline", ""], "argument --write-baseline: names nothing"),
        (["--config", "x.toml", "--isolated"], "not allowed with argument --config"),
        (["--config", "folder"], "folder: Is a directory"),
        (["--config", "missing.toml"], "missing.toml: No such file or directory"),
        (["--fix", "--output-file", "bad.py"], "bad.py is to be checked, and would be overwritten"),
        (["--fix", "--output-file", "./folder/../bad.py", "."], "bad.py is to be checked"),
        (["--write-baseline", "bad.py"], "bad.py is to be checked"),
        (["verify", "--output-file", "bad.py", "."], "bad.py is to be checked"),
        (["verify", "--output-file", "bad.py", "bad.py::loss"], "bad.py is to be checked"),
        (["verify", "--output-file=", "."], "argument --output-file: names nothing"),
    ],
)
def test_what_cannot_be_meant_is_an_error_and_does_nothing(
    arguments: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert ": error: " in output.err
    assert says in output.err
    assert sorted(os.listdir()) == ["bad.py", "folder"]
    assert (here / "bad.py").read_text() == "bad = 1\n"


def test_what_the_system_refuses_is_told_with_the_file_and_without_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("full").symlink_to("/dev/full")
    assert main(["--no-cache", "--output-file", "full", "bad.py"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("losslint: error: ")
    assert "Errno" not in error
