"""Bounding the exponential of a weight from above, by the floor of its log-variance."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.forms import binds, floor_of
from losslint.fixes.imports import spelled
from losslint.fixes.quotients import multiplied
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight


def weight_edits(weight: LearnedWeight, module: Module) -> dict[cst.CSTNode, tuple[Edit, ...]]:
    """For each unbounded exponential of a weight, edits that bound it from above.

    A division by an exponential becomes a multiplication, where it stands in sight:
    its gradient is NaN where the divisor overflows. An exponential that also feeds
    the regularizer is left alone.
    """
    alone = {s.node for t in weight.solos for s in t.steps}
    found: dict[cst.CSTNode, tuple[Edit, ...]] = {}
    for term in weight.weights:
        for step in term.steps:
            own = any(grown.name == weight.leaf.name for grown, _ in step.growth)
            if step.what is What.EXP and own and step.node not in alone | found.keys():
                edits = _bounded(weight, term, step, module)
                if edits is not None:
                    found[step.node] = edits
    return found


def _bounded(
    weight: LearnedWeight, term: Term, step: Step, module: Module
) -> tuple[Edit, ...] | None:
    argument = step.argument
    softplus = spelled(module, "torch.nn.functional.softplus")
    if argument is None or softplus is None or len(term.leaves()) != 1:
        return None
    if not _is_exp(step.node):
        return None  # the bound is a power of e
    end = next((e for e in (End.MINUS, End.PLUS) if term.at(weight.leaf, e).known_to_grow()), None)
    if end is None:
        return None
    floor = floor_of(weight, end)
    upward = step.at(weight.leaf, end).known_to_grow()
    turned = None if upward else multiplied(module, step.node)
    text = module.text(argument)
    opposite = _opposite(module, argument)
    if not binds(argument) and not _is_product(argument):
        text = f"({text})"
    if upward:
        inner = f"{opposite} + {floor}" if opposite else f"{floor} - {text}"
        new = f"{floor} - {softplus.text}({inner})"
    else:
        inner = f"{floor} - {opposite}" if opposite else f"{text} + {floor}"
        soft = f"{softplus.text}({inner})"
        new = f"{floor} - {soft}" if turned else f"{soft} - {floor}"
    around = parent(module.tree, argument)
    if isinstance(around, cst.Attribute) and not argument.lpar:
        new = f"({new})"
    return (Edit(module.span(argument), new), *(turned or ()), *softplus.edits)


def _is_exp(node: cst.BaseExpression) -> bool:
    """Whether this is a call, of no other power: `exp2(s)` and `10**s` have another base."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(name)) | cst.Name(name)):
            return name not in ("exp2", "expm1", "pow", "float_power")
    return False


def _opposite(module: Module, node: cst.BaseExpression) -> str | None:
    """The negative of what is written with a minus: `s` for `-s`, `2 * s` for `-2 * s`."""
    match node:
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            text = module.text(inner)
            return f"({text})" if inner.lpar else text
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name("neg")), args=[]):
            return module.text(inner)
        case cst.BinaryOperation(
            left=cst.UnaryOperation(operator=cst.Minus(), expression=first, lpar=[]) as left
        ) if _is_product(node) and not isinstance(node.operator, cst.Power):
            rest = module.text(node)[len(module.text(left)) :]
            if isinstance(node.operator, cst.Multiply) and module.text(first) in ("1", "1.0"):
                return module.text(node.right)
            return module.text(first) + rest
    return None


def _is_product(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.BinaryOperation) and isinstance(
        node.operator, (cst.Multiply, cst.Divide, cst.Power)
    )
