"""A run beside its baseline: what is known, what no longer occurs, and what is written down."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from losslint.config import Settings
from losslint.engine.around import is_covered
from losslint.engine.baseline import Baseline, Content, Matched, baseline_of, content, read, save
from losslint.engine.reports import FileReport
from losslint.engine.selection import Selection
from losslint.rules import registry, unused_suppression
from losslint.source.globs import inside

Counts = Mapping[str, Counter[Content]]


def compared(
    reports: Sequence[FileReport], settings: Settings, paths: Sequence[str], to_write: str | None
) -> tuple[list[FileReport], list[str]]:
    """The reports of a run without what its baseline knows, and what is to be said of that.

    With a file `to_write` all findings are written down there, and known from now on.

    Raises:
        ConfigError: a baseline cannot be read or written, or is none.
    """
    if to_write:
        return _written_down(reports, settings, paths, to_write)
    baseline = baseline_of(settings)
    if baseline is None:
        return [*reports], []
    matched = baseline.match(reports)
    gone = _gone(baseline, matched, reports, settings, paths)
    lines = [
        f"{name}: {code} is known and no longer found{f', {n} times' * (n > 1)}: {line}"
        for name, counts in sorted(gone.items())
        for (code, line), n in sorted(counts.items())
    ]
    hint = [f"--write-baseline {settings.baseline} drops what is no longer found."] if lines else []
    return matched.reports, [*lines, *hint]


def _written_down(
    reports: Sequence[FileReport], settings: Settings, paths: Sequence[str], path: str
) -> tuple[list[FileReport], list[str]]:
    """What a baseline knew of files and rules that were not looked at stays in it."""
    baseline, raw = Baseline(os.path.dirname(os.path.abspath(path))), None
    if os.path.lexists(path):
        baseline, raw = read(path)
    matched = baseline.match(reports)
    gone = _gone(baseline, matched, reports, settings, paths)
    known = {name: counts - gone.get(name, Counter()) for name, counts in matched.left.items()}
    left = []
    for report in reports:
        own = [finding for finding in report.findings if not finding.is_unreadable]
        there = known.setdefault(baseline.name(report.path), Counter())
        there.update(content(finding, report.source) for finding in own)
        unread = tuple(finding for finding in report.findings if finding.is_unreadable)
        left.append(replace(report, findings=unread, known=len(own)))
    save(path, Baseline(baseline.folder, known), raw)
    new = sum(
        not finding.is_unreadable for report in matched.reports for finding in report.findings
    )
    number, dropped = _total(known), _total(gone)
    plural = "s" * (number != 1)
    return left, [f"{path} knows {number} finding{plural}: {new} new, {dropped} dropped."]


def _total(counts: Counts) -> int:
    return sum(sum(each.values()) for each in counts.values())


def _gone(
    baseline: Baseline,
    matched: Matched,
    reports: Sequence[FileReport],
    settings: Settings,
    paths: Sequence[str],
) -> dict[str, Counter[Content]]:
    """What was looked for in a run and not found, though it is known."""
    if not any(map(_total, [matched.left])):
        return {}
    is_looked_for = _looked_for(baseline, reports, settings, paths)
    gone = {
        name: Counter({key: n for key, n in (+counts).items() if is_looked_for(name, key[0])})
        for name, counts in matched.left.items()
    }
    return {name: counts for name, counts in gone.items() if counts}


def _looked_for(
    baseline: Baseline, reports: Sequence[FileReport], settings: Settings, paths: Sequence[str]
) -> Callable[[str, str], bool]:
    """What tells whether a run would have found what a rule finds in a file."""
    rules = registry.all_rules()
    selection = Selection(rules, settings)
    looked_at = {baseline.name(report.path): report for report in reports if not report.skipped}
    # Only a run over the whole project tells what comments are good for.
    partly = set() if is_covered(paths) else {unused_suppression.rule.code}
    if not all(report.readable for report in reports):
        partly |= {rule.code for rule in rules if rule.project_checks}
    codes = {rule.code for rule in rules}

    def is_looked_for(name: str, code: str) -> bool:
        path, report = baseline.path(name), looked_at.get(name)
        if report is None:
            is_there = os.path.exists(path)
            if is_there or all(inside(path, os.path.abspath(given)) is None for given in paths):
                return False
        elif not report.readable:
            return False
        selected = {rule.code for rule in selection.for_file(path)}
        return code not in codes or (code in selected and code not in partly)

    return is_looked_for
