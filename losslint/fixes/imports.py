"""How a fix names a function of torch: with the alias that is there, or with the import that it brings."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Span
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import CONVENTIONS, dotted, every_statement, imported, suites
from losslint.model.parents import nodes, parent
from losslint.model.remembering import remembered

FUNCTIONAL = "torch.nn.functional"


@dataclass(frozen=True)
class Spelling:
    """How to write a qualified name, and the edits that make it right."""

    text: str
    edits: tuple[Edit, ...] = ()


def spelled(module: Module, qualified: str) -> Spelling | None:
    """The spelling of a function of torch in this module; None if it cannot be reached."""
    known = reach(module, qualified)
    if known is not None and not known.startswith(f"{FUNCTIONAL}."):
        return Spelling(known)
    if qualified.startswith(FUNCTIONAL) and not used(module, "F") and not _foreign_star(module):
        edit = _after_torch_import(module, f"import {FUNCTIONAL} as F")
        if edit is not None:
            return Spelling("F" + qualified[len(FUNCTIONAL) :], (edit,))
    if known is not None:
        return Spelling(known)
    if not used(module, "torch"):
        edit = _after_torch_import(module, "import torch")
        if edit is not None:
            return Spelling(qualified, (edit,))
    return None


def reach(module: Module, qualified: str) -> str | None:
    """The shortest way to write a qualified name with what the module imports."""
    ways = [
        alias + qualified[len(origin) :]
        for alias, origin in _lasting(module).items()
        if origin == qualified or qualified.startswith(f"{origin}.")
    ]
    return min(ways, key=lambda way: (way.count("."), way), default=None)


def importable(module: Module, name: str) -> bool:
    """Whether `import name` would give the name no second meaning anywhere in the module."""
    return _origins(module).get(name, {name}) == {name} and not _rebound(module, name)


@remembered(8)
def _origins(module: Module) -> dict[str, set[str]]:
    """All that each name is imported from, wherever in the module."""
    found: dict[str, set[str]] = {}
    for statement in every_statement(module.tree):
        for alias, origin in _imported(statement):
            found.setdefault(alias, set()).add(origin)
    return found


@remembered(8)
def _lasting(module: Module) -> dict[str, str]:
    """The imported names that mean the same throughout the module, and what that is."""
    everywhere = _origins(module)
    found = {
        alias: origin for statement in at_top(module) for alias, origin in _imported(statement)
    }
    if _stars(module):  # what the module relies on a star import for
        brought = {
            name: origin
            for name, origin in CONVENTIONS.items()
            if name not in everywhere and used(module, name)
        }
        found = {**brought, **found}
    return {
        alias: origin
        for alias, origin in found.items()
        if len(everywhere.get(alias, ())) <= 1 and not _rebound(module, alias)
    }


def at_top(module: Module) -> Iterator[cst.BaseStatement]:
    """The statements that run when the module is imported, whoever imports it."""
    waiting: list[cst.BaseStatement] = list(reversed(module.tree.body))
    while waiting:
        statement = waiting.pop()
        yield statement
        if isinstance(statement, (cst.Try, cst.TryStar, cst.With, cst.If)):
            guarded = isinstance(statement, cst.If) and _is_guard(statement.test)
            for block in () if guarded else suites(statement):
                if isinstance(block, cst.IndentedBlock):
                    waiting += reversed(block.body)


def _is_guard(test: cst.BaseExpression) -> bool:
    """Whether a condition is false when a module is imported: `TYPE_CHECKING`, `"__main__"`."""
    return any(
        isinstance(node, cst.Name) and node.value in ("TYPE_CHECKING", "__name__")
        for node in nodes(test)
    )


def _imported(statement: cst.BaseStatement) -> Iterator[tuple[str, str]]:
    if isinstance(statement, cst.SimpleStatementLine):
        for small in statement.body:
            yield from imported(small)


def _stars(module: Module) -> list[str]:
    """What the module imports all names of."""
    return [
        dotted(small.module) or "" if small.module and not small.relative else "."
        for statement in at_top(module)
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
        if isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar)
    ]


def _foreign_star(module: Module) -> bool:
    """Whether a star import may bring an `F` of its own, over one that is added."""
    return any(origin.partition(".")[0] != "torch" for origin in _stars(module))


def _rebound(module: Module, name: str) -> bool:
    """Whether anything but an import may bind `name` somewhere in the module."""
    return any(_binds(module, node) for node in _read(module, name))


def used(module: Module, name: str) -> bool:
    """Whether `name` stands anywhere in the module, other than behind a dot."""
    return bool(_read(module, name))


def _read(module: Module, name: str) -> list[cst.Name]:
    """The places at which a name of the module, and not of an object, is written."""
    return _names(module).get(name, [])


@remembered(8)
def _names(module: Module) -> dict[str, list[cst.Name]]:
    found: dict[str, list[cst.Name]] = {}
    for node in nodes(module.tree):
        if isinstance(node, cst.Name):
            around = parent(module.tree, node)
            if not (isinstance(around, cst.Attribute) and around.attr is node):
                found.setdefault(node.value, []).append(node)
    return found


def _binds(module: Module, node: cst.Name) -> bool:
    """Whether a name is given a meaning here, by anything but an import."""
    around = parent(module.tree, node)
    if isinstance(around, (cst.MatchAs, cst.MatchStar, cst.MatchMapping)):
        return True
    if isinstance(around, (cst.Param, cst.FunctionDef, cst.ClassDef, cst.NameItem)):
        return getattr(around, "name", getattr(around, "item", None)) is node
    inner: cst.CSTNode = node
    while isinstance(around, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
        inner, around = around, parent(module.tree, around)
    if isinstance(around, cst.AsName):
        return not isinstance(parent(module.tree, around), cst.ImportAlias)
    return getattr(around, "target", None) is inner


def _after_torch_import(module: Module, line: str) -> Edit | None:
    """Insert an import below the last import of torch among those that begin the module."""
    last: cst.BaseStatement | None = None
    for statement in module.tree.body:
        smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
        if any(_imports_torch(small) for small in smalls):
            last = statement
        elif last is not None and not any(_is_import(small) for small in smalls):
            break  # what runs from here on may need the import already
    if last is None:
        return None
    data = module.source.data
    end = module.span(last).end
    newline = min((i for i in (data.find(b"\n", end), data.find(b"\r", end)) if i >= 0), default=-1)
    if newline < 0:
        return None
    return Edit(Span(newline, newline), f"\n{line}")


def _is_import(small: cst.BaseSmallStatement) -> bool:
    return isinstance(small, (cst.Import, cst.ImportFrom))


def _imports_torch(small: cst.BaseSmallStatement) -> bool:
    if isinstance(small, cst.Import):
        return any((dotted(a.name) or "").partition(".")[0] == "torch" for a in small.names)
    if isinstance(small, cst.ImportFrom) and not small.relative and small.module:
        return (dotted(small.module) or "").partition(".")[0] == "torch"
    return False
