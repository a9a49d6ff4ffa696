"""Findings as workflow commands of GitHub Actions, which show them beside the lines of a change.

The escapes are those that the runner takes back: `%` and line ends, and in
properties `:` and `,` too. https://docs.github.com/actions/reference/workflow-commands
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from losslint.engine.reports import FileReport
from losslint.findings import Finding, Severity
from losslint.report.paint import plain, printable
from losslint.report.place import region, repository_name
from losslint.report.summary import count
from losslint.report.text import headline
from losslint.source.on_disk import OnDisk

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
# The runner shows so many of each command in one step, and so much of a message,
# which it counts in units of UTF-16.
MAX_SHOWN = 10
MAX_MESSAGE = 4096


def render(reports: Iterable[FileReport]) -> str:
    """One command for each finding, the most severe first, and what of them is not shown."""
    found = [(finding, report) for report in reports for finding in report.findings]
    order = list(Severity)
    found.sort(key=lambda each: order.index(each[0].severity))
    lines = [_command(finding, report) for finding, report in found]
    return "".join(f"{line}\n" for line in [*lines, *_hidden(f for f, _ in found)])


def _command(finding: Finding, report: FileReport) -> str:
    at = region(OnDisk(report.source), finding.span)
    properties = {
        "file": repository_name(report.path),
        "line": str(at.row),
        "endLine": str(at.end_row),
        "title": f"losslint ({finding.code})",
    }
    if at.row == at.end_row:  # GitHub refuses columns of several lines
        properties |= {"col": str(at.column), "endColumn": str(at.end_column)}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{COMMANDS[finding.severity]} {told}::{_data(_message(finding, report))}"


def _message(finding: Finding, report: FileReport) -> str:
    """As on a terminal: the log shows it without the properties."""
    lines = [plain([headline(finding, report)]).rstrip(), *map(printable, finding.evidence)]
    units = "\n".join(lines).encode("utf-16-le", "surrogatepass")
    if len(units) >= 2 * MAX_MESSAGE:
        units = units[: 2 * MAX_MESSAGE - 8]
        return f"{units.decode('utf-16-le', 'ignore')}..."
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _hidden(findings: Iterable[Finding]) -> Iterable[str]:
    number = Counter(finding.severity for finding in findings)
    if any(n > MAX_SHOWN for n in number.values()):
        parts = ", ".join(count(number[s], COMMANDS[s]) for s in Severity if number[s])
        yield f"{parts}: GitHub shows the first {MAX_SHOWN} of each beside the code."
