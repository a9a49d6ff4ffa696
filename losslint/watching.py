"""`--watch`: check, and check again whenever something has changed."""

from __future__ import annotations

import argparse
import gc
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from losslint.config import ConfigError, Settings
from losslint.contradictions import refuse_contradictions
from losslint.options import settings_from
from losslint.source.discover import Python, discover

SECONDS = 0.5  # between two looks at the settings, which may be those of a folder above
CLEAR = "\x1b[2J\x1b[H"


def watch(options: argparse.Namespace, check: Callable[[argparse.Namespace], int]) -> int:
    """Check until somebody interrupts: at once, and then whenever files or settings change.

    What `--fix` writes is a change too: the check after it has nothing left to fix, so that
    there is none after that.

    Raises:
        ConfigError: the options cannot be used so; or the settings, as it begins.
        OSError: there is nothing at a path.
    """
    try:
        from watchfiles import watch as changes
    except ModuleNotFoundError as problem:
        extra = "pip install 'torch-losslint[watch]'"
        raise ConfigError(f"no {problem.name}: `--watch` needs {extra}") from problem
    refuse_contradictions(options)
    paths: list[str] = options.paths or [os.curdir]
    gc.enable()  # it may run for days
    settings: Settings | str = settings_from(options, paths)
    files = _files(paths, settings)
    # A file that an editor puts another in the place of is seen from its folder alone.
    roots = {path if _is_folder(path) else os.path.dirname(path) or os.curdir for path in paths}
    is_first = True
    for changed in changes(
        *roots,
        watch_filter=lambda _, path: path.endswith((".py", ".ipynb", ".gitignore")),
        rust_timeout=round(SECONDS * 1000),
        yield_on_timeout=True,
    ):
        now = _settings(options, paths)
        found = _files(paths, now) if changed or now != settings else files
        seen = {os.path.realpath(path) for _, path in changed}
        if is_first or now != settings or found != files or seen & found:
            try:
                _check(options, check)
            except (ConfigError, OSError) as problem:
                if is_first:
                    raise
                print(f"losslint: error: {problem}", file=sys.stderr)
            settings, files, is_first = now, found, False
            _say_that_it_waits(options, len(files))
    raise KeyboardInterrupt  # it stops for nothing else


def _settings(options: argparse.Namespace, paths: Sequence[str]) -> Settings | str:
    """What holds now, or why it cannot be used."""
    try:
        return settings_from(options, paths)
    except ConfigError as problem:
        return str(problem)


def _files(paths: Iterable[str], settings: Settings | str) -> frozenset[str]:
    """The files that a check looks at; none under settings that cannot be used."""
    if isinstance(settings, str):
        return frozenset()
    found = discover(paths, settings)
    return frozenset(os.path.realpath(one.path) for one in found if isinstance(one, Python))


def _is_folder(path: str) -> bool:
    """Whether a path leads to a folder, and not to a file; an error if it leads nowhere."""
    return stat.S_ISDIR(os.stat(path).st_mode)


def _check(options: argparse.Namespace, check: Callable[[argparse.Namespace], int]) -> None:
    """One check, on a screen of its own; with `--fix` what was fixed before stays to be read."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not options.fix:
        sys.stdout.write(CLEAR)
    check(options)


def _say_that_it_waits(options: argparse.Namespace, count: int) -> None:
    if not options.quiet:
        files = f"{count} file{'s' * (count != 1)}"
        print(f"{time.strftime('%X')}: watching {files}, until Ctrl-C", file=sys.stderr)
    sys.stderr.flush()
