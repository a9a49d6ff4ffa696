"""The safe forms of math.md, written for the weights at hand.

With `v = 1 / weight` the variance that a learned weight stands for, a
regularizer `log v` falls without end as v goes to 0. Its floor is
`softplus(log v + 10)`, that is `log(1 + v / e**-10)`: never negative, and in the
working range the same gradient. Liebel and Koerner (2018) use `log(1 + v)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import Spelling, spelled
from losslint.fixes.signs import flipped
from losslint.frozen import dataclass, replace
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges import growth as g
from losslint.ranges.growth import End, Growth
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight

FLOOR = 10.0  # the variance never counts as less than e**-10
OPPOSITE = {End.PLUS: End.MINUS, End.MINUS: End.PLUS, End.ZERO_ABOVE: End.PLUS}

# 4 below its start a log-variance s feels a floor at -k: gradients change by
# 2 * e**-(k + s). Where it starts lower than this the floor has to lie deeper, or
# they would change by over 0.8 %.
LOWEST_START = -0.4
SIMPLE = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)


@dataclass(frozen=True)
class Scale:
    """How an expression N relates to the log-variance of a weight: `log v = times * N`.

    `sign` is that of the coefficient with which N enters the total, `floor` how far
    below 0 the log-variance is held; None for the form that has no floor.
    """

    times: float
    sign: int
    floor: float | None


def regularizer_edits(
    weight: LearnedWeight, solo: Term, falls: End, module: Module, form: str
) -> tuple[Edit, ...] | None:
    """Edits that give one regularizing term a floor; None where no form is proven."""
    step = weight.occurrence(solo)
    held = end_that_holds(weight, falls)
    if step is None or held is None or step.node in weight.weight_nodes:
        return None
    scale = _scale(weight, solo, step, held)
    if scale is None:
        return None
    if form == "floor":
        scale = replace(scale, floor=floor_of(weight, falls))
    if step.what is What.READ:
        return _write(_linear(module, step, scale), step, scale, module)
    if step.what is What.LOG:
        return _write(_logarithmic(module, step, scale), step, scale, module)
    return None


def floor_of(weight: LearnedWeight, falls: End) -> float:
    """How far below 0 the log-variance is held: 10, and deeper where it starts low."""
    start = starting_log_variance(weight, falls)
    if start is None or start >= LOWEST_START:
        return FLOOR
    return FLOOR + math.ceil(-start)


def floored(
    weight: LearnedWeight, falls: End, module: Module, form: str
) -> tuple[Edit, ...] | None:
    """Edits that give every falling term of a weight its floor; None unless all can have one.

    One term that still falls would take the total to -inf once the weight is bounded.
    """
    parts = [
        regularizer_edits(weight, solo, falls, module, form) for solo in weight.falling_solos(falls)
    ]
    known = [part for part in parts if part is not None]
    return merged(known) if known and len(known) == len(parts) else None


def starting_log_variance(weight: LearnedWeight, falls: End) -> float | None:
    """The log-variance that training begins at; None where it is not known."""
    held, start = end_that_holds(weight, falls), weight.leaf.start
    found = None if held is None else _log_variance(weight, held)
    if start is None or found is None or found.coefficient is None:
        return None
    if found.known_linear():
        return found.sign * found.coefficient * (-start if held is End.MINUS else start)
    if held is End.PLUS and start > 0 and found.logs == 1 and not (found.rate or found.power):
        return found.sign * found.coefficient * math.log(start)
    return None


def end_that_holds(weight: LearnedWeight, falls: End) -> End | None:
    """The end at which the weights vanish, where the regularizer has to grow."""
    for end in (End.PLUS, End.MINUS, End.ZERO_ABOVE):
        if weight.lead_of_weights(end).known_to_decay():
            return end
    return OPPOSITE.get(falls)


def _scale(weight: LearnedWeight, solo: Term, step: Step, held: End) -> Scale | None:
    leaf = weight.leaf
    here = step.at(leaf, held)
    whole = solo.at(leaf, held)
    if not here.sign or not whole.sign:
        return None
    log_variance = _log_variance(weight, held)
    if log_variance is None:  # a constant weight: any direction that grows will do
        times = float(here.sign)
    else:
        if log_variance.rank != here.rank or not here.coefficient:
            return None
        if not log_variance.coefficient:
            return None
        times = log_variance.sign * log_variance.coefficient / (here.sign * here.coefficient)
    return Scale(times, whole.sign * here.sign, None)


def _log_variance(weight: LearnedWeight, held: End) -> Growth | None:
    found = {
        (x.rank, x.exact)
        for x in (t.at(weight.leaf, held) for t in weight.weights)
        if x.known_to_decay()
    }
    if len(found) != 1:
        return None
    decay = next(x for x in (t.at(weight.leaf, held) for t in weight.weights) if x.known_to_decay())
    positive = Growth(1, decay.rate, decay.power, decay.logs, 1.0, decay.exact)
    return g.logarithm(g.invert(positive))


def _linear(module: Module, step: Step, scale: Scale) -> tuple[str, Spelling] | None:
    softplus = spelled(module, "torch.nn.functional.softplus")
    if softplus is None:
        return None
    inner = shifted(module.text(step.node), scale.times, scale.floor)
    factor = 1 / abs(scale.times)
    prefix = "" if factor == 1 else f"{factor:g} * "
    return f"{prefix}{softplus.text}({inner})", softplus


def shifted(text: str, times: float, floor: float | None) -> str:
    """`times * text`, raised by the floor, as a person would write it."""
    size = abs(times)
    product = text if size == 1 else f"{size:g} * {text}"
    if times > 0:
        return f"{product} + {floor}" if floor else product
    return f"{floor} - {product}" if floor else f"-{product}"


def _logarithmic(module: Module, step: Step, scale: Scale) -> tuple[str, Spelling] | None:
    """`log(1 + v / floor)`, with v the power of the logarithm's argument that is a variance."""
    log1p = spelled(module, "torch.log1p")
    argument = step.argument
    if log1p is None or argument is None or scale.times <= 0:
        return None
    even = float(scale.times).is_integer() and scale.times % 2 == 0
    if step.interval.lo < 0 and not even:
        return None
    of, product = _factor_of_product(argument)
    text = module.text(of)
    power = scale.times
    if power != 1:
        text = f"{text if binds(of) else f'({text})'}**{power:g}"
    elif (not binds(of) and not isinstance(of, cst.BinaryOperation)) or (
        isinstance(of, cst.BinaryOperation) and isinstance(of.operator, (cst.Add, cst.Subtract))
    ):
        text = f"({text})"
    prefix = "" if power == 1 else f"{1 / power:g} * "
    inside = f"{text} / {floor_variance(scale.floor)}" if scale.floor else text
    return f"{prefix}{log1p.text}({inside}){'.sum()' if product else ''}", log1p


def floor_variance(floor: float) -> str:
    """`e**-floor` in three digits: the least variance that counts."""
    return f"{math.exp(-floor):.3g}".replace("e-0", "e-")


def _factor_of_product(argument: cst.BaseExpression) -> tuple[cst.BaseExpression, bool]:
    """`x` for `x.prod()` and `torch.prod(x)`: the log of a product is a sum of logs."""
    match argument:
        case cst.Call(func=cst.Attribute(value=cst.Name(), attr=cst.Name("prod")), args=[whole]):
            return whole.value, True
        case cst.Call(func=cst.Attribute(value=factors, attr=cst.Name("prod")), args=[]):
            return factors, True
    return argument, False


def binds(node: cst.BaseExpression) -> bool:
    """Whether an expression can stand beside any operator without parentheses."""
    return isinstance(node, SIMPLE)


def _write(
    form: tuple[str, Spelling] | None, step: Step, scale: Scale, module: Module
) -> tuple[Edit, ...] | None:
    if form is None:
        return None
    text, spelling = form
    edits: list[Edit] = []
    if scale.sign < 0:
        flip = flipped(module, step)
        if flip is None:
            text = f"-{text}"
        else:
            edits.append(flip)
    bare = text.startswith("-") or " * " in text.partition("(")[0]
    if bare and needs_parentheses(module, _reduced(module, step.node)):
        text = f"({text})"
    return (Edit(module.span(step.node), text), *edits, *spelling.edits)


def _reduced(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    """`x.sum()` for an `x` that is summed by a method: a factor in front may stay outside."""
    around = parent(module.tree, node)
    if getattr(node, "lpar", ()) or not isinstance(around, cst.Attribute):
        return node
    call = parent(module.tree, around)
    linear = around.value is node and around.attr.value in ("sum", "mean")
    return call if linear and isinstance(call, cst.Call) and call.func is around else node


def needs_parentheses(module: Module, node: cst.CSTNode) -> bool:
    """Whether a product or a negation in place of `node` has to be wrapped."""
    if getattr(node, "lpar", ()):
        return False
    around = parent(module.tree, node)
    if isinstance(around, (cst.Attribute, cst.Subscript)):
        return around.value is node
    if isinstance(around, cst.Call):
        return around.func is node
    if isinstance(around, cst.BinaryOperation):
        power = isinstance(around.operator, cst.Power)
        divisor = around.right is node and not isinstance(around.operator, (cst.Add, cst.Subtract))
        return power or divisor
    return False


def merged(parts: Sequence[tuple[Edit, ...]]) -> tuple[Edit, ...]:
    """The edits of several parts, an import that more than one brings once."""
    return tuple(sorted(dict.fromkeys(edit for part in parts for edit in part)))
