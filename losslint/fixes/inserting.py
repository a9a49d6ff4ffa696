"""Where whole new lines go: imports among their like, a function above the first, a call above a statement."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import dropwhile, takewhile

import libcst as cst

from losslint.findings import Edit, Span
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import nodes
from losslint.model.remembering import remembered

Definition = (cst.FunctionDef, cst.ClassDef)


@dataclass(frozen=True)
class ImportLine:
    """One line of imports: the first module that it names, and how."""

    node: cst.SimpleStatementLine
    module: str
    is_from: bool

    @property
    def package(self) -> str:
        """The first part of the module's name; empty for a relative import."""
        return self.module.partition(".")[0]

    @property
    def standard(self) -> bool:
        """Whether it imports from the standard library."""
        return self.package in sys.stdlib_module_names


# As isort and Ruff sort by default, and with `force-sort-within-sections`.
ORDERS: tuple[Callable[[ImportLine], tuple[bool, str]], ...] = (
    lambda line: (line.is_from, line.module.lower()),
    lambda line: (False, line.module.lower()),
)


def standard_imports(module: Module, names: Sequence[str]) -> tuple[Edit, ...]:
    """Edits that import modules of the standard library, among those that are imported."""
    runs = _runs(module)
    home = next((run for run in runs if any(line.standard for line in run)), None)
    lines = [f"import {name}" for name in names]
    if home is not None:
        if home[0].standard or not _in_order(home):
            home = _standard_part(home)
        return tuple(_among(module, home, name, False, f"import {name}") for name in names)
    return (_new_block(module, lines),) if lines else ()


def project_import(module: Module, origin: str, name: str) -> Edit:
    """An edit that writes `from origin import name`, beside imports from the same package."""
    line = f"from {origin} import {name}"
    runs = [run for run in _runs(module) if any(x.package for x in run)]
    package = origin.partition(".")[0]
    for run in reversed(runs):
        if any(x.package == package for x in run):
            return _among(module, run, origin, True, line)
    if not runs:
        return _new_block(module, [line])
    return _insertion(line_end(module, module.span(runs[-1][-1].node).end), f"\n\n{line}")


def new_function(module: Module, text: str) -> Edit:
    """An edit that inserts a function above the first definition, or below the imports.

    It is the same for all that is inserted into a module, and stands before all at the top
    level that back-propagates.
    """
    gap = _gap(module)
    source, first = module.source, _first_in_need(module)
    imports = [s for s in _before(module, first) if _brings_imports(s)]
    if imports and not isinstance(first, Definition):
        end = module.span(imports[-1]).start + len(module.text(imports[-1]).rstrip().encode())
        row = source.position(end)[0] + 1
        below = gap - _blank_rows(module, row, 1)
        return _insertion(source.line_start(row), "\n" * gap + text + "\n" * (1 + max(0, below)))
    start = _start_of_section(module, first)
    row = source.position(start)[0]
    above = gap - _blank_rows(module, row - 1, -1) if row > 1 else 0
    return _insertion(start, "\n" * max(0, above) + text + "\n" * (1 + gap))


def lines_above(module: Module, statement: cst.SimpleStatementLine, text: str) -> Edit:
    """An edit that inserts lines above a statement and the comments right above it.

    `text` is indented like the statement, and ends with a new line.
    """
    return _insertion(start_with_comments(module, module.span(statement).start), text)


def indentation(module: Module, statement: cst.SimpleStatementLine) -> str:
    """The blank space that the line of a statement begins with."""
    source = module.source
    row, column = source.position(module.span(statement).start)
    return source.line(row)[: column - 1]


def _insertion(at: int, text: str) -> Edit:
    return Edit(Span(at, at), text)


def line_start(module: Module, offset: int) -> int:
    """Where the line at `offset` begins."""
    return module.source.line_start(module.source.position(offset)[0])


def line_end(module: Module, offset: int) -> int:
    """Where the line at `offset` ends, before its line end."""
    source = module.source
    row = source.position(offset)[0]
    return source.line_start(row) + len(source.line(row).encode())


def _start(module: Module, statement: cst.BaseStatement) -> int:
    """Where a statement begins, its decorators with it."""
    if (known := module.start_of(statement)) is not None:
        return known
    decorators = statement.decorators if isinstance(statement, Definition) else ()
    return min(module.span(node).start for node in (statement, *decorators))


def start_with_comments(module: Module, offset: int) -> int:
    """Where the line at `offset` begins, or the comments right above it.

    Comments that begin the file are its own.
    """
    source = module.source
    row, column = source.position(offset)
    indent = source.line(row)[: column - 1]
    first = row
    while first > 1 and source.line(first - 1).startswith(f"{indent}#"):
        first -= 1
    return source.line_start(first if first > 1 else row)


def _start_of_section(module: Module, statement: cst.BaseStatement) -> int:
    """Where the comments above a statement begin, or the statements that stand close above it."""
    body = list(module.tree.body)
    index = next(n for n, each in enumerate(body) if each is statement)
    while index > 0:
        comments = [line.comment for line in _leading_lines(body[index])]
        if None in comments or _brings_imports(body[index - 1]):
            break
        index -= 1
    heading = [line.comment for line in _leading_lines(body[index]) if line.comment is not None]
    if index > 0 and heading:
        return module.source.line_start(module.source.position(module.span(heading[0]).start)[0])
    return start_with_comments(module, _start(module, body[index]))


def _leading_lines(statement: cst.BaseStatement) -> Sequence[cst.EmptyLine]:
    lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
    return lines


def _blank_rows(module: Module, row: int, direction: int) -> int:
    """How many rows are blank from `row` on, upwards or downwards."""
    count = 0
    while 1 <= row <= module.source.line_count and not module.source.line(row).strip():
        row, count = row + direction, count + 1
    return count


def _gap(module: Module) -> int:
    """How many blank lines stand around the definitions of a module: two, if it can tell."""
    blank = [
        _blank_rows(module, module.source.position(start)[0] - 1, -1)
        for statement in module.tree.body[1:]
        if isinstance(statement, Definition)
        for start in [start_with_comments(module, _start(module, statement))]
    ]
    return 1 if blank and max(blank) == 1 else 2


def _first_in_need(module: Module) -> cst.BaseStatement:
    """The first definition, or the first statement that back-propagates by itself."""
    for statement in module.tree.body:
        if isinstance(statement, Definition) or any(
            isinstance(n, cst.Name) and "backward" in n.value for n in nodes(statement)
        ):
            return statement
    return module.tree.body[-1]


def _before(module: Module, first: cst.BaseStatement) -> Iterator[cst.BaseStatement]:
    return takewhile(lambda statement: statement is not first, module.tree.body)


def _brings_imports(statement: cst.CSTNode) -> bool:
    """Whether a statement imports something, or begins with that on a condition."""
    match statement:
        case cst.SimpleStatementLine(body=[small, *_]):
            return isinstance(small, (cst.Import, cst.ImportFrom))
        case (
            cst.If(body=cst.IndentedBlock([first, *_]))
            | cst.Try(body=cst.IndentedBlock([first, *_]))
        ):
            return _brings_imports(first)
    return False


@remembered(4)
def _runs(module: Module) -> list[list[ImportLine]]:
    """The lines of imports that no blank line and no other statement parts from each other."""
    runs: list[list[ImportLine]] = [[]]
    for statement in _before(module, _first_in_need(module)):
        line = _import_line(statement)
        if line is None or any(blank.comment is None for blank in line.node.leading_lines):
            runs.append([])
        if line is not None:
            runs[-1].append(line)
    return [run for run in runs if run]


def _import_line(statement: cst.BaseStatement) -> ImportLine | None:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Import(names=[alias, *_])]):
            return ImportLine(statement, dotted(alias.name) or "", False)
        case cst.SimpleStatementLine(body=[cst.ImportFrom(module=origin, relative=dots)]):
            name = "." * len(dots) + (dotted(origin) or "")
            return None if name == "__future__" else ImportLine(statement, name, True)
    return None


def _standard_part(run: Sequence[ImportLine]) -> list[ImportLine]:
    """The first lines of a run that follow each other and are the standard library's."""
    tail = dropwhile(lambda line: not line.standard, run)
    return list(takewhile(lambda line: line.standard, tail))


def _in_order(*runs: Sequence[ImportLine]) -> Callable[[ImportLine], tuple[bool, str]] | None:
    """The order that all of `runs` are in."""
    for order in ORDERS:
        if all(sorted(run, key=order) == list(run) for run in runs):
            return order
    return None


def _among(module: Module, home: Sequence[ImportLine], name: str, is_from: bool, line: str) -> Edit:
    """Insert a line into a run: where its order says, or behind the last of its kind."""
    order = _in_order(*_runs(module), home) or _in_order(home)
    if order is not None:
        new = ImportLine(home[0].node, name, is_from)
        index = bisect_right([order(x) for x in home], order(new))
    else:
        index = max((n + 1 for n, x in enumerate(home) if x.is_from is is_from), default=0)
    if index == 0:
        start = module.span(home[0].node).start
        return _insertion(start, f"{line}\n")
    return _insertion(line_end(module, module.span(home[index - 1].node).end), f"\n{line}")


def _new_block(module: Module, lines: Iterable[str]) -> Edit:
    """Insert imports above the first ones, below the docstring and `__future__`."""
    runs = _runs(module)
    first: cst.BaseStatement = runs[0][0].node if runs else _first_of_code(module)
    blank = _gap(module) if isinstance(first, Definition) else 1
    text = "\n".join(lines) + "\n" * (1 + blank)
    return _insertion(start_with_comments(module, _start(module, first)), text)


def _first_of_code(module: Module) -> cst.BaseStatement:
    """The first statement that is no docstring and no `__future__` import."""
    for statement in module.tree.body:
        match statement:
            case cst.SimpleStatementLine(body=[cst.Expr(cst.SimpleString())]):
                continue
            case cst.SimpleStatementLine(body=[cst.ImportFrom(module=cst.Name("__future__"))]):
                continue
        return statement
    return module.tree.body[-1]
