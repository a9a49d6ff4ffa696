"""What README.md shows is what losslint prints and what torch measures.

`python tests/test_readme.py` writes the table of rules, the table of advice and the reference of
all rules, `.github/rules.md`, anew.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from losslint import cli
from losslint.report.pages import reference, table
from losslint.rules.base import HEADINGS
from losslint.rules.registry import own_rules
from losslint.verify import advice

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
REFERENCE = ROOT / ".github" / "rules.md"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def text() -> str:
    return README.read_text(encoding="utf-8")


def between(name: str) -> str:
    found = re.search(rf"<!-- {name}: [^\n]* -->\n(.*?)\n<!-- end of {name} -->", text(), re.S)
    assert found, f"README.md has no part called {name}"
    return found[1]


def test_the_table_of_rules_is_current() -> None:
    assert between("rules") == table(own_rules())


def test_the_reference_is_current() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(own_rules())


def test_the_reference_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rule", "--all", "--output-format", "markdown"]) == 0
    assert capsys.readouterr().out == reference(own_rules())


def test_the_reference_is_markdown_whose_links_lead_to_a_rule_each() -> None:
    tokens = MarkdownIt().enable("table").parse(reference(own_rules()))
    headings = [
        (one.tag, after.content) for one, after in pairwise(tokens) if one.type == "heading_open"
    ]
    links = [
        str(child.attrs["href"])
        for token in tokens
        for child in token.children or ()
        if child.type == "link_open" and str(child.attrs["href"]).startswith("#")
    ]
    anchors = re.findall(r'<a id="(\w+)">', "".join(token.content for token in tokens))

    assert [text for tag, text in headings if tag == "h2"] == [
        f"{rule.code} {rule.name}" for rule in own_rules()
    ]
    assert [text for tag, text in headings if tag == "h3"] == [*HEADINGS] * len(own_rules())
    assert links == [f"#{anchor}" for anchor in anchors] == [f"#{r.code}" for r in own_rules()]
    fences = [token for token in tokens if token.type == "fence"]
    assert len(fences) >= 2 * len(own_rules())


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
    for name, new in (("rules", table(own_rules())), ("advice", advice.table().rstrip())):
        whole = whole.replace(between(name), new)
    README.write_text(whole, encoding="utf-8")
    REFERENCE.write_text(reference(own_rules()), encoding="utf-8")


if __name__ == "__main__":
    regenerate()
