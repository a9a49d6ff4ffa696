"""Methods: of tensors, collections, networks, and objects of this module."""

from __future__ import annotations

import libcst as cst

from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges.arguments import Arguments
from losslint.ranges.collections import collection_method, set_attribute
from losslint.ranges.creation import How
from losslint.ranges.functions import tensor_operation
from losslint.ranges.indexing import attribute_name
from losslint.ranges.invoke import invoke, run_function
from losslint.ranges.keeping import register
from losslint.ranges.library import external_call
from losslint.ranges.objects import (
    ClassObject,
    Dictionary,
    External,
    Function,
    Instance,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.outside import unknown_call
from losslint.ranges.run import (
    Env,
    Run,
    as_value,
    unknown,
)
from losslint.ranges.tensors import learnable
from losslint.ranges.value import Origin, Value, number, positive

# Methods that ask a tensor for its size.
SIZES = frozenset(("size", "numel", "dim", "nelement"))


# In-place methods that move a parameter to where it is allowed to be.
PROJECTIONS = frozenset(
    ("clamp_", "clip_", "clamp_min_", "clamp_max_", "copy_", "div_", "mul_", "abs_")
)


def method_call(run: Run, node: cst.Call, func: cst.Attribute, env: Env) -> Object:
    """What a call of an attribute stands for, by what it is an attribute of."""
    name = func.attr.value
    if isinstance(func.value, cst.Call) and dotted(func.value.func) == "super":
        return _super(run, name, node, env)
    path = dotted(func)
    if path is not None and (path in env.names or _is_own(path, env)):
        return invoke(run, run.evaluate(func, env), node, env)
    base = run.evaluate(func.value, env)
    if isinstance(base, External):
        return external_call(run, f"{base.name}.{name}", node, env)
    if isinstance(base, (Sequence, Dictionary)):
        found = collection_method(run, base, name, node, func.value, env)
        if found is not None:
            return found
    if isinstance(base, Instance):
        method = run.method(base, name)
        if method is not None:
            return invoke(run, Function(method, owner=base), node, env)
        if name in ("register_parameter", "register_buffer", "add_module"):
            return _register(run, base, name, node, env)
        if name in base.attributes:
            return invoke(run, base.attributes[name], node, env)
        arguments = Arguments(run, node, env)
        return unknown_call(run, name, node, env, arguments)
    if isinstance(base, ClassObject):
        method = base.facts.methods.get(name)
        if method is not None:
            return invoke(run, Function(method), node, env)
    if isinstance(base, Function) and name == "apply":
        return unknown(node)
    return _tensor_method(run, base, name, node, func, env)


def _is_own(path: str, env: Env) -> bool:
    instance, self_name = env.frame.instance, env.frame.self_name
    if instance is None or not path.startswith(f"{self_name}."):
        return False
    found = instance.attributes.get(path.partition(".")[2])
    return found is not None and not isinstance(found, Value)


def _super(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    frame = env.frame
    for facts in frame.lineage[1:]:
        if name in facts.methods and frame.instance is not None:
            return run_function(run, facts.methods[name], node, env, frame.instance, facts.name)
    arguments = Arguments(run, node, env)
    if name == "__init__":
        return unknown(node)
    return unknown_call(run, name, node, env, arguments)


def _register(run: Run, base: Instance, how: str, node: cst.Call, env: Env) -> Object:
    name = attribute_name(node.args[0].value) if len(node.args) > 1 else None
    if name is not None:
        before, run.naming = run.naming, f"{env.frame.self_name}.{name}"
        value = run.evaluate(node.args[1].value, env)
        run.naming = before
        if how == "register_buffer" and isinstance(value, Value):
            value = ar.constant_tensor()
        set_attribute(base, name, value)
        register(run, value)
    elif len(node.args) > 1:
        register(run, run.evaluate(node.args[1].value, env))
    return unknown(node)


def _tensor_method(
    run: Run, base: Object, name: str, node: cst.Call, func: cst.Attribute, env: Env
) -> Object:
    arguments = Arguments(run, node, env)
    bare = name.rstrip("_") if not name.startswith("__") else name
    if name == "backward":
        return _backward(run, base, node, func, env, arguments)
    if name == "requires_grad_" and isinstance(base, Value):
        return _requires_grad(run, base, node, func, env, arguments)
    if isinstance(base, Network):
        return _network_method(run, base, name, node, env, arguments)
    if isinstance(base, Value) and name in SIZES:
        return positive()
    if isinstance(base, Value) and base.learned and name in ("items", "values", "keys"):
        return _entries(base, name, node)
    if name in PROJECTIONS and (env.frame.without_gradient or _is_data(func.value)):
        run.projected(func.value, env)
    value = as_value(base, func.value)
    holder = dotted(func.value)
    if holder is not None and run.is_module(holder) and not value.learned:
        return _network_method(run, Network(holder), name, node, env, arguments)
    things: list[Object] = [value, *arguments.values]
    nodes = [func.value, *arguments.nodes]
    if bare == "where":  # as a method, it asks for the condition after the tensor
        things[:2], nodes[:2] = things[1::-1], nodes[1::-1]
    found = tensor_operation(run, bare, things, nodes, arguments.keywords, node, env)
    made = unknown_call(run, name, node, env, arguments, value) if found is None else found
    if name.endswith("_") and holder is not None and isinstance(func.value, cst.Name):
        env.names[holder] = made
    return made


def _entries(base: Value, name: str, node: cst.Call) -> Object:
    """What a ParameterDict yields: its keys are not known, its entries are its items."""
    entry = ar.item(base, None, node)
    shown: dict[str, Object] = {"keys": unknown(node), "values": entry}
    return Sequence((shown.get(name, Sequence((unknown(node), entry))),), open=True)


def _is_data(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "data"


def _network_method(
    run: Run, base: Network, name: str, node: cst.Call, env: Env, arguments: Arguments
) -> Object:
    if name in (
        "to",
        "cuda",
        "cpu",
        "train",
        "eval",
        "half",
        "float",
        "double",
        "apply",
        "requires_grad_",
    ):
        return base
    return unknown_call(run, name, node, env, arguments, origin=Origin.NETWORK)


def _requires_grad(
    run: Run, base: Value, node: cst.Call, func: cst.Attribute, env: Env, arguments: Arguments
) -> Object:
    """A tensor made here becomes a leaf; an argument or an output does not."""
    asked = arguments.nodes[0] if arguments.nodes else arguments.keywords.get("requires_grad")
    if isinstance(asked, cst.Name) and asked.value == "False":
        return ar.constant_tensor() if base.learned else base
    if base.factors() or base.learned:
        return base
    before, run.naming = run.naming, run.naming or dotted(func.value)
    made = learnable(run, node, env, [base], How.SWITCHED)
    run.naming = before
    if isinstance(func.value, cst.Name) and before is None:
        env.names[func.value.value] = made
    return made


def _backward(
    run: Run, base: Object, node: cst.Call, func: cst.Attribute, env: Env, arguments: Arguments
) -> Object:
    """`loss.backward()`, and `accelerator.backward(loss)` of whatever framework."""
    if arguments.values:
        for value, place in zip(arguments.values, arguments.nodes, strict=True):
            run.reach(value, place, "backward", env)
    if isinstance(base, (Value, Sequence)):
        run.reach(base, func.value, "backward", env)
    return number(0)
