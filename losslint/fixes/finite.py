"""How a check that lets some values through becomes one that rejects all that is not finite."""

from __future__ import annotations

import ast

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import reach, spelled
from losslint.fixes.inserting import indentation
from losslint.fixes.moving import edited
from losslint.fixes.wrapping import WIDTH, Line, wrapped
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import nodes, parent
from losslint.training.callees import scope_of

# Of torch, numpy and math alike: the test that is false for all that the halves are true for.
FINITE = "isfinite"
HALVES = frozenset(("isnan", "isinf"))
DUAL = {"any": "all", "all": "any"}
SAME = frozenset(("item", "bool"))
CONDITIONS = (cst.If, cst.While, cst.BooleanOperation, cst.Assert, cst.IfExp)


def finite_instead_of_nan(
    module: Module, test: cst.CSTNode, loss: cst.BaseExpression | None = None
) -> tuple[Edit, ...] | None:
    """Edits that write `not isfinite(x)` for `isnan(x)`, `isinf(x)` and `loss != loss` in a condition."""
    tests = [node for node in nodes(test) if called(node) in HALVES or _is_itself(node, loss)]
    if not tests or {called(node) for node in tests} >= HALVES:
        return None
    edits: list[Edit] = []
    for node in tests:
        found = _finite(module, node)
        if found is None:
            return None
        edits += found
    return tuple(sorted(edits))


def asserted_as_raise(
    module: Module, node: cst.Assert, loss: cst.BaseExpression | None = None
) -> tuple[Edit, ...] | None:
    """Edits that make an `assert` an `if` that raises a `ValueError` with the same message."""
    line = parent(module.tree, node)
    span = module.span(node)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    if any(span.start <= comment.start < span.end for comment, _ in module.comments()):
        return None
    edits = finite_instead_of_nan(module, node.test, loss) or ()
    test, others = edited(module, module.span(node.test), edits)
    condition = _negated(test)
    if condition is None:
        return None
    line_of = Line(indentation(module, line), WIDTH, module.tree.default_indent)
    message = _raised(module, node, condition, line_of.deeper())
    if message is None:
        return None
    text = f"if {condition}:\n{line_of.deeper().indent}{message}"
    return (Edit(span, text), *others)


def _is_itself(node: cst.CSTNode, loss: cst.BaseExpression | None) -> bool:
    """Whether this is `loss != loss`, or `loss == loss`, of the tensor that is back-propagated."""
    match node:
        case cst.Comparison(
            left=left,
            comparisons=[cst.ComparisonTarget(cst.Equal() | cst.NotEqual(), comparator=right)],
        ):
            return loss is not None and left.deep_equals(right) and left.deep_equals(loss)
    return False


def _finite(module: Module, node: cst.CSTNode) -> list[Edit] | None:
    """Edits that turn one test for NaN around, and what stands around it with it."""
    match node:
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=operator)]):
            written = spelled(module, "torch.isfinite")
            if written is None:
                return None
            test = f"{written.text}({module.text(left)})"
            turned = "" if isinstance(operator, cst.Equal) else "not "
            return [Edit(module.span(node), turned + test), *written.edits]
        case cst.Call(func=cst.Attribute(attr=name)):
            return _around(module, node, [Edit(module.span(name), FINITE)])
        case cst.Call(func=cst.Name() as name):
            qualified = scope_of(module).names.qualified(name) or ""
            other = reach(module, f"{qualified.rpartition('.')[0]}.{FINITE}")
            if other is not None:
                return _around(module, node, [Edit(module.span(name), other)])
    return None


def _around(module: Module, node: cst.BaseExpression, edits: list[Edit]) -> list[Edit] | None:
    """The edits, with those around a test that says the opposite from now on."""
    match around := parent(module.tree, node):
        case cst.Attribute(attr=cst.Name(name) as target):
            outer = parent(module.tree, around)
        case cst.Arg(star="", keyword=None):
            outer = parent(module.tree, around)
            func = outer.func if isinstance(outer, cst.Call) else None
            function = func.attr if isinstance(func, cst.Attribute) else func
            if not isinstance(function, cst.Name):
                return None
            target, name = function, function.value
        case cst.GeneratorExp(elt=elt) | cst.ListComp(elt=elt) if elt is node:
            return _around(module, around, edits)
        case cst.UnaryOperation(operator=cst.Not() | cst.BitInvert() as operator):
            start = module.span(around).start
            sign = b"not" if isinstance(operator, cst.Not) else b"~"
            behind = module.source.data[start + len(sign) :]
            blank = len(behind) - len(behind.lstrip(b" "))
            return [*edits, Edit(Span(start, start + len(sign) + blank), "")]
        case _ if isinstance(around, CONDITIONS):
            start = module.span(node).start
            return [*edits, Edit(Span(start, start), "not ")]
        case _:
            return None
    if not isinstance(outer, cst.Call):
        return None
    if name in DUAL:
        return _around(module, outer, [*edits, Edit(module.span(target), DUAL[name])])
    return _around(module, outer, edits) if name in SAME else None


def _negated(text: str) -> str | None:
    """The condition under which an assertion fails; None where it still finds half of it."""
    test = cst.parse_expression(text)
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            text = _source(inner.with_changes(lpar=(), rpar=()))
        case cst.BooleanOperation(
            left=cst.UnaryOperation(operator=cst.Not(), expression=left),
            operator=cst.And(),
            right=cst.UnaryOperation(operator=cst.Not(), expression=right),
        ):
            text = f"{_source(left)} or {_source(right)}"
        case cst.BooleanOperation() | cst.IfExp() | cst.Comparison() | cst.Lambda():
            text = f"not ({text})"
        case _:
            text = f"not {text}"
    halves = HALVES & {called(node) for node in nodes(test)}
    return text if len(halves) != 1 and _stands_alone(text) else None


def _raised(module: Module, node: cst.Assert, condition: str, line: Line) -> str | None:
    """The statement that raises what an assertion said."""
    if node.msg is None:
        return f"raise ValueError({_said(module, node, condition)})"
    text = module.text(node.msg)
    if '"""' in text or "'''" in text:
        return None
    if "\n" not in text:
        return f"raise {wrapped(f'ValueError({text})', line, len('raise '))}"
    inner = line.deeper().indent
    rows = "".join(f"{inner}{row}\n" for row in _rows(text))
    return f"raise ValueError(\n{rows}{line.indent})"


def _rows(text: str) -> list[str]:
    """The lines of a message, indented as they are to each other."""
    first, *others = text.split("\n")
    least = min(len(row) - len(row.lstrip()) for row in others if row.strip())
    return [first, *(row[least:] for row in others)]


def _said(module: Module, node: cst.Assert, condition: str) -> str:
    """What to say where an assertion said nothing: what the loss is, if the test shows that."""
    tested = {
        _source(found) for found in map(_tested, nodes(cst.parse_expression(condition))) if found
    }
    if len(tested) == 1 and not {'"', "'", "\\", "\n", "{"} & set("".join(tested)):
        return f'f"The loss is not finite: {{{tested.pop()}}}"'
    if tested:
        return '"The loss is not finite"'
    text = module.text(node.test).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{" ".join(text.split())} is false"'


def _tested(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What a call tests for being NaN or infinite."""
    match node:
        case cst.Call(args=[arg]) if called(node) in (FINITE, *HALVES):
            return arg.value
        case cst.Call(func=cst.Attribute(value=value), args=[]) if called(node) in (
            FINITE,
            *HALVES,
        ):
            return value
    return None


def _source(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _stands_alone(text: str) -> bool:
    """Whether a condition may follow an `if` as it is, also over several lines."""
    try:
        return len(ast.parse(f"if {text}: pass").body) == 1
    except SyntaxError:
        return False
