"""losslint over a folder of other people's repositories. Slow: run it with

LOSSLINT_CORPUS=FOLDER python -m pytest -m slow tests/test_corpus.py
"""

from __future__ import annotations

import ast
import os
import shutil
import warnings
from pathlib import Path

import pytest

from losslint import FileReport, Settings, check_paths
from losslint.engine.fix import SAFE_ONLY
from losslint.engine.run import Run
from losslint.findings import Finding
from losslint.source.discover import discover
from losslint.source.notebook import Notebook

CORPUS = os.environ.get("LOSSLINT_CORPUS", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS, reason="LOSSLINT_CORPUS names no folder of repositories"),
]


def is_python(code: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def part(report: FileReport, finding: Finding) -> bytes:
    """What a finding is about: the file, or a cell of it."""
    source = report.source
    if not isinstance(source, Notebook):
        return Path(report.path).read_bytes()
    number = source.place(finding.span.start).cell
    return next(cell.python for cell in source.cells if cell.number == number)


def test_only_what_is_no_python_is_left_unchecked() -> None:
    unread = [
        (report.path, finding.message)
        for report in check_paths([CORPUS], Settings(select=("ALL",)))
        for finding in report.findings
        if finding.code == "LL000" and is_python(part(report, finding))
    ]

    assert unread == []


def test_fixing_leaves_every_file_python_and_changes_nothing_twice(tmp_path: Path) -> None:
    copy = tmp_path / "corpus"
    shutil.copytree(CORPUS, copy, ignore=shutil.ignore_patterns("*.ipynb", ".git"))
    parsed = {
        path for path in copy.rglob("*.py") if path.is_file() and is_python(path.read_bytes())
    }

    first = fix(copy)
    assert first
    assert {path for path in parsed if not is_python(path.read_bytes())} == set()
    assert fix(copy) == {}


def fix(folder: Path) -> dict[Path, bytes]:
    """Fix every file of a folder; what each that changed was before."""
    before = {path: path.read_bytes() for path in folder.rglob("*.py") if path.is_file()}
    for _ in Run(Settings(), SAFE_ONLY).reports(discover([str(folder)], Settings())):
        pass
    return {path: data for path, data in before.items() if path.read_bytes() != data}
