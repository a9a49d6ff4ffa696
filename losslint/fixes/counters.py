"""What counts the steps of a training loop, where a loss is back-propagated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import dropwhile

import libcst as cst

from losslint.model.classes import parameters
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import ancestors, function_around, nodes
from losslint.training.backward import Backward

AnyLoop = cst.For | cst.While

# The words of a counter's name: `global_step`, `self.iter_num`, `n_iter`, `i`.
STEP_WORDS = frozenset(
    "step steps iter iters iteration iterations it itr niter i idx index batch batches update "
    "updates".split()
)
OTHER_WORDS = frozenset(
    "epoch epochs nan inf bad skip skipped val valid eval test token tokens".split()
)

# Frameworks pass these, and so do loops that call a function for each step.
PARAMETERS = frozenset(
    "batch_idx batch_index batch_nb global_step step iteration iter_num n_iter".split()
)
RANGES = ("range", "trange", "count")


def step_of(module: Module, backward: Backward) -> str | None:
    """How the number of the step is written at a backward; None if nothing counts them.

    A counter that a loop itself raises says more than an index of `enumerate`, which
    starts anew in every epoch. A `range` inside a loop that counts is taken for the
    parts of one step, and one inside a loop over data for repetitions on a batch.
    """
    loops, function = _around(module, backward)
    if not loops:
        names = parameters(function) if function else []
        return next((name for name in names if name in PARAMETERS), None)
    found = _of_loops(module, list(dropwhile(partial(_picks, backward.loss), loops)))
    if found is not None and function is not None and _uses(function, found):
        return None  # a closure that may have a variable of that name
    return found


def _around(module: Module, backward: Backward) -> tuple[list[AnyLoop], cst.FunctionDef | None]:
    """The loops around a backward, inside out, and the function within them or without any."""
    loops: list[AnyLoop] = []
    function: cst.FunctionDef | None = None
    for around in ancestors(module.tree, backward.place):
        if isinstance(around, (cst.For, cst.While)):
            loops.append(around)
        elif isinstance(around, cst.ClassDef):
            break
        elif isinstance(around, cst.FunctionDef):
            if loops or function is not None:
                break
            function = around
    return loops, function


def _picks(loss: cst.BaseExpression, loop: AnyLoop) -> bool:
    """Whether a loop runs over losses: `for loss in losses`, `losses[i]`."""
    if not isinstance(loop, cst.For) or any(isinstance(n, cst.Call) for n in (loss, *nodes(loss))):
        return False
    named, bound = (
        {n.value for n in (part, *nodes(part)) if isinstance(n, cst.Name)}
        for part in (loss, loop.target)
    )
    return bool(named & bound)


def _of_loops(module: Module, loops: list[AnyLoop]) -> str | None:
    if not loops:
        return None
    innermost, *outer = loops
    own = _counted(module, innermost)
    if own is not None or not _is_range(module, innermost):
        return own
    above = next((name for loop in outer if (name := _counted(module, loop))), None)
    if above is not None:
        return above
    if all(isinstance(x, cst.While) or _is_range(module, x) or _is_listed(x) for x in outer):
        return _variable(innermost)
    return None


def _counted(module: Module, loop: AnyLoop) -> str | None:
    """What a loop counts its turns with, other than by a `range`."""
    always, sometimes = _raised(module, loop)
    return next((name for name in (always, _index(module, loop), sometimes) if name), None)


def _raised(module: Module, loop: AnyLoop) -> tuple[str | None, str | None]:
    """The names that a loop itself raises by 1: in every turn, and on a condition."""
    found: list[str | None] = [None, None]
    given = {dotted(n.target) for n in nodes(loop.body) if isinstance(n, cst.AssignTarget)}
    for node in sorted(
        (n for n in nodes(loop.body) if isinstance(n, cst.AugAssign)),
        key=lambda n: module.span(n).start,
    ):
        name = _raised_by_1(node)
        if name is None or not _counts_steps(name) or name in given:
            continue
        sometimes = False
        for around in ancestors(module.tree, node):
            if isinstance(around, (cst.For, cst.While, cst.FunctionDef)):
                if around is loop and found[sometimes] is None:
                    found[sometimes] = name
                break
            sometimes |= isinstance(around, (cst.If, cst.Else, cst.ExceptHandler))
    return found[0], found[1]


def _raised_by_1(node: cst.AugAssign) -> str | None:
    match node:
        case cst.AugAssign(operator=cst.AddAssign(), value=cst.Integer("1")):
            return dotted(node.target)
    return None


def _counts_steps(name: str) -> bool:
    words = set(re.split(r"[._]", name.lower()))
    return bool(words & STEP_WORDS) and not words & OTHER_WORDS


def _index(module: Module, loop: AnyLoop) -> str | None:
    """The index that `enumerate` yields, bare or within a progress bar."""
    match loop:
        case cst.For(target=cst.Tuple(elements=[cst.Element(cst.Name(name)), *_])) if (
            not _is_listed(loop)
        ):
            called = any(c == "enumerate" for c in _calls(module, loop))
            return name if called and name.strip("_") else None
    return None


def _is_listed(loop: AnyLoop) -> bool:
    """Whether a loop runs over what the code lists: the stages of a run, and not its steps."""
    match loop:
        case cst.For(iter=cst.List() | cst.Tuple()):
            return True
        case cst.For(iter=cst.Call(args=[cst.Arg(value=cst.List() | cst.Tuple())])):
            return True
    return False


def _is_range(module: Module, loop: AnyLoop) -> bool:
    return isinstance(loop, cst.For) and any(c in RANGES for c in _calls(module, loop))


def _variable(loop: AnyLoop) -> str | None:
    match loop:
        case cst.For(iter=cst.Call(func=cst.Name("range"), args=[_, _, _])):
            return None  # the offset of a part of the batch
        case cst.For(target=cst.Name(name)) if name.strip("_"):
            return name
    return None


def _calls(module: Module, loop: cst.For) -> Iterator[str]:
    """What makes that over which a loop runs: `tqdm` and `enumerate` for `tqdm(enumerate(x))`."""
    node: cst.BaseExpression | None = loop.iter
    if isinstance(node, cst.Name):
        node = _last_value(module, loop, node.value)
    while isinstance(node, cst.Call):
        yield (dotted(node.func) or "").rpartition(".")[2]
        node = node.args[0].value if node.args else None


def _last_value(module: Module, loop: cst.For, name: str) -> cst.BaseExpression | None:
    """What is assigned to `name` last before a loop, in its function: `bar = tqdm(...)`."""
    scope = function_around(module.tree, loop)
    values: list[cst.BaseExpression] = []
    for node in nodes(scope):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(cst.Name(target))], value=value) if (
                target == name and module.span(node).end <= module.span(loop).start
            ):
                values.append(value)
    return max(values, key=lambda value: module.span(value).start, default=None)


def _uses(function: cst.FunctionDef, name: str) -> bool:
    first = name.partition(".")[0]
    return any(isinstance(n, cst.Name) and n.value == first for n in nodes(function))
