"""The barrier of normalised weights: `-0.5 * log_softmax(logits).sum()`, that is -½ Σ log w.

It rises to +inf as any share falls to 0, and does not change when all logits
move together: it keeps the weights inside the simplex, and leaves the total no
direction to fall along.
"""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import Spelling, spelled
from losslint.fixes.regularizer import appended, turn_of
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes, parent
from losslint.ranges.growth import End
from losslint.ranges.value import Step, Term, What
from losslint.ranges.weights import LearnedWeight

STRENGTH = "0.5"


def barrier_edits(weight: LearnedWeight, solo: Term, module: Module) -> tuple[Edit, ...] | None:
    """Edits that replace a regularizing term by the barrier; None where it cannot be written."""
    step = weight.occurrence(solo)
    softmax = _softmax(weight)
    written = None if step is None else _barrier(softmax, module, step.node)
    if step is None or softmax is None or written is None:
        return None
    if turn_of(module, step.whole) is not turn_of(module, softmax.node):
        return None
    if not (_is_summed(step.whole) and _is_whole_summand(module, step.whole)):
        return None
    text, spelling = written
    strength = _strength(weight, solo)
    term = f"{text}.sum()" if strength == "1" else f"{strength} * {text}.sum()"
    span = module.span(step.whole)
    edits: tuple[Edit, ...]
    match parent(module.tree, step.whole):
        case cst.BinaryOperation(operator=cst.Add() as sign, right=right) if right is step.whole:
            edits = (Edit(module.span(sign), "-"), Edit(span, term))
        case cst.BinaryOperation(operator=cst.Subtract(), right=right) if right is step.whole:
            edits = (Edit(span, term),)
        case cst.AugAssign(operator=cst.AddAssign() as sign):
            edits = (Edit(module.span(sign), "-="), Edit(span, term))
        case cst.AugAssign(operator=cst.SubtractAssign()):
            edits = (Edit(span, term),)
        case _:
            edits = (Edit(span, f"-{term}"),)
    return (*edits, *spelling.edits)


def _is_summed(node: cst.BaseExpression) -> bool:
    """Whether a regularizer adds up its tasks, as the barrier in its place does."""
    names = [inner.func for inner in nodes(node) if isinstance(inner, cst.Call)]
    last = [n.attr if isinstance(n, cst.Attribute) else n for n in names]
    return any(isinstance(name, cst.Name) and name.value in ("sum", "mean") for name in last)


def _is_whole_summand(module: Module, node: cst.CSTNode) -> bool:
    """Whether `node` is one term of all that a statement binds, adds or returns."""
    for around in ancestors(module.tree, node):
        if isinstance(around, (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return)):
            return True
        if not isinstance(around, (cst.BinaryOperation, cst.Tuple, cst.Element)):
            return False
        if isinstance(around, cst.BinaryOperation) and not isinstance(
            around.operator, (cst.Add, cst.Subtract)
        ):
            return False
    return False


def added_barrier(weight: LearnedWeight, module: Module) -> tuple[Edit, ...] | None:
    """Edits that add the barrier behind the weighted sum."""
    softmax = _softmax(weight)
    if softmax is None:
        return None
    for term in reversed(weight.weights):
        for step in reversed(term.steps):
            written = _barrier(softmax, module, step.whole)
            if written is None or turn_of(module, step.whole) is not turn_of(module, softmax.node):
                continue
            text, spelling = written
            edits = appended(module, step.whole, f" - {STRENGTH} * {text}.sum()")
            if edits is not None and module.span(step.whole).start > module.span(softmax.node).end:
                return (*edits, *spelling.edits)
    return None


def _strength(weight: LearnedWeight, solo: Term) -> str:
    slope = solo.at(weight.leaf, End.MINUS)
    return f"{slope.coefficient:g}" if slope.known_linear() and slope.coefficient else STRENGTH


def _softmax(weight: LearnedWeight) -> Step | None:
    """The one softmax that makes all the weights."""
    found = [s for t in weight.weights for s in t.steps if s.what is What.SIMPLEX]
    return found[0] if len({s.node for s in found}) == 1 else None


def _barrier(
    softmax: Step | None, module: Module, used: cst.CSTNode
) -> tuple[str, Spelling] | None:
    """`F.log_softmax(logits, dim=0)`, with the arguments of the softmax that made the weights."""
    spelling = spelled(module, "torch.nn.functional.log_softmax")
    if softmax is None or spelling is None or softmax.argument is None:
        return None
    if not isinstance(softmax.node, cst.Call):
        return None
    if not in_scope(module, softmax.argument, softmax.node, used):
        return None
    logits = module.text(softmax.argument)
    rest = [a for a in softmax.node.args if a.value is not softmax.argument]
    named = [a for a in rest if a.keyword is not None and a.keyword.value == "dim"]
    plain = [a for a in rest if a.keyword is None]
    if not (named or plain):  # the layer was told when it was made
        made = _layer(module, softmax.node.func)
        plain = list(made.args) if made is not None else []
    dim = module.text((named or plain)[0].value) if named or plain else "-1"
    return f"{spelling.text}({logits}, dim={dim})", spelling


def _layer(module: Module, name: cst.BaseExpression) -> cst.Call | None:
    """`nn.Softmax(dim=0)`, where that was assigned to `name`."""
    for node in nodes(module.tree):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target)], value=cst.Call() as made) if (
                target.deep_equals(name)
            ):
                return made
    return None


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
