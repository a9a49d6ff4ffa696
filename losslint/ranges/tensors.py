"""Tensors that are made: constants, and leaves that training moves."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as AbstractSequence

import libcst as cst

from losslint.ranges import arithmetic as ar
from losslint.ranges.creation import Creation, How
from losslint.ranges.indexing import one_of
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.run import Env, Run, as_value, spelling
from losslint.ranges.value import (
    Kind,
    Leaf,
    Origin,
    Value,
    leaf_value,
    number,
)

Keywords = Mapping[str, cst.BaseExpression]

# Functions that make a tensor, and the number that they fill it with.
FACTORIES: dict[str, float | None] = {
    "zeros": 0.0,
    "ones": 1.0,
    "full": None,
    "empty": None,
    "rand": None,
    "randn": None,
    "tensor": None,
    "as_tensor": None,
    "Tensor": None,
    "FloatTensor": None,
    "zeros_like": 0.0,
    "ones_like": 1.0,
    "full_like": None,
    "eye": None,
    "arange": None,
    "linspace": None,
}


def is_false(node: cst.BaseExpression | None) -> bool:
    """Whether an expression is the literal False."""
    return isinstance(node, cst.Name) and node.value == "False"


def learnable(
    run: Run,
    node: cst.Call,
    env: Env,
    values: AbstractSequence[Object],
    how: How,
    start: float | None = None,
) -> Object:
    """A leaf that training moves, named after what it is assigned to."""
    asked = next(
        (a.value for a in node.args if a.keyword and a.keyword.value == "requires_grad"), None
    )
    if is_false(asked):
        return ar.constant_tensor()
    if values and start is None:
        start = as_value(values[0], node).number
    name = run.naming or f"parameter@{id(node)}"
    base, bracket, item = name.partition("[")
    key = item[:-1].strip("'\"") if bracket else None
    return leaf_value(Leaf(base, Kind.PARAMETER, key, start, Creation(node, how)))


def created(
    run: Run,
    name: str,
    node: cst.Call,
    env: Env,
    values: AbstractSequence[Object],
    keywords: Keywords,
) -> Object:
    """A new tensor: a constant, or with requires_grad=True a leaf."""
    filled: Value | None = None
    if FACTORIES.get(name) is not None:
        filled = number(FACTORIES[name] or 0.0)
    elif name.startswith("full") and len(values) > 1:
        filled = as_value(values[1], node)
    elif name in ("tensor", "as_tensor", "Variable") and values:
        filled = as_value(_element(values[0]), node)
    elif name in ("Tensor", "FloatTensor") and values:  # a number is its size
        filled = as_value(_element(values[0]), node) if isinstance(values[0], Sequence) else None
    asked = keywords.get("requires_grad")
    if asked is not None and not is_false(asked):
        if filled is None or not filled.factors() or name != "Variable":
            given = [filled] if filled is not None else []
            return learnable(run, node, env, given, How.TENSOR)
        return filled
    if name == "randn":  # noise: no term of it is a regularizer
        return ar.opaque((), spelling(node), Origin.DATA)
    if filled is None:
        return ar.constant_tensor()
    if name in ("Variable", "as_tensor"):
        return filled
    if filled.learned:
        return ar.detach(filled)
    return ar.constant_tensor() if filled.factors() else filled


def _element(thing: Object) -> Object:
    """What a tensor of these values holds: where they are all one number, that."""
    if not isinstance(thing, Sequence) or not thing.items:
        return thing
    numbers = {item.number if isinstance(item, Value) else None for item in thing.items}
    alike = len(numbers) == 1 and numbers != {None}
    return thing.items[0] if alike else one_of(thing.items)
