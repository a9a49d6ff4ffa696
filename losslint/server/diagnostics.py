"""Findings as the editor shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lsprotocol import types
from pygls.uris import from_fs_path

from losslint.findings import Finding, Severity
from losslint.rules import unused_suppression
from losslint.server.checking import Result
from losslint.server.documents import Document, Part, Units, opened_path
from losslint.source.text import Source, Undecodable

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}

# What is open, and what came of each; None of what is not checked.
Opened = Mapping[str, tuple[Document, Result | None]]


def diagnostics(
    document: Document, result: Result | None, opened: Opened
) -> dict[str, list[types.Diagnostic]]:
    """The findings in a document, by the texts that it is made of."""
    found: dict[str, list[types.Diagnostic]] = {part.uri: [] for part in document.parts}
    for finding in result.findings if result and document.parts else ():
        part, _ = document.located(finding.span)
        found[part.uri].append(diagnostic(finding, document, opened))
    return found


def diagnostic(finding: Finding, document: Document, opened: Opened) -> types.Diagnostic:
    """One finding. Its `data` says what a fix would be, and how safe."""
    fix = finding.fix
    unused = finding.code == unused_suppression.rule.code
    return types.Diagnostic(
        document.located(finding.span)[1],
        finding.message,
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        source="losslint",
        tags=[types.DiagnosticTag.Unnecessary] if unused else None,
        related_information=list(_related(finding, document, opened)) or None,
        data={
            "name": finding.name,
            "fix": {"title": fix.title, "applicability": fix.safety.value} if fix else None,
        },
    )


def _related(
    finding: Finding, document: Document, opened: Opened
) -> Iterator[types.DiagnosticRelatedInformation]:
    documents = [each for each, _ in opened.values()]
    for place in finding.related:
        other = opened_path(place.path, documents)
        if other is not None:
            part = other.parts[place.cell - 1 if place.cell else 0]
        else:
            part = _on_disk(place.path, document.parts[0].units)
        at = part.position(part.start_of_row(place.row) + place.column - 1)
        where = types.Location(part.uri, types.Range(at, at))
        yield types.DiagnosticRelatedInformation(where, place.message)


def _on_disk(path: str, units: Units) -> Part:
    """A file that is not open. The cells of a notebook have no address then, only it has."""
    text = ""
    try:
        if not path.endswith(".ipynb"):
            with open(path, "rb") as file:
                text = Source.decode(path, file.read()).text
    except (OSError, Undecodable):
        pass  # its first line will do
    return Part(from_fs_path(path) or path, None, text, units)
