"""The completion of the command, as shells read it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_plugins import install

from losslint import cli, completion
from losslint.rules.registry import own_rules

ROOT = Path(__file__).parents[1]

# What bash does when a user asks for the last word of a line: it calls the function that
# `complete` has named, and shows what that leaves.
ASK = """
source "$1"; shift
named=$(complete -p losslint); named=${named##*-F }; named=${named%% *}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
$named losslint "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def written(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


def ask(script: Path, *words: str, cwd: Path) -> set[str]:
    """What bash offers for the last of some words."""
    command = ["bash", "--noprofile", "--norc", "-c", ASK, "bash", str(script), "losslint", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.stderr == ""
    return set(done.stdout.split())


CODES = {rule.code for rule in own_rules()}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", {*cli.COMMANDS, "loss.py", "losses"}),
        ("ver", {"verify"}),
        ("lo", {"loss.py", "losses"}),
        ("check lo", {"loss.py", "losses"}),
        ("rule LL1", {code for code in CODES if code.startswith("LL1")}),
        ("rule unc", {"unchecked_loss"}),
        ("--select unc", {"unchecked_loss"}),
        ("check loss.py --extend-ignore LL20", {"LL201", "LL202", "LL203", "LL204"}),
        ("rule --output-format ", {"text", "markdown", "json"}),
        ("loss.py --exi", {"--exit-zero"}),
        ("--output-format j", {"json", "jsonl", "junit"}),
        ("--fix --verify lo", {"loss.py", "losses"}),
        ("--config lo", {"loss.py", "losses"}),
        ("verify --plot lo", {"losses"}),
        ("clean --cac", {"--cache-dir"}),
        ("completion z", {"zsh"}),
    ],
)
def test_bash_offers_what_can_stand_there(
    line: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "losslint.bash"
    script.write_text(written("bash", capsys))
    work = tmp_path / "work"
    (work / "losses").mkdir(parents=True)
    (work / "loss.py").touch()
    *words, last = line.split(" ")
    assert ask(script, *words, last, cwd=work) == offered


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_gets_a_script_that_knows_commands_options_and_rules(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written(shell, capsys)
    assert all(word in text for word in (*cli.COMMANDS, *CODES, "unchecked_loss", "exit-zero"))
    script = tmp_path / "script"
    script.write_text(text)
    if shell != "tcsh" and shutil.which(shell):
        subprocess.run([shell, "-n", str(script)], check=True)


def test_rules_of_plugins_are_offered(tmp_path: Path) -> None:
    install(tmp_path)
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}];"
        "from losslint.cli import main; main(['completion', 'bash'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ACM001 toy_word" in done.stdout


def test_an_unknown_shell_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "command.com"]) == 2
    assert "invalid choice: 'command.com'" in capsys.readouterr().err
