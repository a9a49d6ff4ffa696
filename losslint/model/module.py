"""A parsed source and the questions a rule may ask of it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property

import libcst as cst

from losslint.config import Settings
from losslint.findings import Span
from losslint.frozen import unvalidated
from losslint.model.asked import Asked
from losslint.model.depth import TooDeep, syntax_tree
from losslint.model.instances import make_plain
from losslint.model.spans import Found, Spans, printed
from losslint.source.text import Source

# libcst walks a tree by recursion, several Python frames a level.
RECURSION_LIMIT = 12_000

# Indentation starts anew at a form feed, so what stands before it is nothing.
FORM_FEED_INDENT = re.compile(r"(?<![^\r\n])[ \t\f]*\f")

# How libcst words what it expected, for syntax that CPython did not get to see.
LIBCST_POSITION = re.compile(r"error at (\d+):(\d+): ")


make_plain()


class Unreadable(ValueError):
    """This source cannot be checked: `message` says why, `offset` where."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Module:
    """One libcst tree, with its places resolved when they are first asked for.

    `syntax` is what CPython's parser made of the same text; None where it made nothing. It
    is asked if nobody has before.
    `asked` is what else its findings rest on.

    Raises:
        Unreadable: the text is no Python, or is nested deeper than libcst can
            stand.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings | None = None,
        syntax: ast.Module | None = None,
    ) -> None:
        self.source = source
        self.settings = settings or Settings()
        self.asked = Asked()
        self.syntax = syntax
        try:
            self.tree = self._parse()
        except TooDeep as problem:
            raise Unreadable(str(problem), source.offset(problem.row, 1)) from problem
        except SyntaxError as problem:
            raise self._not_python(problem) from problem
        except (RecursionError, MemoryError) as problem:
            raise Unreadable("nested too deep to be parsed") from problem

    def _parse(self) -> cst.Module:
        found = self.syntax or syntax_tree(self.source.text)
        refused = found if isinstance(found, SyntaxError) else None
        self.syntax = None if isinstance(found, SyntaxError) else found
        try:
            with deep_recursion(), nullcontext() if self.syntax is None else unvalidated():
                return _parse_form_feeds(self.source.text)
        except cst.ParserSyntaxError as problem:
            # libcst's own places are often a line off, or simply 1:1.
            raise refused or _as_syntax_error(problem) from problem

    def _not_python(self, problem: SyntaxError) -> Unreadable:
        offset = self.source.offset(problem.lineno or 1, problem.offset or 1)
        return Unreadable(f"not Python: {problem.msg}", offset)

    @cached_property
    def _all(self) -> Found:
        """The bytes of every node. Dear: most questions are about one statement."""
        with deep_recursion():
            code, found = printed(self.tree, self.tree, self.source)
        if not _same(code, self.source.text):
            raise Unreadable("libcst does not print this file as it reads it")
        return found

    @cached_property
    def _spans(self) -> Spans:
        return Spans(self.tree, self.source, self.syntax)

    def span(self, node: cst.CSTNode) -> Span:
        """The bytes of `node`, without surrounding space or parentheses.

        Raises:
            Unreadable: libcst does not print this source as it reads it, so
                no place in it can be trusted.
        """
        if "_all" not in self.__dict__:
            with deep_recursion():
                if (found := self._spans.of(node)) is not None:
                    return found
        return Span(*self._all[id(node)][1:])

    def start_of(self, statement: cst.CSTNode) -> int | None:
        """Where a statement of the module begins, its decorators with it; None if only a print tells."""
        number = self._numbers.get(id(statement))
        return None if number is None else self._spans.start_of(number)

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {id(statement): number for number, statement in enumerate(self.tree.body)}

    def text(self, node: cst.CSTNode) -> str:
        """The source of `node`, as it stands in the file."""
        span = self.span(node)
        return self.source.data[span.start : span.end].decode()

    def comments(self) -> Iterator[tuple[Span, str]]:
        """Every comment of the file with its place, from top to bottom."""
        found = [
            (span, node.value)
            for node, *place in self._all.values()
            if isinstance(node, cst.Comment) and self._stands(node.value, span := Span(*place))
        ]
        yield from sorted(found, key=lambda comment: comment[0])

    def _stands(self, text: str, span: Span) -> bool:
        """Whether `text` is there: libcst may misplace the last comments of a file."""
        return self.source.data[span.start : span.end] == text.encode()

    @cached_property
    def logical_lines(self) -> list[Span]:
        """Every statement, of one that opens a block the header, and every decorator."""
        return sorted(span for place in self._all.values() if (span := self._logical_line(*place)))

    def _logical_line(self, node: cst.CSTNode, start: int, end: int) -> Span | None:
        match node:
            case cst.SimpleStatementLine() | cst.Decorator():
                return Span(start, end)
            case cst.Match(whitespace_after_colon=after):
                return Span(start, self._all[id(after)][1])
        body = getattr(node, "body", None)
        if isinstance(body, cst.IndentedBlock):
            return Span(start, self._all[id(body.header)][1])
        # `if x: y` is one line
        return Span(start, end) if isinstance(body, cst.SimpleStatementSuite) else None

    @cached_property
    def strings(self) -> list[Span]:
        """Every string literal: within one, no line end is one to Python."""
        kinds = (cst.SimpleString, cst.FormattedString, cst.TemplatedString)
        return sorted(
            Span(*place) for node, *place in self._all.values() if isinstance(node, kinds)
        )


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Let libcst recurse as deep as the trees it parses are."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _parse_form_feeds(text: str) -> cst.Module:
    """Parse `text`; where libcst drops a form feed, put empty lines in its place.

    It drops those that stand in the indentation of code. As many line feeds
    mean the same to Python, and every offset stays what it was.
    """
    if "\f" not in text or not FORM_FEED_INDENT.search(text):
        return cst.parse_module(text)
    try:
        tree = cst.parse_module(text)
        if _same(tree.code, text):
            return tree
    except cst.ParserSyntaxError:
        pass  # a form feed that sets the indentation back to nothing is too much for it
    return cst.parse_module(_without_form_feeds(text))


def _without_form_feeds(text: str) -> str:
    return FORM_FEED_INDENT.sub(lambda indent: "\n" * len(indent[0]), text)


def _same(printed: str, text: str) -> bool:
    """Whether every offset of code in what libcst printed is one in `text`.

    Blank space and comments that libcst drops from the end of a file are of no
    matter.
    """
    if printed == text:
        return True
    code = _without_tail(printed)
    return code in (_without_tail(text), _without_tail(_without_form_feeds(text)))


def _without_tail(text: str) -> str:
    """`text` up to its last line of code."""
    text = text.rstrip()
    while text:
        start = max(text.rfind("\n"), text.rfind("\r")) + 1
        if not text[start:].lstrip().startswith("#"):
            break
        text = text[:start].rstrip()
    return text


def _as_syntax_error(problem: cst.ParserSyntaxError) -> SyntaxError:
    message = problem.message.splitlines()[0]
    place = LIBCST_POSITION.search(message)
    row, column = map(int, place.groups()) if place else (problem.raw_line, problem.raw_column + 1)
    return SyntaxError(LIBCST_POSITION.sub("", message), ("", row, column, None))
