"""What an index or a key picks out of a collection."""

from __future__ import annotations

import libcst as cst

from losslint.model.names import number_value, string_value
from losslint.ranges import arithmetic as ar
from losslint.ranges.merging import any_of
from losslint.ranges.objects import Dictionary, Object, Sequence
from losslint.ranges.run import join, unknown
from losslint.ranges.value import Value


def key_of(node: cst.BaseExpression) -> str | None:
    """A constant index or key as text."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        inner = key_of(node.expression)
        return None if inner is None else f"-{inner}"
    if isinstance(node, cst.Integer):
        return str(number_value(node))
    if isinstance(node, cst.SimpleString):
        return string_value(node)
    if isinstance(node, cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    if isinstance(node, cst.FormattedString):
        texts = [p.value for p in node.parts if isinstance(p, cst.FormattedStringText)]
        return "".join(texts) if len(texts) == len(node.parts) else None
    return None


def attribute_name(node: cst.BaseExpression) -> str | None:
    """The name that `getattr` and the like are given: `s_*` for `f"s_{task}"`."""
    constant = key_of(node)
    if constant is not None or not isinstance(node, cst.FormattedString):
        return constant
    texts = [p.value if isinstance(p, cst.FormattedStringText) else "*" for p in node.parts]
    return "".join(texts)


def element(base: Object, key: str | None, node: cst.BaseExpression) -> Object:
    """`base[key]`, or one of its elements where the key is not known."""
    if isinstance(base, Sequence):
        if key is not None and key.lstrip("-").isdigit() and not base.open:
            place = int(key)
            if -len(base.items) <= place < len(base.items):
                return _read(base.items[place], node)
        return _read(one_of(base.items), node) if base.items else unknown(node)
    if isinstance(base, Dictionary):
        if key is not None and key in base.entries:
            return _read(base.entries[key], node)
        if key is None or base.other is not None:
            inside = [*base.entries.values(), *([base.other] if base.other else [])]
            return _read(one_of(tuple(inside)), node) if inside else unknown(node)
        return unknown(node)
    if isinstance(base, Value):
        return ar.item(base, key, node)
    return unknown(node)


def _read(thing: Object, node: cst.BaseExpression) -> Object:
    return ar.read(thing, node, instead=True, either=True) if isinstance(thing, Value) else thing


def one_of(items: tuple[Object, ...]) -> Object:
    """An element of a collection whose index is not known."""
    if len(items) == 1:
        return items[0]
    if all(isinstance(item, Value) for item in items):
        tensors = [item for item in items if isinstance(item, Value)]
        tensors = [t for t in tensors if t.number != 0] or tensors[:1]
        return tensors[0] if len(tensors) == 1 else any_of(dict.fromkeys(tensors))
    found = items[0]
    for item in items[1:]:
        found = join(found, item)
    return found


def _summary(items: tuple[Object, ...], node: cst.BaseExpression) -> Object:
    """Any of the elements, as a loop over `node` reads it."""
    thing = one_of(items)
    several = isinstance(thing, Value) and len(thing.terms) > 1
    return ar.read(thing, node, either=True) if several and isinstance(thing, Value) else thing


MAX_TURNS = 8  # a known list of more is followed for one turn


def turns_of(thing: Object, node: cst.BaseExpression) -> list[Object]:
    """What a loop over `thing` binds in each turn; one summary where that is not known."""
    if isinstance(thing, Sequence) and thing.items:
        if len(thing.items) <= MAX_TURNS:
            return list(thing.items)
        return [_summary(thing.items, node)]
    if isinstance(thing, Value) and (thing.learned or thing.factors()):
        return [ar.item(thing.map({"many": True}), None, node)]
    return [thing] if isinstance(thing, Value) else [unknown(node)]


def zipped(things: list[Object], nodes: list[cst.BaseExpression]) -> Sequence:
    """The tuples of `zip(...)`: one by one where every length is known and the same."""
    closed = all(isinstance(t, Sequence) and not t.open for t in things)
    columns = [turns_of(t, n) for t, n in zip(things, nodes, strict=True)]
    lengths = {len(column) for column in columns}
    if closed and len(lengths) == 1:
        return Sequence(tuple(Sequence(row) for row in zip(*columns, strict=True)))
    pairs = zip(columns, nodes, strict=True)
    summary = tuple(_summary(tuple(column), node) for column, node in pairs)
    return Sequence((Sequence(summary),), open=True)
