"""Every class and function of the rules' fixtures, run in torch before and after.

`bad.py` must show the defect that its rule is about, and what the fix made of it
in `fixed.py` must have every property of a learned weighting. An item that
cannot be run fails: nothing is passed over.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from losslint import Finding, Safety, Settings, check_source
from losslint.ranges.weights import LearnedWeight, RectifiedTotal
from losslint.rules.registry import all_rules
from losslint.verify.calling import CannotCallError, weighting_of
from losslint.verify.judgement import TOLERANCE, gradient_difference
from losslint.verify.proofs import PROOFS
from losslint.verify.weighting import Weighting

FIXTURES = Path(__file__).parents[1] / "fixtures"

torch.set_num_threads(1)

CODES = {rule.name: rule.code for rule in all_rules()}
RULES = [name for name, code in CODES.items() if code in PROOFS]

Item = Any  # a module class or a function: what `weighting_of` takes


@dataclass(frozen=True)
class Fixture:
    """One fixture file, imported; a definition is a top-level class or function."""

    text: str
    module: ModuleType

    def items(self) -> dict[str, Item]:
        """Its public definitions, by name, in the order of the file."""
        return {
            name: getattr(self.module, name)
            for name in self.definitions()
            if not name.startswith("_")
        }

    def idle(self) -> set[str]:
        """The private definitions that no public one reads."""
        return set(self.definitions()).difference(*map(self.read_by, self.items()))

    def source(self, name: str) -> str:
        """The text of a definition and of all that it reads."""
        definitions = self.definitions()
        parts = [definitions[part] for part in sorted(self.read_by(name))]
        return "\n".join(ast.get_source_segment(self.text, part) or "" for part in parts)

    def lines(self, name: str) -> set[int]:
        """The lines, from 1, of a definition and of all that it reads."""
        parts = [self.definitions()[part] for part in self.read_by(name)]
        return {line for part in parts for line in range(part.lineno, (part.end_lineno or 0) + 1)}

    def read_by(self, name: str) -> set[str]:
        """A definition and every other that it reads, at any remove."""
        read, waiting = set[str](), [name]
        while waiting:
            read.add(found := waiting.pop())
            nodes = ast.walk(self.definitions()[found])
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            waiting += names & set(self.definitions()) - read
        return read

    def definitions(self) -> dict[str, ast.ClassDef | ast.FunctionDef]:
        kinds = (ast.ClassDef, ast.FunctionDef)
        body = ast.parse(self.text).body
        return {node.name: node for node in body if isinstance(node, kinds)}


@cache
def fixture(path: Path) -> Fixture:
    name = f"fixture_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Fixture(path.read_text(), module)


@cache
def findings(path: Path) -> tuple[tuple[int, Finding], ...]:
    """What the rule of a fixture finds in a file of it, each with its line."""
    text = path.read_text()
    data = text.encode()
    return tuple(
        (data.count(b"\n", 0, finding.span.start) + 1, finding)
        for finding in check_source(text, str(path), Settings(select=(path.parent.name,)))
    )


def is_fixed(folder: Path, name: str) -> bool:
    """Whether the fix changed an item."""
    bad, fixed = fixture(folder / "bad.py"), fixture(folder / "fixed.py")
    return bad.source(name) != fixed.source(name)


def is_safe(folder: Path, name: str) -> bool:
    """Whether every fix of an item is a safe one."""
    lines = fixture(folder / "bad.py").lines(name)
    fixes = [one.fix for line, one in findings(folder / "bad.py") if line in lines and one.fix]
    return bool(fixes) and all(fix.safety is Safety.SAFE for fix in fixes)


def runnable(item: Item) -> Weighting:
    if isinstance(item, type):
        assert issubclass(item, nn.Module), f"{item.__name__} is no nn.Module: how is it run?"
    return weighting_of(item)


def bad_items(fixtures: Path = FIXTURES) -> list[tuple[str, str]]:
    """Each rule with each item of its `bad.py`; '' where it has none yet."""
    pairs = []
    for rule in RULES:
        path = fixtures / rule / "bad.py"
        names = fixture(path).items() if path.exists() else ()
        pairs += [(rule, name) for name in names] or [(rule, "")]
    return pairs


def show_the_defect(folder: Path, name: str) -> None:
    assert name, f"{folder.name}/bad.py is missing or empty"
    before = runnable(fixture(folder / "bad.py").items()[name])

    shown = PROOFS[CODES[folder.name]].defect(before)
    assert shown.holds, f"{name} does not have its rule's defect"


def prove_the_fix(folder: Path, name: str) -> None:
    assert name, f"{folder.name}/bad.py is missing or empty"
    if not is_fixed(folder, name):
        return
    proof = PROOFS[CODES[folder.name]]
    before = runnable(fixture(folder / "bad.py").items()[name])
    after = runnable(fixture(folder / "fixed.py").items()[name])
    refuted = [str(one) for one in proof.owed(before, after) if one.holds is False]

    assert not refuted
    if proof.keeps_gradients and is_safe(folder, name):
        assert gradient_difference(before, after) < TOLERANCE


@pytest.mark.parametrize(("rule", "name"), bad_items())
def test_the_original_has_the_defect(rule: str, name: str) -> None:
    show_the_defect(FIXTURES / rule, name)


@pytest.mark.parametrize(("rule", "name"), bad_items())
def test_the_fixed_form_has_every_property(rule: str, name: str) -> None:
    prove_the_fix(FIXTURES / rule, name)


def test_every_rule_of_weights_that_torch_can_refute_is_proved_here() -> None:
    kinds = {LearnedWeight, RectifiedTotal}

    assert {rule.code for rule in all_rules() if kinds & set(rule.checks)} <= set(PROOFS)


def test_no_helper_of_a_fixture_stays_unrun() -> None:
    for rule in RULES:
        for path in (FIXTURES / rule).glob("*d.py"):
            assert fixture(path).idle() == set(), path


# The harness itself, on fixtures made here.

KENDALL = """
import torch
import torch.nn.functional as F
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, *losses):
        total = 0
        for s, loss in zip(self.log_vars, losses):
            total = total + torch.exp(-s) * loss + TERM
        return total
"""

RIGHT = "0.5 * F.softplus(s + 10.0)"

BROKEN = {
    "the floor was not written": "0.5 * s ",
    "its sign was lost": "-0.5 * F.softplus(s + 10.0)",
    "its coefficient was lost": "F.softplus(s + 10.0)",
    "its constant was lost": "0.5 * F.softplus(s)",
    "another parameter": "0.5 * F.softplus(self.log_vars[0] + 10.0)",
    "the term was dropped": "0",
    "clamped": "0.5 * s.clamp(min=0)",
    "a detached parameter": "0.5 * F.softplus(s.detach() + 10.0)",
}


def kendall_folder(parent: Path, fixed: str) -> Path:
    folder = parent / "unbounded_log_variance"
    folder.mkdir()
    (folder / "bad.py").write_text(KENDALL.replace("TERM", "0.5 * s"))
    (folder / "fixed.py").write_text(KENDALL.replace("TERM", fixed))
    return folder


@pytest.fixture
def safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fix counts as safe, whatever the rules at hand say."""
    monkeypatch.setattr(f"{__name__}.is_safe", lambda folder, name: True)


@pytest.mark.usefixtures("safe")
def test_the_right_fix_is_proved(tmp_path: Path) -> None:
    folder = kendall_folder(tmp_path, RIGHT)

    show_the_defect(folder, "Weighted")
    prove_the_fix(folder, "Weighted")


@pytest.mark.usefixtures("safe")
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_fix_is_refuted(tmp_path: Path, how: str) -> None:
    folder = kendall_folder(tmp_path, BROKEN[how])

    with pytest.raises(AssertionError):
        prove_the_fix(folder, "Weighted")


def test_a_fixture_without_the_defect_fails(tmp_path: Path) -> None:
    folder = kendall_folder(tmp_path, RIGHT)
    (folder / "bad.py").write_text((folder / "fixed.py").read_text())

    with pytest.raises(AssertionError, match="does not have its rule's defect"):
        show_the_defect(folder, "Weighted")


def test_an_item_that_cannot_be_run_fails(tmp_path: Path) -> None:
    folder = kendall_folder(tmp_path, RIGHT)
    with (folder / "bad.py").open("a") as file:
        file.write("\n\ndef unrunnable(logits, target):\n    return F.mse_loss(logits, target)\n")

    assert list(fixture(folder / "bad.py").items()) == ["Weighted", "unrunnable"]
    with pytest.raises(CannotCallError, match="unrunnable reads no tensor"):
        show_the_defect(folder, "unrunnable")


def test_a_rule_without_fixtures_fails(tmp_path: Path) -> None:
    assert bad_items(tmp_path) == [(rule, "") for rule in RULES]
    with pytest.raises(AssertionError, match="missing or empty"):
        show_the_defect(tmp_path / "dead_clamp", "")


def test_a_helper_that_nothing_runs_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def _used(): ...\ndef _idle(): ...\ndef public(): _used()\n")

    assert fixture(path).idle() == {"_idle"}
