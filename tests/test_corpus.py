"""losslint over a folder of other people's repositories. Slow: run it with

LOSSLINT_CORPUS=FOLDER python -m pytest -m slow -s tests/test_corpus.py

With LOSSLINT_SAMPLE=10, every tenth file is looked at both with screens and without.
"""

from __future__ import annotations

import ast
import os
import shutil
import warnings
from pathlib import Path

import pytest

from losslint import FileReport, Settings, check_paths
from losslint.engine import check, screen
from losslint.engine.fix import SAFE_ONLY
from losslint.engine.run import Run
from losslint.engine.selection import Selection
from losslint.findings import Finding
from losslint.model.remembering import forget
from losslint.rules.registry import all_rules
from losslint.source.discover import Python, discover
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable

CORPUS = os.environ.get("LOSSLINT_CORPUS", "")
SAMPLE = int(os.environ.get("LOSSLINT_SAMPLE", "1"))
EVERYTHING = Settings(select=("ALL",), exclude=(), respect_gitignore=False)

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


def test_screens_leave_out_nothing_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found, byte for byte, with the facts of each file for the project's rules."""
    unscreened = tuple((kinds, provider, screen.always) for kinds, provider, _ in check.PROVIDERS)
    rules = Selection(all_rules(), EVERYTHING)
    files = [file for file in discover([CORPUS], EVERYTHING) if isinstance(file, Python)]
    differing, parsed = [], list[str]()
    parse = check.parsed
    monkeypatch.setattr(
        check, "parsed", lambda one, *by: parsed.append(one.name) or parse(one, *by)
    )
    for file in files[::SAMPLE]:
        source = loaded(file.path)
        if source is None:
            continue
        screened = check.check(source, rules.for_file(file.path), EVERYTHING)
        with monkeypatch.context() as patch:
            patch.setattr(check, "PROVIDERS", unscreened)
            whole = check.check(source, rules.for_file(file.path), EVERYTHING)
        if (screened.findings, screened.facts) != (whole.findings, whole.facts):
            differing.append(file.path)
        forget()
    twice = len(parsed) - len(set(parsed))
    print(
        f"{len(files[::SAMPLE])} files, parsed by libcst: {twice}, without screens {len(set(parsed))}"
    )
    assert differing == []


def loaded(path: str) -> Source | None:
    """What a path holds; None if that is no text."""
    try:
        return opened(Source.decode(path, Path(path).read_bytes()))
    except (OSError, Undecodable):
        return None


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
