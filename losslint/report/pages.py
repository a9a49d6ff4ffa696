"""What `losslint rule` prints: the pages that the rules are documented by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from losslint.report.paint import Line, Piece, plain
from losslint.rules.base import Rule

ABOUT = """\
# The rules of losslint

Severity: an *error* makes the objective or the training wrong, a *warning* is a real risk, a *note* is worth a look.
Opt-in rules run when they are selected. A *safe* fix keeps the training signal in the working range, or repairs what
had no behaviour to keep; an *unsafe* one changes what is learned, on purpose, and waits for `--unsafe-fixes`.
"""


def render(rules: Sequence[Rule], form: str) -> str | list[Line]:
    """The page of a rule, or those of several, as `text`, `markdown` or `json`."""
    if form == "json":
        return json.dumps([_item(rule) for rule in rules], indent=2) + "\n"
    if form == "markdown":
        return reference(rules) if len(rules) > 1 else markdown(rules[0])
    return [line for rule in rules for line in ([], *_shown(rule))][1:]


def reference(rules: Sequence[Rule]) -> str:
    """One document of all pages in Markdown, each with its code for an anchor, behind an index."""
    pages = (f'<a id="{rule.code}"></a>\n\n{markdown(rule, 2)}' for rule in rules)
    index = table(rules, link="#")
    return "\n".join([ABOUT, index, "", *pages])


def table(rules: Sequence[Rule], *, link: str = "") -> str:
    """What each rule finds, as a table in Markdown. A `link` goes on with the code of the rule."""
    rows = ["| code | name | severity | what it finds | fix |", "|---|---|---|---|---|"]
    for rule in rules:
        code = f"[{rule.code}]({link}{rule.code})" if link else rule.code
        severity = rule.severity.value + (", opt-in" if rule.opt_in else "")
        fix = rule.fix_safety.value if rule.fix_safety else "none"
        rows.append(f"| {code} | `{rule.name}` | {severity} | {rule.summary} | {fix} |")
    return "\n".join(rows)


def _item(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "opt_in": rule.opt_in,
        "fix": rule.fix_safety.value if rule.fix_safety else None,
        "summary": rule.summary,
        "page": rule.page.strip() + "\n",
    }


def _facts(rule: Rule) -> str:
    fix = f"{rule.fix_safety.value} fix" if rule.fix_safety else "no fix"
    return f"{rule.severity.value}, {'opt-in' if rule.opt_in else 'on by default'}, {fix}"


def markdown(rule: Rule, level: int = 1) -> str:
    """The page below a heading of some level; its own headings are one level below that."""
    lines = [f"{'#' * level} {rule.code} {rule.name}", "", f"*{_facts(rule)}*", ""]
    for line, is_code in _lines(rule):
        heading = line.startswith("## ") and not is_code
        lines.append("#" * (level - 1) + line if heading else line)
    return "\n".join([*lines, ""])


def _lines(rule: Rule) -> Iterator[tuple[str, bool]]:
    """Each line of the page, and whether it is code; a fence is."""
    fenced = False
    for line in rule.page.strip().splitlines():
        is_fence = line.startswith("```")
        yield line, fenced or is_fence
        fenced ^= is_fence


def text(rule: Rule) -> str:
    """The page of a rule for people, without colours."""
    return plain(_shown(rule))


def _shown(rule: Rule) -> Iterator[Line]:
    """The page with its headings bare and its code indented instead of fenced."""
    severity = rule.severity.value
    yield [(rule.code, severity), (f" {rule.name}", "code"), (f" ({_facts(rule)})", "")]
    yield []
    goes_on = False
    for line, is_code in _lines(rule):
        if line.startswith("```"):
            continue
        if is_code:
            yield [(f"    {line}", "added")]
        elif line.startswith("## "):
            yield [(line.removeprefix("## ").upper(), "code")]
        else:
            parts = list(_prose(line, goes_on and line != ""))
            goes_on = parts[-1][1]
            yield [piece for piece, _ in parts]


def _prose(line: str, is_code: bool) -> Iterator[tuple[Piece, bool]]:
    """A line in parts, what is code in the colour of code; and whether it goes on as code.

    `is_code` if it begins as code, which the line before did not end.
    """
    for part in re.split("(`)", line):
        is_code ^= part == "`"
        yield (part, "hunk" if is_code or part == "`" else ""), is_code
