"""What `losslint rule` prints: the pages that the rules are documented by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from losslint.report.paint import Line, Piece, plain
from losslint.rules.base import Rule


def render(rules: Sequence[Rule], form: str) -> str | list[Line]:
    """The pages of `rules` as `text`, `markdown` or `json`."""
    if form == "json":
        return json.dumps([_item(rule) for rule in rules], indent=2) + "\n"
    if form == "markdown":
        return "\n".join(map(markdown, rules))
    return [line for rule in rules for line in ([], *_lines(rule))][1:]


def _item(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "opt_in": rule.opt_in,
        "summary": rule.summary,
        "page": rule.page.strip() + "\n",
    }


def _facts(rule: Rule) -> str:
    return f"{rule.severity.value}, {'opt-in' if rule.opt_in else 'on by default'}"


def markdown(rule: Rule) -> str:
    """The page of a rule in Markdown."""
    return f"# {rule.name} ({rule.code})\n\n*{_facts(rule)}*\n\n{rule.page.strip()}\n"


def text(rule: Rule) -> str:
    """The page of a rule for people, without colours."""
    return plain(_lines(rule))


def _lines(rule: Rule) -> Iterator[Line]:
    """The page with its headings bare and its code indented instead of fenced."""
    severity = rule.severity.value
    yield [(rule.code, severity), (f" {rule.name}", "code"), (f" ({_facts(rule)})", "")]
    yield []
    fenced = is_code = False
    for line in rule.page.strip().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            yield [(f"    {line}", "added")]
        elif line.startswith("## "):
            yield [(line.removeprefix("## ").upper(), "code")]
        else:
            parts = list(_prose(line, is_code and line != ""))
            is_code = parts[-1][1]
            yield [piece for piece, _ in parts]


def _prose(line: str, is_code: bool) -> Iterator[tuple[Piece, bool]]:
    """A line in parts, what is code in the colour of code; and whether it goes on as code.

    `is_code` if it begins as code, which the line before did not end.
    """
    for part in re.split("(`)", line):
        is_code ^= part == "`"
        yield (part, "hunk" if is_code or part == "`" else ""), is_code
