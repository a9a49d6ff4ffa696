"""What `losslint check` writes and where, and the exit status that it comes to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from losslint.config import ConfigError
from losslint.keys import FAIL_ON
from losslint.report.formats import FOR_PEOPLE, FORMATS, STATISTICS, loaded
from losslint.streams import write, write_out

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from losslint.config import Settings
    from losslint.engine.reports import FileReport
    from losslint.report.paint import Line

CLEAN, FOUND, FAILED = 0, 1, 2


def outputs(options: argparse.Namespace) -> dict[str, str]:
    """The format that goes to each file; the file "" is the standard stream.

    Raises:
        ConfigError: that cannot be done. Nothing has been read or written then.
    """
    named = options.output_format or [("full", "")]
    here = [form for form, file in named if not file]
    if here[1:]:
        instead = f"give all but one a file, as in `{here[1]}=FILE`"
        raise ConfigError(f"`{here[0]}` and `{here[1]}` would go to the same place: {instead}")
    if options.output_file and not here:
        raise ConfigError("`--output-file` is for a format that names no file, and each names one")
    found: dict[str, str] = {}
    for form, file in named:
        path = file or options.output_file or ""
        known = next((other for other in found if _is_same(other, path)), None)
        if known is not None:
            raise ConfigError(f"`{found[known]}` and `{form}` would go to the same file {path}")
        found[path] = form
    for path in filter(None, found):
        _check_place(path)
        if _is_same(path, options.write_baseline or ""):
            raise ConfigError(f"the baseline and `{found[path]}` would go to the same file {path}")
    _check_forms(found.values(), options)
    return found


def write_reports(reports: Sequence[FileReport], options: argparse.Namespace, to: TextIO) -> None:
    """The findings, or the diff, and then what else there is to say."""
    where = outputs(options)
    # The stream is last: whoever reads it may leave.
    for file, form in sorted(where.items(), reverse=True):
        write_out(_body(form, reports, options), file, options, to)
    if options.diff:
        from losslint.report.text import concise

        # What cannot be checked has no diff, and must be seen all the same.
        write(concise(r for r in reports if not r.readable), options, sys.stderr)
    withheld = [line for report in reports for line in report.withheld]
    if withheld:
        from losslint.report.paint import PROSE, printable

        write([[(printable(line), PROSE)] for line in withheld], options, sys.stderr)
    pure = "" in where and (options.diff or where[""] not in FOR_PEOPLE)
    beside = sys.stderr if pure else to
    if not options.quiet and not (pure and to is beside):
        from losslint.report.summary import summary

        said = summary(reports, dry=options.diff, grouped=not options.statistics)
        write(said, options, beside)


def status(reports: Iterable[FileReport], options: argparse.Namespace, settings: Settings) -> int:
    """The exit status of a run."""
    reports = tuple(reports)
    if not (options.is_whole and all(report.readable for report in reports)):
        return FAILED
    if options.diff:
        found = any(report.before for report in reports)
    else:
        failing = FAIL_ON[: FAIL_ON.index(settings.fail_on) + 1]
        found = any(f.severity.value in failing for report in reports for f in report.findings)
    return FOUND if found and not options.exit_zero else CLEAN


def _is_same(one: str, other: str) -> bool:
    """Whether two files are one; the stream is none."""
    return one == other or (
        bool(one and other) and os.path.realpath(one) == os.path.realpath(other)
    )


def _check_place(path: str) -> None:
    if os.path.isdir(path):
        raise ConfigError(f"{path}: a folder, and no file to write to")
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise ConfigError(f"{path}: there is no folder {folder}")


def _check_forms(forms: Iterable[str], options: argparse.Namespace) -> None:
    for form in forms:
        if options.diff and form not in FOR_PEOPLE:
            raise ConfigError(f"`--diff` writes a diff, and none as {form}")
        if options.statistics and form not in STATISTICS:
            others = ", ".join(STATISTICS)
            raise ConfigError(f"`--statistics` cannot be written as {form}, only as {others}")


def _body(
    form: str, reports: Sequence[FileReport], options: argparse.Namespace
) -> str | Iterable[Line]:
    if options.diff:
        from losslint.report import diff

        return diff.unified(reports)
    if options.statistics:
        return loaded(STATISTICS[form])(reports)
    if form in FOR_PEOPLE and not any(report.findings for report in reports):
        return ""
    if form == "full" and options.verbose:
        from losslint.report.text import full

        return full(reports, verbose=True)
    return loaded(FORMATS[form])(reports)
