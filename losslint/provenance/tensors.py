"""What functions of torch and methods of tensors make of a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from losslint.frozen import replace
from losslint.provenance.kinds import UNKNOWN, Kind, Place, Tensor, agreed
from losslint.provenance.objects import Constant, Frame, Value
from losslint.provenance.operations import (
    AVERAGES,
    BOUNDS,
    SAME_SIZE,
    UNBOUNDED_FUNCTIONS,
    kept,
    made,
)
from losslint.provenance.paths import Key, Some, number

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer

JOINING = frozenset("cat concat concatenate stack hstack vstack dstack".split())
DIMENSIONAL = frozenset(("softmax", "log_softmax", "softmin"))


def computed(
    tracer: Tracer, name: str, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    """What a function of torch makes of its first argument."""
    first = argument(call, 0, "input", "tensors", "x")
    if first is None:
        return (UNKNOWN,)
    place = Place(frame.scope.module, call)
    kind = made(name)
    if kind is not None:
        dim = dimension(tracer, call, 1, frame) if name in DIMENSIONAL else None
        return (Tensor(kind, (place,), dim, tracer.tensor(first, frame).size),)
    if name in UNBOUNDED_FUNCTIONS:
        return (Tensor(Kind.LOGITS, (place,)),)
    inner = (Some.EACH,) if name in JOINING else ()
    return tuple(_kept(name, one, place) for one in tracer.values(first, inner, frame))


def method(tracer: Tracer, base: Tensor, name: str, call: cst.Call, frame: Frame) -> Tensor:
    """What a method makes of a tensor, or of what must be one."""
    place = Place(frame.scope.module, call)
    kind = made(name)
    if kind is None:
        return _kept(name, base, place)
    dimensional = name in DIMENSIONAL
    if base.kind is Kind.UNKNOWN and not _is_method_of_tensors(call, dimensional):
        return UNKNOWN
    dim = dimension(tracer, call, 0, frame) if dimensional else None
    return Tensor(kind, (place,), dim, base.size)


def _is_method_of_tensors(call: cst.Call, dimensional: bool) -> bool:
    """Whether the arguments are those of a method: no tensor is among them."""
    if not dimensional:
        return not call.args
    first = argument(call, 0, "dim", "axis")
    return number(first) is not None


def _kept(name: str, value: Value, place: Place) -> Tensor:
    if not isinstance(value, Tensor):
        return UNKNOWN
    kind = kept(name, value.kind)
    if kind is Kind.UNKNOWN:
        return UNKNOWN
    if kind is not value.kind:
        return replace(value, kind=kind, made=(place,), way=())
    if name in AVERAGES | BOUNDS:
        value = replace(value, altered=True)
    return value if name in SAME_SIZE else value.resized()


def agreed_tensor(values: Iterable[Value]) -> Tensor:
    """The one tensor that values are; unknown where they are not."""
    return agreed(one if isinstance(one, Tensor) else UNKNOWN for one in values)


def argument(call: cst.Call, n: int, *names: str) -> cst.BaseExpression | None:
    """An argument by its place or one of its names."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in names:
            return arg.value
    if n < len(call.args) and all(a.keyword is None and not a.star for a in call.args[: n + 1]):
        return call.args[n].value
    return None


def dimension(tracer: Tracer, call: cst.Call, n: int, frame: Frame) -> int | None:
    """The dimension that a call names, if it is a number."""
    return setting(tracer, call, n, "dim", frame)


def setting(tracer: Tracer, call: cst.Call, n: int, name: str, frame: Frame) -> int | None:
    """An argument that is a whole number; None where that is not known."""
    given = argument(call, n, name)
    found = tracer.values(given, (), frame) if given is not None else ()
    match found:
        case (Constant(value=int() as value),) if not isinstance(value, bool):
            return value
    return None
