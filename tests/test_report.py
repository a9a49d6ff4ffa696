"""What reports look like: JSON for machines, frames and diffs for people."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from losslint.cli import main
from losslint.config import Settings
from losslint.engine.fix import SAFE_ONLY
from losslint.engine.reports import FileReport
from losslint.engine.run import Run
from losslint.report import diff, findings_page, text
from losslint.report import json as as_json
from losslint.report.paint import coloured, plain
from losslint.report.summary import statistics, summary

pytestmark = pytest.mark.usefixtures("toys")


def report(source: str, name: str = "a/b.py") -> FileReport:
    return Run(Settings()).report_bytes(name, source.encode())


def items(source: str, name: str = "a/b.py") -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(as_json.render([report(source, name)]))
    return found


def test_json_has_the_shape_of_ruffs() -> None:
    (item,) = items("x = 'é'; bad\n")
    fingerprint = item.pop("fingerprint")
    assert isinstance(fingerprint, str)
    assert item == {
        "code": "LL901",
        "name": "bad_word",
        "message": "`bad` is a toy's mistake",
        "severity": "warning",
        "filename": "a/b.py",
        "cell": None,
        "location": {"row": 1, "column": 10},
        "end_location": {"row": 1, "column": 13},
        "noqa_row": 1,
        "url": None,
        "fix": {
            "applicability": "safe",
            "message": "Write `good`",
            "edits": [
                {
                    "content": "good",
                    "cell": None,
                    "location": {"row": 1, "column": 10},
                    "end_location": {"row": 1, "column": 13},
                }
            ],
        },
        "evidence": ["the word stands at byte 10"],
        "related": [],
    }


def test_json_has_null_where_there_is_no_fix() -> None:
    assert items("def bad(:\n")[0]["fix"] is None


def test_a_place_that_cannot_bear_a_comment_names_the_row_that_can() -> None:
    assert items("x = bad + \\\n    1\n")[0]["noqa_row"] == 2


@pytest.mark.parametrize(
    ("name", "shown"), [("./a/../b.py", "b.py"), ("{here}/c.py", "c.py"), ("/x/d.py", "/x/d.py")]
)
def test_names_are_those_that_the_working_directory_sees(
    name: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert items("bad\n", name.format(here=tmp_path))[0]["filename"] == shown


def test_fingerprints_outlive_edits_elsewhere_and_tell_equal_lines_apart() -> None:
    before = [item["fingerprint"] for item in items("bad\nbad\nx = bad\n")]
    after = [item["fingerprint"] for item in items("import x\nbad\n\nif x:\n  bad\n  x  =  bad\n")]
    assert before == after
    assert len(set(before)) == 3
    assert items("bad\n")[0]["fingerprint"] != items("bad\n", "c.py")[0]["fingerprint"]


def test_a_full_report_shows_the_code_the_evidence_and_the_fix() -> None:
    assert plain(text.full([report("import x\nx = sqrt(2) + worse\n")])) == (
        "a/b.py:2:5: warning LL907 bare_sqrt: `sqrt` is a toy's mistake\n"
        "  |\n"
        "1 | import x\n"
        "2 | x = sqrt(2) + worse\n"
        "  |     ^^^^\n"
        "  = the word stands at byte 13\n"
        "  = fix (safe): Write `math.root`\n"
        "    + import math\n"
        "    - x = sqrt(2) + worse\n"
        "    + x = math.root(2) + worse\n"
        "\n"
        "a/b.py:2:15: warning LL902 worse_word: `worse` is a toy's mistake\n"
        "  |\n"
        "1 | import x\n"
        "2 | x = sqrt(2) + worse\n"
        "  |               ^^^^^\n"
        "  = the word stands at byte 23\n"
        "  = fix (unsafe): Write `good`\n"
        "    - x = sqrt(2) + worse\n"
        "    + x = sqrt(2) + good\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("line", "indent", "marks"),
    [
        ("\tbad = 1", 4, 3),
        ("'日本', bad", 8, 3),
        ("'e\u0301', bad", 5, 3),
        ("'\x1b[31m', bad", 9, 3),
        ("x = 1; bad", 7, 3),
    ],
)
def test_the_underline_stands_below_what_it_is_about(line: str, indent: int, marks: int) -> None:
    source = f"if x:\n{line}\n" if line.startswith("\t") else f"{line}\n"
    lines = plain(text.full([report(source)])).split("\n")
    (marked,) = (each for each in lines if "^" in each)
    assert marked == f"  | {' ' * indent}{'^' * marks}"
    assert not any("\x1b" in each for each in lines)


def test_of_a_long_line_as_much_is_shown_as_says_what_it_is_about() -> None:
    one = report(f"x = 1  # {'-' * 900}\n{'x = 1; ' * 900}bad; {'y = 2; ' * 900}\n")
    shown = plain(text.full([one]))
    lines = shown.split("\n")
    assert max(map(len, lines)) < 520
    (marked,) = (number for number, line in enumerate(lines) if "^" in line)
    start = lines[marked].index("^")
    assert lines[marked - 1][start : start + 5] == "bad; "
    old, new = lines[-4:-2]
    assert (old[:9], new[:9]) == ("    - ...", "    + ...")
    assert ("x = 1; bad; y = 2; " in old, "x = 1; good; y = 2; " in new) == (True, True)
    page = findings_page.render([one])
    assert "<mark>bad</mark>; y = 2; " in page
    assert page.count("y = 2; ") < 300


def test_many_findings_on_a_long_line_are_shown_in_little_time() -> None:
    one = report("bad; " * 5_000)
    started = time.process_time()
    shown = plain(text.full([one]))
    assert time.process_time() - started < 15
    assert len(shown) < 1_500 * 5_000
    assert shown.count("too long to be shown here; --diff shows it") == 5_000


def test_a_concise_report_is_one_line_for_each_finding() -> None:
    assert plain(text.concise([report("bad = rare\nworse\n")])) == (
        "a/b.py:1:1: warning LL901 bad_word: `bad` is a toy's mistake [fix: safe]\n"
        "a/b.py:2:1: warning LL902 worse_word: `worse` is a toy's mistake [fix: unsafe]\n"
    )


def test_colour_changes_no_word() -> None:
    from rich.text import Text

    lines = list(text.full([report("bad = [1]  # [red]not markup[/red]\n" + "x" * 300 + "\n")]))
    assert "\x1b[" in coloured(lines)
    assert Text.from_ansi(coloured(lines)).plain.split() == plain(lines).split()


def test_a_diff_has_its_headers_and_the_missing_line_end() -> None:
    fixed = Run(Settings(), SAFE_ONLY, dry=True).report_bytes("a.py", b"bad")
    assert plain(diff.unified([fixed])) == (
        "--- a.py\n+++ a.py\n@@ -1 +1 @@\n"
        "-bad\n\\ No newline at end of file\n"
        "+good\n\\ No newline at end of file\n"
    )


def test_the_summary_counts_by_severity_and_says_what_can_be_fixed() -> None:
    reports = [report("bad = worse\n"), report("x\n"), report("boom\n")]
    assert plain(summary(reports)) == (
        "Checked 2 files: 3 findings (1 error, 2 warnings).\n"
        "Fixable: 1 with --fix, 1 more with --fix --unsafe-fixes.\n"
        "Not checked: 1 file (LL000).\n"
    )


def test_statistics_count_by_rule_the_most_frequent_first() -> None:
    assert plain(statistics([report("worse\nbad\nbad\n")])).split("\n") == [
        "     2  LL901  bad_word    [2 fixable]",
        "     1  LL902  worse_word  [1 fixable]",
        "",
    ]


@pytest.mark.parametrize("form", ["full", "concise", "json"])
def test_statistics_come_in_the_format_that_is_asked_for(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("bad\n")
    main(["--statistics", "--output-format", form, "-q"])
    output = capsys.readouterr().out
    row = {"code": "LL901", "name": "bad_word", "count": 1, "fixable": 1}
    assert json.loads(output) == [row] if form == "json" else "     1  LL901" in output
