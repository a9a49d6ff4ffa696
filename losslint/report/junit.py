"""Findings as JUnit's XML: every file is a suite of tests, and what is found in it fails.

What is written is what Jenkins' `junit-10.xsd` allows, which is the strictest in use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from losslint.engine.reports import FileReport
from losslint.findings import Finding
from losslint.report.paint import printable
from losslint.report.place import display_name

# What XML 1.0 has no way to write, or advises against.
ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(reports: Sequence[FileReport]) -> str:
    """One document; a file in which nothing is found is one test, and passes."""
    root = Element("testsuites", {"name": "losslint", **_counts(reports)})
    for report in reports:
        _suite(root, report)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _counts(reports: Sequence[FileReport]) -> dict[str, str]:
    findings = [finding for report in reports for finding in report.findings]
    errors = sum(finding.is_unreadable for finding in findings)
    return {
        "tests": str(sum(max(len(report.findings), 1) for report in reports)),
        "failures": str(len(findings) - errors),
        "errors": str(errors),
    }


def _suite(root: Element, report: FileReport) -> None:
    name = _legal(display_name(report.path))
    suite = SubElement(root, "testsuite", {"name": name, **_counts([report])})
    suite.set("skipped", str(int(bool(report.skipped))))
    if not report.findings:
        test = SubElement(suite, "testcase", name="losslint", classname=name)
        if report.skipped:
            SubElement(test, "skipped", message=f"not checked: {report.skipped}")
    # Tests of one name are taken for one: the later ones of a rule are counted.
    seen: Counter[str] = Counter()
    for finding in report.findings:
        seen[finding.code] += 1
        number = f" ({seen[finding.code]})" if seen[finding.code] > 1 else ""
        title = f"{finding.code} {finding.name}{number}"
        _result(SubElement(suite, "testcase", name=title, classname=name), finding, report)


def _result(test: Element, finding: Finding, report: FileReport) -> None:
    kind = "error" if finding.is_unreadable else "failure"
    result = SubElement(test, kind, type=finding.severity.value, message=printable(finding.message))
    place = f"{display_name(report.path)}:{report.source.place(finding.span.start)}"
    result.text = "\n".join(map(printable, [place, finding.message, *finding.evidence]))


def _legal(text: str) -> str:
    return ILLEGAL.sub("\ufffd", text)
