"""Every rule against its folder in fixtures/ and its page. A new rule adds no test code.

A rule that looks at whole projects shows some: folders `bad` and `good`, beside the files
of these names or in their place.

`python tests/test_rules.py [RULE ...]` writes `fixed.py` and `report.txt` anew, for
all rules or for those named; what it wrote is to be read before it is committed.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from losslint import FixResult, Settings, Severity, check_paths, check_source, cli, fix_source
from losslint.rules.base import Rule
from losslint.rules.registry import all_rules
from losslint.source.text import Source

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
FILES = {"bad.py", "fixed.py", "good.py"}
PROJECTS = {"bad", "good"}
HEADINGS = [
    "What it does",
    "Why is this bad?",
    "Example",
    "Fix safety",
    "Known limits",
    "References",
]

# What the engine itself reports has no code to show: LL000 is about files that
# are none, LL001 about comments. tests/test_engine.py and test_suppress.py hold them.
RULES = [rule for rule in all_rules() if rule.checks or rule.project_checks]

# Small training projects, each for several rules: tests/test_scenarios.py runs them.
NO_RULES = {"scenarios"}

# What an example of a page may take as given.
PREAMBLE = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"

EVERYTHING = Settings(select=("ALL",))

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
# Those whose fixture is one file; those whose fixture is a project.
IN_FILES = [rule for rule in RULES if (FIXTURES / rule.name / "bad.py").exists()]
IN_PROJECTS = [rule for rule in RULES if (FIXTURES / rule.name / "bad").is_dir()]
rule_of_files = pytest.mark.parametrize("rule", IN_FILES, ids=lambda rule: rule.name)
rule_of_projects = pytest.mark.parametrize("rule", IN_PROJECTS, ids=lambda rule: rule.name)


def alone(rule: Rule) -> Settings:
    """No rule but this one."""
    return Settings(select=(rule.code,))


def read(rule: Rule, name: str) -> str:
    return (FIXTURES / rule.name / name).read_text()


def lines(text: str, settings: Settings) -> Counter[tuple[int, str]]:
    """Where something is found, and how often: row and code."""
    source = Source.from_text("fixture.py", text)
    return Counter(
        (source.position(found.span.start)[0], found.code)
        for found in check_source(text, "fixture.py", settings)
    )


def marked(text: str) -> Counter[tuple[int, str]]:
    """The codes in the comments of a text, each with its row."""
    return Counter(
        (row, code)
        for row, line in enumerate(text.splitlines(), start=1)
        for code in re.findall(r"\bLL\d{3}\b", line.partition("#")[2])
    )


def fix(text: str, rule: Rule) -> FixResult:
    """Every fix of one rule, the unsafe too."""
    return fix_source(text, "fixture.py", alone(rule), unsafe=True)


def serious(text: str) -> Counter[str]:
    """How often each rule warns of something in a text."""
    found = check_source(text, "fixture.py", EVERYTHING)
    return Counter(one.code for one in found if one.severity is not Severity.NOTE)


def report(rule: Rule) -> str:
    """What the command prints for what is bad, from the root of a project of nothing else."""
    printed = io.StringIO()
    before = Path.cwd()
    for name in ("bad.py", "bad"):
        bad = FIXTURES / rule.name / name
        path = f"fixtures/{rule.name}/{name}"
        with TemporaryDirectory() as root, redirect_stdout(printed):
            copy = Path(root) / path
            if bad.is_dir():
                shutil.copytree(bad, copy)
            elif bad.exists():
                copy.parent.mkdir(parents=True)
                shutil.copy(bad, copy)
            else:
                continue
            os.chdir(root)
            try:
                cli.main(["--isolated", "--color", "never", "--select", rule.code, path])
            finally:
                os.chdir(before)
    return printed.getvalue()


def examples(rule: Rule) -> list[str]:
    return re.findall(r"```python\n(.*?)```", rule.section("Example"), re.DOTALL)


Places = Counter[tuple[str, int, str]]


def project(rule: Rule, name: str, folder: Path) -> tuple[Path, Places]:
    """A copy of a project, apart from all others, and what is marked in it."""
    copy = folder / name
    shutil.copytree(FIXTURES / rule.name / name, copy)
    files = sorted(copy.rglob("*.py"))
    places = ((f.relative_to(copy), place) for f in files for place in marked(f.read_text()))
    return copy, Counter((str(path), *place) for path, place in places)


def found_in(folder: Path, settings: Settings) -> Places:
    """Where something is found in a project: file, row and code."""
    return Counter(
        (
            str(Path(report.path).relative_to(folder)),
            report.source.position(found.span.start)[0],
            found.code,
        )
        for report in check_paths([folder], settings)
        for found in report.findings
    )


def codes(text: str, rule: Rule, settings: Settings, folder: Path) -> set[str]:
    """What is found in an example: as a text, or as a project where the rule looks at no less."""
    if rule in IN_FILES:
        return {code for _, code in lines(text, settings)}
    folder.mkdir()
    (folder / "train.py").write_text(text)
    return {code for _, _, code in found_in(folder, settings)}


def test_each_folder_has_a_rule_and_each_rule_a_folder() -> None:
    folders = {path.name for path in FIXTURES.iterdir() if path.is_dir()}

    assert folders - NO_RULES == {rule.name for rule in RULES}


@every_rule
def test_a_folder_holds_what_the_tests_read(rule: Rule) -> None:
    found = {path.name for path in (FIXTURES / rule.name).iterdir()}

    assert "report.txt" in found
    assert found >= FILES or found >= PROJECTS


@rule_of_files
def test_bad_is_found_on_the_marked_lines(rule: Rule) -> None:
    text = read(rule, "bad.py")

    assert lines(text, alone(rule)) == marked(text)


@rule_of_files
def test_good_is_silent_under_all_rules(rule: Rule) -> None:
    assert lines(read(rule, "good.py"), EVERYTHING) == Counter()


@rule_of_projects
def test_a_bad_project_is_found_on_the_marked_lines(rule: Rule, tmp_path: Path) -> None:
    folder, expected = project(rule, "bad", tmp_path)

    assert found_in(folder, alone(rule)) == expected


@rule_of_projects
def test_a_good_project_is_silent_under_all_rules(rule: Rule, tmp_path: Path) -> None:
    folder, expected = project(rule, "good", tmp_path)

    assert found_in(folder, EVERYTHING) == expected == Counter()


@rule_of_files
def test_fixed_is_what_fixing_bad_gives(rule: Rule) -> None:
    fixed = fix(read(rule, "bad.py"), rule)
    compile(fixed.text, "fixed.py", "exec")

    assert read(rule, "fixed.py") == fixed.text
    assert fixed.withheld == ()


@rule_of_files
def test_fixing_again_changes_nothing(rule: Rule) -> None:
    fixed = fix(read(rule, "fixed.py"), rule)

    assert fixed.text == read(rule, "fixed.py")
    assert [found for found in fixed.findings if found.fix] == []


@rule_of_files
def test_a_fix_brings_no_other_rule_in(rule: Rule) -> None:
    before, after = serious(read(rule, "bad.py")), serious(read(rule, "fixed.py"))

    assert after - before == Counter()


@every_rule
def test_the_report_is_the_one_that_was_read(rule: Rule) -> None:
    assert report(rule) == read(rule, "report.txt")


@every_rule
def test_a_page_has_its_headings(rule: Rule) -> None:
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == HEADINGS
    assert all(rule.section(heading) for heading in HEADINGS)


@every_rule
def test_a_page_begins_with_a_sentence_that_can_stand_alone(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z`].{20,100}\.", rule.summary)


@every_rule
def test_the_example_of_a_page_shows_the_rule_at_work(rule: Rule, tmp_path: Path) -> None:
    bad, good = (PREAMBLE + text for text in examples(rule))

    assert codes(bad, rule, alone(rule), tmp_path / "bad") == {rule.code}
    assert codes(good, rule, EVERYTHING, tmp_path / "good") == set()


@every_rule
def test_the_better_example_is_what_a_safe_fix_writes(rule: Rule) -> None:
    bad, good = (PREAMBLE + text for text in examples(rule))
    fixed = fix_source(bad, "fixture.py", alone(rule))
    if fixed.applied:
        assert fixed.text == good


@pytest.mark.parametrize("step", [0.0, 1e-6])
def test_a_relative_plateau_takes_a_total_below_zero_for_progress(step: float) -> None:
    weight = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    optimizer.step()
    for epoch in range(100):
        plateau.step(-2.0 + epoch * step)  # stands still, or rises

    assert plateau.num_bad_epochs == 0
    assert optimizer.param_groups[0]["lr"] == 1.0


def regenerate(rules: list[Rule]) -> None:
    """Write what is generated in the folders of these rules."""
    for rule in rules:
        folder = FIXTURES / rule.name
        if rule in IN_FILES:
            (folder / "fixed.py").write_text(fix(read(rule, "bad.py"), rule).text)
        (folder / "report.txt").write_text(report(rule))


if __name__ == "__main__":
    regenerate([rule for rule in RULES if not sys.argv[1:] or rule.name in sys.argv[1:]])
