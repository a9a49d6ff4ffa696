"""How a fix names a function of torch: with the alias that is there, or with the import that it brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.names import Names, dotted
from losslint.model.parents import nodes, parent

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
    if known is not None and not _is_sure(module, known.partition(".")[0]):
        known = None
    if known is not None and not known.startswith(f"{FUNCTIONAL}."):
        return Spelling(known)
    if qualified.startswith(FUNCTIONAL) and not _used(module, "F"):
        edit = _after_torch_import(module, f"import {FUNCTIONAL} as F")
        if edit is not None:
            return Spelling("F" + qualified[len(FUNCTIONAL) :], (edit,))
    if known is not None:
        return Spelling(known)
    if not _used(module, "torch"):
        edit = _after_torch_import(module, "import torch")
        if edit is not None:
            return Spelling(qualified, (edit,))
    return None


def _is_sure(module: Module, name: str) -> bool:
    """Whether an import brings `name`, or a star import that the module relies on for it."""
    return _used(module, name) and not _rebound(module, name)


def _rebound(module: Module, name: str) -> bool:
    """Whether anything but an import may bind `name` somewhere in the module."""
    return any(_binds(module, node) for node in _read(module, name))


def _used(module: Module, name: str) -> bool:
    """Whether `name` stands anywhere in the module, other than behind a dot."""
    return bool(_read(module, name))


@lru_cache(maxsize=8)
def _read(module: Module, name: str) -> tuple[cst.Name, ...]:
    """The places at which a name of the module, and not of an object, is written."""
    return tuple(
        node
        for node in nodes(module.tree)
        if isinstance(node, cst.Name)
        and node.value == name
        and not (
            isinstance(around := parent(module.tree, node), cst.Attribute) and around.attr is node
        )
    )


def _binds(module: Module, node: cst.Name) -> bool:
    """Whether a name is given a meaning here, by anything but an import."""
    around = parent(module.tree, node)
    if isinstance(around, (cst.Param, cst.FunctionDef, cst.ClassDef, cst.NameItem)):
        return getattr(around, "name", getattr(around, "item", None)) is node
    inner: cst.CSTNode = node
    while isinstance(around, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
        inner, around = around, parent(module.tree, around)
    if isinstance(around, cst.AsName):
        return not isinstance(parent(module.tree, around), cst.ImportAlias)
    return getattr(around, "target", None) is inner


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
    newline = min((i for i in (data.find(b"\n", end), data.find(b"\r", end)) if i >= 0), default=-1)
    if newline < 0:
        return None
    return Edit(Span(newline, newline), f"\n{line}")


def _imports_torch(small: cst.BaseSmallStatement) -> bool:
    if isinstance(small, cst.Import):
        return any((dotted(a.name) or "").partition(".")[0] == "torch" for a in small.names)
    if isinstance(small, cst.ImportFrom) and not small.relative and small.module:
        return (dotted(small.module) or "").partition(".")[0] == "torch"
    return False
