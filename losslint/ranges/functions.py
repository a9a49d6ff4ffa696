"""Functions of torch and methods of tensors: how they are spelled, and what they make.

`FUNCTIONS` is all there is: what is in it obeys the law of the operations, element
by element (`tests/test_ranges_code.py`); what is not is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from collections.abc import Sequence as AbstractSequence
from functools import partial
from typing import TypeAlias

import libcst as cst

from losslint.frozen import replace
from losslint.ranges import arithmetic as ar
from losslint.ranges import ops, reductions
from losslint.ranges.applied import Applied, Keywords
from losslint.ranges.indexing import key_of
from losslint.ranges.merging import perhaps
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.operators import power
from losslint.ranges.ops import OPERATIONS
from losslint.ranges.run import Env, Run, as_value, join, spelling
from losslint.ranges.value import Value

Result: TypeAlias = "Value | Sequence | None"


def tensor_operation(
    run: Run,
    name: str,
    things: AbstractSequence[Object],
    nodes: AbstractSequence[cst.BaseExpression],
    keywords: Keywords,
    node: cst.Call,
    env: Env,
) -> Result:
    """What a function of torch makes of these, as function or method; None if not known."""
    known = FUNCTIONS.get(name)
    return None if known is None else known(Applied(run, name, things, nodes, keywords, node, env))


# --- element by element ---------------------------------------------------------------------


def _operation(name: str, call: Applied) -> Value:
    if name in ("abs", "relu"):
        call.run.note_rectified(call.value, call.node, name)
    return ar.apply(OPERATIONS[name], call.value, call.node, call.nodes[0])


def _identity(call: Applied) -> Value:
    return call.value


def _detached(call: Applied) -> Value:
    return ar.detach(call.value)


def _softplus(call: Applied) -> Value:
    """softplus(beta * x) / beta."""
    beta = call.given(1, "beta")
    if beta is None:
        return _operation("softplus", call)
    if beta.number is None or beta.number <= 0:
        return call.unknown(0.0)
    steeper = ar.scale(call.value, beta.number)
    found = ar.apply(OPERATIONS["softplus"], steeper, call.node, call.nodes[0])
    return ar.scale(found, 1 / beta.number, call.node)


def _elu(call: Applied) -> Value:
    return _operation("elu", call) if call.given(1, "alpha") is None else call.unknown()


def _logarithm(base: float | None, call: Applied) -> Value:
    """log, log2, log10; `math.log` takes its base as well."""
    found = _operation("log", call)
    if base is None:
        given = call.given(1)
        if given is None:
            return found
        base = given.number
    if base is None or base <= 0 or base == 1:
        return call.unknown()
    return ar.scale(found, 1 / math.log(base), call.node)


def _power_of_two(call: Applied) -> Value:
    value = ar.scale(call.value, math.log(2))
    return ar.apply(OPERATIONS["exp"], value, call.node, call.nodes[0])


def _inverse_root(call: Applied) -> Value:
    return ar.apply(ops.power(-0.5), call.value, call.node, call.nodes[0])


def _softmin(call: Applied) -> Value:
    return ar.apply(OPERATIONS["softmax"], ar.scale(call.value, -1.0), call.node)


def _without_nan(call: Applied) -> Value:
    """Numbers for what is none: 0 for NaN, the largest for inf, or what is asked for."""
    if len(call.things) > 1 or call.keywords:
        return call.unknown()
    return Value(tuple(replace(t, interval=ops.finite(t.reach)) for t in call.value.terms))


def _clamp(call: Applied) -> Value:
    bounds = _clamp_bounds(call)
    if bounds is None or (None not in bounds and bounds[0] > bounds[1]):  # type: ignore[operator]
        return call.unknown()
    lo, hi = bounds
    if lo is not None:
        call.run.note_rectified(call.value, call.node, "clamp")
    return ar.apply(ops.clamp(lo, hi), call.value, call.node, call.nodes[0], bounds)


# The words for the lower and the upper bound.
LOWER, UPPER = ("min", "min_val", "a_min"), ("max", "max_val", "a_max")


def _clamp_bounds(call: Applied) -> tuple[float | None, float | None] | None:
    """The bounds, where both are numbers or missing."""
    if call.name == "relu6":
        return 0.0, 6.0
    places = (1, 9) if call.name == "clamp_min" else (9, 1) if call.name == "clamp_max" else (1, 2)
    found: list[float | None] = []
    for place, words in zip(places, (LOWER, UPPER), strict=True):
        node = call.nodes[place] if place < len(call.nodes) else None
        node = node or next((call.keywords[w] for w in words if w in call.keywords), None)
        if node is None or (isinstance(node, cst.Name) and node.value == "None"):
            missing = {"min": -1.0, "max": 1.0}[words[0]] if call.name == "hardtanh" else None
            found.append(missing)
            continue
        bound = call.run.tensor(node, call.env).number
        if bound is None:
            return None
        found.append(bound)
    return found[0], found[1]


def _extreme(call: Applied) -> Result:
    """max and min: with a constant a clamp; of one tensor, they pick an element."""
    over = call.keywords.get("dim") or call.keywords.get("axis")
    if call.name in ("max", "min") and len(call.nodes) == 2 and _is_dimension(call.nodes[1]):
        over = call.nodes[1]
    if "other" in call.keywords:
        return call.unknown()
    if over is not None or len(call.things) < 2:
        value = call.value
        if value.learned:
            return None
        return value if over is None else Sequence((value, ar.constant_tensor()))
    values = [as_value(t, n) for t, n in zip(call.things, call.nodes, strict=True)]
    if len(values) > 2:
        return call.unknown()
    for variable, bound, place in ((values[0], values[1], 0), (values[1], values[0], 1)):
        if bound.number is not None and variable.number is None:
            lo, hi = (bound.number, None) if "max" in call.name else (None, bound.number)
            if lo is not None:
                call.run.note_rectified(variable, call.node, call.spelled)
            operation = ops.or_bound(ops.clamp(lo, hi), bound.number)
            return ar.apply(operation, variable, call.node, call.nodes[place], (lo, hi))
    return call.unknown()


def _is_dimension(node: cst.BaseExpression) -> bool:
    return (key_of(node) or "").lstrip("-").isdigit()


# --- of two ---------------------------------------------------------------------------------


def _sum_of_two(sign: float, call: Applied) -> Value | None:
    second = call.given(1, "other")
    if second is None:
        return None
    alpha = call.given(9, "alpha")
    if alpha is not None:
        second = ar.multiply(second, alpha)
    return ar.add(call.value, second if sign > 0 else ar.scale(second, -1.0))


def _product_of_two(call: Applied) -> Value | None:
    second = call.given(1, "other")
    return None if second is None else ar.multiply(call.value, second, call.node)


def _quotient(call: Applied) -> Value | None:
    second = call.given(1, "other")
    if second is None:
        return None
    if "rounding_mode" in call.keywords:
        return call.unknown()
    divisor = call.nodes[1] if len(call.nodes) > 1 else call.keywords["other"]
    return ar.divide(call.value, second, call.node, divisor)


def _power(call: Applied) -> Value | None:
    exponent = call.given(1, "exponent")
    return None if exponent is None else power(call.value, exponent, call.node, call.nodes[0])


def _product_of_tensors(call: Applied) -> Value | None:
    if len(call.things) < 2:
        return None
    values = [as_value(t, n) for t, n in zip(call.things[:2], call.nodes[:2], strict=True)]
    return reductions.reduce(ar.multiply(values[0], values[1]), spelling(call.node), call.node)


def _where(call: Applied) -> Value | None:
    """Either of two, element by element; if one is learned, the mask may hang on it."""
    if len(call.things) < 3:
        return None
    a, b = (as_value(call.things[n], call.nodes[n]) for n in (1, 2))
    if a.learned or b.learned:
        return call.unknown().map({"interval": a.interval.join(b.interval)})
    found = join(a, b)
    return found if isinstance(found, Value) else None


# --- of all elements ------------------------------------------------------------------------


def _parts(call: Applied) -> Result:
    """What a network returned, in parts: each is named by what it is unpacked into."""
    first = call.things[0]
    return first if isinstance(first, Sequence) else None if call.value.learned else call.value


def _reduction(averages: bool, call: Applied) -> Value:
    value = call.value
    over = call.keywords.get("dim") or call.keywords.get("axis")
    over = over or (call.nodes[1] if len(call.things) > 1 else None)
    if isinstance(over, cst.Integer) and over.evaluated_value == 0:
        value = reductions.over_batch(value, call.place())
    return reductions.reduce(value, call.place(), call.node, whole=over is None, averages=averages)


def _running_sum(call: Applied) -> Value:
    return reductions.added_up(call.value)


def _norm(call: Applied) -> Value:
    return reductions.reduce(_operation("abs", call), call.place(), call.node)


def _product(call: Applied) -> Value:
    return reductions.multiplied_up(call.value)


def _spread(call: Applied) -> Value:
    """var and std: at least 0, and NaN of a single element."""
    if call.value.learned:
        return call.unknown(0.0)
    found = _operation("square", call)
    # A statistic, and no loss.
    spread = reductions.reduce(found, spelling(call.node), call.node, whole=False)
    return Value(tuple(replace(term, interval=ops.SPREAD) for term in spread.terms))


def _sorted(call: Applied) -> Sequence:
    """The elements in order, and where they came from."""
    return Sequence((call.value, ar.constant_tensor()))


def _diagonal(call: Applied) -> Value:
    """The diagonal of a matrix; of a vector, a matrix that is 0 elsewhere."""
    return Value(tuple(perhaps(term) for term in call.value.terms))


def _similarity(call: Applied) -> Value:
    return call.unknown(-1.0)


def _normalized(call: Applied) -> Value:
    return call.unknown()


Handler = Callable[[Applied], Result]


def _all(names: str, handler: Handler) -> dict[str, Handler]:
    return dict.fromkeys(names.split(), handler)


FUNCTIONS: Mapping[str, Handler] = {
    **{name: partial(_operation, name) for name in OPERATIONS},
    **{name: partial(_operation, known) for name, known in ops.SPELLINGS.items()},
    "softplus": _softplus,
    "elu": _elu,
    "log": partial(_logarithm, None),
    "log2": partial(_logarithm, 2.0),
    "log10": partial(_logarithm, 10.0),
    "exp2": _power_of_two,
    "rsqrt": _inverse_root,
    "softmin": _softmin,
    "nan_to_num": _without_nan,
    **_all(
        "view reshape squeeze unsqueeze to float double half bfloat16 cuda cpu clone contiguous"
        " flatten expand expand_as type type_as permute transpose t repeat"
        " index_select gather narrow ravel view_as reshape_as repeat_interleave movedim"
        " broadcast_to tile atleast_1d flip",
        _identity,
    ),
    **_all("detach detach_ item tolist numpy", _detached),
    **_all("clamp clip clamp_min clamp_max hardtanh relu6", _clamp),
    **_all("max min maximum minimum fmax fmin", _extreme),
    "add": partial(_sum_of_two, 1.0),
    **_all("sub subtract", partial(_sum_of_two, -1.0)),
    **_all("mul multiply", _product_of_two),
    **_all("div true_divide divide", _quotient),
    "pow": _power,
    **_all("dot matmul mm bmm inner vdot einsum tensordot mv", _product_of_tensors),
    "where": _where,
    **_all("stack cat hstack vstack concat concatenate column_stack", _identity),
    **_all("unbind chunk split", _parts),
    **_all("sum nansum fsum sum_to_size", partial(_reduction, False)),
    **_all("mean nanmean", partial(_reduction, True)),
    "cumsum": _running_sum,
    **_all("norm vector_norm", _norm),
    "prod": _product,
    **_all("var std", _spread),
    "sort": _sorted,
    "diag": _diagonal,
    "cosine_similarity": _similarity,
    "normalize": _normalized,
}
