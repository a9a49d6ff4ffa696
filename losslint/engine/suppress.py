"""Comments that keep findings away, and those that keep nothing away."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from losslint.config import nearest
from losslint.engine.relevance import mark
from losslint.findings import Edit, Finding, Fix, Safety, Span
from losslint.model.module import Module
from losslint.rules import registry, unused_suppression
from losslint.rules.base import Rule
from losslint.source.text import Source

# Such as `losslint: ignore[LL101, unchecked_loss] and why`.
OWN = re.compile(
    r"#\s*losslint:\s*(?P<kind>[\w-]*)(?:\s*\[(?P<codes>[^\]#]*)\])?",
    re.IGNORECASE,
)
# Such as `noqa: E501, LL101`, or `noqa` alone, which is for everything.
NOQA = re.compile(
    r"#\s*noqa"
    r"(?:\s*:[,\s]*(?P<codes>[A-Z]+[0-9]+(?:[,\s]*[A-Z]+[0-9]+)*)(?![\w-])|(?=\s*(?:#|$)|\s+[^\s:]))",
    re.IGNORECASE,
)
IGNORE = "losslint: ignore"
IGNORE_FILE = "losslint: ignore-file"
KINDS = (IGNORE, IGNORE_FILE, "noqa")
WORD = re.compile(r"[^\s,]+")
CODE = re.compile(r"[A-Z]+[0-9]+", re.IGNORECASE)

# With findings at hand, either of these makes the comments worth a parse.
ANY = re.compile(rb"losslint:|noqa", re.IGNORECASE)


@dataclass
class Directive:
    """One suppression: `codes` with their places, or everything if it is `blanket`."""

    span: Span
    kind: str
    codes: tuple[tuple[str, Span], ...]
    row: int
    blanket: bool
    used: set[str] = field(default_factory=set)

    def covers(self, finding: Finding, rows: Iterable[int]) -> bool:
        """Whether it speaks of `finding`, which stands on `rows`; remembers that it did."""
        if self.kind not in KINDS or (self.kind != IGNORE_FILE and self.row not in rows):
            return False
        alive = {code for code, _ in self.codes if code in (finding.code, finding.name)}
        self.used |= alive
        return self.blanket or bool(alive)


def suppress(
    found: list[Finding], rules: tuple[Rule, ...], module: Module, *, complete: bool
) -> tuple[list[Finding], list[Directive]]:
    """The findings that no comment keeps away, an LL001 for each idle comment, and the comments.

    A finding answers to a comment on its line, and on the first and the last
    line of the statement that it stands in. If the check was not `complete`,
    no comment is called idle; nor for a rule of the project, which comes later.
    """
    data = module.source.data
    if not (ANY.search(data) if found else names_codes_of(rules, data)):
        return found, []
    directives = list(directives_of(module))
    if not directives:
        return found, []
    kept = [f for f in found if not suppressed(f, directives, rows_of(f, module))]
    if complete and unused_suppression.rule in rules:
        now = [rule for rule in rules if not rule.project_checks]
        idle = [f for each in directives for f in _idle(each, now, module.source)]
        kept += [f for f in idle if not suppressed(f, directives, rows_of(f, module))]
    return kept, directives


def names_codes_of(rules: Iterable[Rule], data: bytes) -> bool:
    """Whether comments in these bytes can be suppressions, by their own word or a rule's code."""
    return bool(_mark(frozenset(rule.prefix for rule in rules)).search(data))


@cache
def _mark(prefixes: frozenset[str]) -> re.Pattern[bytes]:
    return mark(*sorted(prefixes))


def suppressed(finding: Finding, directives: list[Directive], on: Iterable[int]) -> bool:
    """Whether a comment keeps away a finding that answers to those on these rows."""
    where = set(on)
    # Every one is asked, as all that cover it are in use.
    covering = [directive for directive in directives if directive.covers(finding, where)]
    return bool(covering)


def idle_later(directives: list[Directive], rules: Iterable[Rule], source: Source) -> list[Finding]:
    """An LL001 for each comment that keeps away nothing of these rules of the project."""
    found = [f for each in directives for f in _dead(each, list(rules), source)]
    return [f for f in found if not suppressed(f, directives, [source.position(f.span.start)[0]])]


def rows_of(finding: Finding, module: Module) -> tuple[int, ...]:
    """The rows on which a comment keeps a finding away: its own, the last of its statement, the first."""
    start = finding.span.start
    row = module.source.position(start)[0]
    lines = module.logical_lines
    at = bisect_right(lines, Span(start, len(module.source.data))) - 1
    if at < 0 or lines[at].end < start:
        return (row,)
    first, last = (module.source.position(o)[0] for o in (lines[at].start, lines[at].end))
    return (row, last, first)


def directives_of(module: Module) -> Iterator[Directive]:
    """The suppressions in the comments of a module, from top to bottom."""
    for span, comment in module.comments():
        row = module.source.position(span.start)[0]
        for pattern in (OWN, NOQA):
            for found in pattern.finditer(comment):
                yield _directive(found, comment, span.start, row)


def _directive(found: re.Match[str], comment: str, start: int, row: int) -> Directive:
    def place(begin: int, end: int) -> Span:
        return Span(*(start + len(comment[:at].encode()) for at in (begin, end)))

    kind = "noqa" if found.re is NOQA else f"losslint: {found['kind'].lower()}"
    written = found["codes"]
    # Between codes of a `noqa` there need be nothing; ours may be names.
    read, word = (str.upper, CODE) if kind == "noqa" else (str, WORD)
    codes = word.finditer(comment, *found.span("codes")) if written else ()
    return Directive(
        place(*found.span()),
        kind,
        tuple((read(code[0]), place(*code.span())) for code in codes),
        row,
        blanket=kind == "noqa" and written is None,
    )


def _idle(directive: Directive, rules: list[Rule], source: Source) -> Iterator[Finding]:
    """What is wrong with one suppression."""
    if directive.blanket:
        return
    if directive.kind not in KINDS:
        message = f"`{directive.kind}` means nothing: write `losslint: ignore[...]`"
        yield unused_suppression.rule.finding(directive.span, message)
        return
    if not directive.codes:
        message = f"`{directive.kind}` names no rule: write `{directive.kind}[LL101]`"
        yield unused_suppression.rule.finding(directive.span, message)
        return
    for code, span in directive.codes:
        if _unknown(code, directive):
            message = f"no rule is called `{code}`{nearest(code, _every_word())}"
            yield unused_suppression.rule.finding(span, message)
    yield from _dead(directive, rules, source)


def _dead(directive: Directive, rules: list[Rule], source: Source) -> Iterator[Finding]:
    """The codes of a suppression that these rules do not find where it stands."""
    selected = {word for rule in rules for word in (rule.code, rule.name)} - OURS
    idle = selected - directive.used
    dead = [] if directive.kind not in KINDS else [c for c in directive.codes if c[0] in idle]
    for code, span in dead:
        fix = Fix("Remove it", (_without(directive, [c for c, _ in dead], source),), Safety.SAFE)
        message = f"`{code}` is not found here: the comment suppresses nothing"
        yield unused_suppression.rule.finding(span, message, fix=fix)


# What comes of comments is not known before the comments are read.
OURS = {unused_suppression.rule.code, unused_suppression.rule.name}


def _unknown(code: str, directive: Directive) -> bool:
    if directive.kind == "noqa" and not re.fullmatch(r"LL\d+", code):
        return False  # another linter's
    return code not in _every_word()


def _every_word() -> set[str]:
    return {word for rule in registry.all_rules() for word in (rule.code, rule.name)}


def _without(directive: Directive, dead: list[str], source: Source) -> Edit:
    """The edit that takes the `dead` codes out of a directive, or takes it out whole."""
    data = source.data
    alive = [span for code, span in directive.codes if code not in dead]
    if alive:
        listed = Span(directive.codes[0][1].start, directive.codes[-1][1].end)
        return Edit(listed, ", ".join(data[span.start : span.end].decode() for span in alive))
    start, end = directive.span.start, directive.span.end
    line_end = source.line_start(directive.row + 1)
    after = data[end:line_end].rstrip(b"\r\n")
    reason = after.lstrip(b" \t,;:.-").rstrip()
    if reason:
        kept = b"" if reason.startswith(b"#") else b"# "
        return Edit(Span(start, end + len(after)), (kept + reason).decode())
    line_start = source.line_start(directive.row)
    before = data[line_start:start].rstrip(b" \t")
    if not before:  # nothing else on the line, so the line goes
        return Edit(Span(line_start, line_end), "")
    return Edit(Span(line_start + len(before), end + len(after)), "")
