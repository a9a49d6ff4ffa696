"""Writes the comment that keeps a finding away."""

from __future__ import annotations

from losslint.config import Settings
from losslint.engine.edits import apply_edits
from losslint.engine.fix import Check, Unfit
from losslint.engine.reading import parsed
from losslint.engine.suppress import OWN, WORD, rows_of
from losslint.findings import Edit, Finding, Span
from losslint.model.module import Unreadable
from losslint.source.text import Source


def ignored(source: Source, finding: Finding, check: Check, settings: Settings) -> Source:
    """The source with a comment that keeps a finding away: on its row, if one can stand there.

    Raises:
        Unfit: no comment keeps it away.
    """
    try:
        module, _ = parsed(source, settings)
    except Unreadable as problem:
        raise Unfit(f"the file is {problem.message}") from problem
    comments = {source.position(span.start)[0]: (span, text) for span, text in module.comments()}
    own = source.position(finding.span.start)[0]
    before = [f.code for f in check(source)].count(finding.code)
    for row in sorted(rows_of(finding, module), key=lambda row: (row != own, row)):
        start = source.line_start(row)
        end = start + len(source.line(row).encode())
        comment = comments.get(row)
        edit = _added(finding.code, *comment) if comment else _written(finding.code, end)
        try:
            changed = apply_edits(source, [edit])
        except ValueError:  # it would stand in a magic of a notebook
            continue
        codes = [f.code for f in check(changed)]
        if codes.count(finding.code) < before and "LL000" not in codes:
            return changed
    raise Unfit("no comment can stand there")


def _written(code: str, end: int) -> Edit:
    return Edit(Span(end, end), f"  # losslint: ignore[{code}]")


def _added(code: str, span: Span, comment: str) -> Edit:
    """What puts a code into a comment: into the suppression in it, if there is one."""
    for found in OWN.finditer(comment):
        if found["kind"].lower() == "ignore":
            words = [word[0] for word in WORD.finditer(found["codes"] or "")]
            start, end = (span.start + len(comment[:at].encode()) for at in found.span())
            return Edit(Span(start, end), f"# losslint: ignore[{', '.join([*words, code])}]")
    return _written(code, span.end)
