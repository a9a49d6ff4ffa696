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

from losslint import Settings, check_paths
from losslint.engine.fix import SAFE_ONLY
from losslint.engine.project import Run
from losslint.source.discover import discover

CORPUS = os.environ.get("LOSSLINT_CORPUS", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS, reason="LOSSLINT_CORPUS names no folder of repositories"),
]


def is_python(path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def test_only_what_is_no_python_is_left_unchecked() -> None:
    unread = [
        report.path
        for report in check_paths([CORPUS], Settings(select=("ALL",)))
        if any(f.code == "LL000" for f in report.findings)
    ]

    assert [path for path in unread if is_python(Path(path))] == []


def test_fixing_leaves_every_file_python_and_changes_nothing_twice(tmp_path: Path) -> None:
    copy = tmp_path / "corpus"
    shutil.copytree(CORPUS, copy, ignore=shutil.ignore_patterns("*.ipynb", ".git"))
    parsed = {path for path in copy.rglob("*.py") if path.is_file() and is_python(path)}

    first = fix(copy)
    assert first
    assert {path for path in parsed if not is_python(path)} == set()
    assert fix(copy) == {}


def fix(folder: Path) -> dict[Path, bytes]:
    """Fix every file of a folder; what each that changed was before."""
    before = {path: path.read_bytes() for path in folder.rglob("*.py") if path.is_file()}
    for _ in Run(Settings(), SAFE_ONLY).reports(discover([str(folder)], Settings())):
        pass
    return {path: data for path, data in before.items() if path.read_bytes() != data}
