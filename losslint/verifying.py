"""The command `losslint verify`: the losses of files, run in torch and reported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from losslint.config import Settings
from losslint.engine.fix import SAFE_AND_UNSAFE
from losslint.findings import Safety
from losslint.frozen import dataclass
from losslint.report.paint import Line, printable
from losslint.report.progress import progress
from losslint.report.terminal import columns
from losslint.report.verdicts import concise, full, summary
from losslint.verify.files import Unread, verdicts_in
from losslint.verify.losses import SAFE_FIRST
from losslint.verify.sandbox.workers import Worker
from losslint.verify.verdict import Status, Verdict
from losslint.verify.veto import Vetoes

# What is read by programs: nothing else goes where it goes.
DATA = ("json", "html")


@dataclass(frozen=True)
class Answers:
    """What came of `losslint verify`: the verdicts, and the files that hold none of them."""

    verdicts: tuple[Verdict, ...]
    unread: tuple[Unread, ...]

    @property
    def refuted(self) -> bool:
        """Whether a loss is refuted."""
        return any(one.status is Status.REFUTED for one in self.verdicts)

    @property
    def complete(self) -> bool:
        """Whether everything was read, and run."""
        ran = all(one.status is not Status.NOT_RUNNABLE for one in self.verdicts)
        return ran and not self.unread


def answers(options: argparse.Namespace, settings: Settings) -> Answers:
    """Run what the options name.

    Raises:
        ConfigError: there is no loss of a name.
        NoTorch, Unsupported: nothing can be run here.
    """
    tries = (SAFE_AND_UNSAFE,) if options.unsafe_fixes else SAFE_FIRST
    every = options.output_format in DATA or bool(options.plot)
    with Worker() as worker:
        running = verdicts_in(options.paths, settings, worker, tries=tries, full=every)
        found = list(running if options.quiet else progress(running, None, "running losses"))
    return Answers(
        tuple(one for one in found if isinstance(one, Verdict)),
        tuple(one for one in found if isinstance(one, Unread)),
    )


def body(found: Sequence[Verdict], options: argparse.Namespace) -> str | Iterable[Line]:
    """The verdicts in the format that is asked for."""
    if options.output_format == "json":
        from losslint.report.verdicts_json import render_json

        return render_json(found)
    if options.output_format == "html":
        from losslint.report.verdicts_page import render_html

        return render_html(found)
    if options.output_format == "concise":
        return concise(found)
    return full(found, width=columns() or 80, ascii=options.ascii, verbose=options.verbose)


def talk(found: Answers, options: argparse.Namespace) -> Iterable[Line]:
    """What there is to say beside the verdicts; what could not be read is said to standard error."""
    for problem in found.unread:
        print(printable(f"losslint: error: {problem.path}: {problem.message}"), file=sys.stderr)
    if options.plot:
        from losslint.report.figures import write_plots

        paths = write_plots(found.verdicts, options.plot, options.plot_format)
        yield from ([(f"Wrote {path}", "")] for path in paths)
    yield from summary(found.verdicts)


@contextmanager
def proven(settings: Settings, fixes: frozenset[Safety], verify: str) -> Iterator[Vetoes]:
    """What `--verify` lets a fix pass by, with a worker for as long as it is asked."""
    with Worker() as worker:
        yield Vetoes(settings, fixes, worker, if_runnable=verify == "if-runnable")
