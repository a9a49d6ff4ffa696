"""How a value is read after it was put somewhere: as a number, as a tensor, by who knows whom."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import libcst as cst

from losslint.model.module import Module
from losslint.model.names import Names
from losslint.model.parents import nodes, parent
from losslint.training.shows import shown
from losslint.training.state import path_of


class Reading(Enum):
    """What reads a value, other than a person and arithmetic, which take any number."""

    TENSOR = "a method of tensors, or a function of torch"
    RETURNED = "the caller"
    HANDED = "something that is not at hand"


# Functions, by their last name, that take a number as they take a tensor without dimensions.
NUMERIC = frozenset(
    "sum len min max float int abs round str repr print mean average median std array asarray"
    " enumerate zip sorted list tuple dict isinstance range exp sqrt log isnan isfinite isinf"
    " plot set_postfix set_description add_scalar add_scalars append items values keys get".split()
)
# Methods of collections: their result holds what the collection holds.
HOLDING = frozenset("items values keys get copy pop append extend clear index sort".split())
GROWING = frozenset(("append", "extend", "add", "update"))

# Nodes that hand a value on as it is, or as a part of a number or a collection.
THROUGH = (
    cst.BinaryOperation,
    cst.UnaryOperation,
    cst.IfExp,
    cst.BooleanOperation,
    cst.Element,
    cst.StarredElement,
    cst.DictElement,
    cst.List,
    cst.Tuple,
    cst.Dict,
    cst.ListComp,
    cst.GeneratorExp,
    cst.DictComp,
    cst.Arg,
)
ENDS = (cst.Comparison, cst.ComparisonTarget, cst.FormattedStringExpression, cst.Del, cst.Expr)


def readings(module: Module, names: Names, body: cst.CSTNode, path: str) -> frozenset[Reading]:
    """What reads the value at `path` in `body`, and whatever is worked out from it."""
    found: set[Reading] = set()
    waiting, seen = [path], set[str]()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for node in nodes(body):
            if isinstance(node, (cst.Name, cst.Attribute)) and path_of(node) == current:
                reading, others = _read(module, names, node)
                found |= reading
                waiting += others
    return frozenset(found)


def _read(module: Module, names: Names, node: cst.CSTNode) -> tuple[set[Reading], list[str]]:
    """What becomes of one mention of a value, and the names that get it."""
    tree = module.tree
    holder = parent(tree, node)
    while holder is not None:
        match holder:
            case cst.Attribute(value=value, attr=attr) if value is node:
                call = parent(tree, holder)
                if attr.value not in HOLDING or not isinstance(call, cst.Call):
                    return {Reading.TENSOR}, []
                if attr.value in GROWING:
                    return set(), []
                node = call
            case cst.Attribute() | cst.NameItem() | cst.Param():
                return set(), []
            case cst.Subscript(value=value):
                if value is not node:
                    return set(), []
                node = holder
            case cst.Index() | cst.SubscriptElement():
                return set(), []
            case cst.Assign() | cst.AnnAssign() | cst.NamedExpr():
                return set(), list(_targets(holder))
            case cst.AugAssign():
                return set(), [] if holder.target is node else list(_targets(holder))
            case cst.For(target=target, iter=iterable) | cst.CompFor(target=target, iter=iterable):
                if iterable is not node:
                    return set(), []
                return set(), list(_names(target))
            case cst.Return() | cst.Yield():
                return {Reading.RETURNED}, []
            case cst.Arg() if (keyword := holder.keyword) is not None and keyword is node:
                return set(), []
            case cst.Call():
                reading = _given(names, holder)
                if reading is not None:
                    return {reading}, []
                if (other := _collection(holder)) is not None:
                    return set(), [other]
                if shown(holder, names, ()) is not None:
                    return set(), []
                node = holder
            case _ if isinstance(holder, ENDS):
                return set(), []
            case _ if isinstance(holder, THROUGH):
                node = holder
            case _:
                return set(), []
        holder = parent(tree, node)
    return set(), []


def _given(names: Names, call: cst.Call) -> Reading | None:
    """What a call reads a value as that it is given; None if a number does."""
    spelled = names.qualified(call.func) or path_of(call.func) or ""
    last = call.func.attr.value if isinstance(call.func, cst.Attribute) else spelled
    if spelled.startswith("torch.") and last != "tensor":
        return Reading.TENSOR
    if shown(call, names, ()) is not None or last in NUMERIC:
        return None
    return Reading.HANDED


def _collection(call: cst.Call) -> str | None:
    """The collection that a call adds something to."""
    match call.func:
        case cst.Attribute(value=base, attr=cst.Name(name)) if name in GROWING:
            return path_of(base)
    return None


def _targets(node: cst.Assign | cst.AnnAssign | cst.NamedExpr | cst.AugAssign) -> Iterator[str]:
    match node:
        case cst.Assign(targets=targets):
            for target in targets:
                yield from _names(target.target)
        case _:
            yield from _names(node.target)


def _names(target: cst.BaseExpression) -> Iterator[str]:
    match target:
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _names(element.value)
        case cst.Subscript(value=base):
            yield path_of(base) or ""
        case _:
            yield path_of(target) or ""
