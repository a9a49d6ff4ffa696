"""What losslint says itself, of files that may be anybody's, is text and moves no terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from losslint.cli import main

# A title, a colour, a line that GitHub would take for a command, and the one-byte form of ESC [.
EVIL = "\x1b]0;owned\x07\x1b[31m\r\n::error::x\x9b2J\u202e"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]|^::", re.MULTILINE)
TOML = json.dumps(EVIL).replace("\x7f", "\\u007f")
BASELINE = {"losslint-baseline": 1, "findings": {EVIL: {f"LL101{EVIL}": {EVIL: 2}}}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a baseline and a file that holds what would be taken for a colour."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known.json").write_text(json.dumps(BASELINE))
    (tmp_path / "x.py").write_text(f"bad = 1  # {EVIL[:12]}\r\n")
    return tmp_path


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        (f"{TOML} = 1", "", "unknown key"),
        (f"select = [{TOML}]", "", "unknown rule"),
        (f"extend = {TOML}", "", "leads to no file"),
        (f"baseline = {TOML}", "", "No such file"),
        (f"cache-dir = {TOML}", "clean", "no cache in"),
        (f"cache-dir = {TOML}", "--show-settings", "owned"),
        (f"exclude = [{TOML}]\nper-file-ignores = {{{TOML} = []}}", "--show-settings", "owned"),
        (f"x = [\n{TOML}", "", "not TOML"),
        ("baseline = 'known.json'", "", "no longer found, 2 times"),
        ("", "--write-baseline known.json", "1 new, 2 dropped"),
    ],
)
def test_what_is_quoted_is_escaped(
    config: str, arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("losslint.toml").write_text(config)
    words = arguments.split()
    main([*words, "."] if "clean" not in words else words)
    out, err = capsys.readouterr()
    assert said in out + err
    assert not CONTROL.search(out + err)


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("options", ["", "--color always", "--color never"])
def test_a_terminal_is_shown_a_diff_and_programs_get_it_as_it_is(
    options: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--isolated", "--diff", *options.split(), "x.py"]
    main(["--isolated", "--diff", "x.py"])
    assert "\x1b]0;" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(arguments)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "+good = 1  # \ufffd]0;owned" in shown
    assert not CONTROL.search(shown)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="has no such names")
@pytest.mark.usefixtures("toys")
def test_names_are_shown_to_a_terminal_and_given_to_programs(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{EVIL.replace('/', '')}.py"
    (here / name).write_text("bad\n")
    main(["--isolated", "--show-files", "."])
    assert name in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for arguments in ("--show-files", "--no-cache", "--diff", "--no-cache --statistics"):
        main(["--isolated", "--color", "never", *arguments.split(), "."])
        assert not CONTROL.search("".join(capsys.readouterr()))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such names")
@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_no_name_in_junit_is_a_formula(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{first}1+cmd|' C'!A0.py").write_text("bad\n")
    Path(f"{first}2.py").write_text("x = 1\n")
    assert main(["--isolated", "--no-cache", "--output-format", "junit", "."]) == 1
    document = ElementTree.fromstring(capsys.readouterr().out)
    values = [value for each in document.iter() for value in (*each.attrib.values(), each.text)]
    assert f"./{first}2.py" in values
    assert not [value for value in values if re.match(r"\s*[=+@-]", value or "")]
