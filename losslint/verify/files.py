"""The losses of files and folders, as `losslint verify` is given them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from losslint.config import ConfigError, Settings
from losslint.frozen import dataclass
from losslint.model.module import Unreadable
from losslint.source.discover import Problem, Python, discover
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable
from losslint.verify.losses import SAFE_FIRST, Tries, may_hold_losses
from losslint.verify.proving import verdicts
from losslint.verify.sandbox.workers import Worker
from losslint.verify.verdict import Verdict


@dataclass(frozen=True)
class Unread:
    """A file that could not be read, or is no Python, and why."""

    path: str
    message: str


def verdicts_in(
    paths: Iterable[str],
    settings: Settings,
    worker: Worker,
    *,
    tries: Tries = SAFE_FIRST,
    full: bool = False,
) -> Iterator[Verdict | Unread]:
    """A verdict on each loss of what the paths lead to; `PATH::NAME` is one loss of a file.

    Raises:
        ConfigError: a file has no loss of that name.
        NoTorch: torch is not installed.
    """
    for given in paths:
        path, name = split(given)
        none = name is not None
        for found in discover([path], settings):
            if isinstance(found, Problem):
                none = False
                yield Unread(found.path, found.message)
            if not isinstance(found, Python):
                continue
            for verdict in _in_file(found.path, name, settings, worker, tries, full):
                none = False
                yield verdict
        if none:
            raise ConfigError(f"{path}: no loss with learned weights is called `{name}`")


def split(given: str) -> tuple[str, str | None]:
    """A path of the command line, and the name behind its `::` if it has one."""
    if "::" not in given or os.path.lexists(given):
        return given, None
    path, _, name = given.rpartition("::")
    return path, name


def _in_file(
    path: str, name: str | None, settings: Settings, worker: Worker, tries: Tries, full: bool
) -> Iterator[Verdict | Unread]:
    try:
        with open(path, "rb") as file:
            source = opened(Source.decode(path, file.read()))
        if isinstance(source, Notebook) and not source.is_python:
            return
        if not may_hold_losses(source):
            return
        for verdict in verdicts(source, settings, worker, tries=tries, qualname=name, full=full):
            yield replace(verdict, path=path)
    except Undecodable as problem:
        yield Unread(path, str(problem))
    except Unreadable as problem:
        yield Unread(path, problem.message)
    except OSError as problem:
        yield Unread(path, problem.strerror or str(problem))
