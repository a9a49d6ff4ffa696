"""Reading and writing change no byte, and fixes none outside their edits: of awkward files. The
slow part reads other people's, the standard library, what is installed, and some folders:

LOSSLINT_CORPUS=FOLDER:FOLDER python -m pytest -m slow -s tests/test_fidelity.py

What fixes do to those is in tests/test_corpus.py.
"""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fuzz.outside import is_python

from losslint import cli
from losslint.config import Settings
from losslint.engine import run as engine_run
from losslint.engine.across import Joined
from losslint.engine.looks import slim
from losslint.engine.run import Run
from losslint.findings import Span
from losslint.rules import registry
from losslint.source import regular
from losslint.source.discover import Python, discover
from losslint.source.notebook import opened
from losslint.source.text import Source, Undecodable

CORPUS = os.environ.get("LOSSLINT_CORPUS", "")

TERM = b"0.5 * self.s.sum()"
FLOOR = b"0.5 * F.softplus(self.s + 10.0).sum()"
WEIGHT, BOUNDED = b"-self.s", b"10.0 - F.softplus(self.s + 10.0)"
BAD = b"""\
import torch
import torch.nn.functional as F
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return (torch.exp(-self.s) * losses).sum() + 0.5 * self.s.sum()
"""


def mended(raw: bytes) -> bytes:
    """What the fix makes of it."""
    return raw.replace(TERM, FLOOR).replace(WEIGHT, BOUNDED)


ENDS = [b"\n", b"\r\n", b"\r"] * 5

# Awkward, and Python: mended in one place.
FIXED = {
    "bom": codecs.BOM_UTF8 + BAD,
    "latin": b"# coding: latin-1\nx = '\xe9'\n" + BAD,
    "second_line": b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x93'\n" + BAD,
    "jis": "# coding: iso-2022-jp\nx = '日本'\n".encode("iso-2022-jp") + BAD,
    "crlf": BAD.replace(b"\n", b"\r\n"),
    "cr": BAD.replace(b"\n", b"\r"),
    "mixed": b"".join(line + end for line, end in zip(BAD.split(b"\n")[:-1], ENDS, strict=False)),
    "form_feeds": b"\f"
    + BAD.replace(b"\nclass", b"\f\nclass").replace(b"    def f", b"\f    def f"),
    "tabs": BAD.replace(b"    ", b"\t"),
    "tabs_and_spaces": BAD.replace(b"        return", b"    \treturn").replace(b"    ", b"  "),
    "no_final_newline": BAD.rstrip(),
    "trailing": BAD + b"  \n\t\n# torch\n    # torch\n \f\n",
    "separators": BAD + "x = 'a\u2028b\x0bc\x85d\x1ce'\n".encode(),
    "surrogate_escape": BAD + b"x = '\\ud800'\n",
    "wide_line": BAD + b"x = '" + b"a" * 1_000_000 + b"'\n",
    "backslashes": BAD.replace(b"+ 0.5", b"+ \\\r\n  0.5").replace(b"(-self", b"( \\\n -self"),
    "nested_blocks": BAD + b"".join(b" " * n + b"if x:\n" for n in range(90)) + b" " * 90 + b"x\n",
    "many_lines": BAD + b"# \n\n" * 50_000,
    "many_strings": BAD + b"x = (" + b"'a' " * 900 + b")\n",
}

# No Python, or more than can be parsed: said, and left alone.
REFUSED = {
    "wide": (BAD.decode().encode("utf-16"), "UTF-16: Python source is UTF-8"),
    "wider": (BAD.decode().encode("utf-32"), "UTF-32: Python source is UTF-8"),
    "wide_without_mark": (BAD.decode().encode("utf-16-le"), "a null byte"),
    "null": (BAD + b"\0", "a null byte"),
    "surrogate": (BAD + b"x = '\xed\xa0\x80'\n", "not utf-8: byte 0xed on line 13"),
    "undeclared": (BAD + b"x = '\xe9'\n", "not utf-8: byte 0xe9 on line 13"),
    "lying_bom": (codecs.BOM_UTF8 + b"# coding: latin-1\n" + BAD, "utf-8"),
    "control_z": (BAD + b"\x1a", "not Python"),
    "open_end": (BAD + b"x = 1 + \\", "not Python"),
    "parentheses": (BAD + b"x = " + b"(" * 2_000 + b"1" + b")" * 2_000, "not Python: too many"),
    "blocks": (BAD + b"".join(b" " * n + b"if x:\n" for n in range(2_000)), "not Python: too many"),
    "sum": (BAD + b"x = " + b"+".join([b"1"] * 100_000) + b"\n", "deep"),
    "attributes": (BAD + b"x = a" + b".b" * 100_000 + b"\n", "deep"),
    "negations": (BAD + b"x = " + b"not " * 100_000 + b"1\n", "deep"),
    "branches": (BAD + b"if x: pass\n" + b"elif x: pass\n" * 20_000, "deep"),
    "lambdas": (BAD + b"x = " + b"lambda: " * 5_000 + b"1\n", "deep"),
}

KEPT = {
    "empty": b"",
    "mark_alone": codecs.BOM_UTF8,
    "comments": b"# torch\r# a\n#",
    "blank": b" \n\t\r\n\f",
    "plain": b"x = 1\r\ny = 2",
}


def fixed(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """The exit status and the output of a `--fix` of a folder."""
    arguments = [
        "--isolated",
        "--no-cache",
        "-q",
        "--output-format",
        "concise",
        "--select",
        "LL101",
    ]
    status = cli.main([*arguments, "--fix", *options, str(folder)])
    return status, capsys.readouterr().out


@pytest.mark.parametrize("name", FIXED)
def test_a_fix_changes_its_place_and_no_other_byte(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = FIXED[name]
    path = tmp_path / f"{name}.py"
    path.write_bytes(raw)
    path.chmod(0o751)
    assert fixed(path, capsys) == (0, "")
    assert path.read_bytes() == mended(raw)
    assert path.stat().st_mode & 0o777 == 0o751
    assert fixed(path, capsys) == (0, "")
    assert path.read_bytes() == mended(raw)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_said_and_left_alone(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, says = REFUSED[name]
    (tmp_path / "refused.py").write_bytes(raw)
    (tmp_path / "the_next.py").write_bytes(BAD)
    status, said = fixed(tmp_path, capsys)
    assert status == 2
    assert len(said.splitlines()) == 1
    assert "LL000" in said
    assert says in said
    assert (tmp_path / "refused.py").read_bytes() == raw
    assert (tmp_path / "the_next.py").read_bytes() == mended(BAD)


def test_what_has_nothing_to_fix_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, raw in KEPT.items():
        (tmp_path / f"{name}.py").write_bytes(raw)
        (tmp_path / f"{name}.py").chmod(0o444)
    before = {path: (path.stat().st_ino, path.read_bytes()) for path in tmp_path.iterdir()}
    assert fixed(tmp_path, capsys) == (0, "")
    assert before == {p: (p.stat().st_ino, p.read_bytes()) for p in tmp_path.iterdir()}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_names_may_be_anything(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    names = [b"\xff\xfe.py", b"a\nb.py", b"\x1b[31m.py", b"A.py", b"a.py", "é.py".encode(), b" .py"]
    for name in names:
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(BAD)
    os.symlink(tmp_path, tmp_path / "loop")
    os.symlink("itself.py", tmp_path / "itself.py")
    os.symlink("nowhere.py", tmp_path / "dead.py")
    os.mkfifo(tmp_path / "pipe.py")
    command = [
        sys.executable,
        "-m",
        "losslint",
        "--isolated",
        "--fix",
        "--output-format",
        "concise",
    ]
    run = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, b"")
    for name in names:
        path = Path(os.fsdecode(os.path.join(folder, name)))
        assert path.read_bytes() == mended(BAD), name


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_that_is_a_pipe_by_now_is_not_waited_for(
    jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def then_a_pipe(*given: object) -> Iterator[object]:
        found = [*discover(*given)]  # type: ignore[arg-type]
        (tmp_path / "b.py").unlink()
        os.mkfifo(tmp_path / "b.py")
        (tmp_path / "c.py").unlink()
        return iter(found)

    for name in "abc":
        (tmp_path / f"{name}.py").write_bytes(BAD)
    monkeypatch.setattr("losslint.source.discover.discover", then_a_pipe)
    status, said = fixed(tmp_path, capsys, "--jobs", jobs)
    assert status == 2
    lines = said.splitlines()
    assert ["b.py:" in lines[0], "c.py:" in lines[1], len(lines)] == [True, True, 2]
    assert "no regular file" in lines[0]
    assert "No such file" in lines[1]
    assert (tmp_path / "a.py").read_bytes() == mended(BAD)


@pytest.mark.parametrize("become", [b"x", b"\0", None])
def test_a_file_that_is_another_when_the_project_is_looked_at(
    become: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found in it across files is about a text that is not there any more."""
    path = tmp_path / "a.py"
    path.write_bytes(BAD)
    across = engine_run.across
    rule = registry.all_rules()[-1]

    def then_changed(*given: Any) -> Joined:
        if become is None:
            path.unlink()
        else:
            path.write_bytes(become)
        found = rule.finding(Span(5, 9), "found across files")
        return replace(across(*given), findings={str(path): (found,)})

    run = Run(Settings(select=("LL408",)), paths=[str(tmp_path)])
    looks = [slim(look) for look in run.looks([Python(str(path))])]
    monkeypatch.setattr(engine_run, "across", then_changed)
    (report,) = run.joined(looks)
    assert [finding.code for finding in report.findings] == ["LL000"]
    assert "the file changed while it was checked" in report.findings[0].message


def test_a_file_without_measure_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regular, "MAX_BYTES", 1_000)
    (tmp_path / "a.py").write_bytes(b"import torch\n" * 100)
    status, said = fixed(tmp_path, capsys)
    assert status == 2
    assert "File too large" in said


# --- other people's files -----------------------------------------------------------------


def files() -> Iterator[Path]:
    """Every module and notebook of the library, of what is installed, and of the corpus."""
    tops = [
        *map(sysconfig.get_path, ("stdlib", "purelib")),
        *filter(None, CORPUS.split(os.pathsep)),
    ]
    for top in dict.fromkeys(tops):
        for folder, inside, names in os.walk(top):
            inside[:] = sorted(set(inside) - {"__pycache__", ".git"})
            if os.path.samefile(top, tops[0]) and "site-packages" in inside:
                inside.remove("site-packages")
            yield from (
                Path(folder, name) for name in sorted(names) if name.endswith((".py", ".ipynb"))
            )


@pytest.mark.slow
def test_every_file_comes_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counter[str]()
    for path in filter(Path.is_file, files()):
        raw = path.read_bytes()
        try:
            source = opened(Source.decode(str(path), raw))
        except Undecodable:
            counts["refused"] += 1
            assert path.suffix == ".ipynb" or not is_python(raw), path
            continue
        assert source.encode() == raw, path
        assert source.spliced([]).encode() == raw, path
        counts[path.suffix] += 1
    with capsys.disabled():
        print(f"\ncame back byte for byte: {dict(counts)}")
    assert counts[".py"] > 1_000
