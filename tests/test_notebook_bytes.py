"""However a notebook is written as JSON, a fix changes the lines that it must and no other byte."""

from __future__ import annotations

import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint import fix_source

# Stands for `bad` before a fix, and for `good` after it.
FIXED = "§"
CHANGED = f"x = {FIXED}\n"
SAME = [
    "%time f('é')\n",
    "# bd 😀 </b> \u2028\n",
    "y = '\\\\\\n\\t'\n",
    'z = "\\""\n',
    "!ls\r\n",
    "\n",
]


def ways(character: str) -> list[str]:
    """How JSON may spell a character."""
    units = memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H")
    lower, upper = ("".join(f"\\u{unit:{form}}" for unit in units) for form in ("04x", "04X"))
    short = json.dumps(character, ensure_ascii="\ud800" <= character <= "\udfff")[1:-1]
    return ["\\/", "/"] if character == "/" else [short, lower, upper]


@st.composite
def notebooks(draw: st.DrawFn) -> tuple[str, str]:
    """A notebook before a fix and after it."""
    blank, end = (draw(st.text(" \t\r\n", max_size=3)) for _ in range(2))

    def inside(text: str) -> str:
        # What changes is spelled in the plainest way.
        return (
            text.replace("\n", "\\n")
            if FIXED in text
            else "".join(draw(st.sampled_from(ways(character))) for character in text)
        )

    def string(text: str) -> str:
        return f'"{inside(text)}"'

    def array(values: list[str]) -> str:
        return f"[{blank}{f'{blank},{blank}'.join(values)}{blank}]"

    def members(**values: str) -> str:
        pairs = draw(st.permutations([f"{string(k)}{blank}:{blank}{v}" for k, v in values.items()]))
        return "{" + array(pairs)[1:-1] + "}"

    def cell(lines: list[str]) -> str:
        kind = draw(st.sampled_from(["code", "code", "markdown", "raw"]))
        if kind != "code":
            lines = [line.replace(FIXED, "bad") for line in lines]
        whole = draw(st.booleans())
        source = f'"{"".join(map(inside, lines))}"' if whole else array([*map(string, lines)])
        # Whatever else there is, even if it is no text, is not looked at.
        other = draw(st.sampled_from(["x = bad", "half \ud83d", "\0"]))
        return members(cell_type=string(kind), source=source, metadata=members(a=string(other)))

    line = st.sampled_from([CHANGED, *SAME])
    cells = [cell(lines) for lines in draw(st.lists(st.lists(line, max_size=5), max_size=3))]
    told = members(a="1e5", b=string("bad"))
    text = members(nbformat="4", nbformat_minor="4", cells=array(cells), metadata=told)
    text = draw(st.sampled_from(["", "\ufeff"])) + blank + text + end
    return text.replace(FIXED, "bad"), text.replace(FIXED, "good")


@pytest.mark.usefixtures("toys")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(notebooks())
def test_a_fix_changes_the_lines_that_it_must_and_no_other_byte(pair: tuple[str, str]) -> None:
    before, after = pair
    assert fix_source(before, "x.ipynb").text == after


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("source", ["x = sqrt\ny = bad", ["x = sqrt\n", "y = bad"]])
@pytest.mark.parametrize(("minor", "name"), [(4, {}), (5, {"id": "a"})])
def test_what_is_a_notebook_for_jupyter_is_one_after_a_fix(
    minor: int, name: dict[str, str], source: str | list[str]
) -> None:
    code = {"execution_count": None, "metadata": {}, "outputs": [], "source": source}
    cells = [{"cell_type": "code", **name, **code}]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor}
    fixed = nbformat.reads(fix_source(json.dumps(whole), "x.ipynb").text, as_version=4)
    nbformat.validate(fixed)
    assert fixed.cells[0].pop("source") == "import math\nx = math.root\ny = good"
    assert fixed.cells == [{key: cells[0][key] for key in cells[0] if key != "source"}]
