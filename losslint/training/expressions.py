"""What is known of an expression: which losses are in it, and whether NaN decides what it is."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import libcst as cst

from losslint.frozen import replace
from losslint.model.names import number_value, string_value
from losslint.ranges.losses import is_loss_like
from losslint.training.callees import Made, instance
from losslint.training.calls import call
from losslint.training.events import Compared, Cut
from losslint.training.logic import INTERVAL, MODULO, all_of, any_of, truth
from losslint.training.run import Evaluate, Run
from losslint.training.state import Decision, Frame, State, path_of
from losslint.training.turns import bind, key_of, turns
from losslint.training.values import (
    ANY,
    UNKNOWN,
    Source,
    Value,
    either,
    joined,
    over,
    plus,
    some,
    times,
    without_graph,
)

# Attributes of a tensor that hold its value; the others tell something else about it.
SAME = frozenset(("T", "mT", "real", "value"))
DETACHED = frozenset(("data",))
ABOUT = frozenset(("shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "grad_fn"))


Compare = Callable[[Any, Any], bool]

ORDERED: dict[type[cst.BaseCompOp], Compare] = {
    cst.LessThan: lt,
    cst.LessThanEqual: le,
    cst.GreaterThan: gt,
    cst.GreaterThanEqual: ge,
}
COMPARED: dict[type[cst.BaseCompOp], Compare] = {cst.Equal: eq, cst.NotEqual: ne, **ORDERED}


def _name(run: Run, node: cst.Name, frame: Frame, state: State) -> Value:
    constants: dict[str, float] = {"True": True, "False": False}
    if node.value in constants:
        return Value(constants[node.value])
    known = state.names.get(node.value)
    if known is not None:
        return known
    return instance(node.value, frame) or UNKNOWN


def _attribute(run: Run, node: cst.Attribute, frame: Frame, state: State) -> Value:
    known = state.names.get(path_of(node) or "")
    if known is not None:
        return known
    number = _constant(frame.scope.names.qualified(node))
    if number is not None:
        return Value(number)
    made = instance(path_of(node) or "", frame)
    if made is not None:
        return made
    base = run.evaluate(node.value, frame, state)
    name = node.attr.value
    if isinstance(base.made, Made) and base.made.facts is not None and is_loss_like(name):
        return run.of(Source(base.made.facts.node, (name,), name, True), frame)
    if name in ABOUT or not base.sources:
        return UNKNOWN
    if name in DETACHED:
        run.events.cut.append(Cut(node, base, frame))
        return without_graph(base, node)
    if name in SAME or base.kept or (base.is_loss and len(base.sources) > 1):
        return base
    found = dict(base.items).get(name)
    return found if found is not None else run.part(base, name, frame)


def _constant(qualified: str | None) -> float | None:
    match qualified:
        case "math.inf" | "numpy.inf" | "torch.inf" | "numpy.Inf" | "numpy.infty":
            return float("inf")
        case "math.nan" | "numpy.nan" | "torch.nan" | "numpy.NaN":
            return float("nan")
    return None


def _subscript(run: Run, node: cst.Subscript, frame: Frame, state: State) -> Value:
    known = state.names.get(path_of(node) or "")
    if known is not None:
        return known
    base = run.evaluate(node.value, frame, state)
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=index))]:
            number = run.evaluate(index, frame, state).number
            key = number if isinstance(number, str) else key_of(index)
        case _:
            return base
    if base.items:
        for known_key, item in base.items:
            if known_key == key:
                return item
        if isinstance(key, int) and key < 0 and -key <= len(base.items):
            return base.items[key][1]
        return some(item for _, item in base.items)
    return run.part(base, ANY if key is None else key, frame) if base.sources else UNKNOWN


def _number(run: Run, node: cst.Integer | cst.Float, frame: Frame, state: State) -> Value:
    try:
        return Value(float(number_value(node)), floored=True)
    except OverflowError:
        return Value(floored=True)


def _string(run: Run, node: cst.SimpleString, frame: Frame, state: State) -> Value:
    return Value(string_value(node))


def _binary(run: Run, node: cst.BinaryOperation, frame: Frame, state: State) -> Value:
    left = run.evaluate(node.left, frame, state)
    right = run.evaluate(node.right, frame, state)
    match node.operator:
        case cst.Add() if left.items or right.items:
            return joined(left, right)
        case cst.Add():
            return plus(left, right)
        case cst.Subtract():
            return plus(left, right, -1)
        case cst.Multiply() | cst.MatrixMultiply():
            return times(left, right)
        case cst.Divide() | cst.FloorDivide():
            run.tells_apart |= right.special
            return over(left, right)
        case cst.BitOr():
            return any_of((left, right))
        case cst.BitAnd():
            return all_of((left, right))
        case cst.Modulo() if isinstance(left.number, str):
            return UNKNOWN
        case cst.Modulo():
            return Value(made=MODULO)
        case cst.Power():
            run.tells_apart |= right.special
            return over(left, right)
    return UNKNOWN


def _unary(run: Run, node: cst.UnaryOperation, frame: Frame, state: State) -> Value:
    value = run.evaluate(node.expression, frame, state)
    match node.operator:
        case cst.Not() if value.made is MODULO:
            return Value(True, made=INTERVAL)
        case cst.Not() | cst.BitInvert():
            return replace(value, number=None if truth(value) is None else not truth(value))
        case cst.Minus() if isinstance(value.number, (int, float)):
            return replace(value, number=-value.number, floored=False)
        case cst.Minus():
            return replace(value, number=None, floored=False)
    return value


def _boolean(run: Run, node: cst.BooleanOperation, frame: Frame, state: State) -> Value:
    left = run.evaluate(node.left, frame, state)
    decided = truth(left) is isinstance(node.operator, cst.Or) and truth(left) is not None
    if decided:
        return left
    right = run.evaluate(node.right, frame, state)
    return any_of((left, right)) if isinstance(node.operator, cst.Or) else all_of((left, right))


def _comparison(run: Run, node: cst.Comparison, frame: Frame, state: State) -> Value:
    left = run.evaluate(node.left, frame, state)
    results = []
    for target in node.comparisons:
        right = run.evaluate(target.comparator, frame, state)
        same = node.left.deep_equals(target.comparator)
        results.append(_compared(run, left, target.operator, right, same=same))
        if len(node.comparisons) == 1 and type(target.operator) in ORDERED:
            _take_note(run, node, (left, right), target.comparator, frame)
        left = right
    return all_of(results) if len(results) > 1 else results[0]


def _take_note(
    run: Run,
    node: cst.Comparison,
    values: tuple[Value, Value],
    other: cst.BaseExpression,
    frame: Frame,
) -> None:
    """Take note of a comparison in which one side is a loss that a function returned."""
    for value, one, its in zip(values, (node.left, other), (other, node.left), strict=True):
        if value.through and value.is_loss:
            run.events.compared.append(Compared(node, one, its, value, frame))


def _compared(
    run: Run, left: Value, operator: cst.BaseCompOp, right: Value, *, same: bool
) -> Value:
    tested = left.tested or right.tested
    run.tells_apart |= left.special or right.special
    number: bool | None = None
    if isinstance(operator, (cst.Equal, cst.NotEqual)) and same and left.sources:
        equal = not (isinstance(left.number, float) and isnan(left.number))
        number = equal is isinstance(operator, cst.Equal)
        run.events.finite.append(left)
        return Value(number, tested=tested, explicit=True)
    if left.special or right.special or (left.number is not None and right.number is not None):
        number = _ordered(left.number, operator, right.number)
    elif left.made is MODULO and isinstance(operator, cst.Equal):
        return Value(True, made=INTERVAL)
    words = isinstance(left.number, str) and isinstance(right.number, str)
    equality = isinstance(operator, (cst.Equal, cst.NotEqual))
    both = left.special and right.special and left.tested != right.tested
    explicit = words or (equality and both)
    return Value(number, tested=tested, explicit=explicit)


def _ordered(
    left: float | str | None, operator: cst.BaseCompOp, right: float | str | None
) -> bool | None:
    """A comparison of numbers, of which one that is not known is an ordinary one.

    Of words nothing is known but whether they are the same.
    """
    compare = COMPARED.get(type(operator))
    if isinstance(left, str) or isinstance(right, str):
        known = isinstance(left, str) and isinstance(right, str) and compare in (eq, ne)
        return compare(left, right) if compare is not None and known else None
    return compare(left or 0.0, right or 0.0) if compare is not None else None


def _choice(run: Run, node: cst.IfExp, frame: Frame, state: State) -> Value:
    test = run.evaluate(node.test, frame, state)
    decided = truth(test)
    if decided is None:
        bodies = [run.evaluate(side, frame, state) for side in (node.body, node.orelse)]
        return either(bodies)
    if test.tested:
        state.decisions += (Decision(node, decided, test.explicit),)
        state.hidden += (node,)
    return run.evaluate(node.body if decided else node.orelse, frame, state)


def _sequence(run: Run, node: cst.Tuple | cst.List | cst.Set, frame: Frame, state: State) -> Value:
    items: list[tuple[object, Value]] = []
    for element in node.elements:
        value = run.evaluate(element.value, frame, state)
        if isinstance(element, cst.StarredElement) and value.items:
            items += [(len(items) + n, item) for n, (_, item) in enumerate(value.items)]
        else:
            items.append((len(items), value))
    return Value(items=tuple(items))


def _dictionary(run: Run, node: cst.Dict, frame: Frame, state: State) -> Value:
    items: dict[object, Value] = {}
    for element in node.elements:
        value = run.evaluate(element.value, frame, state)
        if isinstance(element, cst.StarredDictElement):
            items.update(dict(value.items) if value.items else {(len(items), "**"): value})
        elif isinstance(element, cst.DictElement):
            key = key_of(element.key)
            items[key if key is not None else (len(items), ANY)] = value
    return Value(items=tuple(items.items()))


def _comprehension(
    run: Run, node: cst.ListComp | cst.GeneratorExp | cst.SetComp, frame: Frame, state: State
) -> Value:
    found = [
        run.evaluate(node.elt, frame, inner) for inner in turns(run, node.for_in, frame, state)
    ]
    return Value(items=tuple(enumerate(found)))


def _dictionary_of(run: Run, node: cst.DictComp, frame: Frame, state: State) -> Value:
    found: dict[object, Value] = {}
    for n, inner in enumerate(turns(run, node.for_in, frame, state)):
        key = run.evaluate(node.key, frame, inner)
        known = key.number if isinstance(key.number, str) else (node, n)
        found[known] = run.evaluate(node.value, frame, inner)
    return Value(items=tuple(found.items()))


def _named(run: Run, node: cst.NamedExpr, frame: Frame, state: State) -> Value:
    value = run.evaluate(node.value, frame, state)
    bind(run, node.target, value, frame, state)
    return value


def _function(run: Run, node: cst.Lambda, frame: Frame, state: State) -> Value:
    return Value(function=node)


def _formatted(run: Run, node: cst.FormattedString, frame: Frame, state: State) -> Value:
    for part in node.parts:
        if isinstance(part, cst.FormattedStringExpression):
            run.evaluate(part.expression, frame, state)
    return UNKNOWN


def _inner(run: Run, node: cst.Await | cst.Yield, frame: Frame, state: State) -> Value:
    inner = getattr(node, "expression", None) or getattr(node, "value", None)
    if isinstance(inner, cst.From):
        inner = inner.item
    return run.evaluate(inner, frame, state) if inner is not None else UNKNOWN


EXPRESSIONS: dict[type[cst.CSTNode], Evaluate] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Subscript: _subscript,
    cst.Integer: _number,
    cst.Float: _number,
    cst.SimpleString: _string,
    cst.FormattedString: _formatted,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.IfExp: _choice,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.Set: _sequence,
    cst.Dict: _dictionary,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _dictionary_of,
    cst.NamedExpr: _named,
    cst.Lambda: _function,
    cst.Await: _inner,
    cst.Yield: _inner,
    cst.Call: call,
}
