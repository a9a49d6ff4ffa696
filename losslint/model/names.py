"""Which qualified name a spelling stands for: `torch.exp` for `e` after `from torch import exp as e`."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Iterator, Sequence

import libcst as cst

from losslint.model.remembering import remembered

# What `from helpers import *` is taken to bring, where nothing else binds the name.
CONVENTIONS = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "np": "numpy",
    "math": "math",
}


QUOTES, TRIPLE = ("'", '"'), ("'''", '"""')


class Names:
    """The import map of one module, made by one walk over its statements."""

    def __init__(self, tree: cst.Module) -> None:
        self._imported: dict[str, str] = {}
        self._star = False
        self._stars: list[str] = []
        for statement in every_statement(tree):
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self._import(small)
        if self._star:
            self._imported = {**CONVENTIONS, **self._imported}

    def _import(self, small: cst.BaseSmallStatement) -> None:
        self._imported.update(imported(small))
        if isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar):
            self._star = True
            origin = dotted(small.module) if small.module else None
            if origin is not None and origin.partition(".")[0] == "torch":
                self._stars.append(origin)

    def qualified(self, node: cst.CSTNode) -> str | None:
        """The qualified name of a name or a chain of attributes; None if it is no import."""
        spelling = dotted(node)
        return None if spelling is None else self.origin(spelling)

    def origin(self, spelling: str) -> str | None:
        """The qualified name of what is spelled so; None if it is no import."""
        first, _, rest = spelling.partition(".")
        origin = self._imported.get(first)
        if origin is None:
            if self._stars and not rest and not hasattr(builtins, first):
                return f"{self._stars[-1]}.{first}"
            return None
        return f"{origin}.{rest}" if rest else origin


def imported(small: cst.BaseSmallStatement) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, with the qualified name that it stands for."""
    if isinstance(small, cst.Import):
        for alias in small.names:
            name = dotted(alias.name) or ""
            top = name.partition(".")[0]
            yield (_as_name(alias), name) if alias.asname is not None else (top, top)
    elif isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
        origin = "." * len(small.relative) + (dotted(small.module) or "" if small.module else "")
        for alias in small.names:
            yield _as_name(alias), f"{origin}.{dotted(alias.name) or ''}"


def dotted(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` for a chain of attributes on a name; None for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if not isinstance(node, cst.Attribute):
        return None
    base = node.value
    before = base.value if isinstance(base, cst.Name) else dotted(base)
    return None if before is None else f"{before}.{node.attr.value}"


def called(node: cst.CSTNode) -> str:
    """The last name of what a call calls: `info` for `self.logger.info(...)`; empty if there is none."""
    match node:
        case cst.Call(func=cst.Name(name) | cst.Attribute(attr=cst.Name(name))):
            return name
    return ""


def string_value(node: cst.SimpleString) -> str | None:
    """What a string says; None for bytes. Escapes of its own that are none warn nobody here."""
    text = node.value
    if text[0] in QUOTES and "\\" not in text:  # as most are: nothing to evaluate
        width = 3 if text[:3] in TRIPLE else 1
        return text[width:-width]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = node.evaluated_value
    return value if isinstance(value, str) else None


def number_value(node: cst.Integer | cst.Float) -> int | float:
    """What a number is; libcst asks CPython's parser."""
    try:
        return int(node.value, 0) if isinstance(node, cst.Integer) else float(node.value)
    except ValueError:
        return node.evaluated_value


def statements(
    body: cst.BaseSuite | Sequence[cst.BaseStatement],
) -> Iterator[cst.BaseStatement]:
    """Every statement below `body`, from top to bottom, at any depth."""
    stack: list[cst.BaseStatement] = list(reversed(_statements_of(body)))
    while stack:
        statement = stack.pop()
        yield statement
        if type(statement) is cst.SimpleStatementLine:
            continue
        for inner in reversed(list(suites(statement))):
            stack.extend(reversed(_statements_of(inner)))


@remembered(64)
def every_statement(tree: cst.Module) -> tuple[cst.BaseStatement, ...]:
    """Every statement of a module: several ask for them."""
    return tuple(statements(tree.body))


def _statements_of(body: object) -> list[cst.BaseStatement]:
    if isinstance(body, cst.IndentedBlock):
        return list(body.body)
    if isinstance(body, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine(body.body)]
    return list(body) if isinstance(body, (tuple, list)) else []


def suites(statement: cst.CSTNode) -> Iterator[cst.BaseSuite]:
    """The blocks of one compound statement: body, else, except, finally, cases."""
    body = getattr(statement, "body", None)
    if isinstance(body, cst.BaseSuite):
        yield body
    for part in ("orelse", "finalbody"):
        inner = getattr(statement, part, None)
        if isinstance(inner, cst.CSTNode):
            yield from suites(inner) if not isinstance(inner, cst.If) else _as_suite(inner)
    for part in ("handlers", "cases"):
        for inner in getattr(statement, part, ()):
            yield from suites(inner)


def _as_suite(branch: cst.If) -> Iterator[cst.BaseSuite]:
    yield from suites(branch)


def _as_name(alias: cst.ImportAlias) -> str:
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    return dotted(alias.name) or ""
