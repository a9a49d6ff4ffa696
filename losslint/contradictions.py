"""What of a command line cannot be meant: said before anything is read or written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from losslint.config import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.source.discover import Found

# Options that write down what is found, and those that each of them does not go with.
WRITING = {
    "--write-baseline": ("--add-ignores", "--diff", "--watch"),
    "--add-ignores": ("--fix", "--diff", "--watch"),
    "--statistics": ("--diff",),
}


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Look at the options of `losslint [check]` together.

    Raises:
        ConfigError: some of them do not go together.
    """
    if "" in options.paths:
        raise ConfigError("a path is empty; is there a variable without a value?")
    if "-" in options.paths and len(options.paths) > 1:
        raise ConfigError("`-` reads standard input and goes with no other path")
    if options.stdin_filename and "-" not in options.paths:
        raise ConfigError("`--stdin-filename` goes with `-`, which reads standard input")
    for option, others in WRITING.items():
        for other in others:
            if _is_given(option, options) and _is_given(other, options):
                raise ConfigError(f"{option} does not go with {other}")
    for option in ("--write-baseline", "--add-ignores", "--watch"):
        if _is_given(option, options) and "-" in options.paths:
            raise ConfigError(f"{option} does not go with `-`: that is no file")
    if options.verify and not (options.fix or options.diff):
        raise ConfigError(
            "--verify goes with --fix or --diff; `losslint verify PATH` only runs the losses"
        )


def refuse_overwriting(targets: Iterable[str | None], found: Iterable[Found]) -> None:
    """Look at the files that will be written beside those that will be checked.

    Raises:
        ConfigError: one of them is both.
    """
    written = {os.path.realpath(path): path for path in targets if path}
    for one in found if written else ():
        target = written.get(os.path.realpath(one.path))
        if target is not None:
            raise ConfigError(f"{target} is to be checked, and would be overwritten")


def _is_given(option: str, options: argparse.Namespace) -> bool:
    return bool(getattr(options, option.removeprefix("--").replace("-", "_")))
