"""The parts of the benchmark that only compute; what it measures is no test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.cases import Row, Table
from benchmarks.measuring import Command, Cost, Run, extrapolated, measure, median, ratio
from benchmarks.measuring import round_robin as in_turn
from benchmarks.table import figure, rendered
from benchmarks.tree import files_in, stride, subtree, survey

FILES = [Path(f"{n:03}.py") for n in range(100)]


def test_the_median_is_taken_of_each_figure_by_itself() -> None:
    costs = [Cost(1, 9, 20), Cost(2, 8, 30), Cost(9, 1, 10)]
    assert median(costs) == Cost(2, 8, 20)
    assert median(costs[:2]) == Cost(1.5, 8.5, 25)


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(3.0, 0.0) == float("inf")


def test_the_start_is_extrapolated_once() -> None:
    assert extrapolated(Cost(3, 5, 40), Cost(1, 1, 20), 0.01) == Cost(201, 401, 40)
    assert extrapolated(Cost(1, 1, 40), Cost(2, 2, 20), 0.5) == Cost(2, 2, 40)


@pytest.mark.parametrize("step", [1, 2, 4, 8, 100])
def test_a_stride_is_its_share_of_the_files(step: int) -> None:
    assert len(stride(FILES, step)) == -(-len(FILES) // step)


@pytest.mark.parametrize("step", [2, 4, 8])
def test_a_smaller_tree_is_part_of_a_larger_one(step: int) -> None:
    assert set(stride(FILES, step)) <= set(stride(FILES, step // 2))


def test_a_subtree_has_the_same_files_and_no_others(tmp_path: Path) -> None:
    code = tmp_path / "code"
    for name in ("a/one.py", "a/two.py", "b/three.py"):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(f"# {name}\nloss.backward()\n")
    part = subtree(code, stride(files_in(code), 2), tmp_path / "part")
    assert [p.relative_to(part).as_posix() for p in files_in(part)] == ["a/one.py", "b/three.py"]
    facts = survey(part, {})
    assert (facts.files, facts.lines, facts.training, facts.torch) == (2, 4, 2, 0)
    assert facts.digest == survey(part, {}).digest != survey(code, {}).digest


def test_commands_take_turns(tmp_path: Path) -> None:
    said: list[str] = []
    commands = [Command(name, [sys.executable, "-I", "-S", "-c", "pass"]) for name in "AB"]
    runs = in_turn(commands, 2, tmp_path, said.append)
    assert [line[-1] for line in said] == ["A", "B", "A", "B"]
    assert {name: len(each) for name, each in runs.items()} == {"A": 2, "B": 2}


def test_what_is_measured_is_the_command_and_its_status(tmp_path: Path) -> None:
    script = "x = bytearray(64 << 20); raise SystemExit(3)"
    run = measure(Command("A", [sys.executable, "-I", "-S", "-c", script]), tmp_path)
    assert isinstance(run, Run)
    assert run.status == 3
    assert 64 < run.cost.peak < 128
    assert run.cost.cpu > 0


def test_a_table_has_multiples_of_its_base() -> None:
    rows = (Row("losslint", Cost(0.5, 0.25, 8), 5), Row("peer", Cost(100, 1, 9), 1, "once"))
    text = rendered(Table("a case", rows, 0.0, notes=("said",)))
    assert (
        "| peer     | 100    | 200  | 1.00  | 4.00 | 9       | 1    | once |" in text.splitlines()
    )
    assert "- said" in text.splitlines()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"),
        (12.345, "12.3"),
        (1.2345, "1.23"),
        (0.12345, "0.123"),
        (0.00012345, "0.00012"),
    ],
)
def test_a_figure_has_the_digits_that_count(value: float, text: str) -> None:
    assert figure(value) == text
