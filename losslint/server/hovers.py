"""What is shown where the pointer rests: the page of a rule, and what was found there."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.engine.selection import find
from losslint.findings import Finding
from losslint.report import pages
from losslint.rules import registry
from losslint.server.checking import Result


def hovered(result: Result, offset: int, form: str) -> str:
    """What there is to say of a place, as `markdown` or `text`; empty if nothing is."""
    found = [f for f in result.findings if f.span.start <= offset <= f.span.end]
    said = [_said(finding, form) for finding in found]
    words = dict.fromkeys([*(finding.code for finding in found), *_named(result, offset)])
    rules = (find(word, registry.all_rules()) for word in words)
    page = pages.markdown if form == "markdown" else pages.text
    said += [page(rule) for rule in dict.fromkeys(rules) if rule is not None]
    return ("\n---\n\n" if form == "markdown" else "\n").join(said)


def _named(result: Result, offset: int) -> Iterator[str]:
    """The rule that a suppression names at a place."""
    for directive in result.member.checked.directives:
        for word, span in directive.codes:
            if span.start <= offset <= span.end:
                yield word


def _said(finding: Finding, form: str) -> str:
    """A finding and its evidence."""
    markdown = form == "markdown"
    head = f"{finding.code} {finding.name} ({finding.severity.value})"
    lines = [f"**{head}**" if markdown else head, "", finding.message, ""]
    if finding.evidence:
        # What was proven is told in the words of code and figures.
        lines += [f"- {_plain(one) if markdown else one}" for one in finding.evidence]
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\*_#<>[]|~" else sign for sign in text)
