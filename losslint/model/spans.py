"""Where the nodes of a tree stand: found by printing it, and only as much of it as is asked for."""

from __future__ import annotations

import ast
from bisect import bisect_right
from functools import cached_property
from types import TracebackType

import libcst as cst
from libcst._nodes.internal import CodegenState

from losslint.findings import Span
from losslint.model.counterparts import syntax_of_line
from losslint.model.parents import index
from losslint.source.text import Source

# A node with the bytes at which its code begins and ends, by the node's identity.
Found = dict[int, tuple[cst.CSTNode, int, int]]


class Spans:
    """The bytes of the nodes of one tree, as far as they have been asked for.

    A line of simple statements is printed by itself, or a whole statement of the module, and has
    to be what stands where CPython says that it begins. `syntax` is what CPython made of the source.
    """

    def __init__(self, tree: cst.Module, source: Source, syntax: ast.Module | None) -> None:
        self._tree = tree
        self._source = source
        self._syntax = syntax
        self._known: dict[int, Found | None] = {}  # by the place of a statement in the module
        self._lines: dict[int, Found | None] = {}  # by the place of a line in the index

    def of(self, node: cst.CSTNode) -> Span | None:
        """The bytes of a node; None if its statement cannot be printed by itself."""
        place = index(self._tree).places.get(id(node), 0)
        number = bisect_right(self._firsts, place) - 1
        if number < 0:
            return None
        found = None
        if number not in self._known and (line := self._line(place)) is not None:
            found = line.get(id(node))
        if found is None:
            if number not in self._known:
                self._known[number] = self._printed(len(self._firsts) - 1 - number)
            found = (self._known[number] or {}).get(id(node))
        return None if found is None else Span(*found[1:])

    def _line(self, place: int) -> Found | None:
        """The bytes of everything in the line of simple statements around a node."""
        known = index(self._tree)
        while place >= 0 and not isinstance(known.order[place], cst.SimpleStatementLine):
            place = known.up[place]
        if place < 0:
            return None
        if place not in self._lines:
            line = known.order[place]
            assert isinstance(line, cst.SimpleStatementLine)
            syntax = syntax_of_line(self._tree, line, self._syntax)
            if syntax is None:
                return None
            row = self._source.line_start(syntax.lineno)
            self._lines[place] = self._at(line, row, syntax.col_offset)
        return self._lines[place]

    def start_of(self, number: int) -> int | None:
        """Where a statement of the module begins, its decorators with it, without printing it."""
        if number >= len(self._rows) or b"\f" in self._source.data:
            return None
        return self._source.line_start(self._rows[number][0])

    @cached_property
    def _firsts(self) -> list[int]:
        """The place of each statement in the index, where the last one comes first."""
        places = index(self._tree).places
        return [places[id(statement)] for statement in reversed(self._tree.body)]

    @cached_property
    def _rows(self) -> list[tuple[int, int]]:
        """The row of each statement of the module, before that the row of its first decorator.

        None where the trees differ.
        """
        given = list(self._syntax.body) if self._syntax is not None else []
        rows: list[tuple[int, int]] = []
        at = 0
        for statement in self._tree.body:
            if at < len(given):
                row = given[at].lineno
                decorators = getattr(given[at], "decorator_list", ())
                rows.append((min([row, *(d.lineno for d in decorators)]), row))
            at += len(statement.body) if isinstance(statement, cst.SimpleStatementLine) else 1
        return rows if at == len(given) else []

    def _printed(self, number: int) -> Found | None:
        """The bytes of everything in a statement; None where it is not what stands in the source."""
        if number >= len(self._rows):
            return None
        return self._at(self._tree.body[number], self._source.line_start(self._rows[number][1]), 0)

    def _at(self, statement: cst.CSTNode, row: int, column: int) -> Found | None:
        """The bytes of everything in a statement that begins there, if that is what stands there."""
        data = self._source.data
        indent = data[row : row + column].decode()
        code, found = printed(self._tree, statement, self._source, indent)
        start = row + column - found[id(statement)][1]
        text = code.encode()
        if data[max(start, 0) : start + len(text)] != text and (
            statement is not self._tree.body[-1] or data[max(start, 0) :].rstrip() != text.rstrip()
        ):
            return None
        return {key: (node, start + a, start + b) for key, (node, a, b) in found.items()}


def printed(
    tree: cst.Module, node: cst.CSTNode, source: Source, indent: str = ""
) -> tuple[str, Found]:
    """A node as libcst prints it, and the place of everything in it, counted from its first byte."""
    state = _Places(tree, ascii_only=source.text.isascii())
    if indent:
        state.increase_indent(indent)
    node._codegen(state)
    return "".join(state.tokens), state.found


class _Recorded:
    """Notes where the code of a node begins and ends that is printed within a `with`."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self,
        state: _Places,
        node: cst.CSTNode,
        start_node: cst.CSTNode | None,
        end_node: cst.CSTNode | None,
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.start = self.state.position

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        found = self.state.found
        start = self.start if self.start_node is None else found[id(self.start_node)][1]
        end = self.state.position if self.end_node is None else found[id(self.end_node)][2]
        found[id(self.node)] = (self.node, start, end)


class _Places(CodegenState):
    """What `SpanProvidingCodegenState` of libcst does, in a fifth of the time."""

    def __init__(self, tree: cst.Module, *, ascii_only: bool) -> None:
        super().__init__(tree.default_indent, tree.default_newline)
        self.position = 0
        self.found: Found = {}
        self._starts: list[int] = []
        self._length = len if ascii_only else _bytes

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.position += self._length(value)

    def before_codegen(self, _: cst.CSTNode) -> None:
        self._starts.append(self.position)

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self._starts.pop()
        if id(node) not in self.found:
            self.found[id(node)] = (node, start, self.position)

    def record_syntactic_position(  # type: ignore[override]
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> _Recorded:
        return _Recorded(self, node, start_node, end_node)


def _bytes(value: str) -> int:
    return len(value.encode())
