"""What is fuzzed, what must hold of any bytes there, and the bytes that it begins with."""

from __future__ import annotations

import ast
import atexit
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from losslint import cli
from losslint.config import ConfigError, Settings, find, load
from losslint.engine import baseline, relevance, storage
from losslint.engine.cache import RUNS
from losslint.engine.check import check
from losslint.engine.fingerprint import mark
from losslint.engine.fix import SAFE_AND_UNSAFE, settle
from losslint.engine.ignores import ignored
from losslint.engine.selection import Selection
from losslint.findings import Finding
from losslint.model.module import Unreadable
from losslint.rules import registry
from losslint.source.notebook import opened
from losslint.source.text import Source, Undecodable

from ..samples import WEIGHTED
from .outside import edits_alone_change, is_python

FIXTURES = Path(__file__).parents[2] / "fixtures"
EVERYTHING = Settings(select=("ALL",))
RULES = Selection(registry.all_rules(), EVERYTHING).for_file("x.py")
MOST = 1_500  # bytes of a piece of a fixture


@dataclass(frozen=True)
class Target:
    """Something that parses: what must hold of any bytes, and some to begin with."""

    expect: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def expect_source(raw: bytes) -> None:
    """A file of Python comes back as it was; its check ends, its fixes leave it Python and end."""
    try:
        source = Source.decode("x.py", raw)
    except Undecodable:
        return
    assert source.encode() == raw
    _expect_fixes(source)


def expect_notebook(raw: bytes) -> None:
    """The same of a notebook."""
    try:
        source = opened(Source.decode("x.ipynb", raw))
    except Undecodable:
        return
    assert source.encode() == raw
    fixed = _expect_fixes(source)
    json.loads(fixed.content)


def expect_suppressions(raw: bytes) -> None:
    """Comments suppress or are told to be idle, and new ones can be written beside them."""
    comments = raw.decode(errors="ignore").replace("\0", "").split("\n")[:4]
    lines = WEIGHTED.splitlines()
    for row, comment in zip((0, 7, 10, 9), comments, strict=False):
        lines[row] += f"  # {comment}"
    try:
        source = Source.decode("x.py", "\n".join(lines).encode())
    except Undecodable:  # it declares an encoding
        return
    fixed = _expect_fixes(source)
    findings = check(source, RULES, EVERYTHING).findings
    try:
        written, left = ignored(source, findings, EVERYTHING)
    except Unreadable:
        return
    assert len(written.data) >= len(source.data)
    assert len(left) <= len(findings)
    assert is_python(written.data) or not is_python(source.data)
    assert fixed.name == source.name


def expect_configuration(raw: bytes) -> None:
    """A configuration is read, or said to be none."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        for name in ("losslint.toml", "pyproject.toml"):
            path = os.path.join(folder, name)
            Path(path).write_bytes(raw)
            try:
                settings = load(path)
                if settings is not None:
                    Selection(registry.all_rules(), settings).for_file("x.py")
                    hash(settings)
            except ConfigError:
                pass
        with suppress(ConfigError):
            find(folder)


def expect_baseline(raw: bytes) -> None:
    """A baseline is read and written again as what was read, or said to be none."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = os.path.join(folder, "baseline.json")
        Path(path).write_bytes(raw)
        try:
            known, read = baseline.read(path)
        except ConfigError:
            return
        baseline.save(path, known, read)
        again, _ = baseline.read(path)
        assert {name: +counts for name, counts in known.known.items() if counts} == again.known


def expect_cache(raw: bytes) -> None:
    """Whatever is in the cache, a run comes to its end, and without it says the same as ever.

    What it says with it is another matter: a lie that is well-formed cannot be told.
    """
    folder, content, expected = _project()
    os.chdir(folder)
    file = next(Path(".losslint_cache").glob(f"*{storage.SUFFIX}"))
    if raw[:1] < b"\x20":
        file.write_bytes(raw[1:])
    else:
        parts = _parts(content)
        parts[RUNS] = b"[]"
        parts[raw[0] % len(parts)] = raw[1:]
        file.write_bytes(storage.packed(mark(Settings()), parts))
    assert _said()[0] in "012"
    assert sorted(os.listdir()) == [".losslint_cache", "losses.py"]
    assert len(os.listdir(".losslint_cache")) == 3
    assert _said("--no-cache") == expected


@cache
def _project() -> tuple[str, bytes, str]:
    """A folder, what is in the cache that is there, and what a run without says."""
    folder = tempfile.mkdtemp(dir=_memory())
    atexit.register(shutil.rmtree, folder)
    os.chdir(folder)
    Path("losses.py").write_bytes(WEIGHTED.encode())
    expected = _said("--no-cache")
    assert _said() == expected
    return folder, next(Path(".losslint_cache").glob(f"*{storage.SUFFIX}")).read_bytes(), expected


def _said(*options: str) -> str:
    said, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(errors):
        status = cli.main(["--isolated", "-q", *options])
    return f"{status} {said.getvalue()} {errors.getvalue()}"


def _parts(data: bytes) -> list[bytes]:
    """The parts of the file of a cache."""
    head, _, rest = data.partition(b"\n")
    parts = []
    for word in head.split()[2:]:
        length = int(word.split(b":")[0])
        parts.append(rest[:length])
        rest = rest[length:]
    return parts


def _expect_fixes(source: Source) -> Source:
    """No rule breaks, and fixes leave what compiled compiling, come to an end, and then do nothing."""
    relevance.WORDS = (b"",)
    asked = (source, _findings, EVERYTHING, SAFE_AND_UNSAFE)
    with edits_alone_change():
        fixed = settle(*asked)
        again = settle(fixed.source, *asked[1:])
    for finding in fixed.findings:
        ours = "failed: " in finding.message and "nested too deep" not in finding.message
        assert not ours, "\n".join((finding.message, *finding.evidence))
        assert "do not come to an end" not in finding.message, finding.message
    assert again.source == fixed.source, "a second fix changes something"
    if fixed.applied and type(source) is Source and is_python(source.data):
        assert is_python(fixed.source.data), "it does not compile any more"
    return fixed.source


def _findings(source: Source) -> tuple[Finding, ...]:
    return check(source, RULES, EVERYTHING).findings


def _memory() -> str | None:
    """A folder that is no disk, where there is one."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def _pieces() -> Iterator[bytes]:
    """Every short definition of the fixtures, behind the imports of its file."""
    for path in sorted(FIXTURES.rglob("*.py")):
        text = path.read_text()
        body = ast.parse(text).body
        imports = [ast.unparse(n) for n in body if isinstance(n, (ast.Import, ast.ImportFrom))]
        for node in body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                piece = ast.get_source_segment(text, node) or ""
                whole = "\n".join([*imports, "", piece, ""]).encode()
                if len(whole) <= MOST:
                    yield whole


def _notebooks() -> Iterator[bytes]:
    for number, piece in enumerate(_pieces()):
        if number % 8:
            continue
        lines = piece.decode().splitlines(keepends=True)
        cells = [
            {"cell_type": "code", "source": ["%time x\n", "!ls é\n", "x = 1"], "metadata": {}},
            {"cell_type": "markdown", "source": "# a", "metadata": {}},
            {"cell_type": "code", "source": lines if number % 16 else "".join(lines)},
        ]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        yield json.dumps(notebook, indent=number % 3 or None).encode()


def _comments() -> Iterator[bytes]:
    yield b"losslint: ignore[LL101, unchecked_loss]\nnoqa: LL101,E501\nlosslint: ignore-file[LL1]\nnoqa"
    yield b"type: ignore # noqa:LL101 LL102 # losslint: ignore\n losslint:ignore[ALL] why\nNOQA : LL2"
    yield b"flake8: noqa\nruff: noqa: LL101\nlosslint: ignore-file\nlosslint: ignore[,]"


def _configurations() -> Iterator[bytes]:
    keys = (
        'select = ["LL1", "unchecked_loss"]\nignore = ["LL201"]\nexclude = ["a/**", "!b"]\n'
        'extend-exclude = ["["]\nforce-exclude = true\nbaseline = "b.json"\ncache-dir = "c"\n'
        'loss-validator = "pkg.module:function"\nloss-functions = ["a.b"]\n'
        'monitor-functions = ["m"]\nlog-variance-form = "softplus"\nextend = "other.toml"\n'
        '[per-file-ignores]\n"tests/*" = ["LL2"]\n'
    )
    yield keys.encode()
    yield keys.replace("[per", "[tool.losslint.per").encode().join([b"[tool.losslint]\n", b""])
    for line in keys.splitlines():
        yield line.encode()


def _baselines() -> Iterator[bytes]:
    lines = {"LL101": {"total = x + s": 2, "": 1}, "LL102": {"é": 1}}
    for findings in ({}, {"a.py": lines}, {"../b\\c.py": lines, "/d.py": {}}):
        whole = {baseline.FORMAT: baseline.VERSION, "findings": findings}
        yield json.dumps(whole, indent=2).encode()


def _caches() -> Iterator[bytes]:
    _, data, _ = _project()
    yield b"\0" + data
    parts = _parts(data)
    for number, part in enumerate(parts):
        yield bytes([len(parts) * 10 + number]) + part


TARGETS = {
    "source": Target(expect_source, _pieces),
    "notebook": Target(expect_notebook, _notebooks),
    "configuration": Target(expect_configuration, _configurations),
    "baseline": Target(expect_baseline, _baselines),
    "cache": Target(expect_cache, _caches),
    "suppressions": Target(expect_suppressions, _comments),
}
