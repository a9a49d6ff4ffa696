"""From a source and what fixes make of it to the edits that an editor makes of its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from lsprotocol import types

from losslint.server.documents import Document, Part
from losslint.source.notebook import Notebook
from losslint.source.text import Source

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def workspace_edit(document: Document, after: Source, *, versioned: bool) -> types.WorkspaceEdit:
    """What makes a document hold another source; `versioned` if only as it is now."""
    changed = [(part, edits) for part, edits in _edits(document, after) if edits]
    if not versioned:
        return types.WorkspaceEdit(changes={part.uri: edits for part, edits in changed})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(part.uri, part.version), edits
            )
            for part, edits in changed
        ]
    )


def _edits(document: Document, after: Source) -> Iterator[tuple[Part, list[types.TextEdit]]]:
    if isinstance(after, Notebook):
        texts = [cell.text for cell in after.cells]
    else:
        texts = [after.bom.decode() + after.text]
    for part, text in zip(document.parts, texts, strict=True):
        yield part, list(_differences(part, text))


def _differences(part: Part, text: str) -> Iterator[types.TextEdit]:
    """The edits of lines that differ, each as small as can be: a cursor stays beside it."""
    old, new = LINE.findall(part.text), LINE.findall(text)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for what, first, last, new_first, new_last in matcher.get_opcodes():
        if what == "equal":
            continue
        before, after = "".join(old[first:last]), "".join(new[new_first:new_last])
        head = _shared(before, after)
        tail = _shared(before[head:][::-1], after[head:][::-1])
        start = part.start_of_row(first + 1)
        yield types.TextEdit(
            types.Range(part.position(start + head), part.position(start + len(before) - tail)),
            after[head : len(after) - tail],
        )


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
