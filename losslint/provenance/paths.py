"""How code spells what holds a value: a name, and the attributes and entries behind it."""

from __future__ import annotations

from enum import Enum

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.names import number_value, string_value


@dataclass(frozen=True)
class Attr:
    """An attribute of an object."""

    name: str


class Some(Enum):
    """An entry that is not known by its key."""

    EACH = "every element, one after the other"
    ANY = "an index or a slice that is no constant"


Key = Attr | int | str | Some
Path = tuple[str, tuple[Key, ...]]


def path(node: cst.CSTNode) -> Path | None:
    """The name that an expression starts from, and what it takes of it; None if there is none."""
    keys: list[Key] = []
    while True:
        match node:
            case cst.Name():
                return node.value, tuple(reversed(keys))
            case cst.Attribute():
                keys.append(Attr(node.attr.value))
                node = node.value
            case cst.Subscript():
                keys.append(key(node))
                node = node.value
            case _:
                return None


def key(node: cst.Subscript) -> Key:
    """Which entry a subscript takes."""
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=index, star=None))]:
            constant = number(index)
            if isinstance(constant, int):
                return constant
            text = string_value(index) if isinstance(index, cst.SimpleString) else None
            return Some.ANY if text is None else text
    return Some.ANY


def number(node: cst.CSTNode | None) -> int | float | None:
    """The number that is written here, with its sign."""
    match node:
        case cst.Integer() | cst.Float():
            return number_value(node)
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            value = number(inner)
            return None if value is None else -value
    return None
