"""losslint over other people's code: each folder is copied, fixed as a whole, and fixed again. Slow:

LOSSLINT_CORPUS=FOLDER:FOLDER python -m pytest -m slow -s tests/test_corpus.py

With LOSSLINT_SAMPLE=10, every tenth file is looked at both with screens and without.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.outside import edits_alone_change, is_python

from losslint import FileReport, Settings
from losslint.engine import check, screen
from losslint.engine.cache import Cache
from losslint.engine.fix import SAFE_AND_UNSAFE, SAFE_ONLY
from losslint.engine.looks import collected, slim
from losslint.engine.run import Run
from losslint.engine.selection import Selection
from losslint.findings import Finding, Safety
from losslint.model.remembering import forget
from losslint.rules.registry import all_rules
from losslint.source.discover import Python, discover
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable

CORPUS = [folder for folder in os.environ.get("LOSSLINT_CORPUS", "").split(os.pathsep) if folder]
SAMPLE = int(os.environ.get("LOSSLINT_SAMPLE", "1"))
READ = (".py", ".ipynb", "pyproject.toml", "setup.cfg")

# All that is there, whatever a folder is called, or git told not to look at.
EACH = Settings(exclude=(), respect_gitignore=False)
EVERYTHING = Settings(select=("ALL",), exclude=(), respect_gitignore=False)
WAYS = {
    "--fix": (EACH, SAFE_ONLY),
    "--fix --unsafe-fixes": (EACH, SAFE_AND_UNSAFE),
    "--select ALL --fix --unsafe-fixes": (EVERYTHING, SAFE_AND_UNSAFE),
}

TOO_MUCH = "takes too long to follow"  # a part of a file, which is said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS, reason="LOSSLINT_CORPUS names no folder of code"),
]
in_all = {way: Counter[str]() for way in WAYS}


def not_read(folder: str, names: list[str]) -> list[str]:
    """What of a folder is not copied: a package has gigabytes of what is no code."""
    return [
        name
        for name in names
        if name in (".git", "__pycache__")
        or not (os.path.isdir(path := os.path.join(folder, name)) or name.endswith(READ))
        or os.path.islink(path)
    ]


def code_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def part(report: FileReport, finding: Finding) -> bytes:
    """What a finding is about: the file, or a cell of it."""
    source = report.source
    if not isinstance(source, Notebook):
        return Path(report.path).read_bytes()
    number = source.place(finding.span.start).cell
    return next(cell.python for cell in source.cells if cell.number == number)


def fix(folder: Path, settings: Settings, fixes: frozenset[Safety]) -> Iterator[FileReport]:
    """What the command does: everything in a folder, with a cache beside it, written."""
    found = list(discover([str(folder)], settings))
    cache = Cache(f"{folder}-cache", settings)
    run = Run(settings, fixes, paths=[str(folder)], cache=cache, jobs=0)
    yield from run.joined(collected(map(slim, run.looks(found))), found)
    assert cache.save() == ""


def expect_fixed(folder: Path, way: str, old: dict[Path, bytes]) -> Counter[str]:
    """Fix a folder that holds `old`: nothing that was Python is none after, nor changes twice."""
    counts = Counter(files=sum(path.suffix in READ for path in old))
    with edits_alone_change():  # what fails there is LL000 where it is a process of its own
        for report in fix(folder, *WAYS[way]):
            counts["fixes"] += report.applied
            counts["withheld"] += len(report.withheld)
            for finding in report.findings:
                if finding.is_unreadable and TOO_MUCH in finding.message:
                    counts["too long to follow"] += 1
                elif finding.is_unreadable:
                    counts["LL000"] += 1
                    assert not is_python(part(report, finding)), (report.path, finding.message)
    new = code_in(folder)
    assert new.keys() == old.keys()
    changed = [path for path in old if new[path] != old[path]]
    counts["changed"] = len(changed)
    for path in changed:
        if path.suffix == ".py" and is_python(old[path]):
            counts["compiled, and compile"] += 1
            assert is_python(new[path]), path
    again = sum(report.applied for report in fix(folder, *WAYS[way]))
    assert (again, code_in(folder) == new) == (0, True)
    return counts


@pytest.mark.parametrize("top", CORPUS)
def test_fixing_leaves_every_file_python_and_changes_nothing_twice(
    top: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "code"
    shutil.copytree(top, folder, ignore=not_read)
    old = code_in(folder)
    for way in WAYS:
        counts = expect_fixed(folder, way, old)
        in_all[way] += counts
        with capsys.disabled():
            print(f"\n{top}, {way}: {dict(counts)}; so far: {dict(in_all[way])}", end="")
        for path, raw in old.items():
            if path.read_bytes() != raw:
                path.write_bytes(raw)


def test_screens_leave_out_nothing_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found, byte for byte, with the facts of each file for the project's rules."""
    unscreened = tuple((kinds, provider, screen.always) for kinds, provider, _ in check.PROVIDERS)
    rules = Selection(all_rules(), EVERYTHING)
    files = [file for file in discover(CORPUS, EVERYTHING) if isinstance(file, Python)]
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
