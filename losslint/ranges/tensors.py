"""Functions of torch and methods of tensors: how they are spelled, and what they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence as AbstractSequence

import libcst as cst

from losslint.ranges import arithmetic as ar
from losslint.ranges import ops
from losslint.ranges.creation import Creation, How
from losslint.ranges.indexing import one_of
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.operators import power
from losslint.ranges.run import Env, Run, as_value, join, spelling
from losslint.ranges.value import (
    Kind,
    Leaf,
    Origin,
    Value,
    leaf_value,
    number,
    positive,
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

# Operators in the words of a function or method.
BINARY = {
    "add": "Add",
    "sub": "Subtract",
    "subtract": "Subtract",
    "mul": "Multiply",
    "multiply": "Multiply",
    "div": "Divide",
    "true_divide": "Divide",
    "divide": "Divide",
}
PRODUCTS = frozenset("dot matmul mm bmm inner vdot einsum tensordot mv".split())
STACKS = frozenset("stack cat hstack vstack concat concatenate column_stack".split())


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
    elif name in ("tensor", "as_tensor", "Tensor", "FloatTensor", "Variable") and values:
        filled = as_value(_element(values[0]), node)
    asked = keywords.get("requires_grad")
    if asked is not None and not is_false(asked):
        if filled is None or not filled.factors() or name != "Variable":
            given = [filled] if filled is not None else []
            return learnable(run, node, env, given, How.TENSOR)
        return filled
    if filled is None:
        return ar.constant_tensor() if name not in ("arange", "eye") else positive()
    if name in ("Variable", "as_tensor"):
        return filled
    if filled.leaves():
        return ar.detach(filled)
    return ar.constant_tensor() if filled.factors() else filled


def _element(thing: Object) -> Object:
    """What a tensor of these values holds: where they are all one number, that."""
    if not isinstance(thing, Sequence) or not thing.items:
        return thing
    numbers = {item.number if isinstance(item, Value) else None for item in thing.items}
    alike = len(numbers) == 1 and numbers != {None}
    return thing.items[0] if alike else one_of(thing.items)


def tensor_operation(
    run: Run,
    name: str,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    keywords: Keywords,
    node: cst.Call,
    env: Env,
) -> Value | Sequence | None:
    """What a function of torch makes of these, as function or method; None if not known."""
    name = ops.SPELLINGS.get(name, name)
    first = things[0]
    if name in STACKS:
        return as_value(first, nodes[0])
    value = as_value(first, nodes[0])
    if name in ("unbind", "chunk", "split"):
        # What a network returned, in parts: each is named by what it is unpacked into.
        return first if isinstance(first, Sequence) else None if value.leaves() else value
    if name in ops.OPERATIONS:
        if name in ("abs", "relu"):
            run.note_rectified(value, node, name)
        return ar.apply(ops.OPERATIONS[name], value, node, nodes[0])
    if name in ops.IDENTITIES:
        return value
    if name in ops.REDUCTIONS:
        return _reduction(value, things, nodes, keywords, node)
    if name in ops.CUTS:
        return ar.detach(value)
    if name in ("clamp", "clip", "clamp_min", "clamp_max", "hardtanh", "relu6"):
        return _clamp(run, name, value, things, nodes, keywords, node, env)
    if name in ("max", "min", "maximum", "minimum", "fmax", "fmin"):
        return _extreme(run, name, value, things, nodes, node, keywords)
    if len(things) > 1:
        found = _of_two(run, name, value, as_value(things[1], nodes[1]), nodes, node, keywords)
        if found is not None:
            return found
    return _others(run, name, value, things, nodes, node)


def _reduction(
    value: Value,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    keywords: Keywords,
    node: cst.Call,
) -> Value:
    name = f"{spelling(node)}@{id(node)}"
    over = keywords.get("dim") or keywords.get("axis") or (nodes[1] if len(things) > 1 else None)
    if isinstance(over, cst.Integer) and over.evaluated_value == 0:
        value = ar.over_batch(value, name)
    return ar.reduce(value, name, node, whole=over is None)


def _of_two(
    run: Run,
    name: str,
    a: Value,
    b: Value,
    nodes: AbstractSequence[cst.BaseExpression],
    node: cst.Call,
    keywords: Keywords,
) -> Value | None:
    kind = BINARY.get(name)
    if kind == "Add":
        return ar.add(a, _times_alpha(b, keywords))
    if kind == "Subtract":
        return ar.add(a, ar.scale(_times_alpha(b, keywords), -1.0))
    if kind == "Multiply":
        return ar.multiply(a, b, node)
    if kind == "Divide":
        return ar.divide(a, b, node, nodes[1])
    if name == "pow":
        return power(a, b, node, nodes[0])
    if name in PRODUCTS:
        return ar.reduce(ar.multiply(a, b), spelling(node), node)
    if name in ("where", "lerp", "softplus", "softmax"):
        return None
    return None


def _times_alpha(value: Value, keywords: Keywords) -> Value:
    alpha = keywords.get("alpha")
    if isinstance(alpha, (cst.Integer, cst.Float)):
        return ar.scale(value, float(alpha.evaluated_value))
    return value


def _others(
    run: Run,
    name: str,
    value: Value,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    node: cst.Call,
) -> Value | None:
    if name == "rsqrt":
        return ar.apply(ops.power(-0.5), value, node, nodes[0])
    if name == "exp2":
        return ar.apply(ops.OPERATIONS["exp"], ar.scale(value, math.log(2)), node, nodes[0])
    if name in ("log2", "log10"):
        base = math.log(2 if name == "log2" else 10)
        return ar.scale(ar.apply(ops.OPERATIONS["log"], value, node, nodes[0]), 1 / base, node)
    if name == "softmin":
        return ar.apply(ops.OPERATIONS["softmax"], ar.scale(value, -1.0), node)
    if name in ("norm", "vector_norm"):
        return ar.reduce(
            ar.apply(ops.OPERATIONS["abs"], value, node, nodes[0]),
            f"{spelling(node)}@{id(node)}",
            node,
        )
    if name in ("prod", "cumsum", "flip", "sort", "nan_to_num", "diag", "ravel"):
        return value
    if name == "where" and len(things) > 2:
        found = join(as_value(things[1], nodes[1]), as_value(things[2], nodes[2]))
        return found if isinstance(found, Value) else None
    if name in ("var", "std"):
        squared = ar.apply(ops.OPERATIONS["square"], value, node, nodes[0])
        return ar.reduce(squared, spelling(node), node, whole=False)  # a statistic, and no loss
    if name in ("cosine_similarity", "normalize"):
        return ar.opaque(
            [as_value(t, n) for t, n in zip(things, nodes, strict=False)],
            spelling(node),
            Origin.DATA,
            lower=-1.0 if name == "cosine_similarity" else None,
        )
    return None


def _clamp(
    run: Run,
    name: str,
    value: Value,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    keywords: Keywords,
    node: cst.Call,
    env: Env,
) -> Value:
    low, high = _clamp_bounds(run, name, things, nodes, keywords, env)
    if "unknown" in (low, high):
        return ar.opaque([value], spelling(node), Origin.DATA)
    lo, hi = (x if isinstance(x, float) else None for x in (low, high))
    if lo is not None and hi is not None and lo > hi:
        return ar.opaque([value], spelling(node), Origin.DATA)
    if lo is not None:
        run.note_rectified(value, node, "clamp")
    return ar.apply(ops.clamp(lo, hi), value, node, nodes[0], (lo, hi))


def _clamp_bounds(
    run: Run,
    name: str,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    keywords: Keywords,
    env: Env,
) -> tuple[float | str | None, float | str | None]:
    if name == "relu6":
        return 0.0, 6.0
    given = [_bound(as_value(t, n), n) for t, n in zip(things[1:], nodes[1:], strict=False)]
    low_word, high_word = ("min_val", "max_val") if name == "hardtanh" else ("min", "max")
    if name == "hardtanh":
        given = given or [-1.0, 1.0]
    if name == "clamp_max":
        given = [None, *given]
    low = given[0] if given else None
    high = given[1] if len(given) > 1 else None
    if low_word in keywords:
        low = _bound(run.tensor(keywords[low_word], env), keywords[low_word])
    if high_word in keywords:
        high = _bound(run.tensor(keywords[high_word], env), keywords[high_word])
    return low, high


def _bound(value: Value, node: cst.BaseExpression) -> float | str | None:
    if isinstance(node, cst.Name) and node.value == "None":
        return None
    return "unknown" if value.number is None else value.number


def _extreme(
    run: Run,
    name: str,
    value: Value,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    node: cst.Call,
    keywords: Keywords,
) -> Value | None:
    """max and min with a constant clamp; of one tensor, they pick an element."""
    if len(things) < 2:
        return value if not value.leaves() else None
    values = [as_value(t, n) for t, n in zip(things[:2], nodes[:2], strict=True)]
    for variable, bound, place in ((values[0], values[1], 0), (values[1], values[0], 1)):
        if bound.number is not None and variable.number is None:
            lo, hi = (bound.number, None) if "max" in name else (None, bound.number)
            if lo is not None:
                run.note_rectified(variable, node, name)
            return ar.apply(ops.clamp(lo, hi), variable, node, nodes[place], (lo, hi))
    return ar.opaque(values, spelling(node), Origin.DATA)
