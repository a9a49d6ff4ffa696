"""Functions and classes that are imported: torch, math, numpy, and unknown ones."""

from __future__ import annotations

import math

import libcst as cst

from losslint.ranges import arithmetic as ar
from losslint.ranges.arguments import Arguments
from losslint.ranges.creation import How
from losslint.ranges.functions import tensor_operation
from losslint.ranges.keeping import register
from losslint.ranges.losses import (
    is_density,
    is_log_density,
    is_signed_by_element,
    lower_bound,
)
from losslint.ranges.objects import (
    External,
    Layer,
    Loss,
    Network,
    Object,
)
from losslint.ranges.ops import LAYERS
from losslint.ranges.outside import loss_value, unknown_call
from losslint.ranges.run import (
    Env,
    Run,
    as_value,
    spelling,
    unknown,
)
from losslint.ranges.tensors import FACTORIES, created, learnable
from losslint.ranges.value import Kind, Origin

CONTAINERS = frozenset(("ParameterList", "ParameterDict", "BufferDict"))


def external_call(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    """What a call of something imported stands for, by its qualified name."""
    last = name.rpartition(".")[2]
    if name.startswith("torch.") and last == "Parameter":
        return learnable(run, node, env, Arguments(run, node, env).values[:1], How.PARAMETER)
    if name.startswith("torch.") and last in CONTAINERS:
        return _container(run, node, env)
    arguments = Arguments(run, node, env)
    low = lower_bound(name)
    if low is not None:
        reduced = _is_reduced(arguments)
        loss = Loss(last, low if reduced or not is_signed_by_element(name) else None, reduced)
        return loss if last[0].isupper() else loss_value(run, loss, node, arguments)
    if is_density(name) and not any(
        leaf.kind is Kind.PARAMETER for v in arguments.tensors() for leaf in v.leaves()
    ):
        return External(name)
    if is_log_density(name):
        return ar.opaque(arguments.tensors(), spelling(node), Origin.DATA, lower=-math.inf)
    if name.startswith(("torch.", "math.", "numpy.")):
        if last in LAYERS:
            named = [v for k, v in arguments.keyword_values.items() if k in ("beta", "alpha")]
            return Layer(LAYERS[last], node, (*arguments.values, *named))
        if name.startswith("torch.nn.") and last[0].isupper() and ".functional." not in name:
            return Network(last)
        if last in FACTORIES or last == "Variable":
            return created(run, last, node, env, arguments.values, arguments.keywords)
        if last in ("checkpoint",):
            return unknown(node)
        if arguments.values:
            tensors = arguments.values
            found = tensor_operation(
                run, last, tensors, arguments.nodes, arguments.keywords, node, env
            )
            if found is not None:
                return found
        return ar.opaque(arguments.tensors(), spelling(node), Origin.DATA)
    return unknown_call(run, last, node, env, arguments)


def _is_reduced(arguments: Arguments) -> bool:
    reduction = arguments.keywords.get("reduction")
    text = reduction.evaluated_value if isinstance(reduction, cst.SimpleString) else None
    return text != "none"


def _container(run: Run, node: cst.Call, env: Env) -> Object:
    """A ParameterList or ParameterDict: one leaf whose items are its entries."""
    before, run.naming = run.naming, None
    start = None
    for argument in node.args:
        value = run.evaluate(argument.value, env)
        register(run, value)
        start = as_value(value, argument.value)
    run.naming = before
    starts = {leaf.start for leaf in start.leaves()} if start is not None else set()
    same = starts.pop() if len(starts) == 1 else None
    return learnable(run, node, env, [], How.CONTAINER, same)
