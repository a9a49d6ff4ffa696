"""Apply fixes until none is left to apply."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from losslint.config import Settings
from losslint.engine.check import check, unreadable
from losslint.engine.selection import Selection
from losslint.findings import Edit, Finding, Safety
from losslint.model.module import Module, Unreadable
from losslint.rules import registry
from losslint.rules.base import Rule
from losslint.source.text import Source, Undecodable

# Fixes that overlap wait for the next pass. Nothing sound needs this many.
MAX_PASSES = 50

LINE_FEED = re.compile(r"(?<!\r)\n")

SAFE_ONLY = frozenset({Safety.SAFE})
SAFE_AND_UNSAFE = frozenset({Safety.SAFE, Safety.UNSAFE})


@dataclass(frozen=True)
class FixResult:
    """A fixed source, how many fixes made it, and the findings that are left in it.

    `withheld` says which fixes were not applied though they were asked for.
    """

    source: Source
    applied: int
    findings: tuple[Finding, ...]
    withheld: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The fixed text, with the byte order mark that it came with."""
        return self.source.bom.decode() + self.source.text


def fix_source(
    text: str,
    filename: str = "<string>",
    settings: Settings | None = None,
    *,
    unsafe: bool = False,
) -> FixResult:
    """Fix a text that is in memory: the safe fixes, and the unsafe ones too if asked."""
    settings = settings or Settings()
    rules = Selection(registry.all_rules(), settings).for_file(filename)
    try:
        source = Source.from_text(filename, text)
    except Undecodable as problem:
        return FixResult(Source(filename, text), 0, (unreadable(str(problem)),))
    return settle(source, rules, settings, SAFE_AND_UNSAFE if unsafe else SAFE_ONLY)


def settle(
    source: Source, rules: Iterable[Rule], settings: Settings, fixes: frozenset[Safety]
) -> FixResult:
    """Check and fix, again and again, until a check asks for no fix any more.

    A fix after which the file would not parse is withheld. Fixes that never
    come to an end leave the source as it was, and say so as LL000.
    """
    rules = tuple(rules)
    before = source
    refused: dict[str, str] = {}
    applied = 0
    for _ in range(MAX_PASSES):
        found = check(source, rules, settings)
        asked = [f for f in found if f.fix and f.fix.safety in fixes]
        wanted = [f for f in asked if _key(f, source) not in refused]
        if not wanted:
            withheld = tuple(_withheld(f, source, refused[_key(f, source)]) for f in asked)
            return FixResult(source, applied, tuple(found), withheld)
        chosen = without_overlaps(wanted)
        changed, reasons = _apply_what_fits(source, chosen, settings)
        refused.update({_key(finding, source): why for finding, why in reasons.items()})
        applied += len(chosen) - len(reasons)
        source = changed
    names = ", ".join(sorted({finding.code for finding in wanted}))
    problem = unreadable(f"fixes of {names} do not come to an end; none was applied")
    return FixResult(before, 0, (*check(before, rules, settings), problem))


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Those whose fixes can be applied together, the first ones first.

    Two fixes may be the same, or bring the same new lines, such as an import.
    """
    chosen: list[Finding] = []
    whole: set[tuple[Edit, ...]] = set()
    taken: set[Edit] = set()
    for finding in findings:
        edits = finding.fix.edits if finding.fix else ()
        own = [edit for edit in edits if not (edit in taken and _adds_lines(edit))]
        if edits in whole or not any(_touch(edit, other) for edit in own for other in taken):
            chosen.append(finding)
            whole.add(edits)
            taken.update(edits)
    return chosen


def apply_edits(source: Source, edits: Iterable[Edit]) -> Source:
    """The source with all `edits` made, with the line ends of their places.

    Equal edits are one; insertions at one place keep their order.

    Raises:
        ValueError: two edits overlap.
    """
    parts: list[bytes] = []
    at = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: edit.span):
        if edit.span.start < at:
            raise ValueError(f"edits overlap at byte {edit.span.start}")
        newline = source.newline_at(edit.span.start)
        parts += [source.data[at : edit.span.start], LINE_FEED.sub(newline, edit.text).encode()]
        at = edit.span.end
    return source.with_data(b"".join([*parts, source.data[at:]]))


def _apply_what_fits(
    source: Source, findings: list[Finding], settings: Settings
) -> tuple[Source, dict[Finding, str]]:
    """The source with the fixes that leave Python behind, and why the others do not."""
    try:
        return _apply(source, findings, settings), {}
    except Unfit:
        good: list[Finding] = []
    result = source
    reasons: dict[Finding, str] = {}
    for finding in findings:
        try:
            result = _apply(source, [*good, finding], settings)
            good.append(finding)
        except Unfit as problem:
            reasons[finding] = str(problem)
    return result, reasons


class Unfit(ValueError):
    """These fixes cannot be made here. The message says why."""


def _apply(source: Source, findings: list[Finding], settings: Settings) -> Source:
    edits = [edit for finding in findings if finding.fix for edit in finding.fix.edits]
    try:
        changed = apply_edits(source, edits)
        changed.encode()
        Module(changed, settings)
    except UnicodeEncodeError as problem:
        raise Unfit(f"{source.encoding} cannot write it") from problem
    except Unreadable as problem:
        raise Unfit(f"it would leave what is {problem.message}") from problem
    except ValueError as problem:
        raise Unfit(str(problem)) from problem
    return changed


def _withheld(finding: Finding, source: Source, why: str) -> str:
    row, column = source.position(finding.span.start)
    place = f"{source.name}:{row}:{column}"
    return f"{place}: the fix of {finding.code} was not applied: {why}"


def _key(finding: Finding, source: Source) -> str:
    """The same for a finding as long as nothing but its place changes."""
    snippet = source.data[finding.span.start : finding.span.end].decode(errors="replace")
    edits = [edit.text for edit in finding.fix.edits] if finding.fix else []
    return "\0".join([finding.code, finding.message, snippet, *edits])


def _adds_lines(edit: Edit) -> bool:
    return "\n" in edit.text and edit.span.start == edit.span.end


def _touch(one: Edit, other: Edit) -> bool:
    """Whether the order of two edits would matter."""
    if one.span.start == one.span.end or other.span.start == other.span.end:
        return one.span.start <= other.span.end and other.span.start <= one.span.end
    return one.span.start < other.span.end and other.span.start < one.span.end
