"""Adding the regularizer that a learned weight lacks."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.forms import FLOOR, OPPOSITE, end_that_holds, floor_variance, shifted
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.parents import ancestors, parent
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight

STRENGTH = "0.5"  # as in Kendall et al. (2018), who add log(sigma) = 0.5 * log(variance)
COMPREHENSIONS = (cst.GeneratorExp, cst.ListComp, cst.SetComp, cst.DictComp)


def added_regularizer(weight: LearnedWeight, term: Term, module: Module) -> tuple[Edit, ...] | None:
    """Edits that add the floored regularizer behind the weighted losses; None if none is proven."""
    held = end_that_holds(weight, End.MINUS)
    read = next((s for s in term.steps if s.what is What.READ), None)
    if held is None or read is None or any(s.what is What.CLAMP for s in term.steps):
        return None
    if not any(weight.lead_of_weights(end).known_to_grow() for end in OPPOSITE):
        return None  # a weight with an upper bound cannot answer a small loss
    written = _text(weight, term, read, held, module)
    if written is None:
        return None
    text, edits = written
    whole = isinstance(read.node, (cst.Name, cst.Attribute))
    total = ".sum()" if term.many and whole else ""
    added = appended_to_sum(module, term, read.node, f" + {STRENGTH} * {text}{total}")
    return added and (*added, *edits)


def appended_to_sum(
    module: Module, term: Term, read: cst.CSTNode, text: str
) -> tuple[Edit, ...] | None:
    """Edits that write `text`, a tail that reads `read`, behind a summand that holds `term`.

    The latest place that is reached as often as `read` is, so that the names in
    it mean the same and it counts once.
    """
    for step in reversed(term.steps):
        if turn_of(module, step.whole) is turn_of(module, read):
            edits = appended(module, step.whole, text)
            if edits is not None:
                return edits
    return None


def turn_of(module: Module, node: cst.CSTNode) -> cst.CSTNode | None:
    """The innermost loop, comprehension or function that runs `node` anew each turn."""
    inner, once = node, False
    for around in ancestors(module.tree, node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda, cst.While)):
            return around
        if isinstance(around, cst.For) and around.iter is not inner:
            return around
        if isinstance(around, cst.CompFor):
            once = around.iter is inner  # what is gone through is read once
        elif isinstance(around, COMPREHENSIONS):
            if not once:
                return around
            once = False
        inner = around
    return None


def _text(
    weight: LearnedWeight, term: Term, read: Step, held: End, module: Module
) -> tuple[str, tuple[Edit, ...]] | None:
    decay = term.at(weight.leaf, held)
    name = module.text(read.node)
    here = read.at(weight.leaf, held)
    if decay.rate and decay.exact and here.known_linear():
        softplus = spelled(module, "torch.nn.functional.softplus")
        if softplus is None:
            return None
        times = -decay.rate * here.sign / (here.coefficient or 1.0)
        return f"{softplus.text}({shifted(name, times, FLOOR)})", softplus.edits
    if decay.power < 0 and decay.power % 2 == 0 and held is End.PLUS:
        log1p = spelled(module, "torch.log1p")
        if log1p is None:
            return None
        return f"{log1p.text}({name}**{-decay.power:g} / {floor_variance(FLOOR)})", log1p.edits
    return None


def appended(module: Module, node: cst.BaseExpression, text: str) -> tuple[Edit, ...] | None:
    """Edits that write `text`, a sum's tail, behind `node`, where that is a summand."""
    end = module.span(node).end + sum(len(module.text(p)) for p in node.rpar)
    if not _is_summand(module, node):
        return None
    return (Edit(Span(end, end), text),)


def _is_summand(module: Module, node: cst.BaseExpression) -> bool:
    match parent(module.tree, node):
        case cst.Assign() | cst.AnnAssign() | cst.Return() | cst.Element() | cst.DictElement():
            return True
        case cst.AugAssign(operator=cst.AddAssign()) | cst.BinaryOperation(operator=cst.Add()):
            return True
        case cst.GeneratorExp(elt=term) | cst.ListComp(elt=term):
            return term is node
        case cst.Arg() as argument:
            call = parent(module.tree, argument)
            function = call.func if isinstance(call, cst.Call) else None
            return isinstance(function, cst.Attribute) and function.attr.value == "append"
    return False
