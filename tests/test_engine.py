"""Checking and fixing: what happens to findings, to fixes, and to files."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import losslint
from losslint.config import ConfigError, Settings
from losslint.engine import write as writing
from losslint.engine.fix import SAFE_ONLY
from losslint.engine.memory import check_source, fix_source
from losslint.engine.run import Run, check_paths
from losslint.engine.selection import Selection
from losslint.rules.base import Rule
from losslint.rules.registry import all_rules
from losslint.source.discover import discover

pytestmark = pytest.mark.usefixtures("toys")


def codes(text: str, settings: Settings | None = None) -> list[str]:
    return [finding.code for finding in check_source(text, "x.py", settings)]


def test_findings_come_from_top_to_bottom() -> None:
    assert codes("worse = 1\nbad = worse\n") == ["LL902", "LL901", "LL902"]


def test_a_file_without_the_words_that_rules_need_is_not_even_parsed() -> None:
    assert codes("def f(:\n") == []
    assert codes("def bad(:\n") == ["LL000"]


def test_a_rule_that_crashes_is_said_and_the_others_still_count() -> None:
    bad, crash = sorted(check_source("bad = boom\n"), key=lambda f: f.code, reverse=True)
    assert (bad.code, crash.code) == ("LL901", "LL000")
    assert "rule LL903 crashing failed: KeyError" in crash.message
    assert "conftest.py:" in crash.message
    assert any("Traceback" in line for line in crash.evidence)


def test_a_model_that_crashes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("losslint.engine.check._run", crash)
    (finding,) = check_source("bad = 1\n")
    assert (finding.code, finding.message) == (
        "LL000",
        "checking this file failed: nested too deep",
    )


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), {"LL901", "LL902"}),
        (("LL901",), (), {"LL901"}),
        (("bad_word",), (), {"LL901"}),
        (("LL90",), (), {"LL901", "LL902"}),
        (("LL90",), ("LL902",), {"LL901"}),
        (("LL901",), ("LL9",), {"LL901"}),
        (("LL904",), (), {"LL904"}),
        (("rare_word",), (), {"LL904"}),
        (("ALL",), (), {"LL901", "LL902", "LL904"}),
        (("ALL",), ("LL904",), {"LL901", "LL902"}),
        ((), ("ALL",), set()),
    ],
)
def test_rules_are_selected_by_code_prefix_or_name(
    select: tuple[str, ...], ignore: tuple[str, ...], expected: set[str]
) -> None:
    settings = Settings(select=select, ignore=ignore)
    assert set(codes("bad, worse, rare = 1, 2, 3\n", settings)) == expected


def test_an_opt_in_rule_can_be_added() -> None:
    assert codes("bad, rare = 1\n", Settings(extend_select=("LL904",))) == ["LL901", "LL904"]


@pytest.mark.parametrize("key", ["select", "ignore", "extend_select", "extend_ignore"])
def test_an_unknown_rule_is_an_error_that_names_the_nearest(key: str) -> None:
    with pytest.raises(ConfigError, match="unknown rule `bad_wrod`; did you mean `bad_word`"):
        codes("bad\n", Settings(**{key: ("bad_wrod",)}))


def test_an_unknown_rule_for_a_few_files_is_an_error_too() -> None:
    with pytest.raises(ConfigError, match="LL999"):
        codes("bad\n", Settings(per_file_ignores=(("y.py", ("LL999",)),)))


def test_what_cannot_be_read_cannot_be_ignored() -> None:
    with pytest.raises(ConfigError, match="exclude the file instead"):
        codes("bad\n", Settings(ignore=("LL000",)))
    assert codes("def bad(:\n", Settings(ignore=("ALL",), select=("LL901",))) == ["LL000"]
    assert codes("def bad(:\n", Settings(per_file_ignores=(("*", ("LL",)),), select=("ALL",))) == []


def test_rules_are_ignored_for_the_files_that_a_glob_names(
    tmp_path: Path, toys: tuple[Rule, ...]
) -> None:
    settings = Settings(per_file_ignores=(("tests/", ("bad_word",)),), root=str(tmp_path))
    rules = Selection(toys, settings)
    inside = [rule.code for rule in rules.for_file(str(tmp_path / "tests" / "x.py"))]
    outside = [rule.code for rule in rules.for_file(str(tmp_path / "x.py"))]
    assert set(outside) - set(inside) == {"LL901"}


def test_safe_fixes_are_applied_and_unsafe_ones_are_left() -> None:
    result = fix_source("bad = worse\n", "x.py")
    assert result.text == "good = worse\n"
    assert (result.applied, [f.code for f in result.findings]) == (1, ["LL902"])


def test_unsafe_fixes_are_applied_when_asked_for() -> None:
    result = fix_source("bad = worse\n", "x.py", unsafe=True)
    assert (result.text, result.applied, result.findings) == ("good = good\n", 2, ())


def test_a_second_fix_changes_nothing() -> None:
    once = fix_source("\ufeffbad = sqrt(worse)\r\n", "x.py")
    assert once.text == "\ufeffimport math\r\ngood = math.root(worse)\r\n"
    assert fix_source(once.text, "x.py").text == once.text


def test_two_fixes_that_bring_the_same_import_bring_it_once() -> None:
    result = fix_source("x = sqrt(sqrt(2))\ny = sqrt(3)\n", "x.py")
    assert result.text == "import math\nx = math.root(math.root(2))\ny = math.root(3)\n"
    assert result.applied == 3


def test_a_fix_after_which_the_file_would_not_parse_is_withheld() -> None:
    result = fix_source("bad = broken\nbad = broken\n", "x.py")
    assert result.text == "good = broken\ngood = broken\n"
    assert [f.code for f in result.findings] == ["LL905", "LL905"]
    assert "x.py:1:8: the fix of LL905 was not applied" in result.withheld[0]


def test_a_fix_that_the_encoding_cannot_write_is_withheld() -> None:
    raw = "# coding: latin-1\nx = letter, 'é', bad\n".encode("latin-1")
    report = Run(Settings(), SAFE_ONLY).report_bytes("x.py", raw)
    assert report.source.encode() == raw.replace(b"bad", b"good")
    assert report.withheld == (
        "x.py:2:5: the fix of LL908 was not applied: iso-8859-1 cannot write it",
    )


def test_a_fix_that_leaves_its_finding_is_withheld() -> None:
    result = fix_source("bad = endless\n", "x.py")
    assert result.text == "good = endless\n"
    assert "LL906 would still be found" in result.withheld[0]


def run(path: Path, *, dry: bool = False) -> list[losslint.FileReport]:
    runner = Run(Settings(), SAFE_ONLY, dry=dry)
    return list(runner.reports(discover([str(path)], Settings())))


def test_a_fixed_file_keeps_its_mode_and_all_other_bytes(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_bytes("# coding: latin-1\r\nbad = 'é'\f\r\n\r".encode("latin-1"))
    file.chmod(0o751)
    (report,) = run(file)
    assert file.read_bytes() == "# coding: latin-1\r\ngood = 'é'\f\r\n\r".encode("latin-1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o751
    assert report.before is not None
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.py"]


def test_a_link_that_is_named_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    target, link = tmp_path / "target.py", tmp_path / "in" / "link.py"
    target.write_text("bad\n")
    link.symlink_to(target)
    run(link)
    assert link.is_symlink()
    assert target.read_text() == "good\n"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("bad\n")
    (report,) = run(file, dry=True)
    assert (report.source.text, file.read_text()) == ("good\n", "bad\n")


def test_a_clean_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.py").write_text("bad = 1  # noqa\n")
    monkeypatch.setattr("losslint.engine.run.write", None)
    (report,) = run(tmp_path)
    assert report.findings == ()


def test_a_file_that_changed_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.py"
    file.write_text("bad\n")
    write = writing.write

    def late(path: str, before: bytes, after: bytes) -> None:
        file.write_text("bad and newer\n")
        write(path, before, after)

    monkeypatch.setattr("losslint.engine.run.write", late)
    (report,) = run(file)
    assert file.read_text() == "bad and newer\n"
    assert not report.readable
    assert "changed" in report.findings[0].message
    assert os.listdir(tmp_path) == ["x.py"]


def test_a_write_that_fails_leaves_the_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.py"
    file.write_text("bad\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (report,) = run(file)
    assert file.read_text() == "bad\n"
    assert "No space left" in report.findings[0].message
    assert os.listdir(tmp_path) == ["x.py"]


def test_reports_and_results_can_be_sent_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("bad = boom\n")
    (report,) = check_paths([tmp_path])
    result = fix_source("bad\n")
    assert pickle.loads(pickle.dumps((report, result))) == (report, result)


def test_importing_losslint_imports_nothing_heavy() -> None:
    program = (
        "import sys, losslint, losslint.cli\n"
        "print([m for m in ('torch', 'libcst', 'rich', 'pathspec') if m in sys.modules])\n"
        "print(all(getattr(losslint, name) for name in losslint.__all__), 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True False"], done.stderr


def test_every_rule_has_a_code_and_a_name_of_its_own() -> None:
    rules = all_rules()
    assert len({rule.code for rule in rules}) == len({rule.name for rule in rules}) == len(rules)
