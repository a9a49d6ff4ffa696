"""A file with nothing to check in it: told by its bytes, and without what checking needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_plugins import install

from losslint.cli import main
from losslint.config import Settings
from losslint.engine.relevance import WORDS, irrelevant, may_matter
from losslint.engine.run import Run
from losslint.rules.base import Rule
from losslint.rules.registry import own_rules
from losslint.source.discover import discover

ROOT = Path(__file__).parents[1]
CHECKING = [rule for rule in own_rules() if rule.checks or rule.project_checks or rule.rests_on]
PLAIN = "import os\n\nprint(os.sep)  # such as the losses of last year\n"
TRAINING = "import torch\n\n\ndef step(loss):\n    loss.backward()\n"

# What a run over a file with nothing to check may import of losslint.
LIGHT = """
losslint losslint.cli losslint.config losslint.contradictions losslint.engine losslint.engine.relevance
losslint.engine.reports losslint.frozen losslint.keys losslint.options losslint.printing losslint.report
losslint.report.formats losslint.report.paint losslint.report.summary losslint.report.terminal
losslint.source losslint.source.discover losslint.source.globs
losslint.source.regular losslint.source.text losslint.source.unmatched losslint.streams
""".split()
# Each takes from a tenth of the time of Python itself to a hundred times of it.
HEAVY = """
asyncio concurrent difflib email hashlib importlib.metadata json libcst logging multiprocessing
pathlib pathspec random rich shtab subprocess tempfile tomllib torch typing
""".split()
RUN = "import sys; from losslint.cli import main; main(); print(*sys.modules, file=sys.stderr)"


def imported(*arguments: str, cwd: Path) -> set[str]:
    """The modules that a run of the command imports, besides those of Python's own start."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    programs = (RUN, "import sys; print(*sys.modules, file=sys.stderr)")
    run, bare = (
        subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=env,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
        )
        for program in programs
    )
    return set(run.stderr.split()) - set(bare.stderr.split())


def heavy(modules: set[str]) -> set[str]:
    return {
        name for name in HEAVY if any(f"{module}.".startswith(f"{name}.") for module in modules)
    }


@pytest.mark.parametrize("rule", CHECKING, ids=lambda rule: rule.name)
def test_whatever_a_rule_needs_holds_one_of_the_words(rule: Rule) -> None:
    # One of its groups holds nothing but words that a file cannot have without one of ours.
    assert any(all(any(word in need for word in WORDS) for need in group) for group in rule.needs)


@pytest.mark.parametrize(
    ("line", "matters"),
    [
        ("import os", False),
        ("from torch import nn", True),
        ("x = 1  # noqa: E501", False),
        ("x = 1  # noqa: LL101", True),
        ("x = 1  # losslint: ignore[LL101]", True),
    ],
)
def test_a_file_matters_by_its_words_and_its_suppressions(line: str, matters: bool) -> None:
    assert may_matter(line.encode()) == matters


def test_the_reports_are_those_of_a_whole_run(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "link.py").symlink_to(tmp_path / "plain.py")
    found = list(discover([tmp_path], Settings()))
    assert irrelevant(found, Settings()) == list(
        Run(Settings(), paths=[str(tmp_path)]).reports(found)
    )


NETWORK = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        return torch.relu(self.head(x))
"""
# What is left of a loss in a file that trains nothing.
LOSS = "from torch import nn\n\n\nclass NormLoss(nn.Module):\n    def forward(self, x): ...\n"


def test_a_file_without_a_loss_is_told_by_its_outline(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    found = list(discover([tmp_path], Settings()))
    assert irrelevant(found, Settings()) == list(
        Run(Settings(), paths=[str(tmp_path)]).reports(found)
    )
    # an opt-in rule may look at what no other does
    assert irrelevant(found, Settings(extend_select=("LL305",))) is None
    modules = imported("--no-cache", "net.py", cwd=tmp_path)
    assert heavy(modules) == set()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("torch.py", TRAINING.encode()),
        ("loss.py", LOSS.encode()),
        ("parameter.py", (NETWORK.replace("nn.Linear", "nn.Parameter") + "cost = 0\n").encode()),
        ("broken.py", (NETWORK + "def f(:\n").encode()),
        ("suppressed.py", (NETWORK + "# noqa: LL101\n").encode()),
        ("binary.py", b"x = 1\0"),
        ("wrong.py", b"x = '\xff'\n"),
        ("wide.py", "x = 1\n".encode("utf-16")),
        ("note.ipynb", b"{}"),
        ("unused.py", b"x = 1  # losslint: ignore[LL101]\n"),
    ],
)
def test_what_has_to_be_looked_at_is(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / name).write_bytes(data)
    assert irrelevant(list(discover([tmp_path], Settings())), Settings()) is None


def test_what_is_not_there_has_to_be_looked_at(tmp_path: Path) -> None:
    assert irrelevant(list(discover([tmp_path / "nowhere.py"], Settings())), Settings()) is None


def test_a_file_with_nothing_to_check_imports_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    modules = imported("plain.py", cwd=tmp_path)
    assert {name for name in modules if name.startswith("losslint")} == set(LIGHT)
    assert heavy(modules) == set()


def test_a_gitignore_that_says_nothing_of_a_file_imports_nothing_either(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("__pycache__/\n*.py[cod]\n/docs/_build/\n*.so\n")
    (tmp_path / "plain.py").write_text(PLAIN)
    modules = imported("--force-exclude", "plain.py", cwd=tmp_path)
    assert heavy(modules) == set()


def test_a_plugin_is_not_looked_for_where_there_is_nothing_to_check(tmp_path: Path) -> None:
    install(tmp_path)  # the working directory is on `sys.path`
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "loop.py").write_text(TRAINING)
    assert heavy(imported("plain.py", cwd=tmp_path)) == set()
    assert "acme_losses.toy_word" in imported("loop.py", cwd=tmp_path)


def test_settings_of_an_earlier_run_name_no_unknown_rule(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "other.py").write_text(PLAIN)
    assert "libcst" in imported("--select", "LL1", "plain.py", cwd=tmp_path)
    modules = imported("--select", "LL1", "other.py", cwd=tmp_path)
    assert heavy(modules) & {"libcst", "rich", "torch", "multiprocessing"} == set()


def test_a_file_that_matters_imports_libcst_and_nothing_for_terminals(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(TRAINING)
    modules = imported("--no-cache", "loop.py", cwd=tmp_path)
    assert "libcst" in modules
    assert heavy(modules) & {"multiprocessing", "pathspec", "rich", "torch"} == set()
    assert "importlib.metadata" not in modules
    assert not {"libcst.matchers", "libcst.codemod"} & modules


@pytest.mark.usefixtures("capsys")
def test_an_unknown_rule_is_one_even_if_there_is_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    assert main(["--isolated", "--no-cache", "--select", "LL999", str(tmp_path)]) == 2


def test_the_formats_say_that_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    assert main(["--isolated", "--output-format", "json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["--isolated", "--diff", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["--isolated", "--output-format", "concise", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "Checked 1 file: no findings.\n"
