"""How a check that lets some values through becomes one that rejects all that is not finite."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.inserting import indentation
from losslint.model.module import Module
from losslint.model.parents import nodes, parent

# Of numpy, math and torch alike: the test beside `isnan` that is false for inf as well.
NAN, FINITE = "isnan", "isfinite"
REDUCED = {"any": "all", "all": "any"}


def finite_instead_of_nan(module: Module, test: cst.CSTNode) -> tuple[Edit, ...] | None:
    """Edits that write `not isfinite(x)` for every `isnan(x)` in a condition."""
    calls = [node for node in nodes(test) if isinstance(node, cst.Call) and _last(node) == NAN]
    if not calls or any(_last(node) == "isinf" for node in nodes(test)):
        return None
    edits: list[Edit] = []
    for call in calls:
        found = _finite(module, call)
        if found is None:
            return None
        edits += found
    return tuple(sorted(edits))


def _last(node: cst.CSTNode) -> str:
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(name)) | cst.Name(name)):
            return name
    return ""


def _finite(module: Module, call: cst.Call) -> list[Edit] | None:
    if not isinstance(call.func, cst.Attribute):
        return None  # a bare `isnan` would need an import of its own
    edits = [Edit(module.span(call.func.attr), FINITE)]
    whole: cst.BaseExpression = call
    around = parent(module.tree, call)
    if isinstance(around, cst.Attribute) and around.attr.value in REDUCED:
        edits.append(Edit(module.span(around.attr), REDUCED[around.attr.value]))
        outer = parent(module.tree, around)
        if not isinstance(outer, cst.Call):
            return None
        whole, around = outer, parent(module.tree, outer)
    elif isinstance(around, cst.Arg):
        outer = parent(module.tree, around)
        if not isinstance(outer, cst.Call) or _last(outer) not in REDUCED:
            return None
        if not isinstance(outer.func, cst.Attribute):
            return None
        edits.append(Edit(module.span(outer.func.attr), REDUCED[_last(outer)]))
        whole, around = outer, parent(module.tree, outer)
    span = module.span(whole)
    match around:
        case cst.UnaryOperation(operator=cst.Not()):
            start = module.span(around).start
            edits.append(Edit(Span(start, span.start), ""))
        case cst.If() | cst.BooleanOperation() | cst.Assert() | cst.IfExp():
            edits.append(Edit(Span(span.start, span.start), "not "))
        case _:
            return None
    return edits


def asserted_as_raise(module: Module, node: cst.Assert) -> tuple[Edit, ...] | None:
    """Edits that make an `assert` an `if` that raises a `ValueError` with the same message."""
    line = parent(module.tree, node)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    indent = indentation(module, line)
    inner = f"{indent}{module.tree.default_indent}"
    condition = _negated(module, node.test)
    if condition is None or "\n" in condition:
        return None
    if node.msg is None:
        message = f'"{_escaped(module.text(node.test))} is false"'
    else:
        message = module.text(node.msg)
    text = f"if {condition}:\n{inner}raise ValueError({message})"
    return (Edit(module.span(node), text),)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _negated(module: Module, test: cst.BaseExpression) -> str | None:
    """The condition under which an assertion fails, finite where it was `not isnan`."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return _not_finite(module, inner) or module.text(inner)
        case cst.BooleanOperation() | cst.IfExp() | cst.Comparison() | cst.Lambda():
            return f"not ({module.text(test)})"
    return f"not {module.text(test)}"


def _not_finite(module: Module, test: cst.BaseExpression) -> str | None:
    """`not torch.isfinite(x)` for `torch.isnan(x)`."""
    match test:
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("isnan")), args=args):
            given = ", ".join(module.text(arg) for arg in args)
            return f"not {module.text(base)}.{FINITE}({given})"
        case cst.Call(
            func=cst.Attribute(
                value=cst.Call(func=cst.Attribute(value=base, attr=cst.Name("isnan")), args=args),
                attr=cst.Name("any"),
            ),
            args=[],
        ):
            given = ", ".join(module.text(arg) for arg in args)
            return f"not {module.text(base)}.{FINITE}({given}).all()"
    return None
