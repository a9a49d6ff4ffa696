"""What is shown on a terminal and nowhere else: colours, links, wrapped lines, a bar."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from losslint.cli import main
from losslint.report import progress
from losslint.report.paint import PROSE, Line, coloured, fitted, linked, plain, width
from losslint.report.summary import MANY, TOP
from losslint.report.terminal import Terminal, terminal_of

VARIABLES = """
CI CLICOLOR CLICOLOR_FORCE COLUMNS DOMTERM FORCE_COLOR FORCE_HYPERLINK KONSOLE_VERSION NO_COLOR
TERM_PROGRAM VTE_VERSION WT_SESSION
""".split()
LINK = re.compile(r"\x1b]8;[^;]*;([^\x1b]*)\x1b\\")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and a terminal that says nothing of itself."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def told(variables: str, patch: pytest.MonkeyPatch) -> None:
    for pair in variables.split():
        patch.setenv(*pair.split("="))


class Stream:
    """A terminal, or a pipe."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def seen(terminal: bool, color: str = "auto") -> Terminal:
    return terminal_of(Stream(terminal), color)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variables", "on_a_terminal", "in_a_pipe"),
    [
        ("", True, False),
        ("NO_COLOR=1", False, False),
        ("NO_COLOR=", True, False),
        ("FORCE_COLOR=1", True, True),
        ("FORCE_COLOR=", True, False),
        ("FORCE_COLOR=1 NO_COLOR=1", False, False),
        ("FORCE_COLOR=1 TERM=dumb", True, True),
        ("CLICOLOR_FORCE=1", True, True),
        ("CLICOLOR_FORCE=0", True, False),
        ("CLICOLOR_FORCE=1 CLICOLOR=0", True, True),
        ("CLICOLOR=0", False, False),
        ("CLICOLOR=1", True, False),
        ("TERM=dumb", False, False),
        ("CI=true", True, False),
    ],
)
def test_the_environment_decides_on_colours_unless_the_option_does(
    variables: str, on_a_terminal: bool, in_a_pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(variables, monkeypatch)
    assert (seen(True).colours, seen(False).colours) == (on_a_terminal, in_a_pipe)
    for terminal in (True, False):
        assert seen(terminal, "always").colours
        assert not seen(terminal, "never").colours


@pytest.mark.parametrize(
    ("variables", "links"),
    [
        ("", False),
        ("TERM_PROGRAM=WezTerm", True),
        ("TERM_PROGRAM=Apple_Terminal", False),
        ("TERM=xterm-kitty", True),
        ("VTE_VERSION=7601", True),
        ("VTE_VERSION=4402", False),
        ("WT_SESSION=x", True),
        ("VTE_VERSION=7601 TERM=tmux-256color", False),
        ("VTE_VERSION=7601 TERM=tmux-256color FORCE_HYPERLINK=1", True),
        ("VTE_VERSION=7601 FORCE_HYPERLINK=0", False),
        ("VTE_VERSION=7601 CI=1", False),
        ("VTE_VERSION=7601 NO_COLOR=1", False),
        ("VTE_VERSION=7601 TERM=dumb", False),
    ],
)
def test_links_are_for_terminals_that_open_them(
    variables: str, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(variables, monkeypatch)
    assert seen(True).links is links
    assert not seen(True, "never").links
    assert not seen(False, "always").links


def test_the_width_is_that_of_the_terminal_and_a_pipe_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((123, 4)))
    assert (seen(True).columns, seen(False).columns) == (123, None)
    monkeypatch.setenv("COLUMNS", "45")
    assert (seen(True).columns, seen(False).columns) == (45, None)
    monkeypatch.setenv("COLUMNS", "wide")
    assert seen(True).columns == 123


MESSAGE = "nothing bounds `日本` in this loss: it goes to -inf"
LINES: list[Line] = [
    [("a.py:1:2:", "path"), (" ", ""), ("error LL101", "error"), (f" name: {MESSAGE}", PROSE)],
    [("   = ", "gutter"), (MESSAGE, PROSE), (" [fix: safe]", "good")],
    [("12 | ", "gutter"), ("x = " + "a + " * 30, "")],
]


@pytest.mark.parametrize("columns", [20, 33, 40, 79, 1000])
def test_prose_is_wrapped_under_its_margin_and_code_is_not(columns: int) -> None:
    headline, evidence, code = ([*fitted(line, columns)] for line in LINES)
    assert code == [LINES[2]]
    for line, parts, margin in ((LINES[0], headline, 4), (LINES[1], evidence, 5)):
        shown = plain(parts).split("\n")[:-1]
        assert " ".join(shown).split() == plain([line]).split()
        assert all(part.startswith(" " * margin) and part[margin] != " " for part in shown[1:])
        # What comes before the prose is not broken, and no word is.
        whole = [plain([line[:3]])[:-1] if margin == 4 else "", *plain([line]).split()]
        assert max(map(width, shown)) <= max(columns, *(width(word) + margin for word in whole))
    assert (len(headline) == 1) is (columns >= 79)


def test_links_lead_to_the_file_and_to_the_page_of_the_rule() -> None:
    line: Line = [
        ("a", linked("path", "file", "a b%/é.py")),
        ("LL101", linked("error", "rule", "LL101")),
        ("LL1", linked("error", "rule", "LL1")),
    ]
    file, rule = (link for link in LINK.findall(coloured([line], links=True)) if link)
    assert file == (Path.cwd() / "a b%" / "é.py").as_uri()
    assert rule.endswith("losslint/rules/weighting/unbounded_log_variance.py")
    assert "]8;" not in coloured([line])
    assert plain([line]) == "aLL101LL1\n"


def lines_on_a_terminal(*arguments: str, variables: str = "") -> list[str]:
    """What the command writes to a terminal of its own."""
    program = "from losslint.cli import main; raise SystemExit(main())"
    ours, theirs = pty.openpty()
    environment = {**os.environ, **dict(pair.split("=") for pair in variables.split())}
    command = [sys.executable, "-c", program, "--isolated", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        written = b"".join(_chunks(ours))
    os.close(ours)
    return written.decode().replace("\r\n", "\n").split("\n")


def _chunks(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, 65536):
            yield chunk
    except OSError:  # how Linux says that nobody is at the other end
        return


def test_a_report_on_a_terminal_has_all_of_it_and_in_a_pipe_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("x.py").write_text("x = 1  # losslint: ignore[LL101]\n")
    lines = lines_on_a_terminal("x.py", variables="COLUMNS=40 VTE_VERSION=7601")
    assert LINK.findall(lines[0])[0] == Path("x.py").absolute().as_uri()
    assert "\x1b[1;36mnote LL001" in lines[0]
    assert lines[1].startswith("    ")
    assert max(len(re.sub(r"\x1b\[[\d;]*m|\x1b]8;[^\\]*\\", "", line)) for line in lines) <= 40

    assert main(["--isolated", "x.py"]) == 1
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) > 60


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(("color", "coloured"), [("auto", False), ("always", True)])
def test_a_file_gets_colours_only_if_the_option_says_so(
    color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    Path("x.py").write_text("bad\n")
    assert main(["--output-file", "found.txt", "--color", color]) == 1
    assert ("\x1b[" in Path("found.txt").read_text()) is coloured


@pytest.mark.parametrize(
    ("terminal", "variables", "shown"),
    [
        (True, "", True),
        (False, "FORCE_COLOR=1", False),
        (True, "CI=1", False),
        (True, "TERM=dumb", False),
    ],
)
@pytest.mark.parametrize("total", [100, None])
def test_a_bar_appears_to_who_looks_on_and_loses_nothing(
    total: int | None,
    terminal: bool,
    variables: str,
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(variables or "FORCE_COLOR=1", monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(progress.progress(range(100), total, "counting")) == list(range(100))
    output = capsys.readouterr()
    assert output.out == ""
    assert ("counting" in output.err) is shown


@pytest.mark.usefixtures("toys")
def test_many_findings_are_counted_by_rule_and_by_file(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(TOP + 3):
        Path(f"{number:02}.py").write_text("bad\n" * (number + 1))
    Path("x.py").write_text("worse\n")
    total = sum(range(TOP + 4))
    assert main([]) == 1
    said = capsys.readouterr().out
    assert said[said.index("By rule:") :].split("\n") == [
        "By rule:",
        f"{total:>6}  LL901  bad_word    [{total} fixable]",
        "     1  LL902  worse_word  [1 fixable]",
        "By file:",
        *(f"{number + 1:>6}  {number:02}.py" for number in reversed(range(3, TOP + 3))),
        "     7  in 4 other files",
        "",
        f"Checked {TOP + 4} files: {total + 1} findings ({total + 1} warnings).",
        f"Fixable: {total} with --fix, 1 more with --fix --unsafe-fixes.",
        "",
    ]
    assert main(["--statistics"]) == 1
    assert capsys.readouterr().out.count("LL902") == 1
    assert main(["-q", "--output-format", "concise"]) == 1
    assert capsys.readouterr().out.count("\n") == total + 1


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(("number", "grouped"), [(MANY - 2, False), (MANY - 1, True)])
def test_few_findings_and_one_file_or_rule_are_not_counted_apart(
    number: int, grouped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.py").write_text("bad\n" * number + "worse\n")
    assert main([]) == 1
    said = capsys.readouterr().out
    assert ("By rule:" in said) is grouped
    assert "By file:" not in said
    Path("x.py").write_text("bad\n" * MANY)
    assert main(["--output-format", "concise"]) == 1
    assert f"[fix: safe]\nChecked 1 file: {MANY} findings" in capsys.readouterr().out
