"""The GitHub Action: valid, its steps run by bash as a runner would, and no input that bash reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = ROOT / ".github" / "actions" / "losslint" / "action.yml"
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")

# In the place of Python: it tells what it was called with, makes what `venv` would, and is losslint.
STUB = """#!/bin/bash
if [ "$2" = -c ] || [ "$1" = -c ]; then exec {python} "$@"; fi
printf '%s\\0' "$@" >> {log}; printf '\\n' >> {log}
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
if [ "$3" = losslint ]; then
  {writes}
  exit {status}
fi
"""
WRITES = 'while [ $# -gt 0 ]; do if [ "$1" = --output-file ]; then echo {} > "$2"; fi; shift; done'


def action() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return parsed


@dataclass
class Runner:
    """What of GitHub's runner the steps see: contexts, an environment, a file for outputs."""

    folder: Path
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    status: int = 0
    said: str = ""

    def __post_init__(self) -> None:
        for name in ("temp", "work", "bin"):
            (self.folder / name).mkdir()
        defaults = {name: given["default"] for name, given in action()["inputs"].items()}
        self.inputs = {**defaults, **self.inputs}

    def stub(self, *, status: int = 0, writes: str = WRITES) -> None:
        """Put a program in the place of Python."""
        values = {"python": sys.executable, "log": self.folder / "log", "status": status}
        text = STUB
        for name, value in {**values, "writes": writes}.items():
            text = text.replace(f"{{{name}}}", str(value))
        program = self.folder / "bin" / "python"
        program.write_text(text)
        program.chmod(0o755)

    def run(self) -> Runner:
        """Run each step that is a script, until one fails."""
        for step in action()["runs"]["steps"]:
            if "run" in step and not self.status:
                self._run(step)
        return self

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call of the program."""
        lines = (self.folder / "log").read_text().split("\0\n")
        return [line.split("\0") for line in lines if line]

    def _run(self, step: dict[str, Any]) -> None:
        script, outputs = self.folder / "script.sh", self.folder / "outputs"
        script.write_text(step["run"])
        outputs.touch()
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        env = {name: self._value(value) for name, value in step["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            env={"PATH": path, "GITHUB_OUTPUT": str(outputs), **env},
            cwd=self.folder / "work",
            capture_output=True,
            text=True,
        )
        self.status = done.returncode
        self.said += done.stdout + done.stderr
        for line in outputs.read_text().splitlines():
            name, _, value = line.partition("=")
            self.outputs[f"steps.{step['id']}.outputs.{name}"] = value
        outputs.unlink()

    def _value(self, written: str) -> str:
        known = {
            "github.action_path": str(ACTION.parent),
            "runner.temp": str(self.folder / "temp"),
            **{f"inputs.{name}": value for name, value in self.inputs.items()},
            **self.outputs,
        }
        return EXPRESSION.sub(lambda found: known[found[1]], written)


def test_the_action_is_one_by_the_schema_of_github_actions() -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]
    done = subprocess.run([sys.executable, *command, str(ACTION)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_expression_stands_where_a_shell_reads() -> None:
    scripts = [step["run"] for step in action()["runs"]["steps"] if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)


def test_losslint_is_installed_from_where_the_action_is(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.stub()
    assert runner.run().status == 0
    venv, pip, check = runner.calls
    assert venv == ["-m", "venv", f"{tmp_path}/temp/losslint"]
    assert pip[:4] == ["-m", "pip", "install", "--quiet"]
    assert Path(pip[4]).resolve() == ROOT
    expected = f"-I -m losslint check --cache-dir {tmp_path}/temp/losslint/cache"
    assert check == [*expected.split(), "--output-format", "github", "--", "."]


def test_another_version_comes_from_pypi(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"version": "0.1.0 --index-url x"})
    runner.stub()
    runner.run()
    assert runner.calls[1][4:] == ["torch-losslint==0.1.0 --index-url x"]


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ({"paths": "src 'my code' a.py"}, ["--", "src", "my code", "a.py"]),
        ({"paths": "src\ntests\n"}, ["--", "src", "tests"]),
        ({"paths": ""}, ["--"]),
        ({"args": "--select LL1"}, ["--select", "LL1", "--", "."]),
        ({"args": "--exclude 'a b' -v"}, ["--exclude", "a b", "-v", "--", "."]),
        (
            {"paths": "$(touch pwned) `touch pwned`"},
            ["--", "$(touch", "pwned)", "`touch", "pwned`"],
        ),
        ({"args": '"; touch pwned; #"'}, ["; touch pwned; #", "--", "."]),
        ({"paths": "* ~ $HOME {a,b}"}, ["--", "*", "~", "$HOME", "{a,b}"]),
        ({"paths": "--fix"}, ["--", "--fix"]),
        ({"output-format": "$(touch pwned)"}, ["--", "."]),
        ({"upload-sarif": "$(touch pwned)"}, ["--", "."]),
    ],
)
def test_inputs_arrive_as_words_and_never_as_code(
    inputs: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    runner = Runner(tmp_path, inputs)
    runner.stub()
    assert runner.run().status == 0
    form = inputs.get("output-format", "github")
    assert runner.calls[2][6:] == ["--output-format", form, *arguments]
    assert list(tmp_path.rglob("pwned")) == []


def test_quotes_that_do_not_close_are_an_error(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"args": "--select 'LL1"})
    runner.stub()
    assert runner.run().status != 0
    assert runner.said == "losslint: error: the input `args`: No closing quotation\n"
    assert len(runner.calls) == 2


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_status_is_kept_and_the_findings_are_uploaded_when_asked(
    status: int, tmp_path: Path
) -> None:
    runner = Runner(tmp_path, {"upload-sarif": "true"})
    runner.stub(status=status)
    assert runner.run().status == status
    sarif = f"{tmp_path}/temp/losslint/losslint.sarif"
    options = ["--quiet", "--output-format", "sarif", "--output-file", sarif, "--", "."]
    assert runner.calls[3][6:] == options
    assert runner.outputs["steps.check.outputs.sarif"] == sarif
    upload = action()["runs"]["steps"][-1]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert runner._value(upload["with"]["sarif_file"]) == sarif
    # A step runs after one that failed only if its condition says so.
    assert upload["if"] == "${{ !cancelled() && steps.check.outputs.sarif != '' }}"


def test_nothing_is_uploaded_if_nothing_was_written(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"upload-sarif": "true"})
    runner.stub(status=2, writes="true")
    assert runner.run().status == 2
    assert "steps.check.outputs.sarif" not in runner.outputs


def test_losslint_itself_is_run_and_no_module_of_the_project(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"output-format": "json"})
    runner.outputs["steps.install.outputs.python"] = str(sys.executable)
    (tmp_path / "temp" / "losslint").mkdir()
    for name in ("json", "losslint", "types"):
        (tmp_path / "work" / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "work" / "loss.py").write_text("x = 1  # losslint: ignore[LL101]\n")
    runner._run(action()["runs"]["steps"][2])
    assert runner.status == 1, runner.said
    found, _ = json.JSONDecoder().raw_decode(runner.said)
    assert [one["code"] for one in found] == ["LL001"]
