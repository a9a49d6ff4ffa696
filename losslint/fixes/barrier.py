"""The barrier of normalised weights: `-0.5 * log_softmax(logits).sum()`, that is -½ Σ log w.

It rises to +inf as any share falls to 0, and does not change when all logits
move together: it keeps the weights inside the simplex, and leaves the total no
direction to fall along.
"""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import Spelling, spelled
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes, parent
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight

STRENGTH = "0.5"


def barrier_edits(weight: LearnedWeight, solo: Term, module: Module) -> tuple[Edit, ...] | None:
    """Edits that replace a regularizing term by the barrier; None where it cannot be written."""
    step = weight.occurrence(solo)
    written = _barrier(weight, module, step)
    if step is None or written is None or step.what is not What.READ:
        return None
    text, spelling = written
    if isinstance(step.node, cst.Subscript):
        return None
    strength = _strength(weight, solo)
    around = parent(module.tree, step.whole)
    sign: tuple[Edit, ...] = ()
    term = f"-{strength} * {text}.sum()"
    if isinstance(around, cst.BinaryOperation) and around.right is step.whole:
        term = term[1:]
        if isinstance(around.operator, cst.Add):
            sign = (Edit(module.span(around.operator), "-"),)
    elif isinstance(around, cst.AugAssign) and isinstance(around.operator, cst.AddAssign):
        term, sign = term[1:], (Edit(module.span(around.operator), "-="),)
    elif isinstance(around, cst.AugAssign):
        term = term[1:]
    return (Edit(module.span(step.whole), term), *sign, *spelling.edits)


def added_barrier(weight: LearnedWeight, term: Term, module: Module) -> tuple[Edit, ...] | None:
    """Edits that add the barrier behind the weighted sum."""
    step = term.steps[-1] if term.steps else None
    written = _barrier(weight, module, step)
    if step is None or written is None:
        return None
    from losslint.fixes.regularizer import appended

    text, spelling = written
    edits = appended(module, step.whole, f" - {STRENGTH} * {text}.sum()")
    return edits and (*edits, *spelling.edits)


def _strength(weight: LearnedWeight, solo: Term) -> str:
    slope = solo.at(weight.leaf, End.MINUS)
    return f"{slope.coefficient:g}" if slope.known_linear() and slope.coefficient else STRENGTH


def _barrier(
    weight: LearnedWeight, module: Module, step: Step | None
) -> tuple[str, Spelling] | None:
    """`F.log_softmax(logits, dim=0)`, with the arguments of the softmax that made the weights."""
    found = [s for t in weight.weights for s in t.steps if s.what is What.SIMPLEX]
    spelling = spelled(module, "torch.nn.functional.log_softmax")
    if step is None or spelling is None or len({s.node for s in found}) != 1:
        return None
    softmax = found[0]
    if not isinstance(softmax.node, cst.Call) or softmax.argument is None:
        return None
    if not in_scope(module, softmax.argument, softmax.node, step.node):
        return None
    logits = module.text(softmax.argument)
    rest = [a for a in softmax.node.args if a.value is not softmax.argument and a.keyword is None]
    named = [a for a in softmax.node.args if a.keyword is not None and a.keyword.value == "dim"]
    dim = f"dim={module.text(named[0].value)}" if named else None
    if dim is None:
        dim = f"dim={module.text(rest[0].value)}" if rest else "dim=-1"
    return f"{spelling.text}({logits}, {dim})", spelling


def in_scope(
    module: Module, expression: cst.BaseExpression, made: cst.CSTNode, used: cst.CSTNode
) -> bool:
    """Whether the names of `expression`, read at `made`, mean the same at `used`."""
    here, there = list(ancestors(module.tree, made)), list(ancestors(module.tree, used))
    functions = [
        next((a for a in way if isinstance(a, cst.FunctionDef)), None) for way in (here, there)
    ]
    if functions[0] is not functions[1]:
        return False
    block = next((a for a in here if isinstance(a, (cst.IndentedBlock, cst.Module))), None)
    if block not in there or module.span(made).start > module.span(used).start:
        return False
    names = {n.value for n in nodes(expression) if isinstance(n, cst.Name)}
    between = range(module.span(made).end, module.span(used).start)
    scope = functions[0] or module.tree
    for node in nodes(scope):
        if isinstance(node, (cst.AssignTarget, cst.AugAssign)):
            target = node.target
            rebound = isinstance(target, cst.Name) and target.value in names
            if rebound and module.span(target).start in between:
                return False
    return True
