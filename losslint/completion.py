"""The command `losslint completion`: what a shell needs to complete the others."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import shtab

from losslint.options import check_parser, clean_parser, rule_parser, verify_parser
from losslint.rules.base import Rule

# What a value is, by how the help calls it.
KINDS = {"FILE": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}
RULES = ("RULES", "CODE|NAME")


def completion_parser() -> argparse.ArgumentParser:
    """The parser of `losslint completion`."""
    parser = argparse.ArgumentParser(
        "losslint completion",
        description="Print a script that completes the options of losslint and the names of rules.",
        epilog='For bash, put `eval "$(losslint completion bash)"` into ~/.bashrc; for zsh, write the'
        " script to a file _losslint in a folder of $fpath.",
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)
    return parser


def script(shell: str, rules: Iterable[Rule]) -> str:
    """The script for a shell, which knows the codes and names of these rules."""
    words = [word for rule in rules for word in (rule.code, rule.name)]
    commands = {
        "check": check_parser(),
        "rule": rule_parser(),
        "clean": clean_parser(),
        "verify": verify_parser(),
        "completion": completion_parser(),
    }
    # What stands before any command is an option of `check`, or a path.
    whole = argparse.ArgumentParser("losslint", parents=[check_parser()], add_help=False)
    below = whole.add_subparsers()
    for name, parser in commands.items():
        about = (parser.description or "").partition(". ")[0]
        below.add_parser(name, parents=[parser], add_help=False, help=about, description=about)
        _describe(below.choices[name], words)
    _describe(whole, words, [*commands])
    return str(shtab.complete(whole, shell))


def _describe(parser: argparse.ArgumentParser, rules: list[str], first: Iterable[str] = ()) -> None:
    """Say of each option what its value can be; `first` may stand in the place of a path."""
    for action in parser._actions:  # argparse has no other way to them
        if action.metavar in RULES:
            action.choices = rules
        elif action.dest == "paths" and first:
            action.choices = [*first, *shtab.Required.FILE]
        elif action.metavar in KINDS:
            action.complete = KINDS[str(action.metavar)]  # type: ignore[attr-defined]
        if action.dest == "verify":  # its value stands behind `=` alone
            action.nargs, action.choices = 0, None
