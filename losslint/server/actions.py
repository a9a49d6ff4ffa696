"""What the editor offers to do about findings, and what each of these makes of the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lsprotocol import types

from losslint.config import Settings
from losslint.engine.fix import SAFE_ONLY, Unfit, made, settle
from losslint.engine.ignores import ignored
from losslint.findings import Finding, Safety, Span
from losslint.model.module import Unreadable
from losslint.server.checking import Result
from losslint.server.diagnostics import Opened, diagnostic
from losslint.server.documents import Document
from losslint.source.text import Source

FIX_ALL = "source.fixAll.losslint"
FIX_ALL_CELLS = f"notebook.{FIX_ALL}"
KINDS = (types.CodeActionKind.QuickFix, FIX_ALL, FIX_ALL_CELLS)


def actions(
    params: types.CodeActionParams, document: Document, result: Result, opened: Opened
) -> Iterator[types.CodeAction]:
    """What can be done where the editor asks; what each makes of the text is yet to be resolved."""
    uri, only = params.text_document.uri, params.context.only
    part = next(part for part in document.parts if part.uri == uri)
    asked = {"uri": uri, "version": part.version}
    if _is_wanted(types.CodeActionKind.QuickFix, only):
        start, end = (document.offset(uri, at) for at in (params.range.start, params.range.end))
        for finding in result.findings:
            if finding.span.start <= end and start <= finding.span.end:
                yield from _for_finding(finding, asked, diagnostic(finding, document, opened))
    # On a cell the plain kind would be run once for each cell: only the notebook's is meant.
    fix_all = FIX_ALL_CELLS if document.is_notebook else FIX_ALL
    if _is_wanted(fix_all, only) and any(map(_is_safely_fixed, result.findings)):
        title = "losslint: Make all safe fixes"
        yield types.CodeAction(title, fix_all, data={**asked, "do": "fix all"})


def carried_out(data: dict[str, Any], result: Result) -> Source:
    """What an action makes of the source.

    Raises:
        Unfit: it cannot be made. The message says why.
    """
    source, settings = result.member.source, result.settings
    if data["do"] == "fix all":
        check, choice = result.check, result.choice
        return settle(source, check, settings, SAFE_ONLY, choice=choice).source
    span = Span(*data["span"])
    finding = next((f for f in result.findings if (f.code, f.span) == (data["code"], span)), None)
    if finding is None:
        raise Unfit("the text is another by now")
    if data["do"] == "ignore":
        return _ignored(source, finding, settings)
    return made(source, finding, result.check, settings)


def _for_finding(
    finding: Finding, asked: dict[str, Any], about: types.Diagnostic
) -> Iterator[types.CodeAction]:
    span = [finding.span.start, finding.span.end]
    data = {**asked, "code": finding.code, "span": span}
    kind = types.CodeActionKind.QuickFix
    if finding.fix:
        safe = finding.fix.safety is Safety.SAFE
        title = f"losslint ({finding.code}): {finding.fix.title}{'' if safe else ' (unsafe)'}"
        data_of_fix = {**data, "do": "fix"}
        yield types.CodeAction(title, kind, [about], is_preferred=safe or None, data=data_of_fix)
    if not finding.is_unreadable:
        title = f"losslint ({finding.code}): Ignore on this line"
        yield types.CodeAction(title, kind, [about], data={**data, "do": "ignore"})


def _ignored(source: Source, finding: Finding, settings: Settings) -> Source:
    try:
        changed, left = ignored(source, [finding], settings)
    except Unreadable as problem:
        raise Unfit(f"the file is {problem.message}") from problem
    if left:
        raise Unfit("no comment can stand there")
    return changed


def _is_safely_fixed(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.safety in SAFE_ONLY


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind of action is asked for: by itself, or by one that it belongs to."""
    return only is None or any(each in ("", kind) or kind.startswith(each + ".") for each in only)
