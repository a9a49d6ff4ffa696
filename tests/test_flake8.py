"""losslint as a plugin of flake8, run by flake8 itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flake8.main.cli import main
from made_plugins import WHOLE, install, tell

from losslint import cli, flake8
from losslint.rules import registry

ROOT = Path(__file__).parents[1]
POINT = "losslint.flake8:Checker"
BAD = """\
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        é = (torch.exp(-self.log_vars) * losses).sum() + 0.5 * self.log_vars.sum()
        return é
"""
LINE = "        é = (torch.exp(-self.log_vars) * losses).sum() + 0.5 * self.log_vars.sum()"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What `pip` would write for flake8, on `sys.path`; the working directory is another folder."""
    folder = tmp_path / "site"
    group = "flake8.extension"
    tell(folder, name="torch-losslint", version="0.1.0", points=f"LL = {POINT}", group=group)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.syspath_prepend(folder)
    for known in (flake8._settings, flake8._selection, registry._loaded):
        known.cache_clear()
    yield folder
    forget()


def forget() -> None:
    """Let the next run see what is installed and configured now."""
    for known in (flake8._settings, flake8._selection, registry._loaded):
        known.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The status of a run of flake8, and what it prints."""
    status = main(["--isolated", "--jobs", "1", "--max-line-length", "200", *arguments])
    output = capsys.readouterr()
    assert output.err == ""
    return status, output.out.splitlines()


def test_the_entry_point_is_the_one_that_is_tested() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'[project.entry-points."flake8.extension"]\nLL = "{POINT}"\n' in project


def test_flake8_reports_what_losslint_finds_at_the_same_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("bad.py").write_text(BAD, encoding="utf-8")
    status, lines = run(capsys, "bad.py")
    cli.main(["--isolated", "--no-cache", "--output-format", "json", "bad.py"])
    found = json.loads(capsys.readouterr().out)
    expected = [
        f"bad.py:{f['location']['row']}:{f['location']['column']}: {f['code']} {f['message']}"
        for f in found
    ]
    assert status == 1
    assert lines == expected
    assert [line[:16] for line in lines] == ["bad.py:11:14: LL", "bad.py:11:58: LL"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("--select E", set()),
        ("--select LL1", {"LL101", "LL105"}),
        ("--extend-ignore LL105", {"LL101"}),
        ("--select E,LL105", {"LL105"}),
        ("--per-file-ignores bad.py:LL101", {"LL105"}),
    ],
)
def test_flake8_selects(options: str, found: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.py").write_text(BAD, encoding="utf-8")
    _, lines = run(capsys, *options.split(), "bad.py")
    assert {line.split()[1] for line in lines} == found


@pytest.mark.parametrize(
    ("comment", "options", "found"),
    [
        ("noqa: LL101", "", {"LL105"}),
        ("noqa: LL", "", set()),
        ("noqa", "", set()),
        ("noqa", "--disable-noqa", {"LL101", "LL105"}),
        ("noqa: LL101", "--disable-noqa", {"LL101", "LL105"}),
        ("losslint: ignore[LL101]", "--disable-noqa", {"LL105"}),
        ("noqa: LL103", "", {"LL101", "LL105"}),
    ],
)
def test_comments_of_both_are_heeded(
    comment: str, options: str, found: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.py").write_text(BAD.replace(LINE, f"{LINE}  # {comment}"), encoding="utf-8")
    _, lines = run(capsys, *options.split(), "--extend-ignore", "LL001", "bad.py")
    assert {line.split()[1] for line in lines} == found


def test_a_suppression_is_not_called_unused_for_a_rule_of_the_project(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("idle.py").write_text("x = 1  # noqa: LL107\ny = 1  # losslint: ignore[LL101]\n")
    _, lines = run(capsys, "idle.py")
    assert [line.split()[:2] for line in lines] == [["idle.py:2:27:", "LL001"]]


def test_rules_of_the_project_are_off(capsys: pytest.CaptureFixture[str]) -> None:
    bad = ROOT / "fixtures" / "unused_loss" / "bad"
    _, lines = run(capsys, "--select", "LL", str(bad))
    assert lines == []


@pytest.mark.parametrize(
    ("options", "table", "found"),
    [
        ("", "", False),
        ("--select LL", "", False),
        ("--extend-select LL110", "", True),
        ("", "extend-select = ['LL110']", True),
        ("--extend-select LL110", "ignore = ['LL110']", False),
        ("--extend-ignore LL110", "extend-select = ['LL110']", False),
    ],
)
def test_a_rule_that_is_opt_in_has_to_be_selected(
    options: str, table: str, found: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("losslint.toml").write_text(table)
    text = (ROOT / "fixtures" / "unbounded_predicted_variance" / "bad.py").read_text()
    Path("bad.py").write_text(text)
    _, lines = run(capsys, *options.split(), "bad.py")
    assert any(" LL110 " in line for line in lines) == found


def test_the_configuration_of_losslint_is_that_of_the_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder, table in {"one": "ignore = ['LL101']", "two": ""}.items():
        Path(folder).mkdir()
        Path(folder, "losslint.toml").write_text(table)
        Path(folder, "bad.py").write_text(BAD, encoding="utf-8")
    _, lines = run(capsys, "--select", "LL101", "one", "two")
    assert [line.split(":")[0] for line in lines] == ["two/bad.py"]


def test_an_unknown_rule_ends_flake8(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.py").write_text(BAD, encoding="utf-8")
    status, lines = run(capsys, "--select", "LL999", "bad.py")
    assert status == 1
    assert lines[0] == "There was a critical error during execution of Flake8:"
    assert lines[1].startswith("losslint: unknown rule `LL999`; did you mean ")


def test_a_wrong_configuration_ends_flake8(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.py").write_text(BAD, encoding="utf-8")
    Path("losslint.toml").write_text("selekt = []")
    status, lines = run(capsys, "--select", "E", "bad.py")
    assert status == 1
    assert "unknown key `selekt`; did you mean `select`?" in "".join(lines)


def test_a_notebook_is_not_taken_for_checked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("note.ipynb").write_text('{"cells": [], "nbformat": 4}\n')
    status, lines = run(capsys, "note.ipynb")
    assert (status, lines) == (
        1,
        ["note.ipynb:1:1: LL000 flake8 reads no notebooks, `losslint` does"],
    )


def test_what_could_not_be_checked_is_said(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, module=WHOLE.replace("at = ", "at = 1 / "))
    Path("toy.py").write_text("import torch\n\ntoy = torch\n")
    status, lines = run(capsys, "toy.py")
    assert status == 1
    assert lines[0].startswith("toy.py:1:1: LL000 rule ACM001 toy_word failed: Malformed: ")


def test_standard_input_is_checked(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")])}
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--isolated", "--select", "LL101", "-"],
        input=BAD.encode(),
        capture_output=True,
        env=env,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"stdin:11:58: LL101 ")


def test_flake8_itself_starts_without_what_checking_needs(tmp_path: Path) -> None:
    Path("plain.py").write_text("import os\n\nprint(os.sep)\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")])}
    program = (
        "import sys; from flake8.main.cli import main; main(['--isolated', '-j1', 'plain.py']);"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)
    modules = set(done.stdout.split())
    assert "losslint.flake8" in modules
    assert modules & {"libcst", "rich", "losslint.engine.check", "losslint.rules"} == set()


def test_plugins_are_run_if_flake8_selects_them_and_are_named_if_broken(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    Path("toy.py").write_text("import torch\n\ntoy = torch\n")
    assert run(capsys, "toy.py") == (0, [])
    assert run(capsys, "--extend-select", "ACM", "toy.py")[1] == ["toy.py:3:1: ACM001 found a toy"]
    (site / "acme_losses" / "broken.py").write_text("rule = 1\n")
    forget()
    status, lines = run(capsys, "toy.py")
    assert status == 1
    assert lines[0].startswith("toy.py:1:1: LL000 plug-in acme_losses 1.2 (ACM = acme_losses) is")
