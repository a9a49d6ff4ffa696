"""What README.md shows is what losslint prints and what torch measures.

`python tests/test_readme.py` writes the table of rules and the table of advice anew.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from losslint import cli
from losslint.rules.registry import own_rules
from losslint.verify import advice

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def text() -> str:
    return README.read_text(encoding="utf-8")


def between(name: str) -> str:
    found = re.search(rf"<!-- {name}: [^\n]* -->\n(.*?)\n<!-- end of {name} -->", text(), re.S)
    assert found, f"README.md has no part called {name}"
    return found[1]


def rule_table() -> str:
    rows = ["| code | name | severity | what it finds | fix |", "|---|---|---|---|---|"]
    for rule in own_rules():
        first = rule.section("Fix safety").split()[0].strip(":.,;").lower()
        fix = first if first in ("safe", "unsafe") else "none"
        severity = rule.severity.value + (", opt-in" if rule.opt_in else "")
        rows.append(f"| {rule.code} | `{rule.name}` | {severity} | {rule.summary} | {fix} |")
    return "\n".join(rows)


def test_the_table_of_rules_is_current() -> None:
    assert between("rules") == rule_table()


def test_the_table_of_advice_is_what_torch_measures() -> None:
    shown, measured = between("advice"), advice.table()

    assert NUMBER.sub("#", shown) == NUMBER.sub("#", measured)
    for one, other in zip(NUMBER.findall(shown), NUMBER.findall(measured), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.05, abs=0.02)


def test_the_shown_output_is_what_losslint_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.search(r"```console\n\$ losslint (\S+)\n(.*?)```", text(), re.S)
    assert shown

    printed = io.StringIO()
    with redirect_stdout(printed):
        status = cli.main(["--isolated", shown[1]])

    assert printed.getvalue().rstrip() == shown[2].rstrip()
    assert status == 1


def test_the_shown_configuration_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = re.search(r"```toml\n(.*?)```", text(), re.S)
    assert block
    (tmp_path / "pyproject.toml").write_text(block[1], encoding="utf-8")
    (tmp_path / "loss.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert cli.main([]) == 0, capsys.readouterr().err


def test_the_gate_runs_the_command_that_the_readme_gives() -> None:
    commands = re.findall(r"```sh\n(python -m venv .*)\n```", text())
    assert len(commands) == 2
    assert commands[1].endswith("-m pytest")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", ["pip install losslint", "badge", "github.com/losslint"])
def test_nothing_is_invented(word: str) -> None:
    assert word not in text()


def regenerate() -> None:
    whole = text()
    for name, table in (("rules", rule_table()), ("advice", advice.table().rstrip())):
        whole = whole.replace(between(name), table)
    README.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    regenerate()
