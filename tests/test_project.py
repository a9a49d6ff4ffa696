"""The files of a project together: facts, joined names, what reaches an optimizer, suppressions."""

from __future__ import annotations

import ast
import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path
from textwrap import dedent

import pytest

from losslint import Settings, check_paths, check_source, cli
from losslint.engine import across, around
from losslint.model.facts import FileFacts
from losslint.project.gathering import gathered
from losslint.project.joined import Project
from losslint.source.text import Source

LOSS = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class TaskWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        floored = F.softplus(self.log_vars + 10.0)
        return (torch.exp(10.0 - floored) * losses).sum() + 0.5 * floored.sum()
"""

TRAIN = """
import torch
from losses import TaskWeights


def train(model):
    criterion = TaskWeights()
    optimizer = torch.optim.Adam({given})
    return criterion, optimizer
"""

LL107 = Settings(select=("LL107",))
BAD = "model.parameters()"
GOOD = "[*model.parameters(), *criterion.parameters()]"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a loss, the working directory."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    write("losses.py", LOSS)
    return root


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(dedent(text))


def found(*paths: str, settings: Settings = LL107) -> list[str]:
    """What is found, as `train.py:8 LL107`."""
    return [
        f"{os.path.relpath(report.path)}:{report.source.position(one.span.start)[0]} {one.code}"
        for report in check_paths(paths or (".",), settings)
        for one in report.findings
    ]


def facts(text: str, path: str = "x.py") -> FileFacts:
    text = dedent(text)
    return gathered(ast.parse(text), Source.from_text(path, text))


def test_facts_are_plain_data() -> None:
    of = facts(LOSS + TRAIN.format(given=BAD))

    assert pickle.loads(pickle.dumps(of)) == of
    assert json.loads(json.dumps(asdict(of), default=sorted))["path"] == "x.py"


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (BAD, ["train.py:8 LL107"]),
        (GOOD, []),
        ("list(model.parameters()) + list(criterion.parameters())", []),
        ("[{'params': model.parameters()}, {'params': criterion.parameters(), 'lr': 1}]", []),
        ("filter(lambda p: p.requires_grad, model.parameters())", ["train.py:8 LL107"]),
        ("[p for p in model.parameters() if p.requires_grad]", ["train.py:8 LL107"]),
        ("[p for n, p in model.named_parameters()]", ["train.py:8 LL107"]),
        ("[p for part in (model, criterion) for p in part.parameters()]", []),
        ("unknown(model)", []),
        ("configured", []),
    ],
)
def test_what_an_optimizer_is_given_is_followed(given: str, lines: list[str]) -> None:
    write("train.py", TRAIN.format(given=given))

    assert found() == lines


@pytest.mark.parametrize(
    "elsewhere",
    [
        "def late(optimizer, criterion):\n    optimizer.add_param_group({'params': criterion.parameters()})",
        "import torch\nfrom train import make\n\noptimizer = torch.optim.SGD(make().parameters(), lr=1)",
        "from train import train\n\n\nclass Run:\n    def __init__(self, model):\n"
        "        self.loss, self.optimizer = train(model)\n"
        "        self.optimizer.add_param_group({'params': self.loss.parameters()})",
        "import torch\n\n\ndef other(config):\n    return torch.optim.Adam(config.parameters_of(config.model))",
        "LOSS = 'TaskWeights'",
    ],
)
def test_what_another_file_does_with_the_loss_counts(elsewhere: str) -> None:
    made = "\n\ndef make():\n    return TaskWeights()\n"
    write("train.py", TRAIN.format(given=BAD) + made)
    assert found() == ["train.py:8 LL107"]

    write("elsewhere.py", elsewhere)
    assert found() == []


def test_a_class_that_a_configuration_names_may_be_made_anywhere() -> None:
    write("train.py", TRAIN.format(given=BAD))
    write("conf/loss.yaml", "_target_: losses.TaskWeights\n")

    assert found() == []


def test_links_to_nowhere_and_pipes_are_no_configuration() -> None:
    write("train.py", TRAIN.format(given=BAD))
    Path("gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo("pipe.json")

    assert found() == ["train.py:8 LL107"]


@pytest.mark.parametrize(
    ("folder", "statement"),
    [
        ("src/lib", "from lib.losses import TaskWeights"),
        ("src/lib", "from lib import losses\nTaskWeights = losses.TaskWeights"),
        ("lib/parts", "from .lib.parts.losses import TaskWeights"),
        ("tools/deep", "from deep.losses import TaskWeights  # by sys.path"),
        ("lib", "from lib import *"),
    ],
)
def test_an_import_leads_to_the_file_that_it_means(folder: str, statement: str) -> None:
    Path("losses.py").unlink()
    write(f"{folder}/losses.py", LOSS)
    write(f"{folder}/__init__.py", "from .losses import *\n")
    train = TRAIN.format(given=BAD).replace("from losses import TaskWeights", statement)
    write("train.py", train)

    assert [line.partition(":")[0] for line in found()] == ["train.py"]


def test_a_class_of_the_same_name_in_another_file_is_another_class() -> None:
    write("train.py", TRAIN.format(given=BAD).replace("from losses", "from frozen"))
    write("frozen.py", LOSS.replace("torch.zeros(2))", "torch.zeros(2), requires_grad=False)"))

    assert found() == []


def test_files_that_nothing_connects_are_no_project() -> None:
    write(
        "train.py", "import torch\n\n\ndef fit(m):\n    return torch.optim.Adam(m.parameters())\n"
    )
    write("use.py", "from losses import TaskWeights\n\ncriterion = TaskWeights()\n")

    assert found() == []


def test_of_a_single_file_the_project_around_is_read() -> None:
    write("train.py", TRAIN.format(given=BAD))

    assert found("losses.py") == ["losses.py:7 LL107"]
    write("train.py", TRAIN.format(given=GOOD))
    assert found("losses.py") == []


@pytest.mark.parametrize("is_home", [True, False])
def test_files_without_a_project_in_common_leave_it_open(
    *, is_home: bool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").rmdir()
    monkeypatch.setenv("HOME", str(project if is_home else "/nowhere"))
    monkeypatch.setattr(around, "MAX_UNMARKED", 9 if is_home else 1)
    write("train.py", TRAIN.format(given=BAD))
    write("one/other.py", "x = 1\n")

    assert found("train.py") == []  # it has no loss of its own
    assert found("train.py", "losses.py") == ["losses.py:1 LL000"]
    assert found(".") == ["train.py:8 LL107"]  # of a folder that is given all are looked at
    write("pyproject.toml", "")
    assert found("train.py", "losses.py") == ["train.py:8 LL107"]


def test_a_file_that_cannot_be_read_leaves_it_open_who_is_optimized() -> None:
    write("train.py", TRAIN.format(given=BAD))
    write("old.py", "print 'parameters'\n")

    assert found() == ["old.py:1 LL000"]
    write("train.py", TRAIN.format(given=GOOD))
    assert found() == []


def test_a_comment_keeps_a_finding_of_the_project_away() -> None:
    settings = Settings(select=("LL107", "LL001"))
    call = "torch.optim.Adam(model.parameters())"
    given = TRAIN.format(given=BAD)
    write("train.py", given.replace(call, f"{call}  # losslint: ignore[LL107] frozen on purpose"))
    assert found(settings=settings) == []

    write("train.py", given.replace(call, f"{call}  # noqa: LL107"))
    assert found(settings=settings) == []


def test_a_comment_that_keeps_nothing_of_the_project_away_is_idle() -> None:
    settings = Settings(select=("LL107", "LL001"))
    call = f"torch.optim.Adam({GOOD})"
    given = TRAIN.format(given=GOOD)
    write("train.py", given.replace(call, f"{call}  # losslint: ignore[LL107]"))

    assert found(settings=settings) == ["train.py:8 LL001"]


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_header_of_several_lines_answers_to_its_first_and_last(row: int) -> None:
    """As a statement does; what is said of a class or function stands on the first."""
    lines = ["def focal_loss(", "    pred, target,  # of: the batch", ") -> torch.Tensor:"]
    lines[row] += "  # losslint: ignore[LL408]"
    body = "    return F.cross_entropy(pred, target).pow(2).mean()\n"
    imports = "import torch\nimport torch.nn.functional as F\n"
    write("focal.py", imports + "\n".join(lines) + "\n" + body)
    write("train.py", TRAIN.format(given=GOOD))
    settings = Settings(select=("LL408", "LL001"))
    found = [f.code for report in check_paths(["."], settings) for f in report.findings]
    assert found == (["LL408", "LL001"] if row == 1 else [])


def test_a_file_may_be_left_out_of_a_rule_of_the_project() -> None:
    write("train.py", TRAIN.format(given=BAD))
    settings = Settings(select=("LL107",), per_file_ignores=(("train.py", ("LL107",)),))

    assert found(settings=settings) == []


def test_a_fix_of_the_project_is_written_and_holds(capsys: pytest.CaptureFixture[str]) -> None:
    write("train.py", TRAIN.format(given=BAD))
    command = ["--isolated", "--select", "LL107", "--fix", "--unsafe-fixes", "."]

    assert cli.main(command) == 0
    assert f"Adam({GOOD})" in Path("train.py").read_text()
    assert cli.main(command) == 0
    assert "no findings" in capsys.readouterr().out.splitlines()[-1]


def test_a_dry_run_shows_the_fix_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    write("train.py", TRAIN.format(given=BAD))

    assert cli.main(["--isolated", "--select", "LL107", "--diff", "--unsafe-fixes", "."]) == 1
    assert f"+    optimizer = torch.optim.Adam({GOOD})" in capsys.readouterr().out
    assert BAD in Path("train.py").read_text()


def test_a_text_in_memory_is_taken_for_the_whole_project() -> None:
    own = LOSS + TRAIN.format(given=BAD).replace("from losses import TaskWeights\n", "")

    assert [one.code for one in check_source(own, settings=LL107)] == ["LL107"]


def test_the_other_places_are_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    write("train.py", TRAIN.format(given=BAD))
    cli.main(["--isolated", "--select", "LL107", "--output-format", "json", "."])

    (item,) = json.loads(capsys.readouterr().out)
    places = [(one["filename"], one["location"]["row"]) for one in item["related"]]
    assert places == [("train.py", 7), ("losses.py", 7)]


def test_a_rule_of_the_project_that_breaks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    write("train.py", TRAIN.format(given=BAD))
    monkeypatch.setattr(across, "unoptimized", lambda project: 1 / 0)

    assert {line.partition(" ")[2] for line in found()} == {"LL000"}


def test_files_that_import_each_other_belong_together() -> None:
    files = [
        facts("import b", "a.py"),
        facts("from d import e", "b.py"),
        facts("x = 1", "c.py"),
        facts("e = 1", "d.py"),
    ]
    joined = Project(files, ".")

    assert joined.belong_together(files[0], files[3])
    assert not joined.belong_together(files[0], files[2])
