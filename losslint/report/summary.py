"""The last lines of a run: what was checked, found, fixed, and not checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from losslint.engine.reports import FileReport
from losslint.report.paint import Line, linked, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.findings import Finding


# From so many findings on, a list of them alone shows nobody where to begin.
MANY = 20
# More files than these are only counted.
TOP = 10


def summary(
    reports: Sequence[FileReport], *, dry: bool = False, grouped: bool = True
) -> Iterator[Line]:
    """What a reader must know to trust the lines above; `dry` if nothing was written.

    `grouped` if many findings are to be counted by rule and by file.
    """
    checked = [report for report in reports if report.readable and not report.skipped]
    findings = [finding for report in reports for finding in report.findings]
    if grouped and len(findings) >= MANY:
        yield from _groups(reports)
    yield from _fixed(reports, dry)
    found, style = _found(findings)
    yield [(f"Checked {count(len(checked), 'file')}: {found}", style)]
    yield from _fixable(findings)
    known = sum(report.known for report in reports)
    if known:
        yield [(f"Known, and not told: {count(known, 'finding')} of the baseline.", "")]
    yield from _not_checked(reports)


def statistics(reports: Iterable[FileReport]) -> Iterator[Line]:
    """How often each rule was broken, the most frequent first."""
    rows = _rows(reports)
    longest = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        fixable = f"[{row['fixable']} fixable]" if row["fixable"] else ""
        code = str(row["code"])
        yield [
            (f"{row['count']:>6}  ", ""),
            (code, linked("code", "rule", code)),
            (f"  {row['name']:{longest}}  ", ""),
            (fixable, "good"),
        ]


def statistics_json(reports: Iterable[FileReport]) -> str:
    """The same as JSON."""
    import json

    return json.dumps(_rows(reports), indent=2) + "\n"


def statistics_jsonl(reports: Iterable[FileReport]) -> str:
    """The same as JSON, one line for each rule."""
    import json

    return "".join(json.dumps(row) + "\n" for row in _rows(reports))


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _rows(reports: Iterable[FileReport]) -> list[dict[str, str | int]]:
    findings = [finding for report in reports for finding in report.findings]
    found = Counter((finding.code, finding.name) for finding in findings)
    fixable = Counter(finding.code for finding in findings if finding.fix)
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"code": code, "name": name, "count": n, "fixable": fixable[code]}
        for (code, name), n in ordered
    ]


def _groups(reports: Sequence[FileReport]) -> Iterator[Line]:
    """The findings counted by rule and by file, where there are several, most of them first."""
    from losslint.report.place import display_name

    by_rule = list(statistics(reports))
    files = sorted((-len(report.findings), report.path) for report in reports if report.findings)
    if by_rule[1:]:
        yield [("By rule:", "code")]
        yield from by_rule
    if files[1:]:
        yield [("By file:", "code")]
        for number, path in files[:TOP]:
            yield [
                (f"{-number:>6}  ", ""),
                (printable(display_name(path)), linked("", "file", path)),
            ]
    if files[TOP:]:
        number = -sum(number for number, _ in files[TOP:])
        yield [(f"{number:>6}  in {count(len(files) - TOP, 'other file')}", "")]
    if by_rule[1:] or files[1:]:
        yield []


def _fixed(reports: Sequence[FileReport], dry: bool) -> Iterator[Line]:
    changed = [report for report in reports if report.before]
    if changed:
        verb = "Would fix" if dry else "Fixed"
        number = count(sum(report.applied for report in changed), "finding")
        yield [(f"{verb} {number} in {count(len(changed), 'file')}.", "good")]


def _found(findings: Sequence[Finding]) -> tuple[str, str]:
    """How many there are, and how bad the worst is as a style."""
    if not findings:
        return "no findings.", "good"
    from losslint.findings import Severity

    by_severity = Counter(finding.severity for finding in findings)
    severities = [severity for severity in Severity if by_severity[severity]]  # the worst first
    parts = ", ".join(count(by_severity[severity], severity.value) for severity in severities)
    return f"{count(len(findings), 'finding')} ({parts}).", severities[0].value


def _fixable(findings: Sequence[Finding]) -> Iterator[Line]:
    by_safety = Counter(finding.fix.safety.value for finding in findings if finding.fix)
    safe, unsafe = by_safety["safe"], by_safety["unsafe"]
    hints = []
    if safe:
        hints.append(f"{safe} with --fix")
    if unsafe:
        hints.append(f"{unsafe}{' more' * bool(safe)} with --fix --unsafe-fixes")
    if hints:
        yield [(f"Fixable: {', '.join(hints)}.", "")]


def _not_checked(reports: Sequence[FileReport]) -> Iterator[Line]:
    kinds = Counter(report.skipped for report in reports if report.skipped)
    parts = [f"{n} {kind if n != 1 else kind[:-1]}" for kind, n in sorted(kinds.items())]
    broken = sum(not report.readable for report in reports)
    if broken:
        parts.append(f"{count(broken, 'file')} (LL000)")
    if parts:
        yield [(f"Not checked: {', '.join(parts)}.", "warning")]
    if all(report.skipped for report in reports):
        yield [("No Python file was found.", "warning")]
