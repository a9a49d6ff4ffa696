"""Refuses what would take libcst's native parser, and the process, down with it."""

from __future__ import annotations

import ast
import re
import warnings
from itertools import accumulate

from losslint.model.trees import SUITES, children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# libcst 1.9.0 ends the process on a chain of 6,900 operators and takes 2 s over
# one of 3,000; what recurses over its trees gives up from 2,600 on.
MAX_DEPTH = 1_000

TOKEN = re.compile(
    r"""
      (?P<skip> \#[^\r\n]* | \\\r?\n
      | (?P<quotes>\"{3}|'{3}) (?:\\.|[^\\])*? (?P=quotes)
      | "(?:\\.|[^"\\\r\n])*" | '(?:\\.|[^'\\\r\n])*' )
    | (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | (?P<newline> [\r\n] )
    | (?P<operator> [-+*/%@&|^<>=!~.:]+ | \b(?:and|or|not|in|is|if|lambda|await)\b )
    """,
    re.VERBOSE | re.DOTALL,
)


LINE_END = re.compile(r"\r\n|\r|\n")

# What may be several levels deep there.
LONG = frozenset((ast.BoolOp, ast.alias, ast.ImportFrom))


class TooDeep(ValueError):
    """The source nests deeper than libcst's parser can stand; `row` says where."""

    def __init__(self, message: str, row: int = 1) -> None:
        super().__init__(message)
        self.row = row


def syntax_tree(text: str) -> ast.Module | SyntaxError:
    """What CPython's own parser makes of `text`, or has against it; it is asked first.

    An error is no verdict: the syntax may be newer than the running
    interpreter, and libcst may know it. It is only returned, and not raised,
    where handing the text on to libcst is known to be harmless.

    Raises:
        SyntaxError: the text is no Python, or too long-winded to ask libcst.
        TooDeep: an expression of the text is nested, or chained, too deep.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (RecursionError, MemoryError) as problem:
        raise TooDeep("nested too deep to be parsed") from problem
    except SyntaxError as problem:
        if _longest_statement(text) > MAX_DEPTH:
            raise
        return problem
    except ValueError as problem:  # a null byte, in some versions
        raise SyntaxError(str(problem)) from problem
    _refuse_deep(tree, text)
    return tree


def _refuse_deep(tree: ast.Module, text: str) -> None:
    """Walk without recursion, which is what cannot be had here.

    What is too short to be deep is passed by: each level takes a character.
    """
    ends = [0, *accumulate(len(line.strip()) for line in LINE_END.split(text))]
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += _levels(node) if type(node) in LONG else 1
        if depth > MAX_DEPTH and hasattr(node, "lineno"):  # a name has none
            raise TooDeep(f"nested, or chained, more than {MAX_DEPTH} deep", node.lineno)
        if isinstance(node, ast.stmt) and _length(node, ends) <= MAX_DEPTH // 2 - depth:
            for name in SUITES[type(node)]:
                waiting += [(child, depth) for child in getattr(node, name)]
        else:
            waiting += [(child, depth) for child in children(node)]


def _length(node: Any, ends: list[int]) -> int:
    """How many characters a statement has at most, without those in it."""
    body = getattr(node, "body", None)
    last: int = body[0].lineno if body else node.end_lineno
    decorators = getattr(node, "decorator_list", None)
    first: int = decorators[0].lineno if decorators else node.lineno
    return ends[last] - ends[first - 1]


def _levels(node: ast.AST) -> int:
    """How deep libcst nests what is one node here."""
    match node:
        case ast.BoolOp(values=parts):
            return len(parts)
        case ast.alias(name=str(name)) | ast.ImportFrom(module=str(name)):
            return 1 + name.count(".")
    return 1


def _longest_statement(text: str) -> int:
    """How many operators and brackets the longest statement has, at a rough count.

    It stands in for depth where there is no tree to measure.
    """
    longest = count = depth = 0
    for token in TOKEN.finditer(text):
        match token.lastgroup:
            case "operator":
                count += 1
            case "open":
                count += 1
                depth += 1
            case "close":
                depth -= 1
            case "newline" if depth <= 0:
                count = depth = 0
        longest = max(longest, count)
    return longest
