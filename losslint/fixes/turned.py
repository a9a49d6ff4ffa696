"""Turning a selection around for NaN, so that it keeps the best that it has."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import importable, reach
from losslint.fixes.inserting import standard_imports
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes, parent
from losslint.training.selections import Selection
from losslint.training.state import path_of

INVERSE: dict[type[cst.BaseCompOp], str] = {
    cst.LessThan: ">=",
    cst.LessThanEqual: ">",
    cst.GreaterThan: "<=",
    cst.GreaterThanEqual: "<",
}
IGNORING_NAN = {"minimum": "fmin", "maximum": "fmax"}


def turned(module: Module, selection: Selection) -> tuple[Edit, ...] | None:
    """Edits by which NaN is no new best; None where no form of that is proven."""
    if isinstance(selection.place, cst.Call) and selection.turned == (selection.place,):
        edits = _repicked(module, selection.place)
        if edits is not None:
            return edits
    test = _isnan(module)
    if test is None:
        return None
    name, imports = test
    metric = f"{name}({module.text(selection.metric)})"
    if selection.first:
        edits = tuple(_not_first(module, selection, metric, name))
    else:
        edits = tuple(_held(module, selection, metric))
    needed = any(name in edit.text for edit in edits)
    return (*(imports if needed else ()), *edits) if edits else None


def _isnan(module: Module) -> tuple[str, tuple[Edit, ...]] | None:
    """How to write `math.isnan` in this module, and the import that it needs."""
    known = reach(module, "math.isnan")
    if known is not None:
        return known, ()
    if not importable(module, "math"):
        return None
    return "math.isnan", standard_imports(module, ["math"])


def _repicked(module: Module, call: cst.Call) -> tuple[Edit, ...] | None:
    """`min(best, loss)` for `min(loss, best)`: what is not smaller than the first is not picked."""
    match call.func:
        case cst.Name("min" | "max"):
            one, other = (arg.value for arg in call.args)
            return (
                Edit(module.span(one), module.text(other)),
                Edit(module.span(other), module.text(one)),
            )
        case cst.Attribute(attr=cst.Name(value)) if value in IGNORING_NAN:
            return (Edit(module.span(call.func.attr), IGNORING_NAN[value]),)
    return None


def _held(module: Module, selection: Selection, metric: str) -> Iterator[Edit]:
    """Each comparison made to hold for NaN as well, which keeps the best."""
    for condition in selection.turned:
        around = parent(module.tree, condition)
        inverted = _inverted(module, condition, around)
        if inverted is not None:
            yield inverted
            continue
        start, end = module.span(condition).start, module.span(condition).end
        bare = condition.lpar or not isinstance(
            around, (cst.BooleanOperation, cst.UnaryOperation, cst.Comparison)
        )
        bare = bare or (
            isinstance(around, cst.BooleanOperation) and isinstance(around.operator, cst.Or)
        )
        yield Edit(Span(start, start), f"{metric} or " if bare else f"({metric} or ")
        if not bare:
            yield Edit(Span(end, end), ")")
        for empty in selection.empty:
            if _leads_to(module, empty, condition) and not _read_elsewhere(
                module, selection, around
            ):
                after = module.span(empty).end
                yield Edit(Span(after, after), f" and not {metric}")


def _inverted(
    module: Module, condition: cst.BaseExpression, around: cst.CSTNode | None
) -> Edit | None:
    """`loss < best` for `not loss >= best`: the same, but for NaN."""
    match condition, around:
        case (
            cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator, right)]),
            cst.UnaryOperation(operator=cst.Not()),
        ) if "\n" not in module.text(around):
            text = f"{module.text(left)} {INVERSE[type(operator)]} {module.text(right)}"
            return Edit(module.span(around), text)
    return None


def _leads_to(module: Module, empty: cst.CSTNode, condition: cst.CSTNode) -> bool:
    """Whether this is `if best is None: ... elif loss > best`, without more in either test."""
    match parent(module.tree, empty):
        case cst.If(test=test, orelse=cst.If(test=following)):
            return test is empty and following is condition
    return False


def _not_first(module: Module, selection: Selection, metric: str, name: str) -> Iterator[Edit]:
    """A first metric that is NaN taken for none, or else a best that is NaN."""
    for empty in selection.empty:
        whole = _alternative(module, empty)
        branch = parent(module.tree, whole)
        if whole is not empty and not _read_elsewhere(module, selection, branch):
            span = module.span(whole)
            plain = whole.lpar or not isinstance(branch, cst.If)
            start = _opening(module, span.start) if whole.lpar else span.start
            yield Edit(Span(start, start), f"not {metric} and " if plain else f"not {metric} and (")
            if not plain:
                yield Edit(Span(span.end, span.end), ")")
            continue
        span = module.span(empty)
        within = parent(module.tree, empty)
        tight = isinstance(within, cst.BooleanOperation) and isinstance(within.operator, cst.And)
        yield Edit(Span(span.start, span.start), "(" if tight else "")
        yield Edit(
            Span(span.end, span.end), f" or {name}({selection.best})" + (")" if tight else "")
        )


def _opening(module: Module, start: int) -> int:
    return module.source.data.rfind(b"(", 0, start)


def _alternative(module: Module, node: cst.BaseExpression) -> cst.BaseExpression:
    """The whole of `best is None or loss < best`."""
    for around in ancestors(module.tree, node):
        if not (isinstance(around, cst.BooleanOperation) and isinstance(around.operator, cst.Or)):
            break
        node = around
        if around.lpar:
            break
    return node


def _read_elsewhere(module: Module, selection: Selection, branch: cst.CSTNode | None) -> bool:
    """Whether anything but this branch and the tests counts on the best to be a number."""
    function = selection.frame.function
    within = module.tree if function is None or "." in selection.best else function
    inside = set(nodes(branch)) if branch is not None else set()
    for condition in (*selection.turned, *selection.empty, selection.place):
        inside |= {condition, *nodes(condition)}
    return any(
        path_of(node) == selection.best and not _is_given(module, node)
        for node in nodes(within)
        if node not in inside
    )


def _is_given(module: Module, node: cst.CSTNode) -> bool:
    """Whether a name gets a value here, or is spelled as the target of one."""
    return isinstance(
        parent(module.tree, node), (cst.AssignTarget, cst.AnnAssign, cst.Param, cst.NameItem)
    )
