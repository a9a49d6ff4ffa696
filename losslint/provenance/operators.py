"""What arithmetic makes of logits and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from losslint.frozen import replace
from losslint.provenance.kinds import PROBABILITIES, UNKNOWN, Kind, Tensor
from losslint.provenance.objects import Constant, Frame, Value
from losslint.provenance.operations import TINY

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer

SUMS = (cst.Add, cst.Subtract, cst.AddAssign, cst.SubtractAssign)
SCALES = (cst.Multiply, cst.Divide, cst.MultiplyAssign, cst.DivideAssign)
SCALARS = (cst.Name, cst.Attribute, cst.Integer, cst.Float)


def operated(
    tracer: Tracer, node: cst.BinaryOperation | cst.UnaryOperation, frame: Frame
) -> tuple[Value, ...]:
    """What an operation yields."""
    if isinstance(node, cst.UnaryOperation):
        found = tracer.values(node.expression, (), frame)
        return tuple(_negated(node, one) for one in found)
    return _combined(tracer, node.left, node.operator, node.right, frame)


def augmented(tracer: Tracer, node: cst.AugAssign, frame: Frame) -> tuple[Value, ...]:
    """What a name holds after `x += y`."""
    return _combined(tracer, node.target, node.operator, node.value, frame)


def _negated(node: cst.UnaryOperation, value: Value) -> Value:
    if isinstance(node.operator, cst.Minus):
        match value:
            case Constant(value=int() | float() as number):
                return Constant(-number)
            case Tensor(kind=Kind.LOGITS):
                return value
    return UNKNOWN


def _combined(
    tracer: Tracer,
    left: cst.BaseExpression,
    operator: cst.CSTNode,
    right: cst.BaseExpression,
    frame: Frame,
) -> tuple[Value, ...]:
    if not isinstance(operator, SUMS + SCALES):
        return (UNKNOWN,)
    found: list[Value] = []
    for one in tracer.values(left, (), frame):
        for other in tracer.values(right, (), frame):
            if isinstance(operator, SUMS):
                found.append(_sum(operator, one, other))
            else:
                found.append(_scaled(operator, (one, left), (other, right)))
    return tuple(found)


def _sum(operator: cst.CSTNode, one: Value, other: Value) -> Value:
    match one, other:
        case (Tensor() as tensor, Constant(value=int() | float() as number)) | (
            Constant(value=int() | float() as number),
            Tensor() as tensor,
        ):
            if tensor.kind is Kind.LOGITS:
                return tensor
            if tensor.kind in PROBABILITIES and abs(number) <= TINY and tensor is one:
                return replace(tensor, altered=True)
            if tensor.kind in PROBABILITIES and abs(number) <= TINY and _adds(operator):
                return replace(tensor, altered=True)
            if tensor.kind is Kind.SIGMOID and number == 1 and tensor is other:
                return UNKNOWN if _adds(operator) else tensor  # 1 - sigmoid(x) is sigmoid(-x)
        case Tensor(kind=Kind.LOGITS), Tensor(kind=Kind.LOGITS):
            return one
    return UNKNOWN


def _scaled(
    operator: cst.CSTNode,
    one: tuple[Value, cst.BaseExpression],
    other: tuple[Value, cst.BaseExpression],
) -> Value:
    """Logits times or by a number are logits."""
    sides = [one, other] if isinstance(operator, (cst.Multiply, cst.MultiplyAssign)) else [one]
    for side in sides:
        beside = other if side is one else one
        match side[0]:
            case Tensor(kind=Kind.LOGITS) if isinstance(beside[1], SCALARS):
                return side[0]
    return UNKNOWN


def _adds(operator: cst.CSTNode) -> bool:
    return isinstance(operator, (cst.Add, cst.AddAssign))
