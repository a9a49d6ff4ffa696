"""Apply fixes until none is left to apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from losslint.config import Settings
from losslint.engine.check import unreadable
from losslint.engine.edits import apply_edits
from losslint.engine.reading import parsed
from losslint.findings import Edit, Finding, Safety, Severity
from losslint.frozen import dataclass
from losslint.model.module import Unreadable
from losslint.source.text import Source

# Fixes that overlap wait for the next pass. Nothing sound needs this many.
MAX_PASSES = 50

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
        return self.source.bom.decode() + self.source.content


Check = Callable[[Source], Iterable[Finding]]

# Why the fix of a finding in a source must not be made; empty where it may be.
Veto = Callable[[Source, Finding], str]


def no_veto(_source: Source, _finding: Finding) -> str:
    """Any fix may be made."""
    return ""


# Which of the findings in a source are for a fix to mend.
Choice = Callable[[Source, Sequence[Finding]], Sequence[Finding]]


def all_of(_source: Source, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Every finding is."""
    return findings


def settle(
    source: Source,
    check: Check,
    settings: Settings,
    fixes: frozenset[Safety],
    veto: Veto = no_veto,
    choice: Choice = all_of,
) -> FixResult:
    """Check and fix, again and again, until a check asks for no fix any more.

    A fix is withheld if there is a `veto`, if the file would not parse after it, if
    it leaves its finding where it was, or if it brings a new error or warning. Fixes
    that never come to an end leave the source as it was, and say so as LL000.
    """
    now = _State(source, list(check(source)))
    before = now
    refused: dict[str, str] = {}
    applied = 0
    for _ in range(MAX_PASSES):
        ours = choice(now.source, now.findings)
        asked = [f for f in ours if f.fix and f.fix.safety in fixes]
        for finding in asked:
            if why := veto(now.source, finding):
                refused[_key(finding, now.source)] = why
        wanted = [f for f in asked if _key(f, now.source) not in refused]
        if not wanted:
            withheld = tuple(_withheld(f, now.source, refused[_key(f, now.source)]) for f in asked)
            return FixResult(now.source, applied, tuple(now.findings), withheld)
        chosen = without_overlaps(wanted)
        after, reasons = _apply_what_fits(now, chosen, check, settings)
        refused.update({_key(finding, now.source): why for finding, why in reasons.items()})
        applied += len(chosen) - len(reasons)
        now = after
    names = ", ".join(sorted({finding.code for finding in wanted}))
    problem = unreadable(f"fixes of {names} do not come to an end; none was applied")
    return FixResult(before.source, 0, (*before.findings, problem))


def made(source: Source, finding: Finding, check: Check, settings: Settings) -> Source:
    """The source with the fix of one finding, which is proven as `settle` proves it.

    Raises:
        Unfit: the fix cannot be made here.
    """
    return _proven(_State(source, list(check(source))), [finding], check, settings).source


@dataclass(frozen=True)
class _State:
    """A source and what was found in it."""

    source: Source
    findings: list[Finding]


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


def _apply_what_fits(
    now: _State, chosen: list[Finding], check: Check, settings: Settings
) -> tuple[_State, dict[Finding, str]]:
    """What the fixes that can be proven make of a source, and why the others cannot."""
    try:
        return _proven(now, chosen, check, settings), {}
    except Unfit:
        good: list[Finding] = []
    result = now
    reasons: dict[Finding, str] = {}
    for finding in chosen:
        try:
            result = _proven(now, [*good, finding], check, settings)
            good.append(finding)
        except Unfit as problem:
            reasons[finding] = str(problem)
    return result, reasons


def _proven(now: _State, chosen: list[Finding], check: Check, settings: Settings) -> _State:
    """The source with these fixes, checked again: their findings gone, none worse in return.

    Raises:
        Unfit: the result does not parse, or is not what the fixes promise.
    """
    changed = _apply(now.source, chosen, settings)
    after = _State(changed, list(check(changed)))
    had = Counter(f.code for f in now.findings)
    has = Counter(f.code for f in after.findings)
    grave = {f.code for f in after.findings if f.severity is not Severity.NOTE}
    for code in sorted(grave):
        if has[code] > had[code]:
            raise Unfit(f"it would bring {code}")
    for code in sorted({f.code for f in chosen}):
        if has[code] >= had[code]:
            raise Unfit(f"{code} would still be found")
    return after


class Unfit(ValueError):
    """These fixes cannot be made here. The message says why."""


def _apply(source: Source, findings: list[Finding], settings: Settings) -> Source:
    edits = [edit for finding in findings if finding.fix for edit in finding.fix.edits]
    try:
        changed = apply_edits(source, edits)
        changed.encode()
        parsed(changed, settings)
    except UnicodeEncodeError as problem:
        raise Unfit(f"{source.encoding} cannot write it") from problem
    except Unreadable as problem:
        raise Unfit(f"it would leave what is {problem.message}") from problem
    except ValueError as problem:
        raise Unfit(str(problem)) from problem
    return changed


def _withheld(finding: Finding, source: Source, why: str) -> str:
    place = source.place(finding.span.start)
    return f"{source.name}:{place}: the fix of {finding.code} was not applied: {why}"


def _key(finding: Finding, source: Source) -> str:
    """The same for a finding as long as nothing but its place changes."""
    snippet = source.data[finding.span.start : finding.span.end].decode(errors="replace")
    edits = [edit.text for edit in finding.fix.edits] if finding.fix else []
    return "\0".join([finding.code, finding.message, snippet, *edits])


def _adds_lines(edit: Edit) -> bool:
    return "\n" in edit.text and edit.span.start == edit.span.end


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits get in each other's way."""
    if one.span == other.span and one.span.start == one.span.end:
        return False  # two insertions: one stands behind the other
    if one.span.start == one.span.end or other.span.start == other.span.end:
        return one.span.start <= other.span.end and other.span.start <= one.span.end
    return one.span.start < other.span.end and other.span.start < one.span.end
