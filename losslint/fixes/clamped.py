"""Clamping what a network predicted, in the line behind the prediction."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes
from losslint.ranges.value import What
from losslint.ranges.weights import LearnedWeight


def clamped_after_prediction(weight: LearnedWeight, module: Module) -> tuple[Edit, ...] | None:
    """An edit that inserts `x = x.clamp(-10.0, 10.0)` behind the line that binds x."""
    name = weight.leaf.name
    used = next((s.node for t in weight.weights for s in t.steps if s.what is What.EXP), None)
    if used is None or not name.isidentifier():
        return None
    scope = next((a for a in ancestors(module.tree, used) if isinstance(a, cst.FunctionDef)), None)
    if scope is None:
        return None
    bound = [
        line
        for line in nodes(scope)
        if isinstance(line, cst.SimpleStatementLine) and _binds(line, name)
    ]
    if len(bound) != 1 or module.span(bound[0]).start > module.span(used).start:
        return None
    data, span = module.source.data, module.span(bound[0])
    start = max(data.rfind(b"\n", 0, span.start), data.rfind(b"\r", 0, span.start)) + 1
    indent = data[start : span.start].decode()
    if indent.strip():
        return None
    return (Edit(Span(span.end, span.end), f"\n{indent}{name} = {name}.clamp(-10.0, 10.0)"),)


def _binds(line: cst.SimpleStatementLine, name: str) -> bool:
    return any(
        isinstance(target.target, (cst.Name, cst.Tuple))
        and any(isinstance(n, cst.Name) and n.value == name for n in nodes(target.target))
        for small in line.body
        if isinstance(small, cst.Assign)
        for target in small.targets
    )
