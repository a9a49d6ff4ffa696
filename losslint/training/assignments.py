"""What assignments give to names, and what is added to those that outlive a turn of a loop."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from losslint.frozen import replace
from losslint.training.run import Run
from losslint.training.state import Frame, State, name_of, path_of
from losslint.training.turns import bind
from losslint.training.values import Value, joined, over, plus, times


def assign(
    run: Run, node: cst.Assign | cst.AnnAssign | cst.AugAssign, frame: Frame, state: State
) -> None:
    """Give the targets of a statement their values."""
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]) if (
            added := _added(node.value, target)
        ) is not None:
            _add(run, node, target, added, frame, state)
        case cst.Assign(targets=[first, *_]):
            value = _named(run, first.target, node.value, frame, state)
            for each in node.targets:
                bind(run, each.target, value, frame, state)
        case cst.AnnAssign(value=cst.BaseExpression() as given):
            bind(run, node.target, run.evaluate(given, frame, state), frame, state)
        case cst.AugAssign(operator=cst.AddAssign()):
            _add(run, node, node.target, node.value, frame, state)
        case cst.AugAssign(target=target, operator=operator):
            before = run.evaluate(target, frame, state)
            value = _named(run, target, node.value, frame, state, whole=False)
            bind(run, target, AUGMENTED.get(type(operator), over)(before, value), frame, state)


AUGMENTED: dict[type[cst.BaseAugOp], Callable[[Value, Value], Value]] = {
    cst.SubtractAssign: lambda before, value: plus(before, value, -1),
    cst.MultiplyAssign: times,
}


def _named(
    run: Run,
    target: cst.BaseExpression,
    node: cst.BaseExpression,
    frame: Frame,
    state: State,
    *,
    whole: bool = True,
) -> Value:
    """The value that a name is given: what is made on the way may be called by that name.

    With `whole` the name is that of the value itself, and not of something it is added to.
    """
    run.naming = name_of(target)
    run.assigned = node if whole else None
    value = run.evaluate(node, frame, state)
    run.naming = ""
    return value


def _added(value: cst.BaseExpression, target: cst.BaseExpression) -> cst.BaseExpression | None:
    """`loss` of `total = total + loss`; None for any other assignment."""
    match value:
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right) if path_of(target):
            if left.deep_equals(target):
                return right
            return left if right.deep_equals(target) else None
    return None


def _add(
    run: Run,
    node: cst.Assign | cst.AugAssign,
    target: cst.BaseExpression,
    added: cst.BaseExpression,
    frame: Frame,
    state: State,
) -> None:
    """Add to an accumulator: in a loop it still holds what it was before."""
    path = path_of(target) or ""
    before = run.evaluate(target, frame, state)
    given = _named(run, target, added, frame, state, whole=False)
    run.keep(node, path, added, given.whole(), frame, state)
    value = joined(before, given) if before.items or given.items else plus(before, given)
    fresh = state.fresh
    state.bind(path, value if path in fresh else replace(value, kept=value.kept | {path}), target)
    state.fresh = fresh
