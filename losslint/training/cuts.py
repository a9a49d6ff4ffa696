"""Which terms of a sum, a product or a choice are out of their graph, and what took them out.

Only a value by itself loses its graph by mistake: in a product with anything but a number it is a
weight or a norm, and what is subtracted may be a baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from losslint.model.names import dotted

if TYPE_CHECKING:
    from losslint.training.values import Cuts, Term, Value

ALONE: Term = frozenset()
OPTIONS = frozenset(("parse_args", "parse_known_args"))


def cuts_of_sum(one: Value, other: Value, sign: int) -> Cuts:
    """Those of a sum, or a difference: of what no summand has with its graph."""
    if not (one.cuts or other.cuts) or _is_unknown(one) or _is_unknown(other):
        return frozenset()
    its = other.cuts if sign > 0 or one.dead else frozenset()
    return _unless_alive(one.cuts, other) | _unless_alive(its, one)


def _is_unknown(value: Value) -> bool:
    """Whether a summand may be anything: something that is learned from the other, too."""
    return not (value.terms or value.number is not None or value.floored)


def _unless_alive(cuts: Cuts, beside: Value) -> Cuts:
    alive = beside.terms - beside.cut if beside.graph else frozenset()
    return frozenset((term, node) for term, node in cuts if term not in alive)


def cuts_of_product(one: Value, other: Value) -> Cuts:
    """Those of a product: of a factor beside one that is a number."""
    return frozenset(
        (term | factor, node)
        for this, that in ((one, other), (other, one))
        for term, node in cuts_beside(this, that)
        for factor in that.terms or (ALONE,)
    )


def cuts_beside(one: Value, other: Value) -> Cuts:
    """Those of `one` that are left in a quotient with `other`: with a number, all."""
    if not one.cuts:
        return one.cuts
    known = other.number is not None or other.floored
    plain = all(_is_setting(source.node) for source in other.sources)
    return one.cuts if plain and (known or other.terms) else frozenset()


def _is_setting(node: cst.CSTNode) -> bool:
    """Whether a number comes from here that nothing trains: an option, a default."""
    match node:
        case cst.Call(func=func):
            return (dotted(func) or "").rpartition(".")[2] in OPTIONS
        case cst.Param(default=cst.Integer() | cst.Float()):
            return True
    return False


def cuts_on_each_way(one: Value, other: Value) -> Cuts:
    """Those of one of two values: of what is cut there, and has its graph on no other way."""
    if not (one.cuts or other.cuts):
        return one.cuts
    return frozenset(
        (term, node)
        for this, that in ((one, other), (other, one))
        for term, node in this.cuts
        if term in that.cut or term not in that.terms
    )
