"""What calls of code that this module does not define return."""

from __future__ import annotations

import libcst as cst

from losslint.ranges import arithmetic as ar
from losslint.ranges.arguments import Arguments
from losslint.ranges.losses import is_loss_like
from losslint.ranges.objects import (
    Loss,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.run import (
    Env,
    Run,
    has_leaves,
    spelling,
)
from losslint.ranges.value import Origin, Value

LOGGING = frozenset(
    "print log debug info warning add_scalar add_scalars set_postfix format write update append".split()
)


def unknown_call(
    run: Run,
    name: str,
    node: cst.Call,
    env: Env,
    arguments: Arguments,
    receiver: Value | None = None,
    origin: Origin = Origin.UNKNOWN,
) -> Object:
    """A call of something that this module does not define."""
    if name not in LOGGING:
        for value, place in arguments.learned():
            run.reach(value, place, "call", env)
    values = arguments.tensors() + ([receiver] if receiver is not None else [])
    last = name.rpartition(".")[2]
    if is_loss_like(last) or last in run.loss_functions:
        if last[:1].isupper() and not has_leaves(Sequence(tuple(values))):
            return Loss(last, 0.0)
        return ar.opaque(
            values, f"{name}@{id(node)}", Origin.LOSS, lower=0.0, reduced=True, hint=True
        )
    if last[:1].isupper() and not any(v.learned for v in values):
        return Network(last)
    if origin is Origin.UNKNOWN and isinstance(node.func, cst.Name):
        target = run.lookup(node.func.value, env)
        if (
            isinstance(target, Value) and any(f.origin is Origin.ARGUMENT for f in target.factors())
        ) or run.is_module(node.func.value):
            origin = Origin.NETWORK
    shown = run.naming or f"{name}@{id(node)}"
    return ar.opaque(values, shown, origin, hint=is_loss_like(shown.partition("@")[0]))


def loss_value(run: Run, loss: Loss, node: cst.Call, arguments: Arguments) -> Object:
    """What a loss function returns: at least its lower bound, and of no known growth."""
    name = f"{spelling(node.func)}@{id(node)}"
    return ar.opaque(arguments.tensors(), name, Origin.LOSS, lower=loss.lower, reduced=loss.reduced)
