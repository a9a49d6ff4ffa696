"""Showing more values by a formatted string: an f-string, `%`, `.format`, or a logger's own."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.beside import Item, beside
from losslint.fixes.components import Components
from losslint.fixes.keys import keywords
from losslint.fixes.templates import Template, string_parts, template
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import parent


@dataclass(frozen=True)
class Put:
    """A value that is put into a template.

    `number` says into which of its places, `whole` is the string that comes of it,
    and `item` the value's place among the values; None if it is the only one.
    """

    template: Template
    number: int
    whole: cst.BaseExpression
    item: Item | None = None


def put(module: Module, node: cst.BaseExpression) -> Put | None:
    """The template that `node` is a value of; None if it is none, or not understood."""
    around = parent(module.tree, node)
    outer = parent(module.tree, around) if around is not None else None
    match around, outer:
        case cst.FormattedStringExpression(), cst.FormattedString():
            return _in_f_string(module, around, outer)
        case cst.BinaryOperation(operator=cst.Modulo(), right=right), _ if right is node:
            found = template(module, around.left, "%")
            return Put(found, 0, around) if found and len(found.places) == 1 else None
        case cst.Element(), cst.Tuple():
            return _in_tuple(module, around, outer)
        case cst.Arg(), cst.Call(func=cst.Attribute(value=string, attr=cst.Name(value="format"))):
            found = template(module, string, "{}")
            if found is None or any(arg.star for arg in outer.args):
                return None
            number = _field(found, outer, around)
            return None if number is None else Put(found, number, outer, around)
    return None


def _in_f_string(
    module: Module, place: cst.FormattedStringExpression, whole: cst.BaseExpression
) -> Put | None:
    around = parent(module.tree, whole)
    while isinstance(around, cst.ConcatenatedString):
        whole, around = around, parent(module.tree, around)
    found = template(module, whole, "f")
    if found is None:
        return None
    return Put(found, [found.pieces[at].node for at in found.places].index(place), whole)


def _in_tuple(module: Module, element: cst.Element, values: cst.Tuple) -> Put | None:
    match parent(module.tree, values):
        case cst.BinaryOperation(operator=cst.Modulo(), left=string, right=right) as whole:
            found = template(module, string, "%") if right is values else None
            starred = any(isinstance(e, cst.StarredElement) for e in values.elements)
            if found and not starred and len(found.places) == len(values.elements):
                return Put(found, list(values.elements).index(element), whole, element)
    return None


def _field(found: Template, call: cst.Call, argument: cst.Arg) -> int | None:
    """The place that shows this argument of `.format`; None unless there is just one."""
    fields = [found.pieces[at].field for at in found.places]
    if argument.keyword is not None:
        wanted = argument.keyword.value
    else:
        position = _positional(call).index(argument)
        if "" in fields:
            automatic = [number for number, field in enumerate(fields) if not field]
            return automatic[position] if position < len(automatic) else None
        wanted = str(position)
    return fields.index(wanted) if fields.count(wanted) == 1 else None


def _positional(call: cst.Call) -> list[cst.Arg]:
    return [arg for arg in call.args if arg.keyword is None]


def lazy(module: Module, call: cst.Call, argument: cst.Arg) -> Put | None:
    """The template that a logger puts its argument into: `logger.info("loss %.3f", loss)`."""
    args = _positional(call)
    before = args[: args.index(argument)] if argument in args else []
    strings = [arg for arg in before if string_parts(arg.value) is not None]
    if not strings or any(arg.star for arg in args):
        return None
    values = args[args.index(strings[0]) + 1 :]
    for kind in ("%", "{}"):
        found = template(module, strings[0].value, kind)
        if (
            found
            and len(found.places) == len(values)
            and not any(found.pieces[at].field for at in found.places)
        ):
            return Put(found, values.index(argument), strings[0].value, argument)
    return None


def in_text(
    module: Module, at: Put, node: cst.BaseExpression, parts: Components
) -> Sequence[Edit] | None:
    """Edits that add more places to the text, and what goes there."""
    place = at.template.place(at.number)
    values = parts.texts(node)
    if values is None:
        return None
    if place.node is not None:
        added = at.template.added(at.number, parts.labels, parts.texts(place.node) or ())
        return None if added is None else (added,)
    item, fields = at.item, [""] * len(values)
    if place.field and isinstance(item, cst.Arg) and isinstance(at.whole, cst.Call):
        args = _positional(at.whole)
        if item.keyword is None:
            fields, item = [str(len(args) + n) for n in range(len(values))], args[-1]
        else:
            fields = list(parts.labels)
            keyed = keywords(module, at.whole, item, fields, values)
            if keyed is None:
                return None
            values = keyed
    rest = place.text[1 + len(place.field) :]
    places = [f"{place.text[:1]}{field}{rest}" for field in fields]
    text = at.template.added(at.number, parts.labels, places)
    if text is None:
        return None
    if item is not None:
        return (text, *beside(module, item, values))
    span = module.span(node)
    more = "".join(f", {value}" for value in values)
    if node.lpar:
        return (text, Edit(Span(span.end, span.end), more))
    opening, closing = Span(span.start, span.start), Span(span.end, span.end)
    return (text, Edit(opening, "("), Edit(closing, f"{more})"))
