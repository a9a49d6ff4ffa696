"""What the names of an assignment or a loop are given."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.model.names import string_value
from losslint.training.events import Escaped
from losslint.training.run import Run
from losslint.training.state import Frame, State, name_of, path_of
from losslint.training.values import ANY, UNKNOWN, Value, some

MAX_TURNS = 16  # of a loop over a collection whose items are known


def bind(run: Run, target: cst.BaseExpression, value: Value, frame: Frame, state: State) -> None:
    """Give the names of a target what they are given."""
    match target:
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            _unpack(run, elements, value, frame, state)
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            _store(run, base, key, target, value, frame, state)
        case _:
            path = path_of(target)
            if path is not None:
                state.bind(path, value, target)
                if isinstance(target, cst.Attribute) and value.is_loss:
                    run.events.escaped.append(Escaped(target, value))


def _unpack(
    run: Run,
    elements: Sequence[cst.BaseElement],
    value: Value,
    frame: Frame,
    state: State,
) -> None:
    starred = any(isinstance(element, cst.StarredElement) for element in elements)
    exact = len(value.items) == len(elements) and not starred
    for n, element in enumerate(elements):
        if exact:
            part = value.items[n][1]
        elif value.items or starred:
            part = some(item for _, item in value.items) if value.items else value
        elif value.sources:
            part = run.part(value, n, frame, name_of(element.value))
        else:
            part = UNKNOWN
        bind(run, element.value, part, frame, state)


def _store(
    run: Run,
    base: cst.BaseExpression,
    key: cst.BaseExpression,
    target: cst.Subscript,
    value: Value,
    frame: Frame,
    state: State,
) -> None:
    """`losses["ce"] = value`: an entry of its own, and an item of the collection."""
    path, whole = path_of(target), path_of(base)
    if path is not None:
        state.names[path] = value
        state.places[path] = target
        state.loose -= {path}
    if whole is None:
        return
    known = state.names.get(whole, UNKNOWN)
    number = run.evaluate(key, frame, state).number
    entry = number if isinstance(number, str) else key_of(key)
    items = dict(known.items)
    items[entry if entry is not None else (target, ANY)] = value
    if whole not in state.places and value.is_loss:
        run.events.escaped.append(Escaped(target, value))
    if known.items or not known.sources:
        state.names[whole] = Value(items=tuple(items.items()), kept=known.kept)


def key_of(node: cst.BaseExpression) -> object:
    """The key that an index spells; None if it is not a constant."""
    match node:
        case cst.SimpleString():
            return string_value(node)
        case cst.Integer():
            return int(node.value, 0)
        case cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer(value=digits)):
            return -int(digits, 0)
    return None


def turns(run: Run, loops: cst.CompFor, frame: Frame, state: State) -> list[State]:
    """The turns of the loops of a comprehension, from the outside in."""
    found: list[State] = []
    for value in iterated(run, loops.iter, frame, state):
        inner = state.copy()
        bind(run, loops.target, value, frame, inner)
        for condition in loops.ifs:
            run.evaluate(condition.test, frame, inner)
        inside = loops.inner_for_in
        found += [inner] if inside is None else turns(run, inside, frame, inner)
    return found[:MAX_TURNS]


def iterated(run: Run, node: cst.BaseExpression, frame: Frame, state: State) -> list[Value]:
    """What a loop over `node` gives its target, turn by turn; at least one turn."""
    match node:
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("items")), args=[]):
            collection = run.evaluate(base, frame, state)
            return [_pair(_key_value(k), v) for k, v in _items(run, collection, frame)]
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("values")), args=[]):
            return [v for _, v in _items(run, run.evaluate(base, frame, state), frame)]
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name("keys")), args=[]):
            return _keys(run.evaluate(base, frame, state))
        case cst.Call(func=cst.Name("enumerate"), args=[cst.Arg(value=inner), *_]):
            return [_pair(UNKNOWN, value) for value in iterated(run, inner, frame, state)]
        case cst.Call(func=cst.Name("zip"), args=args):
            columns = [iterated(run, arg.value, frame, state) for arg in args]
            rows = max(len(column) for column in columns) if columns else 1
            return [
                Value(
                    items=tuple(enumerate(column[min(row, len(column) - 1)] for column in columns))
                )
                for row in range(rows)
            ]
    collection = run.evaluate(node, frame, state)
    if collection.items and all(isinstance(key, str) for key, _ in collection.items):
        return _keys(collection)
    if not collection.sources:
        return [UNKNOWN]
    return [value for _, value in _items(run, collection, frame)]


def _items(run: Run, collection: Value, frame: Frame) -> list[tuple[object, Value]]:
    """The items of a collection; where they are not known, one that stands for all."""
    if collection.items:
        return list(collection.items)[:MAX_TURNS]
    return [(None, run.part(collection, ANY, frame) if collection.sources else UNKNOWN)]


def _keys(collection: Value) -> list[Value]:
    return [_key_value(key) for key, _ in collection.items[:MAX_TURNS]] or [UNKNOWN]


def _key_value(key: object) -> Value:
    return Value(key) if isinstance(key, str) else UNKNOWN


def _pair(first: Value, second: Value) -> Value:
    return Value(items=((0, first), (1, second)))
