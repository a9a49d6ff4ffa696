"""Adding the regularizer that a learned weight lacks."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.forms import FLOOR_VARIANCE, end_that_holds, shifted
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight

STRENGTH = "0.5"  # as in Kendall et al. (2018), who add log(sigma) = 0.5 * log(variance)


def added_regularizer(weight: LearnedWeight, term: Term, module: Module) -> tuple[Edit, ...] | None:
    """Edits that add the floored regularizer behind the weighted losses; None if none is proven."""
    held = end_that_holds(weight, End.MINUS)
    read = next((s for s in term.steps if s.what is What.READ), None)
    if held is None or read is None or any(s.what is What.CLAMP for s in term.steps):
        return None
    written = _text(weight, term, read, held, module)
    if written is None:
        return None
    text, edits = written
    total = ".sum()" if term.many and not isinstance(read.node, cst.Subscript) else ""
    whole = appended(module, term.steps[-1].whole, f" + {STRENGTH} * {text}{total}")
    return whole and (*whole, *edits)


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
        return f"{softplus.text}({shifted(name, times, floor=True)})", softplus.edits
    if decay.power < 0 and decay.power % 2 == 0 and held is End.PLUS:
        log1p = spelled(module, "torch.log1p")
        if log1p is None:
            return None
        return f"{log1p.text}({name}**{-decay.power:g} / {FLOOR_VARIANCE})", log1p.edits
    return None


def appended(module: Module, node: cst.BaseExpression, text: str) -> tuple[Edit, ...] | None:
    """Edits that write `text`, a sum's tail, behind `node`."""
    around = parent(module.tree, node)
    end = module.span(node).end + sum(len(module.text(p)) for p in node.rpar)
    if isinstance(
        around,
        (
            cst.Assign,
            cst.AnnAssign,
            cst.AugAssign,
            cst.Return,
            cst.Arg,
            cst.Element,
            cst.DictElement,
        ),
    ):
        subtracted = isinstance(around, cst.AugAssign) and not isinstance(
            around.operator, cst.AddAssign
        )
        return None if subtracted else (Edit(Span(end, end), text),)
    if isinstance(around, cst.BinaryOperation) and isinstance(around.operator, cst.Add):
        return (Edit(Span(end, end), text),)
    return None
