"""Notebooks: cells are one module, and only the sources that a fix touches change."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslint import check_source, fix_source
from losslint.cli import main
from losslint.engine.edits import apply_edits
from losslint.findings import Edit, Span
from losslint.source.magics import magics, without_magics
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable

PYTHON = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def code(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "code", "id": "é", "metadata": {}, "outputs": [], "source": source}


def lines(text: str) -> dict[str, Any]:
    return code(text.splitlines(keepends=True))


def dump(*cells: dict[str, Any], metadata: Any = PYTHON, **style: Any) -> str:
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, **{"indent": 1, "ensure_ascii": False, **style})


def read(text: str) -> Notebook:
    source = opened(Source.from_text("x.ipynb", text))
    assert isinstance(source, Notebook)
    return source


def found(text: str) -> list[tuple[str, str]]:
    """Where something is found, and what."""
    source = read(text)
    return [(str(source.place(f.span.start)), f.code) for f in check_source(text, "x.ipynb")]


STYLES: list[dict[str, Any]] = [
    {},
    {"indent": 4},
    {"indent": 2, "ensure_ascii": True},
    {"indent": None},
    {"indent": None, "separators": (",", ":"), "ensure_ascii": True},
    {"indent": "\t", "sort_keys": True},
]
CELLS: list[dict[str, Any]] = [
    {"cell_type": "markdown", "metadata": {}, "source": "# bad\n"},
    lines("%matplotlib inline\nimport torch\n\nx = 'é 😀 ill'\ny = bad"),
    {"cell_type": "raw", "metadata": {}, "source": ["bad"]},
    code([]),
    code(""),
    code("z = bad\n!echo 'é'\n"),
    lines("%%bash\nbad 'é"),
]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_fix_changes_nothing_but_its_word(style: dict[str, Any], end: str, newline: str) -> None:
    text = dump(*CELLS, **style).replace("\n", newline) + end
    fixed = fix_source(text, "x.ipynb")
    assert fixed.applied == 2
    assert fixed.text == text.replace("y = bad", "y = good").replace("z = bad", "z = good")
    assert read(text).encode() == text.encode()


@pytest.mark.usefixtures("toys")
def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + dump(lines("bad")).encode())
    assert main(["--fix", str(path)]) == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + dump(lines("good")).encode()


@pytest.mark.usefixtures("toys")
def test_lines_that_stay_keep_their_escapes() -> None:
    text = dump(lines("a = 1 < 2 # é/\nx = bad"), ensure_ascii=True)
    text = text.replace("<", "\\u003c").replace("/", "\\/")
    assert fix_source(text, "x.ipynb").text == text.replace("bad", "good")


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_lines_that_change_are_escaped_as_before(ensure_ascii: bool) -> None:
    text = dump(lines('x = "\\n é 😀\\t", bad'), ensure_ascii=ensure_ascii)
    assert fix_source(text, "x.ipynb").text == text.replace("bad", "good")


def test_new_lines_are_written_as_the_others_are() -> None:
    def inserted(*cells: dict[str, Any], **style: Any) -> str:
        source = read(dump(*cells, **style))
        return source.spliced([(Span(0, 0), b"a\n")]).content

    for style in STYLES:
        assert inserted(lines("b\nc"), **style) == dump(lines("a\nb\nc"), **style)
        assert inserted(code("b\nc"), **style) == dump(code("a\nb\nc"), **style)
    for style in [s for s in STYLES if "separators" not in s]:
        assert inserted(lines("b"), **style) == dump(lines("a\nb"), **style)
    assert json.loads(inserted(lines("b"), separators=(",", ":"))) == json.loads(
        dump(lines("a\nb"))
    )
    assert json.loads(inserted(code([])))["cells"] == [code(["a"])]
    assert json.loads(inserted(code("")))["cells"] == [code("a")]


def test_what_goes_behind_the_last_line_stays_in_its_cell() -> None:
    source = read(dump(lines("a"), lines("b")))
    assert source.text == "a\n\n\nb\n"
    behind = source.spliced([(Span(2, 2), b"c\n")])
    assert json.loads(behind.content)["cells"] == [lines("a\nc"), lines("b")]
    without = source.spliced([(Span(0, 2), b"")])
    assert json.loads(without.content)["cells"] == [code([]), lines("b")]
    last = read(dump(lines("a\nb"), lines("c"))).spliced([(Span(2, 4), b"")])
    assert json.loads(last.content)["cells"] == [lines("a"), lines("c")]


@pytest.mark.parametrize(
    ("span", "says"), [(Span(0, 4), "two cells"), (Span(5, 6), "a magic"), (Span(4, 4), "a magic")]
)
def test_what_cannot_be_written_back_is_refused(span: Span, says: str) -> None:
    source = read(dump(lines("a"), lines("%%time\nb")))
    with pytest.raises(ValueError, match=says):
        source.spliced([(span, b"x")])


@pytest.mark.usefixtures("toys")
def test_a_fix_that_would_change_a_magic_is_withheld() -> None:
    text = dump(lines("%%time\nx = sqrt"))
    fixed = fix_source(text, "x.ipynb")
    assert fixed.text == text
    assert fixed.withheld == (
        "x.ipynb:cell 1:2:5: the fix of LL907 was not applied: it would change a magic",
    )


@pytest.mark.usefixtures("toys")
def test_cells_in_crlf_get_crlf() -> None:
    fixed = fix_source(dump(code("a = 1\r\nx = sqrt")), "x.ipynb")
    assert fixed.text == dump(code("import math\r\na = 1\r\nx = math.root"))


@pytest.mark.usefixtures("toys")
def test_cells_are_numbered_from_1_and_rows_in_them() -> None:
    assert found(dump(*CELLS)) == [("cell 2:5:5", "LL901"), ("cell 6:1:5", "LL901")]


def test_a_file_has_no_cells() -> None:
    place = Source("x.py", "a\nb").place(2)
    assert (str(place), place.cell) == ("2:1", None)


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline", "_                 "),
        ("%time x = f()", "_            "),
        ("!ls é", "_     "),
        ("!ls \\\n -l\ny", "_    \n   \ny"),
        ("x = !ls", "x = _  "),
        ("x = %time f('a = 1')", "x = _               "),
        ("x['a = b']: c =%cd", "x['a = b']: c =_  "),
        ("a, b = %sql x", "a, b = _     "),
        ("?f", "_ "),
        ("f??", "_  "),
        ("np.*load*? \ny", "_          \ny"),
        ("/f x", "_   "),
        ("if x:\n    %cd ..\n", "if x:\n    _     \n"),
        ("%%time\nx = f()", "_     \nx = f()"),
        ("%%time\n%%capture x\nf()", "_     \n_          \nf()"),
        ("%%wandb\nf()", "_      \nf()"),
        ("%%writefile a.py\nf()", "_               \n   "),
        ("\n%%capture out --no-stderr\n!ls\nx", "\n_                        \n_  \nx"),
        ("%%bash\nfor x; do\n é", "_     \n         \n   "),
        ("x = '''\n%a\n'''\n%b", "x = '''\n%a\n'''\n_ "),
        ("x = (1\n%2)\n!a", "x = (1\n%2)\n_ "),
        ("x = 1 \\\n%2\n!a", "x = 1 \\\n%2\n_ "),
        ("!echo it's (\n!a", "_           \n_ "),
    ],
)
def test_a_magic_gives_way_to_a_name(cell: str, python: str) -> None:
    assert without_magics(cell) == python


@pytest.mark.parametrize(
    "cell",
    [
        "x = 5 %2",
        "x != y",
        "x = f(y) != z",
        "x = '!ls'",
        "x = 1;",
        "get_ipython().run_line_magic('time', 'f()')",
        "# why?",
        "x = 1  # why?",
        "print('a = %d' % x)",
        "print('why?')",
        "x = '?'",
        "@a\ndef f(): ...",
        "await f()",
        "x = 1\n%%bash",
        "",
        "\n",
    ],
)
def test_what_is_no_magic_stays(cell: str) -> None:
    assert without_magics(cell) == cell


@given(st.text("%!?\\\n\r'\"#([])=x é😀", max_size=30))
def test_every_byte_keeps_its_line(cell: str) -> None:
    python = without_magics(cell)
    assert len(python.encode()) == len(cell.encode())
    ends = [(i, b) for i, b in enumerate(cell.encode()) if b in b"\r\n"]
    assert [(i, b) for i, b in enumerate(python.encode()) if b in b"\r\n"] == ends
    assert [cell[start:end] for start, end in magics(python)] == []


@pytest.mark.usefixtures("toys")
def test_a_cell_that_is_no_python_is_ll000_and_the_others_are_checked_and_fixed() -> None:
    text = dump(lines("x = (\n'bad' é"), lines("print 'a'"), lines("await bad"))
    text = text.replace("'a'", "'\\ud83d'")
    assert found(text) == [
        ("cell 1:1:5", "LL000"),
        ("cell 2:1:1", "LL000"),
        ("cell 3:1:7", "LL901"),
    ]
    fixed = fix_source(text, "x.ipynb")
    assert fixed.text == text.replace("await bad", "await good")
    assert [f.code for f in fixed.findings] == ["LL000", "LL000"]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("halves", [("if bad:", "    x"), ("'''", "bad'''"), ("x = (", "bad)")])
def test_two_cells_do_not_make_one_statement(halves: tuple[str, str]) -> None:
    assert [code for _, code in found(dump(*map(lines, halves)))] == ["LL000", "LL000"]


@pytest.mark.usefixtures("toys")
def test_suppressions_hold_in_cells() -> None:
    cells = [
        "%time 1\nx = bad  # losslint: ignore[LL901] because",
        "y = bad  # noqa: LL901",
        "z = 1  # noqa: LL901",
    ]
    text = dump(*map(lines, cells))
    assert found(text) == [("cell 3:1:16", "LL001")]
    fixed = fix_source(text, "x.ipynb")
    assert fixed.text == text.replace("z = 1  # noqa: LL901", "z = 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON at 1:1"),
        ("x = 1", "no JSON at 1:1"),
        ('{"cells": [\n}', "no JSON at 2:1"),
        ("[" * 100_000, "no notebook"),
        ("[]", "no `nbformat`"),
        ("{}", "no `nbformat`"),
        ('{"nbformat": 3, "worksheets": [{"cells": []}]}', "the old format 3"),
        ('{"nbformat": 4}', "no list of `cells`"),
        ('{"nbformat": 4, "cells": [1]}', "no list of `cells`"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no `source`"),
        (dump(code([1])), "cell 1 has no `source`"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_notebook_is_said(text: str, says: str) -> None:
    with pytest.raises(Undecodable, match=says):
        read(text)
    (finding,) = check_source(text, "x.ipynb")
    assert finding.code == "LL000"
    assert says in finding.message


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    "metadata",
    [
        {},
        None,
        {"kernelspec": {"display_name": "x", "name": "y"}},
        {"language_info": {"name": "python", "version": "3.12"}},
        {"kernelspec": {"language": "sage"}, "language_info": {"name": "python"}},
    ],
)
def test_a_notebook_is_python_unless_it_says_otherwise(metadata: Any) -> None:
    assert found(dump(lines("bad"), metadata=metadata)) == [("cell 1:1:1", "LL901")]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    "metadata", [{"kernelspec": {"language": "R"}}, {"language_info": {"name": "julia"}}]
)
def test_a_notebook_of_another_language_is_counted(
    metadata: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dump(lines("bad <- 1"), metadata=metadata)
    (tmp_path / "x.ipynb").write_text(text, encoding="utf-8")
    (tmp_path / "x.py").write_text("")
    for path in (tmp_path, tmp_path / "x.ipynb"):
        assert main(["--fix", str(path)]) == 0
        assert "Not checked: 1 non-Python notebook.\n" in capsys.readouterr().out
    assert check_source(text, "x.ipynb") == []
    assert fix_source(text, "x.ipynb").text == text


@pytest.mark.usefixtures("toys")
def test_the_reports_name_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.ipynb").write_text(dump(*CELLS), encoding="utf-8")
    assert main(["--output-format", "concise", "-q"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("x.ipynb:cell 2:5:5: warning LL901 ")
    assert second.startswith("x.ipynb:cell 6:1:5: warning LL901 ")

    assert main(["-q"]) == 1
    assert "\n4 | x = 'é 😀 ill'\n5 | y = bad\n  |     ^^^\n" in capsys.readouterr().out

    assert main(["--output-format", "json", "-q"]) == 1
    item = json.loads(capsys.readouterr().out)[1]
    assert (item["cell"], item["location"], item["noqa_row"]) == (6, {"row": 1, "column": 5}, 1)
    assert item["fix"]["edits"][0]["cell"] == 6

    assert main(["--diff", "-q"]) == 1
    changed = [line for line in capsys.readouterr().out.splitlines() if "bad" in line]
    assert '-    "y = bad"' in changed
    assert '-   "source": "z = bad\\n!echo \'é\'\\n"' in changed


@pytest.mark.usefixtures("toys")
def test_a_notebook_under_another_name_is_not_taken_for_python() -> None:
    (finding,) = check_source(dump(lines("bad")), "x.py")
    assert (finding.code, "must end in .ipynb" in finding.message) == ("LL000", True)
    assert check_source('{"nbformat": bad}', "x.py")[0].code == "LL000"
    assert check_source('{"metadata": bad}', "x.py")[0].code == "LL901"


@pytest.mark.usefixtures("toys")
def test_of_two_members_of_one_name_the_last_counts_as_it_does_for_jupyter() -> None:
    cell = json.dumps(lines("x = 1"))[:-1] + ', "source": "bad"}'
    text = f'{{"cells": [], "nbformat": 3, "nbformat": 4, "cells": [{cell}]}}'
    assert found(text) == [("cell 1:1:1", "LL901")]
    assert fix_source(text, "x.ipynb").text == text.replace("bad", "good")


@pytest.mark.usefixtures("toys")
def test_a_notebook_without_code_is_clean() -> None:
    for text in (dump(), dump(*CELLS[:1]), dump(*CELLS[2:5])):
        assert found(text) == []
        assert fix_source(text, "x.ipynb").text == text


@pytest.mark.usefixtures("toys")
def test_a_cell_that_is_said_to_be_in_another_language_is_left_alone() -> None:
    cells = [lines("bad"), lines("bad"), lines("bad")]
    for cell, language in zip(cells, ("sql", "python"), strict=False):
        cell["metadata"] = {"vscode": {"languageId": language}}
    text = dump(*cells)
    assert found(text) == [("cell 2:1:1", "LL901"), ("cell 3:1:1", "LL901")]


def test_a_notebook_goes_from_one_process_to_another() -> None:
    source = read(dump(*CELLS))
    assert pickle.loads(pickle.dumps(source)) == source


MODEL = """\
import torch
from torch import nn


class Total(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_var = nn.Parameter(torch.zeros(()))

    def forward(self, loss):
        return torch.exp(-self.log_var) * loss + self.log_var"""
LOOP = """\
%%time
total = Total()
for x, y in batches:
    loss = total(criterion(model(x), y))
    loss.backward()
    optimizer.step()"""


def test_the_rules_see_all_cells_as_one_module() -> None:
    text = dump(lines("%cd .."), lines(MODEL), lines("?Total"), lines(LOOP))
    assert set(found(text)) >= {
        ("cell 2:11:16", "LL105"),
        ("cell 2:11:50", "LL101"),
        ("cell 4:5:5", "LL201"),
    }
    before, after = json.loads(text), json.loads(fix_source(text, "x.ipynb").text)
    cells = ["".join(cell["source"]) for cell in after["cells"]]
    assert "functional.softplus(self.log_var + 10.0)" in cells[1]
    assert "def validate_loss(" in cells[1]
    assert cells[3] == LOOP.replace("    loss.b", "    validate_loss(loss)\n    loss.b")
    assert [after["cells"][i] for i in (0, 2)] == [before["cells"][i] for i in (0, 2)]


def test_edits_of_two_cells_are_one_fix() -> None:
    source = read(dump(lines("a"), lines("b")))
    edits = [Edit(Span(4, 5), "d"), Edit(Span(0, 1), "c")]
    assert apply_edits(source, edits).text == "c\n\n\nd\n"
