"""Where the first logical line of a statement ends."""

from __future__ import annotations

import ast
import re

from losslint.model.trees import children
from losslint.source.text import Source

# Behind the last expression of a header there are comments, perhaps, and its colon.
COLON = re.compile(rb"[^:#]*(?:#[^\r\n]*[\r\n][^:#]*)*:")
OTHER_LINES = (ast.stmt, ast.excepthandler, ast.match_case)


def last_row(statement: ast.stmt, source: Source) -> int:
    """The row on which a statement ends; of one that opens a block, its header."""
    end = statement.end_lineno or statement.lineno
    if not hasattr(statement, "body"):
        return end
    decorators = getattr(statement, "decorator_list", ())
    ends = [(statement.lineno, statement.col_offset)]
    waiting = children(statement)
    while waiting:
        part = waiting.pop()
        if isinstance(part, (ast.expr, ast.arg, ast.keyword)):
            if part not in decorators:
                ends.append((part.end_lineno or end, part.end_col_offset or 0))
        elif isinstance(part, ast.AST) and not isinstance(part, OTHER_LINES):
            waiting += children(part)
    row, column = max(ends)
    colon = COLON.match(source.data, source.line_start(row) + column)
    return source.position(colon.end())[0] if colon else statement.lineno
