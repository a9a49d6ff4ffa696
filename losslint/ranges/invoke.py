"""Calling what is known: functions, methods, classes and objects of this module."""

from __future__ import annotations

from collections.abc import Sequence as AbstractSequence

import libcst as cst

from losslint.model.classes import parameters
from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges.arguments import Arguments
from losslint.ranges.functions import tensor_operation
from losslint.ranges.library import external_call
from losslint.ranges.losses import is_loss_like
from losslint.ranges.objects import (
    ClassObject,
    External,
    Function,
    Instance,
    Layer,
    Loss,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.outside import loss_value, unknown_call
from losslint.ranges.run import (
    Env,
    Frame,
    Run,
    join,
    spelling,
    unknown,
)
from losslint.ranges.value import Factor, Origin, Value, factor_value, number


def invoke(run: Run, target: Object, node: cst.Call, env: Env) -> Object:
    """What calling `target` returns."""
    if isinstance(target, Function):
        owner = target.owner
        if isinstance(target.node, cst.Lambda):
            return _run_lambda(run, target, node, env)
        return run_function(run, target.node, node, env, owner, closure=target)
    if isinstance(target, ClassObject):
        return run.instance(
            target.facts, run.naming or target.facts.name, _handed(run, target, node, env)
        )
    if isinstance(target, Instance):
        method = run.method(target, "forward") or run.method(target, "__call__")
        if method is not None:
            found = run_function(run, method, node, env, target)
            return _as_loss(found, target.facts.name, node)
        return unknown_call(run, target.facts.name, node, env, Arguments(run, node, env))
    arguments = Arguments(run, node, env)
    if isinstance(target, Loss):
        return loss_value(run, target, node, arguments)
    if isinstance(target, Layer) and arguments.values:
        things = (arguments.values[0], *target.given[:1])
        nodes = (arguments.nodes[0], target.node)
        image = tensor_operation(run, target.operation, things, nodes, {}, node, env)
        return image if image is not None else unknown(node)
    if isinstance(target, Network):
        name = dotted(node.func) or target.name
        origin = Origin.NETWORK
        return unknown_call(run, name, node, env, arguments, origin=origin)
    if isinstance(target, External):
        return external_call(run, target.name, node, env)
    return unknown_call(run, spelling(node.func), node, env, arguments)


def _handed(run: Run, target: ClassObject, node: cst.Call, env: Env) -> dict[str, Object]:
    """The arguments of a constructor, where something learnable is among them."""
    arguments = Arguments(run, node, env)
    handed = arguments.learned()
    if not handed:
        return {}
    for value, place in handed:
        run.reach(value, place, "call", env)
    init = run.method(Instance(target.facts, ""), "__init__")
    names = parameters(init)[1:] if init is not None else []
    return {**dict(zip(names, arguments.values, strict=False)), **arguments.keyword_values}


def _as_loss(found: Object, name: str, node: cst.Call) -> Object:
    """What code of this module that is called a loss returns, if it follows no parameter."""
    if not isinstance(found, Value) or found.learned or not is_loss_like(name):
        return found
    factors = found.factors()
    if not factors or all(f.origin is Origin.LOSS for f in factors):
        return found
    return factor_value(Factor(f"{spelling(node)}@{id(node)}", Origin.LOSS, 0.0, True, True))


def _run_lambda(run: Run, target: Function, node: cst.Call, env: Env) -> Object:
    frame = Frame(env.frame.scope, target.owner, env.frame.self_name, closure=target.closure)
    inner = Env(frame)
    arguments = Arguments(run, node, env)
    assert isinstance(target.node, cst.Lambda)
    inner.names.update(zip(parameters(target.node), arguments.values, strict=False))
    if run.depth >= run.max_calls:
        return unknown(node)
    run.depth += 1
    found = run.evaluate(target.node.body, inner)
    run.depth -= 1
    return found


def run_function(
    run: Run,
    function: cst.FunctionDef,
    node: cst.Call,
    env: Env,
    owner: Instance | None = None,
    of_class: str | None = None,
    closure: Function | None = None,
) -> Object:
    """What a function of this module returns for these arguments."""
    arguments = Arguments(run, node, env)
    if run.depth >= run.max_calls or function in run.running:
        return ar.opaque(arguments.tensors(), spelling(node))
    names = parameters(function)
    values: AbstractSequence[Object] = arguments.values
    static = "staticmethod" in run.decorated(function)
    if owner is not None and not static and names:
        names = names[1:]
    if arguments.starred:
        plain = len(arguments.values) - sum(1 for a in node.args if a.star == "*")
        values = [*arguments.values[:plain], *arguments.starred]
    bound: dict[str, Object] = dict(zip(names, values, strict=False))
    star = function.params.star_arg
    if isinstance(star, cst.Param):
        bound[star.name.value] = Sequence(tuple(values[len(names) :]))
    bound.update(dict(arguments.keyword_values.items()))
    returned = run.function(function, bound, owner, env.frame, of_class, closure)
    found = returned[0] if returned else number(0)
    for other in returned[1:]:
        found = join(found, other)
    return _as_loss(found, function.name.value, node)
