"""Many files: checked, and fixed where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from losslint.config import Settings
from losslint.engine.across import Joined, Member, across, by_itself
from losslint.engine.baseline import baseline_of
from losslint.engine.cache import Cache
from losslint.engine.check import Checked, check, facts_of, unreadable
from losslint.engine.fingerprint import digest
from losslint.engine.fix import FixResult, Veto, no_veto, settle
from losslint.engine.jobs import number
from losslint.engine.kept import Forged
from losslint.engine.limit import in_time
from losslint.engine.looks import Look, collected, recalled, recorded, remember, slim
from losslint.engine.others import Others
from losslint.engine.reports import FileReport
from losslint.engine.selection import Selection
from losslint.engine.write import CHANGED, Changed, write
from losslint.findings import Finding, Safety
from losslint.model.remembering import forget
from losslint.rules import registry
from losslint.source.discover import NOTEBOOKS, Found, Problem, Python, Skipped, discover
from losslint.source.notebook import Notebook, opened
from losslint.source.regular import read
from losslint.source.text import Source, Undecodable


def check_paths(
    paths: Iterable[str | os.PathLike[str]], settings: Settings | None = None
) -> Iterator[FileReport]:
    """Check every file that the files and folders in `paths` lead to, and report on each.

    Reads no configuration file: without `settings`, the defaults hold. What the baseline
    of the settings knows is left out.

    Raises:
        ConfigError: the settings name a rule that there is not, or a baseline that is none.

    Warns:
        UserWarning: a plug-in is skipped, since it cannot be used.
    """
    settings = settings or Settings()
    registry.warn_of_broken()
    given = [os.fspath(path) for path in paths]
    run = Run(settings, paths=given)
    reports = run.reports(discover(given, settings))
    return reports if run.baseline is None else iter(run.baseline.match(reports).reports)


REMEMBERED = 32  # files between which what was worked out is kept: trees take much memory


class Run:
    """One way of going over files: some settings, and which fixes to make.

    `fixes` empty makes none. With `dry` nothing is written. `paths` are the files and
    folders that were given; without them the project is what lies around the files.
    What a `cache` knows is not checked again, and what the baseline of the settings
    knows is not fixed. So many `jobs` are done at a time, each by a process of its own;
    0 is as many as pay. `vetoes` gives for a source with fixes at hand which of them
    must not be made.

    Raises:
        ConfigError: the settings name a rule that there is not, or a baseline that is none.
    """

    def __init__(
        self,
        settings: Settings,
        fixes: frozenset[Safety] = frozenset(),
        *,
        dry: bool = False,
        paths: Sequence[str] = (),
        cache: Cache | None = None,
        jobs: int = 1,
        vetoes: Callable[[Source], Veto] = lambda _: no_veto,
    ) -> None:
        self.settings = settings
        self.vetoes = vetoes
        self.fixes = fixes
        self.dry = dry
        self.paths = tuple(paths)
        # Why a plug-in is broken need not be in its files: what it would find is not known.
        self.cache = None if registry.broken() else cache
        self.jobs = jobs
        self._looked = 0
        self.selection = Selection(registry.all_rules(), settings)
        self.baseline = baseline_of(settings)

    def reports(self, found: Iterable[Found]) -> Iterator[FileReport]:
        """A report on everything that was found, in that order."""
        found = tuple(found)
        return self.joined(self.looks(found), found)

    def looks(self, found: Sequence[Found]) -> Iterator[Look]:
        """Each file by itself, as it is known or else looked at. What is fixed is not written."""
        if self.cache is None:
            yield from self._looks(found)
            return
        self.cache.states.look_at(one.path for one in found if isinstance(one, Python))
        known = [self._known(one, self.cache) for one in found]
        others = self._looks([one for one, look in zip(found, known, strict=True) if not look])
        for look in known:
            if look is None:
                look = next(others)
                remember(self.cache, look)
            yield look

    def _known(self, found: Found, cache: Cache) -> Look | None:
        look = recalled(cache, found.path) if isinstance(found, Python) else None
        return None if look is None or self._to_fix(look.report) else look

    def _looks(self, found: Sequence[Found]) -> Iterator[Look]:
        """A look at each, by as many processes as is asked for or pays."""
        jobs = number(self.jobs, (one.path for one in found if isinstance(one, Python)))
        if jobs == 1:
            return collected(map(self.look, found))
        from losslint.engine.processes import spread

        return spread(lambda one: slim(self.look(one)), found, jobs, _lost)

    def look(self, found: Found) -> Look:
        """Read, check and, if asked for, fix one file by itself. Writes nothing."""
        if isinstance(found, Skipped):
            return Look(FileReport(found.path, Source(found.path, ""), skipped=found.kind))
        if isinstance(found, Problem):
            return Look(_unreadable(found.path, found.message))
        self._looked += 1
        if not self._looked % REMEMBERED:
            forget()
        try:
            raw = read(found.path)
        except OSError as problem:
            return Look(_unreadable(found.path, problem.strerror or str(problem)))
        look = self._look_at(found.path, raw)
        return recorded(replace(look, digest="" if look.report.before else self._digest(raw)))

    def joined(self, looks: Iterable[Look], found: Sequence[Found] = ()) -> Iterator[FileReport]:
        """The reports of all files, with what the rules of the project find in them together.

        `found` are the files if the cache is to remember the reports.
        """
        # All have been looked at when the first is written: none sees what became of another.
        looks = [self._written(look) for look in list(looks)]
        members = _members(looks)
        try:
            joined = self.join(members, self.cache.others if self.cache is not None else None)
        except Forged:
            looks = self._looked_at_anew(looks, found)
            members = _members(looks)
            joined = self.join(members)
        reports = [self._among(look, joined) for look in looks]
        if self.cache is not None and not self.fixes and joined.is_lasting:
            around = joined.looked_around
            self.cache.put_run(found, self.paths, reports, looked_around=around)
        for report in reports:
            yield self._fixed(report, members) if self.fixes else report

    def _looked_at_anew(self, looks: Sequence[Look], found: Sequence[Found]) -> list[Look]:
        """The looks at some files without a cache that proved to be somebody's. What is fixed stays."""
        old = {look.report.path: look for look in looks}
        known = [one for one in found if old[one.path].report.before is None]
        old.update((look.report.path, look) for look in self._looks(known))
        if self.cache is not None:
            self.cache.forget_others()
            for look in old.values():
                remember(self.cache, look)
        return [*old.values()]

    def _among(self, look: Look, joined: Joined) -> FileReport:
        """The report of a file among the others."""
        report = look.report
        if look.checked.findings == report.findings:
            report = replace(report, findings=joined.findings.get(report.path, report.findings))
        if report.findings and not (look.report.findings or report.source.data):
            return _with_source(report)
        return report

    def report_bytes(self, name: str, raw: bytes) -> FileReport:
        """Check and, if asked for, fix what is in memory. Writes nothing."""
        look = self._look_at(name, raw)
        if look.report.skipped or not look.report.readable:
            return look.report
        rules = self.selection.for_file(name)
        found = by_itself(look.report.source, look.checked, rules)
        report = replace(look.report, findings=found)
        return report if self.baseline is None else self.baseline.match([report]).reports[0]

    def _look_at(self, name: str, raw: bytes) -> Look:
        try:
            source = opened(Source.decode(name, raw))
        except Undecodable as problem:
            return Look(_unreadable(name, str(problem)))
        if isinstance(source, Notebook) and not source.is_python:
            return Look(FileReport(name, source, skipped=NOTEBOOKS))
        rules = self.selection.for_file(name)
        known: dict[bytes, Checked] = {}  # what is fixed is asked for twice before, and after

        def checked(source: Source) -> Checked:
            if source.data not in known:
                known[source.data] = check(source, rules, self.settings)
            return known[source.data]

        report = FileReport(name, source, checked(source).findings)
        if not self._to_fix(report):
            return Look(report, checked(source))
        settled = settle(
            source,
            lambda s: checked(s).findings,
            self.settings,
            self.fixes,
            self.vetoes(source),
            self.new,
        )
        return Look(_after(report, settled), checked(settled.source))

    def _to_fix(self, report: FileReport) -> list[Finding]:
        """The findings that a fix is to mend: none that is known already."""
        fixable = any(f.fix and f.fix.safety in self.fixes for f in report.findings)
        ours = self.new(report.source, report.findings) if fixable else ()
        return [f for f in ours if f.fix and f.fix.safety in self.fixes]

    def new(self, source: Source, findings: Sequence[Finding]) -> Sequence[Finding]:
        """The findings in a source that the baseline does not know."""
        if self.baseline is None:
            return findings
        report = FileReport(source.name, source, tuple(findings))
        return self.baseline.match([report]).reports[0].findings

    def _written(self, look: Look) -> Look:
        """Write what was fixed in a file."""
        if look.report.before is None or self.dry:
            return look
        report = _written(look.report, look.report.before.encode())
        is_written = report is look.report
        new = self._digest(report.source.encode()) if is_written else ""
        look = replace(look, report=report, digest=new)
        if self.cache is not None:
            remember(self.cache, recorded(look))
        return look

    def _digest(self, raw: bytes) -> str:
        return digest(raw) if self.cache is not None else ""

    def _fixed(self, report: FileReport, members: Mapping[str, Member]) -> FileReport:
        """The report of a file once what the rules of the project find in it is fixed too."""
        rules = {rule.code for rule in self.selection.rules if rule.project_checks}
        if not any(finding.code in rules for finding in self._to_fix(report)):
            return report
        check_again = self.check_among(members)
        settled = settle(report.source, check_again, self.settings, self.fixes, choice=self.new)
        fixed = _after(report, settled)
        if settled.source == report.source or self.dry:
            return fixed
        return _written(fixed, report.source.encode())

    def check_among(
        self, members: Mapping[str, Member], others: Others | None = None
    ) -> Callable[[Source], Iterable[Finding]]:
        """A check of one changed file among the others as they are; see `join` for `others`."""

        def check_again(source: Source) -> Iterable[Finding]:
            changed = {**members, source.name: self.member(source)}
            return self.join(changed, others).findings[source.name]

        return check_again

    def member(self, source: Source) -> Member:
        """A text that is not the one on disk, as it is joined with the files of a project."""
        checked = check(source, self.selection.for_file(source.name), self.settings)
        if checked.facts is None:
            facts = in_time(lambda: facts_of(source), lambda: None)
            checked = replace(checked, facts=facts)
        return Member(source, checked)

    def join(self, members: Mapping[str, Member], others: Others | None = None) -> Joined:
        """The findings of all files; `others` is what earlier joins read of those around them."""
        return across(members, self.paths, self.selection.for_file, self.settings, others)


def _members(looks: Iterable[Look]) -> dict[str, Member]:
    """The files that are joined."""
    return {
        look.report.path: Member(look.report.source, look.checked)
        for look in looks
        if not look.report.skipped
    }


def _with_source(report: FileReport) -> FileReport:
    """A report with the source that was put away when nothing was found in the file by itself."""
    try:
        source = opened(Source.decode(report.path, read(report.path)))
    except (OSError, Undecodable):
        return _unreadable(report.path, CHANGED)
    if max(finding.span.end for finding in report.findings) > len(source.data):
        return _unreadable(report.path, CHANGED)
    return replace(report, source=source)


def _after(report: FileReport, settled: FixResult) -> FileReport:
    """The report of a file that fixes have been made in."""
    before = report.before or (report.source if settled.source != report.source else None)
    return replace(
        report,
        source=settled.source,
        findings=settled.findings,
        before=before,
        applied=report.applied + settled.applied,
        withheld=(*report.withheld, *settled.withheld),
    )


def _written(report: FileReport, raw: bytes) -> FileReport:
    """Write what was fixed; if that fails, the file is as it was and the report says so."""
    try:
        write(report.path, raw, report.source.encode())
    except (Changed, OSError) as problem:
        return _unreadable(report.path, f"the fixes could not be written: {problem}")
    return report


def _lost(found: Found, why: str) -> Look:
    return Look(_unreadable(found.path, f"it could not be checked: {why}"))


def _unreadable(path: str, message: str) -> FileReport:
    return FileReport(path, Source(path, ""), (unreadable(message),))
