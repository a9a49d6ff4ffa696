"""The command `losslint completion`: what a shell needs to complete the others."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import shtab

from losslint.options import (
    FORMAT,
    check_parser,
    clean_parser,
    rule_parser,
    server_parser,
    verify_parser,
)
from losslint.report.formats import FORMATS
from losslint.rules.base import Rule

# Each was tried; shtab knows more.
SHELLS = ("bash", "zsh", "fish", "tcsh")

# What a value is, by how the help calls it.
KINDS = {"FILE": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}
RULES = ("RULES", "CODE|NAME")

# Where zsh offers the commands, offer files too: shtab knows of one or the other.
FILES_TOO = """\
functions[_losslint_commands]=$functions[_shtab_losslint_commands]
_shtab_losslint_commands() { _losslint_commands; _files }
"""


def completion_parser() -> argparse.ArgumentParser:
    """The parser of `losslint completion`."""
    parser = argparse.ArgumentParser(
        "losslint completion",
        description="Print a script that completes the options of losslint and the names of rules.",
        epilog='For bash, put `eval "$(losslint completion bash)"` into ~/.bashrc; for zsh, write the'
        " script to a file `_losslint` in a folder of $fpath.",
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser


def script(shell: str, rules: Iterable[Rule]) -> str:
    """The script for a shell, which knows the codes and names of these rules."""
    words = [word for rule in rules for word in (rule.code, rule.name)]
    commands = {
        "check": check_parser(),
        "rule": rule_parser(),
        "clean": clean_parser(),
        "verify": verify_parser(),
        "server": server_parser(),
        "completion": completion_parser(),
    }
    # What stands before any command is an option of `check`, or a path.
    whole = argparse.ArgumentParser("losslint", parents=[check_parser()], add_help=False)
    below = whole.add_subparsers()
    for name, parser in commands.items():
        about = (parser.description or "").partition(". ")[0]
        below.add_parser(name, parents=[parser], add_help=False, help=about, description=about)
        _describe(below.choices[name], words)
    _describe(whole, words)
    for action in whole._actions:
        if action.dest == "paths":
            _let_be_command(action, [*commands], shell)
    return str(shtab.complete(whole, shell, preamble=FILES_TOO if shell == "zsh" else ""))


def _describe(parser: argparse.ArgumentParser, rules: list[str]) -> None:
    """Say of each option what its value can be."""
    for action in parser._actions:  # argparse has no other way to them
        if action.metavar in RULES:
            action.choices = rules
        elif action.metavar == FORMAT:
            action.choices = [*FORMATS]
        elif action.metavar in KINDS:
            action.complete = KINDS[str(action.metavar)]  # type: ignore[attr-defined]
        if action.dest == "verify":  # its value stands behind `=` alone
            action.nargs, action.choices = 0, None


def _let_be_command(paths: argparse.Action, commands: list[str], shell: str) -> None:
    """Let the name of a command stand in the place of the first path."""
    if shell == "zsh":
        paths.help = argparse.SUPPRESS
    elif shell != "fish":  # which offers both by itself
        del paths.complete  # type: ignore[attr-defined]
        paths.choices = [*commands, *shtab.Required.FILE]
