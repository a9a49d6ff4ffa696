"""What `losslint rule` prints: the pages that the rules are documented by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from losslint.rules.base import Rule


def render(rules: Sequence[Rule], form: str) -> str:
    """The pages of `rules` as `text`, `markdown` or `json`."""
    if form == "json":
        return json.dumps([_item(rule) for rule in rules], indent=2) + "\n"
    page = markdown if form == "markdown" else text
    return "\n".join(page(rule) for rule in rules)


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
    """The page with its headings bare and its code indented instead of fenced."""
    lines = [f"{rule.code} {rule.name} ({_facts(rule)})", ""]
    fenced = False
    for line in rule.page.strip().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            lines.append(f"    {line}".rstrip())
        elif line.startswith("## "):
            lines.append(line.removeprefix("## ").upper())
        else:
            lines.append(line)
    return "\n".join([*lines, ""])
