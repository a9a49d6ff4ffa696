"""Many files: checked, and fixed where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from losslint.config import Settings
from losslint.engine.check import check, unreadable
from losslint.engine.fix import settle
from losslint.engine.selection import Selection
from losslint.engine.write import Changed, write
from losslint.findings import Finding, Safety
from losslint.rules import registry, unreadable_source
from losslint.source.discover import NOTEBOOKS, Found, Problem, Skipped, discover
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable


@dataclass(frozen=True)
class FileReport:
    """What came of one path.

    `findings` are those that are left, and count in `source`; `before` is what
    the file held if fixes changed it. `withheld` says which fixes were not
    applied though they were asked for, and why. `skipped` is the kind of thing
    that was not looked at, and empty for a file that was.
    """

    path: str
    source: Source
    findings: tuple[Finding, ...] = ()
    before: Source | None = None
    applied: int = 0
    withheld: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def readable(self) -> bool:
        """Whether it was checked, and wholly."""
        return all(finding.code != unreadable_source.rule.code for finding in self.findings)


def check_paths(
    paths: Iterable[str | os.PathLike[str]], settings: Settings | None = None
) -> Iterator[FileReport]:
    """Check every file that the files and folders in `paths` lead to, and report on each.

    Reads no configuration file: without `settings`, the defaults hold.

    Raises:
        ConfigError: the settings name a rule that there is not.
    """
    settings = settings or Settings()
    return Run(settings).reports(discover(paths, settings))


class Run:
    """One way of going over files: some settings, and which fixes to make.

    `fixes` empty makes none. With `dry` nothing is written.
    """

    def __init__(
        self, settings: Settings, fixes: frozenset[Safety] = frozenset(), *, dry: bool = False
    ) -> None:
        self.settings = settings
        self.fixes = fixes
        self.dry = dry
        self.selection = Selection(registry.all_rules(), settings)

    def reports(self, found: Iterable[Found]) -> Iterator[FileReport]:
        """A report on everything that was found, in that order."""
        for one in found:
            yield self.report(one)

    def report(self, found: Found) -> FileReport:
        """Read, check and, if asked for, fix one file."""
        if isinstance(found, Skipped):
            return FileReport(found.path, Source(found.path, ""), skipped=found.kind)
        if isinstance(found, Problem):
            return _unreadable(found.path, found.message)
        try:
            with open(found.path, "rb") as file:
                raw = file.read()
        except OSError as problem:
            return _unreadable(found.path, problem.strerror or str(problem))
        report = self.report_bytes(found.path, raw)
        if report.before is None or self.dry:
            return report
        return _written(report, raw)

    def report_bytes(self, name: str, raw: bytes) -> FileReport:
        """Check and, if asked for, fix what is in memory. Writes nothing."""
        try:
            source = opened(Source.decode(name, raw))
        except Undecodable as problem:
            return _unreadable(name, str(problem))
        if isinstance(source, Notebook) and not source.is_python:
            return FileReport(name, source, skipped=NOTEBOOKS)
        rules = self.selection.for_file(name)
        if not self.fixes:
            return FileReport(name, source, tuple(check(source, rules, self.settings)))
        settled = settle(source, rules, self.settings, self.fixes)
        return FileReport(
            name,
            settled.source,
            settled.findings,
            before=source if settled.source != source else None,
            applied=settled.applied,
            withheld=settled.withheld,
        )


def _written(report: FileReport, raw: bytes) -> FileReport:
    """Write what was fixed; if that fails, the file is as it was and the report says so."""
    try:
        write(report.path, raw, report.source.encode())
    except (Changed, OSError) as problem:
        return _unreadable(report.path, f"the fixes could not be written: {problem}")
    return report


def _unreadable(path: str, message: str) -> FileReport:
    return FileReport(path, Source(path, ""), (unreadable(message),))
