"""What other linters let pass without a word, one test for each: losslint does not.

Named for the tool that was seen to do it; the rules are the real ones.
"""

from __future__ import annotations

import builtins
import json
import re
import subprocess
import symtable
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from losslint.cli import main

GOOD = "import torch\n\n\ndef weigh(s, loss):\n    return torch.exp(-s) * loss\n"
LOSS = """\
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(()))

    def forward(self, loss):
        return TOTAL
"""
BAD = LOSS.replace("TOTAL", "torch.exp(-self.s) * loss + self.s")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "bad.py") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def fixed(text: str) -> str:
    """What `--fix --unsafe-fixes` leaves of a file, in which it must leave nothing to be found."""
    path = write(text)
    assert main(["--fix", "--unsafe-fixes", "--ignore", "LL302"]) == 0
    return path.read_text(encoding="utf-8")


def codes(output: str) -> dict[str, set[str]]:
    """The codes of the findings in each file of a JSON report."""
    found: dict[str, set[str]] = {}
    for item in json.loads(output):
        found.setdefault(item["filename"], set()).add(item["code"])
    return found


def losslint(*arguments: str) -> subprocess.Popen[bytes]:
    """A process of its own: what kills it must not kill the tests."""
    return subprocess.Popen(
        [sys.executable, "-m", "losslint", "--isolated", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("form", ["full", "concise", "json"])
def test_torchfix_and_semgrep_end_with_0_when_something_is_found(form: str) -> None:
    write(BAD)
    assert main(["--output-format", form]) == 1
    assert main(["--output-format", form, "-q", "bad.py"]) == 1
    assert main(["--statistics", "--output-format", form]) == 1


@pytest.mark.parametrize(
    "arguments", ["missing.py", "missing", "good.py missing", "--fix missing.py"]
)
def test_torchfix_and_fixit_take_a_missing_path_for_clean(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(GOOD, "good.py")
    assert main(arguments.split()) == 2
    output = capsys.readouterr().out
    assert "error LL000 unreadable_source: No such file" in output
    assert "Not checked: 1 file (LL000).\n" in output


def notebook(*cells: str) -> str:
    written = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": c} for c in cells]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def test_torchfix_counts_a_notebook_as_checked_and_reads_none_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(notebook("%matplotlib inline", BAD), "x.ipynb")
    assert main(["--output-format", "concise"]) == 1
    output = capsys.readouterr().out
    assert "x.ipynb:cell 2:11:44: warning LL101" in output
    assert "Checked 1 file: 2 findings" in output


@pytest.mark.parametrize("name", ["x.ipynb", "x.py"])
def test_flake8_reads_the_json_of_a_notebook_as_python(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(notebook(BAD.replace("class", "klass")), name)
    assert main([name, "--output-format", "json"]) == 2
    (item,) = json.loads(capsys.readouterr().out)
    assert item["code"] == "LL000"
    assert item["cell"] == (1 if name == "x.ipynb" else None)


def test_fixit_ends_with_0_after_a_fix_that_leaves_findings() -> None:
    write("import torch\n\n\ndef f(x, y):\n    return torch.nn.NLLLoss()(x.softmax(-1), y)\n")
    assert main(["--fix"]) == 1
    assert main(["--fix", "--unsafe-fixes"]) == 0


def test_fixit_loses_a_fix_that_stands_in_another() -> None:
    before = "import torch\n\n\ndef f(x):\n    return INNER\n"
    inner = "x"
    for _ in range(3):
        inner = f"torch.log(torch.softmax({inner}, dim=-1))"
    after = fixed(before.replace("INNER", inner))
    assert after.count("log_softmax(") == 3
    assert "torch.log(" not in after
    torch.testing.assert_close(called(after, X), called(before.replace("INNER", inner), X))


@pytest.mark.parametrize(
    "arguments",
    ["--select LL99", "--ignore LL10l", "--extend-select Ll101", "rule collapsing_weight"],
)
def test_torch_preflight_and_flake8_accept_an_unknown_rule(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(BAD)
    assert main(arguments.split()) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("losslint: error: unknown rule `")
    assert "did you mean `" in output.err


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        ("selekt = ['LL101']", "did you mean `select`?"),
        ("ignore = ['LL10l']", "unknown rule `LL10l`"),
        ("per-file-ignores = {'*.py' = ['LL10l']}", "unknown rule `LL10l`"),
    ],
)
def test_torch_preflight_and_flake8_accept_an_unknown_key(
    configuration: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(BAD)
    write(configuration, "losslint.toml")
    assert main([]) == 2
    output = capsys.readouterr()
    assert (output.out, says in output.err) == ("", True)


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_torch_preflight_rewrites_line_ends(
    newline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("bad.py")
    raw = b"\xef\xbb\xbf" + BAD.replace("\n", newline).rstrip().encode()
    path.write_bytes(raw)
    assert main(["--fix"]) == 0
    after = path.read_bytes()
    assert b"softplus" in after
    assert after.count(newline.encode()) == len(after.splitlines()) - 1
    assert [*raw.splitlines()[:-1]] == [*after.splitlines()[:-1]]
    assert "Fixed 1 finding in 1 file.\n" in capsys.readouterr().out


def test_torch_preflight_shows_a_traceback_when_head_has_read_enough() -> None:
    write("x = 1  # losslint: ignore\n" * 5_000, "many.py")
    with losslint("--output-format", "concise") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"many.py:1:8: note LL001")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


PROBABILITIES = """\
import torch


def f(x):
    "é 😀"; return torch.log(torch.softmax(x, 1)), torch.log(torch.sigmoid(x))
"""


def test_torch_preflight_shows_the_escapes_of_an_annotation_to_its_reader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(PROBABILITIES, "a,b 100%.py")
    assert main(["--output-format", "github"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    for line in (first, second):
        properties, _, message = line.removeprefix("::warning ").partition("::")
        assert properties.startswith("file=a%2Cb 100%25.py,line=5,")
        assert message.startswith("a,b 100%25.py:5:")
        assert re.findall("%..", message) == ["%25"]


def sarif(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    assert main(["--output-format", "sarif"]) == 1
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert isinstance(results, list)
    return results


def test_ruff_writes_absolute_uris_into_sarif(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a b").mkdir()
    write(PROBABILITIES, "a b/x.py")
    uris = re.findall(r'"uri": "([^"]*)"', json.dumps(sarif(capsys)))
    assert set(uris) == {"a%20b/x.py"}


def test_semgrep_gives_other_places_for_its_fixes_in_sarif_than_it_writes_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(PROBABILITIES)
    lines = PROBABILITIES.splitlines(keepends=True)
    changes = [c for r in sarif(capsys) for f in r["fixes"] for c in f["artifactChanges"]]
    edits = [one for change in changes for one in change["replacements"]]
    edits.sort(
        key=lambda one: (one["deletedRegion"]["startLine"], one["deletedRegion"]["startColumn"])
    )
    for edit in reversed(edits):
        region = edit["deletedRegion"]
        row = region["startLine"] - 1
        assert region["endLine"] - 1 == row
        line, new = lines[row], edit["insertedContent"]["text"]
        lines[row] = line[: region["startColumn"] - 1] + new + line[region["endColumn"] - 1 :]
    assert len(edits) == 6
    assert "".join(lines) == fixed(PROBABILITIES)


SUM = "torch.exp(-self.s) * loss" + " + loss" * 60_000 + " + self.s"
DEEP = {
    "torch_preflight_sum_of_60000": SUM,
    "libcst_sum_of_10000": SUM.replace(" + loss", "", 50_000),
    "libcst_2000_levels": "torch.exp(-self.s) * loss"
    + " + (loss" * 2_000
    + ")" * 2_000
    + " + self.s",
    "libcst_2000_signs": "torch.exp(-self.s) * " + "-" * 2_000 + "loss + self.s",
}


def test_torch_preflight_and_libcst_die_of_a_long_or_deep_expression() -> None:
    for name, total in DEEP.items():
        write(LOSS.replace("TOTAL", total), f"{name}.py")
    write(BAD)
    with losslint("--output-format", "json") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert codes(out.decode()) == {
        "bad.py": {"LL101", "LL105"},
        **{f"{name}.py": {"LL000"} for name in DEEP},
    }
    assert b"Not checked: 4 files (LL000).\n" in err


@pytest.mark.parametrize(
    "total",
    [
        "torch.exp(-self.s) * loss" + " + loss" * 500 + " + self.s",
        "torch.exp(-self.s) * loss" + " + (loss" * 150 + ")" * 150 + " + self.s",
        "torch.exp(-self.s) * " + "-" * 500 + "loss + self.s",
    ],
)
def test_libcst_gives_up_on_500_nested_terms(
    total: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(LOSS.replace("TOTAL", total))
    assert main(["--output-format", "json"]) == 1
    assert codes(capsys.readouterr().out) == {"bad.py": {"LL101", "LL105"}}
    assert "softplus(self.s + 10.0)" in fixed(LOSS.replace("TOTAL", total))


@pytest.mark.parametrize("arguments", ["", "--fix", "--diff", "--exit-zero", "--select LL101"])
def test_pyupgrade_ends_with_0_at_a_syntax_error(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(BAD + "print 'x'\n")
    assert main(arguments.split()) == 2
    output = capsys.readouterr()
    assert "bad.py:12:1: error LL000 unreadable_source: not Python" in output.out + output.err
    assert path.read_text() == BAD + "print 'x'\n"


def called(text: str, *arguments: object) -> torch.Tensor:
    """What the function `f` of a module gives."""
    module: dict[str, object] = {}
    exec(compile(text, "x.py", "exec"), module)
    result = module["f"](*arguments)  # type: ignore[operator]
    assert isinstance(result, torch.Tensor)
    return result


X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, -4.0]])


@pytest.mark.parametrize(
    "text",
    [
        "from torch import log as v\nfrom torch.nn.functional import softmax as w\n\n\n"
        "def f(x):\n    return v(w(x, dim=0))\n",
        "import torch.nn.functional as v\nimport torch as w\n\n\n"
        "def f(x):\n    return w.log(v.softmax(x, 1))\n",
        "import torch as F\n\n\ndef f(x):\n    return F.softmax(x, -1).log()\n",
    ],
)
def test_torchfix_breaks_a_call_through_an_alias(text: str) -> None:
    after = fixed(text)
    assert "log_softmax(" in after
    torch.testing.assert_close(called(after, X), called(text, X))


@pytest.mark.parametrize("order", [("dim=axis", "dtype=kind"), ("dtype=kind", "dim=axis")])
def test_torchfix_loses_a_keyword_argument(order: tuple[str, str]) -> None:
    text = (
        "import torch\n\n\ndef f(x, axis, kind):\n"
        f"    return torch.log(input=torch.softmax({', '.join(order)}, input=x))\n"
    )
    after = fixed(text)
    assert "log_softmax(" in after
    for arguments in ((X, 0, torch.float64), (X, 1, torch.float32)):
        before = called(text, *arguments)
        assert called(after, *arguments).dtype is before.dtype
        torch.testing.assert_close(called(after, *arguments), before)


LOOP = """

def train(network, batches):
    weigh = Weighted()
    opt = torch.optim.SGD(network.parameters(), lr=0.1)
    for batch in batches:
        err = weigh(network(batch))
        opt.zero_grad()
        err.backward()
        opt.step()
"""


def unbound(table: symtable.SymbolTable, known: set[str]) -> set[str]:
    """Names that are read somewhere in a module and that it binds nowhere."""
    symbols = [
        one for one in table.get_symbols() if one.is_global() or table.get_type() == "module"
    ]
    found = {one.get_name() for one in symbols if one.is_referenced() and not one.is_assigned()}
    found -= {one.get_name() for one in symbols if one.is_imported()}
    return (found - known).union(*(unbound(child, known) for child in table.get_children()))


def test_mldoct_writes_optimizer_where_it_is_called_otherwise() -> None:
    text = BAD + LOOP
    table = symtable.symtable(after := fixed(text), "x.py", "exec")
    bound = {
        one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()
    }
    assert "validate_loss(err)" in after
    assert "SGD([*network.parameters(), *weigh.parameters()], lr=0.1)" in after
    assert unbound(table, bound | set(dir(builtins))) == set()
