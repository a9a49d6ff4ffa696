"""How a fix names a function of torch: with the alias that is there, or with the import that it brings."""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.names import Names, dotted

FUNCTIONAL = "torch.nn.functional"


@dataclass(frozen=True)
class Spelling:
    """How to write a qualified name, and the edits that make it right."""

    text: str
    edits: tuple[Edit, ...] = ()


def spelled(module: Module, qualified: str) -> Spelling | None:
    """The spelling of a function of torch in this module; None if it cannot be reached."""
    names = Names(module.tree)
    known = names.spelled(qualified)
    if known is not None and not _rebound(module, known.partition(".")[0]):
        if "." not in known or not known.startswith("torch.nn.functional"):
            return Spelling(known)
    if qualified.startswith(FUNCTIONAL) and not _used(module, "F"):
        edit = _after_torch_import(module, f"import {FUNCTIONAL} as F")
        if edit is not None:
            return Spelling("F" + qualified[len(FUNCTIONAL) :], (edit,))
    if known is not None and not _rebound(module, known.partition(".")[0]):
        return Spelling(known)
    if not _used(module, "torch"):
        edit = _after_torch_import(module, "import torch")
        if edit is not None:
            return Spelling(qualified, (edit,))
    return None


def _rebound(module: Module, name: str) -> bool:
    """Whether anything but an import may bind `name` somewhere in the module."""
    text = module.source.text
    if re.search(rf"(?<![.\w]){name}\s*(?:,[\w\s,.\[\]*]*)?=(?!=)", text):
        return True
    if re.search(rf"\b(?:for|as|lambda|global|def|class)\s+(?:[\w, *]*,\s*)?{name}\b", text):
        return not _only_imported_as(text, name)
    return any(
        isinstance(node, cst.Param) and node.name.value == name
        for node in _walk(module.tree)
    )


def _only_imported_as(text: str, name: str) -> bool:
    found = re.findall(rf"^.*\b(?:for|as|lambda|global|def|class)\s+(?:[\w, *]*,\s*)?{name}\b.*$", text, re.M)
    return all(re.match(r"\s*(?:import|from)\b", line) for line in found)


def _used(module: Module, name: str) -> bool:
    """Whether `name` stands anywhere in the module."""
    return re.search(rf"(?<![.\w]){name}\b", module.source.text) is not None


def _walk(tree: cst.CSTNode) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = []
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        found.append(node)
        stack.extend(node.children)
    return found


def _after_torch_import(module: Module, line: str) -> Edit | None:
    """Insert an import below the last import of torch at the top level."""
    last: cst.BaseStatement | None = None
    for statement in module.tree.body:
        if isinstance(statement, cst.SimpleStatementLine) and any(
            _imports_torch(small) for small in statement.body
        ):
            last = statement
    if last is None:
        return None
    data = module.source.data
    end = module.span(last).end
    newline = min(
        (i for i in (data.find(b"\n", end), data.find(b"\r", end)) if i >= 0), default=-1
    )
    if newline < 0:
        return None
    return Edit(Span(newline, newline), f"\n{line}")


def _imports_torch(small: cst.BaseSmallStatement) -> bool:
    if isinstance(small, cst.Import):
        return any((dotted(a.name) or "").partition(".")[0] == "torch" for a in small.names)
    if isinstance(small, cst.ImportFrom) and not small.relative and small.module:
        return (dotted(small.module) or "").partition(".")[0] == "torch"
    return False
