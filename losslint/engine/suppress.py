"""Comments that keep findings away, and those that keep nothing away."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, product

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
# What stands between a suppression and the reason for it.
BETWEEN = re.compile(rb"[ \t,;:.-]*")

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


WHOLE_FILE, EVERYTHING = 0, ""  # in the place of a row, and of a code or name


class Suppressions:
    """The suppressions of a file, by the rows on which they count and what they name.

    A comment may hold tens of thousands, and as many findings may stand on its row.
    """

    def __init__(self, directives: Iterable[Directive]) -> None:
        self._by_place: dict[tuple[int, str], list[Directive]] = defaultdict(list)
        self._seen: set[tuple[int, str]] = set()
        for directive in directives:
            row = WHOLE_FILE if directive.kind == IGNORE_FILE else directive.row
            named = {EVERYTHING} if directive.blanket else {code for code, _ in directive.codes}
            for word in named if directive.kind in KINDS else ():
                self._by_place[row, word].append(directive)

    def keep_away(self, finding: Finding, rows: Iterable[int]) -> bool:
        """Whether one of them speaks of a finding that answers to those on these rows.

        All that do are in use from then on.
        """
        places = product((WHOLE_FILE, *rows), (EVERYTHING, finding.code, finding.name))
        found = [place for place in places if place in self._by_place]
        for row, word in {*found} - self._seen if found else ():
            self._seen.add((row, word))
            for directive in self._by_place[row, word] if word else ():
                directive.used.add(word)
        return bool(found)


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
    suppressions = Suppressions(directives)
    kept = [f for f in found if not suppressions.keep_away(f, rows_of(f, module))]
    if complete and unused_suppression.rule in rules:
        now = [rule for rule in rules if not rule.project_checks]
        idle = [f for each in directives for f in _idle(each, now, module.source)]
        kept += [f for f in idle if not suppressions.keep_away(f, rows_of(f, module))]
    return kept, directives


def names_codes_of(rules: Iterable[Rule], data: bytes) -> bool:
    """Whether comments in these bytes can be suppressions, by their own word or a rule's code."""
    return bool(_mark(frozenset(rule.prefix for rule in rules)).search(data))


@cache
def _mark(prefixes: frozenset[str]) -> re.Pattern[bytes]:
    return mark(*sorted(prefixes))


def idle_later(
    directives: Sequence[Directive], rules: Iterable[Rule], source: Source
) -> list[Finding]:
    """An LL001 for each comment that keeps away nothing of these rules of the project."""
    suppressions = Suppressions(directives)
    found = [f for each in directives for f in _dead(each, list(rules), source)]
    return [f for f in found if not suppressions.keep_away(f, [source.row(f.span.start)])]


def rows_of(finding: Finding, module: Module) -> tuple[int, ...]:
    """The rows on which a comment keeps a finding away: its own, the last of its statement, the first."""
    start = finding.span.start
    row = module.source.row(start)
    lines = module.logical_lines
    at = bisect_right(lines, Span(start, len(module.source.data))) - 1
    if at < 0 or lines[at].end < start:
        return (row,)
    first, last = (module.source.row(o) for o in (lines[at].start, lines[at].end))
    return (row, last, first)


def directives_of(module: Module) -> Iterator[Directive]:
    """The suppressions in the comments of a module, from top to bottom."""
    for span, comment in module.comments():
        row = module.source.row(span.start)
        offsets: Sequence[int] = range(span.start, span.end + 1)
        if not comment.isascii():
            sizes = (len(letter.encode()) for letter in comment)
            offsets = [*accumulate(sizes, initial=span.start)]
        for pattern in (OWN, NOQA):
            for found in pattern.finditer(comment):
                yield _directive(found, comment, offsets, row)


def _directive(found: re.Match[str], comment: str, offsets: Sequence[int], row: int) -> Directive:
    """A suppression in a comment, of which each letter stands at one of the offsets."""

    def place(begin: int, end: int) -> Span:
        return Span(offsets[begin], offsets[end])

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
    words = _every_word()
    for code, span in directive.codes:
        if _unknown(code, directive, words):
            message = f"no rule is called `{code}`{nearest(code, words)}"
            yield unused_suppression.rule.finding(span, message)
    yield from _dead(directive, rules, source)


def _dead(directive: Directive, rules: list[Rule], source: Source) -> Iterator[Finding]:
    """The codes of a suppression that these rules do not find where it stands."""
    selected = {word for rule in rules for word in (rule.code, rule.name)} - OURS
    idle = selected - directive.used
    dead = [] if directive.kind not in KINDS else [c for c in directive.codes if c[0] in idle]
    if not dead:
        return
    fix = Fix("Remove it", (_without(directive, {c for c, _ in dead}, source),), Safety.SAFE)
    for code, span in dead:
        message = f"`{code}` is not found here: the comment suppresses nothing"
        yield unused_suppression.rule.finding(span, message, fix=fix)


# What comes of comments is not known before the comments are read.
OURS = {unused_suppression.rule.code, unused_suppression.rule.name}


def _unknown(code: str, directive: Directive, words: set[str]) -> bool:
    if directive.kind == "noqa" and not re.fullmatch(r"LL\d+", code):
        return False  # another linter's
    return code not in words


def _every_word() -> set[str]:
    return {word for rule in registry.all_rules() for word in (rule.code, rule.name)}


def _without(directive: Directive, dead: set[str], source: Source) -> Edit:
    """The edit that takes the `dead` codes out of a directive, or takes it out whole."""
    data = source.data
    alive = [span for code, span in directive.codes if code not in dead]
    if alive:
        listed = Span(directive.codes[0][1].start, directive.codes[-1][1].end)
        codes = (data[span.start : span.end].decode() for span in alive)
        return Edit(listed, ", ".join(dict.fromkeys(codes)))
    start, end = directive.span.start, directive.span.end
    after = BETWEEN.match(data, end)
    reason = after.end() if after else end
    if (next_letter := data[reason : reason + 1]) not in (b"", b"\r", b"\n"):
        return Edit(Span(start, reason), "" if next_letter == b"#" else "# ")
    line_start = source.line_start(directive.row)
    before = data[line_start:start].rstrip(b" \t")
    if not before:  # nothing else on the line, so the line goes
        return Edit(Span(line_start, source.line_start(directive.row + 1)), "")
    return Edit(Span(line_start + len(before), reason), "")
