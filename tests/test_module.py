"""A module keeps every offset right, and survives what kills its parser."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys

import libcst as cst
import pytest
from libcst import matchers

from losslint.model.depth import MAX_DEPTH, syntax_tree
from losslint.model.module import Module, Unreadable
from losslint.model.names import number_value
from losslint.model.outline import outline
from losslint.source.text import Source


def names(text: str) -> list[str]:
    """What stands at the place of every name of `text`."""
    module = Module(Source("x.py", text))
    return [module.text(node) for node in matchers.findall(module.tree, matchers.Name())]


@pytest.mark.parametrize(
    "text",
    [
        "a = b\n\fdef f(): c\n",
        "a = b\r\n\f\r\n\fclass f:\r\n  c = 1\r\n",
        "\f\fa = b(f, c)\n",
        "class a:\n    b = f\n\f    c = 1\n",
        "if a:\n    b\n  \f    f\n    c\n",
        "a = '''\n\fx'''\n\fb = f(c)\n",
        "a = b\rf = c\r",
        "a = b + f + c\n  \n  ",
        "é = '€'; a, b = f, c",
        "def a():\n    b(f, c)\n\n    # x\n    \n\n\n    # y\n    # z",
    ],
)
def test_places_are_right_where_libcst_drops_a_character(text: str) -> None:
    assert [name for name in names(text) if name != "é"] == ["a", "b", "f", "c"]


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("x = 1\ndef f(:\n", 2, 7),
        ("x = 1\r\ny = (\r\n", 2, 5),
        ("x = 1\rif x\r    y\r", 2, 5),
        ("print 'x'\n", 1, 1),
        ("x = 'é' é 1\n", 1, 9),
    ],
)
def test_a_syntax_error_is_where_cpython_says(text: str, row: int, column: int) -> None:
    source = Source("x.py", text)
    with pytest.raises(Unreadable, match="not Python") as caught:
        Module(source)
    found = source.position(caught.value.offset)
    assert found[0] == row
    if sys.version_info[:2] == (3, 11):
        assert found == (row, column)


@pytest.mark.parametrize(
    "text",
    [
        "match x:\n    case [a, *b]:\n        pass\n",
        "try:\n    pass\nexcept* A:\n    pass\n",
        "type X[T] = list[T]\n",
        "x = f'{'a'}'\n",
        "x = t'{a}'\n",
    ],
)
def test_syntax_newer_than_the_interpreter_is_read(text: str) -> None:
    Module(Source("x.py", text))


LONG = 20_000
DEEP = {
    "sum": "x = " + " + ".join("a" * LONG),
    "sum over lines": "x = (" + "\n + ".join("a" * LONG) + ")",
    "and": "x = " + " and ".join("a" * LONG),
    "attributes": "x = a" + ".b" * LONG,
    "import": "import a" + ".b" * LONG,
    "calls": "x = a" + ".b()" * LONG,
    "brackets": "x = " + "[" * LONG + "]" * LONG,
    "not": "x = " + "not " * LONG + "a",
    "powers": "x = " + "**".join("a" * LONG),
    "strings": "x = " + " ".join(["'a'"] * LONG),
    "elif": "if a: pass\n" + "elif b: pass\n" * LONG,
    "lambda": "x = " + "lambda: " * LONG + "a",
    "if-else": "x = " + "a if b else " * LONG + "c",
    "decorator": "@(a" + "\n + a" * LONG + ")\ndef f(): ...",
    "sum in what CPython refuses": "x = (" + "\n + ".join("a" * LONG) + ")\nprint 'x'\n",
    "and in what CPython refuses": "x = " + " and ".join("a" * LONG) + "\ntype = = 1\n",
    "strings in what CPython refuses": "x = " + " ".join(["'a'"] * LONG) + "\nx = = 1\n",
    "indentation": "".join(" " * n + "if a:\n" for n in range(500)),
    "backslashes in what never closes": '"""' + "\\" * 201,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_what_would_end_the_process_is_refused(text: str) -> None:
    """In a process of its own: a native stack overflow cannot be caught."""
    program = (
        "import pickle, sys\n"
        "from losslint.engine.memory import check_source, fix_source\n"
        "text = pickle.load(sys.stdin.buffer)\n"
        "print([f.code for f in check_source('# losslint: ignore[LL101]\\n' + text)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(text), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    assert b"LL000" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "x = " + " + ".join("a" * (MAX_DEPTH - 10)),
        "x = " + " and ".join("a" * (MAX_DEPTH - 10)),
        "x = a" + ".b()" * (MAX_DEPTH // 2 - 10),
        "x = " + "[" * 90 + "]" * 90,
        "x = [" + "a, " * 20_000 + "]",
        "\n".join(["x = a + b"] * 5_000),
    ],
)
def test_what_is_merely_long_is_read_with_its_places(text: str) -> None:
    module = Module(Source("x.py", text))
    assert module.text(module.tree.body[0].body[0].targets[0].target) == "x"  # type: ignore[attr-defined, index]


def test_notes_that_others_leave_on_what_trees_share_lead_nowhere() -> None:
    """pyflakes 3 leaves the parent of each node, and `ast.Load` is one object for all trees."""
    (statement,) = ast.parse("foreign(y)").body
    load = next(node for node in ast.walk(statement) if isinstance(node, ast.Load))
    load.note = statement  # type: ignore[attr-defined]
    try:
        tree = syntax_tree("x = f(y)")
        assert isinstance(tree, ast.Module)
        assert outline(tree).names == {"f", "x", "y"}
    finally:
        del load.note  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    ["0", "00", "1_0", "0x_fF", "0b1", "0o17", "1.", ".5", "1_0.2_5e-1_0", "1e400", "9" * 40],
)
def test_a_number_is_what_python_makes_of_it(text: str) -> None:
    node = cst.parse_expression(text)
    assert isinstance(node, (cst.Integer, cst.Float))
    value, expected = number_value(node), ast.literal_eval(text)
    assert (value, type(value)) == (expected, type(expected))
