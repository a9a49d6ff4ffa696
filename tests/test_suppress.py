"""Comments that suppress, and what is said of those that do not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from losslint.config import Settings
from losslint.engine.check import uncollected
from losslint.engine.memory import check_source, fix_source

pytestmark = pytest.mark.usefixtures("toys")


def codes(text: str, **settings: tuple[str, ...]) -> list[str]:
    return [finding.code for finding in check_source(text, "x.py", Settings(**settings))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "bad = 1  # losslint: ignore[LL901]",
        "bad = 1  # losslint: ignore[bad_word]",
        "bad = 1  # losslint:ignore[ LL901 ] because of the paper",
        "bad = 1  #losslint: ignore[LL901], and more words",
        "bad = 1  # type: ignore # losslint: ignore[LL901]",
        "bad = 1  # noqa: LL901",
        "bad = 1  # noqa:LL901",
        "bad = 1  # NOQA: ll901",
        "bad = 1  # noqa: E501, LL901",
        "bad = 1  # noqa: E501 LL901 and why",
        "bad = 1  # noqa: LL901, and why",
        "bad = 1  # noqa : LL901",
        "bad = 1  #noqa:LL901,E501",
        "bad = 1  # noqa:E501LL901",
        "bad = 1  # noqa: , LL901",
        "bad = 1  # noqa",
        "bad = 1  #noqa",
        "bad = 1  # noqa because",
        "bad = 1  # noqa # but why",
        "bad = 'é'  # noqa: LL901",
    ],
)
def test_a_comment_on_the_line_suppresses(line: str) -> None:
    assert codes(line + "\n") == []
    assert codes("bad = 0\n" + line) == ["LL901"]


@pytest.mark.parametrize(
    "line",
    [
        "bad = 1  # noqa: E501",
        "bad = 1  # noqa: because",
        "bad = 1  # noqa: because LL901",
        "bad = 1  # noqa: E501 and LL901",
        "bad = 1  # noqa: LL901x",
        "bad = 1  # noqa:",
        "bad = 1  # noqa-LL901",
        "bad = 1  # see noqa: LL901",
        "bad = 1  # flake8: noqa: LL901",
        "bad = 1  # nothing: LL901",
        "bad = '# noqa: LL901'",
        "bad = '''\n# losslint: ignore-file[LL901]'''",
    ],
)
def test_other_comments_and_strings_suppress_nothing(line: str) -> None:
    assert codes(line + "\n") == ["LL901"]


def test_only_what_is_named_is_suppressed() -> None:
    assert codes("bad = worse  # losslint: ignore[LL902]\n") == ["LL901"]
    assert codes("bad = worse  # losslint: ignore[LL902, bad_word]\n") == []


@pytest.mark.parametrize("row", [0, 1, 2])
def test_the_first_and_the_last_line_of_a_statement_count_too(row: int) -> None:
    lines = ["x = f(", "    bad,", ")"]
    lines[row] += "  # noqa: LL901"
    assert codes("\n".join(lines) + "\n") == []


@pytest.mark.parametrize(
    "header",
    [
        "if f(\n    bad,\n    1\n):",
        "class A(\n    bad,\n    metaclass=M\n):",
        "def f(\n    x=bad,\n    y=1\n):",
        "for x in (\n    bad,\n    1\n):",
        "with (\n    bad as x,\n    y\n):",
        "while (\n    bad\n    or x\n):",
        "try: pass\nexcept (\n    bad,\n    E\n):",
        "if x: pass\nelif (\n    bad\n    or y\n):",
        "match (\n    bad,\n    1\n):\n  case _:",
        "match x:\n  case (\n    bad.x,\n    1\n  ):",
        "@f(\n    bad,\n    1\n)\ndef f():",
        "if f(\n    bad,\n    1\n): pass",
    ],
)
def test_a_header_of_several_lines_is_a_statement_too(header: str) -> None:
    lines = header.split("\n")
    row = next(n for n, line in enumerate(lines) if "bad" in line)
    body = [] if "pass" in lines[-1] else ["        pass"]
    for at, counts in {row - 1: True, row: True, row + 1: False, row + 2: True}.items():
        changed = [*lines]
        changed[at] += "  # noqa: LL901"
        expected = [] if counts else ["LL901", "LL001"]
        assert codes("\n".join([*changed, *body]) + "\n") == expected, changed


def notebook(*cells: str) -> str:
    listed = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed})


def test_comments_in_a_notebook_count_in_their_cell() -> None:
    text = notebook(
        "%matplotlib inline  # noqa: LL901\nbad = 1  # losslint: ignore[LL901] as in the paper",
        "x = f(\n    bad\n)  # noqa: LL901",
        "bad = 1\nx = 1  # noqa: LL901",
    )
    found = check_source(text, "x.ipynb")
    assert [f.code for f in found] == ["LL901", "LL001"]
    assert fix_source(text, "x.ipynb").text == text.replace(
        "bad = 1\\nx = 1  # noqa: LL901", "good = 1\\nx = 1"
    )


def test_a_file_of_a_notebook_can_be_left_alone_in_any_cell() -> None:
    text = notebook("bad = 1", "# losslint: ignore-file[LL901] kept as it was published", "bad")
    assert check_source(text, "x.ipynb") == []


def test_a_line_that_the_finding_is_not_on_does_not_count() -> None:
    text = "x = f(\n    bad,\n    1,  # noqa: LL901\n)\n"
    assert codes(text) == ["LL901", "LL001"]


def test_a_statement_inside_a_block_does_not_answer_to_its_header() -> None:
    assert codes("if x:  # noqa: LL901\n    bad = 1\n") == ["LL001", "LL901"]


def test_a_whole_file_can_be_left_alone() -> None:
    assert codes("bad = 1\nbad = 2\n# losslint: ignore-file[LL901] generated\n") == []
    assert codes("bad = worse\n# losslint: ignore-file[LL901]\n") == ["LL902"]


def test_what_could_not_be_read_is_never_suppressed() -> None:
    assert codes("bad = boom  # noqa\n") == ["LL000"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # losslint: ignore[LL901]\n", "x = 1\n"),
        ("x = 1  # losslint: ignore[bad_word]\r\ny = 2\r\n", "x = 1\r\ny = 2\r\n"),
        ("x = 1  # noqa: LL901", "x = 1"),
        ("x = 1  # noqa: LL901, E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: e501, LL901, w291 why\n", "x = 1  # noqa: e501, w291 why\n"),
        ("x = 1  # noqa: LL901, LL902\n", "x = 1\n"),
        ("x = 1  # noqa:E501LL901\n", "x = 1  # noqa:E501\n"),
        ("x = f(\n    1,  # noqa: LL901\n)\n", "x = f(\n    1,\n)\n"),
        ("bad = 1  # losslint: ignore[LL901, LL902]\n", "bad = 1  # losslint: ignore[LL901]\n"),
        ("x = 1  # losslint: ignore[LL901] it is bounded\n", "x = 1  # it is bounded\n"),
        ("x = 1  # type: ignore # noqa: LL901\n", "x = 1  # type: ignore\n"),
        ("x = 1  # noqa: LL901 # type: ignore\n", "x = 1  # type: ignore\n"),
        ("# losslint: ignore-file[LL901]\nx = 1\n", "x = 1\n"),
        ("def f():\n    # losslint: ignore-file[LL901]\n    x\n", "def f():\n    x\n"),
        ("é = 1  # é # noqa: LL901 ü\n", "é = 1  # é # ü\n"),
    ],
)
def test_a_dead_suppression_is_reported_and_its_fix_takes_only_what_is_dead(
    before: str, after: str
) -> None:
    assert "LL001" in codes(before)
    assert fix_source(before, "x.py").text == after


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: E501",
        "x = 1  # noqa: LLM101",
        "rare = 1  # losslint: ignore[LL904]",
        "bad = 1  # losslint: ignore[LL901]",
    ],
)
def test_what_is_alive_foreign_or_not_selected_is_not_called_dead(line: str) -> None:
    assert codes(line + "\n") == []


def test_a_suppression_is_not_called_dead_where_its_rule_was_left_out() -> None:
    assert codes("x = 1  # noqa: LL901\n", ignore=("LL901",)) == []
    assert codes("x = 1  # noqa: LL901\n", per_file_ignores=(("x.py", ("LL901",)),)) == []  # type: ignore[arg-type]


def test_a_suppression_is_not_called_dead_where_a_rule_crashed() -> None:
    assert codes("x = boom  # noqa: LL901\n") == ["LL000"]


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("# losslint: ignore[LL909]", "no rule is called `LL909`; did you mean `LL90"),
        ("# losslint: ignore[bad_wrod]", "did you mean `bad_word`?"),
        ("# noqa: LL999", "no rule is called `LL999`"),
        ("# losslint: ignore", "names no rule"),
        ("# losslint: ignore-file", "names no rule"),
        ("# losslint: ignore[]", "names no rule"),
        ("# losslint: disable[LL901]", "means nothing"),
        ("# losslint: noqa", "means nothing"),
    ],
)
def test_a_comment_that_says_nothing_is_reported_and_left_to_its_author(
    comment: str, says: str
) -> None:
    text = f"bad = 1  {comment}\n"
    found = {finding.code: finding for finding in check_source(text)}
    assert set(found) == {"LL901", "LL001"}
    assert says in found["LL001"].message
    assert found["LL001"].fix is None


def test_reports_on_suppressions_can_be_turned_off() -> None:
    assert codes("x = 1  # noqa: LL901\n", ignore=("LL001",)) == []
    assert codes("x = 1  # noqa: LL901, LL001\n") == []
    assert codes("# losslint: ignore-file[unused_suppression]\nx = 1  # noqa: LL901\n") == []


MANY: dict[str, Callable[[int], str]] = {
    "codes of one": lambda n: f"x = 1  # losslint: ignore[{'LL901, ' * n}] é\n",
    "names of one": lambda n: f"x = 1  # losslint: ignore[{'bad_word,' * n}] é\n",
    "codes of one noqa": lambda n: f"x = 1  # noqa: {'LL901,' * n} é\n",
    "one comment": lambda n: f"x = 1  {'# losslint: ignore[LL901] é ' * n}\n",
    "one comment of noqas": lambda n: f"x = 1  {'# noqa: LL901 ' * n}\n",
    "lines": lambda n: "x = 1  # losslint: ignore[LL901]\n" * n,
    "the whole file": lambda n: "# losslint: ignore-file[LL901]\n" * n,
    "in use": lambda n: f"x = 1  {'# losslint: ignore[LL901, LL001] ' * n}\n",
}


@pytest.mark.parametrize("where", MANY)
def test_many_suppressions_take_time_in_proportion(where: str) -> None:
    """18,000 in one comment took 15 s, and to remove 300 of them two: each looked at all others."""

    def seconds(number: int) -> float:
        text = MANY[where](number)
        with uncollected():  # garbage takes time in proportion to what other tests have left
            started = time.process_time()
            fixed = fix_source(text, "x.py")
            taken = time.process_time() - started
        assert fixed.applied == (0 if where == "in use" else number)
        assert not fixed.findings
        return taken

    fix_source(MANY[where](1), "x.py")
    assert seconds(4_000) < 8 * max(0.1, seconds(1_000))


def test_a_dead_suppression_goes_and_the_reason_for_it_stays() -> None:
    both = "x = 1  # losslint: ignore[LL901]: why \t# noqa: LL901 # losslint: ignore[LL901] - é\n"
    assert fix_source(both, "x.py").text == "x = 1  # why \t# é\n"
