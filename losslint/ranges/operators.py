"""What the arithmetic operators of Python do to tensors, numbers and lists."""

from __future__ import annotations

import math

import libcst as cst

from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges import ops, reductions
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.run import as_value, has_leaves, spelling
from losslint.ranges.value import Value


def binary(
    operator: cst.BaseBinaryOp | cst.BaseAugOp,
    left: Object,
    right: Object,
    node: cst.BaseExpression,
    left_node: cst.BaseExpression,
    right_node: cst.BaseExpression,
) -> Object:
    """An arithmetic operator between two things, at `node`."""
    kind = type(operator).__name__.replace("Assign", "")
    if isinstance(left, Sequence) or isinstance(right, Sequence):
        lists = _of_lists(kind, left, right)
        if lists is not None:
            return lists
    a, b = as_value(left, left_node), as_value(right, right_node)
    if kind == "Add":
        return ar.add(a, b)
    if kind == "Subtract":
        return ar.add(a, ar.scale(b, -1.0, right_node if len(b.terms) > 1 else None))
    if kind == "Multiply":
        return ar.multiply(a, b, node)
    if kind == "FloorDivide":
        quotient = ar.divide(a, b, node, right_node)
        return (
            ar.opaque([a, b], spelling(node)) if quotient.learned else reductions.rounded(quotient)
        )
    if kind == "Divide":
        if a.learned and _is_sum_of(right_node, left_node):
            return ar.normalise(a, node, left_node)
        return ar.divide(a, b, node, right_node)
    if kind == "Power":
        return power(a, b, node, left_node)
    if kind == "MatrixMultiply":
        return reductions.reduce(ar.multiply(a, b), spelling(node), node)
    return ar.opaque([a, b], spelling(node))


def power(
    base: Value, exponent: Value, node: cst.BaseExpression, argument: cst.BaseExpression
) -> Value:
    """`base ** exponent` where one of them is a constant."""
    if exponent.number is not None:
        if exponent.number == 1:
            return base
        return ar.apply(ops.power(exponent.number), base, node, argument)
    if base.number is not None and base.number > 0:
        power_of_e = ar.scale(exponent, math.log(base.number))
        return ar.apply(ops.OPERATIONS["exp"], power_of_e, node)
    return ar.opaque([base, exponent], spelling(node))


def _of_lists(kind: str, left: Object, right: Object) -> Object | None:
    if kind == "Add" and isinstance(left, Sequence) and isinstance(right, Sequence):
        return Sequence(left.items + right.items, left.open or right.open)
    for some, times in ((left, right), (right, left)):
        if kind == "Multiply" and isinstance(some, Sequence) and isinstance(times, Value):
            count = times.number
            if not has_leaves(some) and (count is not None or not times.factors()):
                return Sequence(some.items, open=True)
    return None


def _is_sum_of(total: cst.BaseExpression, part: cst.BaseExpression) -> bool:
    """Whether `total` is `part.sum(...)` or `torch.sum(part, ...)`."""
    if not isinstance(total, cst.Call):
        return False
    if (dotted(total.func) or "").rpartition(".")[2] == "sum" or (
        isinstance(total.func, cst.Attribute) and total.func.attr.value == "sum"
    ):
        candidates = [a.value for a in total.args[:1]]
        if isinstance(total.func, cst.Attribute):
            candidates.append(total.func.value)
        return any(c.deep_equals(part) for c in candidates)
    return False
