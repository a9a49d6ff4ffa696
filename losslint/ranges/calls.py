"""What a call returns: functions of torch, methods of tensors, code of this module."""

from __future__ import annotations

from collections.abc import Sequence as AbstractSequence

import libcst as cst

from losslint.model.classes import parameters
from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges.collections import collection_method, set_attribute
from losslint.ranges.indexing import turns_of, zipped
from losslint.ranges.losses import is_loss_like, lower_bound
from losslint.ranges.objects import (
    ClassObject,
    Dictionary,
    External,
    Function,
    Instance,
    Layer,
    Loss,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.ops import CUTS, LAYERS
from losslint.ranges.run import (
    MAX_CALLS,
    Env,
    Frame,
    Run,
    as_value,
    has_leaves,
    join,
    spelling,
    unknown,
)
from losslint.ranges.tensors import FACTORIES, created, learnable, tensor_operation
from losslint.ranges.value import Factor, Origin, Value, factor_value, number, positive

CONTAINERS = frozenset(("ParameterList", "ParameterDict", "BufferDict"))
LOGGING = frozenset("print log debug info warning add_scalar add_scalars set_postfix format write update append".split())
COUNTS = frozenset(("len", "size", "numel", "dim", "nelement", "int", "item_count"))


# In-place methods that move a parameter to where it is allowed to be.
PROJECTIONS = frozenset(("clamp_", "clip_", "clamp_min_", "clamp_max_", "copy_", "div_", "mul_", "abs_"))


class Arguments:
    """The arguments of one call, evaluated once."""

    def __init__(self, run: Run, node: cst.Call, env: Env) -> None:
        self.nodes = [a.value for a in node.args if a.keyword is None and not a.star]
        self.values = [run.evaluate(n, env) for n in self.nodes]
        self.starred: list[Object] = []
        self.keywords: dict[str, cst.BaseExpression] = {}
        self.keyword_values: dict[str, Object] = {}
        for arg in node.args:
            if arg.keyword is not None:
                self.keywords[arg.keyword.value] = arg.value
                self.keyword_values[arg.keyword.value] = run.evaluate(arg.value, env)
            elif arg.star == "*":
                found = run.evaluate(arg.value, env)
                self.starred += found.items if isinstance(found, Sequence) else [found]
                self.nodes.append(arg.value)
                self.values.append(found)

    def everything(self) -> list[Value]:
        """Each argument as a tensor."""
        values = [as_value(v, n) for v, n in zip(self.values, self.nodes, strict=True)]
        return values + [
            as_value(v, self.keywords[k]) for k, v in self.keyword_values.items()
        ]


def call(run: Run, node: cst.Call, env: Env) -> Object:
    """What a call stands for."""
    name = run.external(node.func, env)
    if name is not None:
        return _external(run, name, node, env)
    if isinstance(node.func, cst.Name) and run.lookup(node.func.value, env) is None:
        return _builtin(run, node.func.value, node, env)
    if isinstance(node.func, cst.Attribute):
        return _method(run, node, node.func, env)
    return invoke(run, run.evaluate(node.func, env), node, env)


# --- functions that are imported ------------------------------------------------------


def _external(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    last = name.rpartition(".")[2]
    if name.startswith("torch.") and last == "Parameter":
        return learnable(run, node, env, Arguments(run, node, env).values[:1])
    if name.startswith("torch.") and last in CONTAINERS:
        return _container(run, node, env)
    arguments = Arguments(run, node, env)
    low = lower_bound(name)
    if low is not None:
        if last[0].isupper():
            return Loss(last, low, _is_reduced(arguments))
        return loss_value(run, Loss(last, low, _is_reduced(arguments)), node, arguments)
    if name.startswith(("torch.", "math.", "numpy.")):
        if last in LAYERS:
            return Layer(LAYERS[last], node)
        if name.startswith("torch.nn.") and last[0].isupper() and ".functional." not in name:
            return Network(last, built=True)
        if last in FACTORIES or last == "Variable":
            return created(run, last, node, env, arguments.values, arguments.keywords)
        if last in ("checkpoint",):
            return unknown(node)
        if arguments.values:
            tensors = arguments.values
            found = tensor_operation(run, last, tensors, arguments.nodes, arguments.keywords, node, env)
            if found is not None:
                return found
        return ar.opaque(arguments.everything(), spelling(node), Origin.DATA)
    return _unknown_call(run, last, node, env, arguments)


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
        start = as_value(value, argument.value)
    run.naming = before
    starts = {leaf.start for leaf in start.leaves()} if start is not None else set()
    return learnable(run, node, env, [], starts.pop() if len(starts) == 1 else None)


# --- built-in functions ----------------------------------------------------------------


def _builtin(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    arguments = Arguments(run, node, env)
    first = arguments.values[0] if arguments.values else None
    if name == "super":
        return External("super")
    if name == "sum" and first is not None:
        items = as_value(first, arguments.nodes[0])
        start = as_value(arguments.values[1], arguments.nodes[1]) if len(arguments.values) > 1 else number(0)
        return ar.within(ar.add(start, items), node)
    if name in ("list", "tuple", "sorted", "reversed", "iter", "set"):
        return first if first is not None else Sequence(())
    if name in ("dict", "OrderedDict", "defaultdict"):
        return _new_dictionary(arguments, first)
    if name == "zip":
        return zipped(arguments.values, arguments.nodes)
    if name == "enumerate" and first is not None:
        pairs = [Sequence((positive(), item)) for item in turns_of(first, arguments.nodes[0])]
        return Sequence(tuple(pairs), open=True)
    if name in COUNTS or name in ("range", "round", "float", "bool"):
        value = as_value(first, arguments.nodes[0]) if first is not None else positive()
        if name in ("float", "round", "int"):
            return ar.detach(value)
        return positive()
    if name in ("abs", "max", "min", "pow") and arguments.values:
        found = tensor_operation(run, name, arguments.values, arguments.nodes, arguments.keywords, node, env)
        if found is not None:
            return found
    if name == "getattr" and isinstance(first, Instance):
        return _dynamic_attribute(first, node)
    return _unknown_call(run, name, node, env, arguments)


def _new_dictionary(arguments: Arguments, first: Object | None) -> Object:
    if isinstance(first, Dictionary):
        return first
    if isinstance(first, Sequence) and first.items:
        pairs = [i for i in first.items if isinstance(i, Sequence) and len(i.items) == 2]
        if pairs:
            return Dictionary({}, pairs[0].items[1])
    return Dictionary(dict(arguments.keyword_values))


def _dynamic_attribute(instance: Instance, node: cst.Call) -> Object:
    found = [v for v in instance.attributes.values() if isinstance(v, Value) and v.leaves()]
    return unknown(node) if not found else ar.opaque(found, spelling(node))


# --- methods ------------------------------------------------------------------------------


def _method(run: Run, node: cst.Call, func: cst.Attribute, env: Env) -> Object:
    name = func.attr.value
    if isinstance(func.value, cst.Call) and dotted(func.value.func) == "super":
        return _super(run, name, node, env)
    path = dotted(func)
    if path is not None and (path in env.names or _is_own(path, env)):
        return invoke(run, run.evaluate(func, env), node, env)
    base = run.evaluate(func.value, env)
    if isinstance(base, External):
        return _external(run, f"{base.name}.{name}", node, env)
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
        return _unknown_call(run, name, node, env, arguments)
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
    return _unknown_call(run, name, node, env, arguments)


def _register(run: Run, base: Instance, how: str, node: cst.Call, env: Env) -> Object:
    names = [a.value for a in node.args[:1]]
    if len(node.args) > 1 and isinstance(names[0], cst.SimpleString):
        name = str(names[0].evaluated_value)
        before, run.naming = run.naming, f"{env.frame.self_name}.{name}"
        value = run.evaluate(node.args[1].value, env)
        run.naming = before
        if how == "register_buffer" and isinstance(value, Value):
            value = ar.constant_tensor()
        set_attribute(base, name, value)
    return unknown(node)


def _tensor_method(run: Run, base: Object, name: str, node: cst.Call, func: cst.Attribute, env: Env) -> Object:
    arguments = Arguments(run, node, env)
    bare = name.rstrip("_") if not name.startswith("__") else name
    if name == "backward":
        return _backward(run, base, node, func, env, arguments)
    if name == "requires_grad_" and isinstance(base, Value):
        return _requires_grad(run, base, node, func, env, arguments)
    if isinstance(base, Network):
        return _network_method(run, base, name, node, env, arguments)
    if isinstance(base, Value) and name in COUNTS:
        return positive()
    if isinstance(base, Value) and base.leaves() and name in ("items", "values", "keys"):
        return _entries(base, name, node)
    if name in PROJECTIONS and (env.frame.without_gradient or _is_data(func.value)):
        run.projected(func.value, env)
    value = as_value(base, func.value)
    if bare in CUTS or name in CUTS:
        return ar.detach(value)
    holder = dotted(func.value)
    if holder is not None and run.is_module(holder) and not value.leaves():
        return _network_method(run, Network(holder), name, node, env, arguments)
    found = tensor_operation(
        run, bare, [value, *arguments.values], [func.value, *arguments.nodes], arguments.keywords, node, env
    )
    if found is None:
        return _unknown_call(run, name, node, env, arguments, value)
    if name.endswith("_") and holder is not None and isinstance(func.value, cst.Name):
        env.names[holder] = found
    return found


def _entries(base: Value, name: str, node: cst.Call) -> Object:
    """What a ParameterDict yields: its keys are not known, its entries are its items."""
    entry = ar.item(base, None, node)
    shown: dict[str, Object] = {"keys": unknown(node), "values": entry}
    return Sequence((shown.get(name, Sequence((unknown(node), entry))),), open=True)


def _is_data(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "data"


def _network_method(run: Run, base: Network, name: str, node: cst.Call, env: Env, arguments: Arguments) -> Object:
    if name in ("to", "cuda", "cpu", "train", "eval", "half", "float", "double", "apply", "requires_grad_"):
        return base
    return _unknown_call(run, name, node, env, arguments, origin=Origin.NETWORK)


def _requires_grad(run: Run, base: Value, node: cst.Call, func: cst.Attribute, env: Env, arguments: Arguments) -> Object:
    """A tensor made here becomes a leaf; an argument or an output does not."""
    asked = arguments.nodes[0] if arguments.nodes else arguments.keywords.get("requires_grad")
    if isinstance(asked, cst.Name) and asked.value == "False":
        return ar.constant_tensor() if base.leaves() else base
    if base.factors() or base.leaves():
        return base
    before, run.naming = run.naming, run.naming or dotted(func.value)
    made = learnable(run, node, env, [base])
    run.naming = before
    if isinstance(func.value, cst.Name) and before is None:
        env.names[func.value.value] = made
    return made


def _backward(run: Run, base: Object, node: cst.Call, func: cst.Attribute, env: Env, arguments: Arguments) -> Object:
    """`loss.backward()`, and `accelerator.backward(loss)` of whatever framework."""
    if arguments.values:
        for value, place in zip(arguments.values, arguments.nodes, strict=True):
            run.reach(value, place, "backward", env)
    if isinstance(base, (Value, Sequence)):
        run.reach(base, func.value, "backward", env)
    return number(0)


# --- calling what is known ----------------------------------------------------------------


def invoke(run: Run, target: Object, node: cst.Call, env: Env) -> Object:
    """What calling `target` returns."""
    if isinstance(target, Function):
        owner = target.owner
        if isinstance(target.node, cst.Lambda):
            return _run_lambda(run, target, node, env)
        return run_function(run, target.node, node, env, owner, closure=target)
    if isinstance(target, ClassObject):
        return run.instance(target.facts, run.naming or target.facts.name)
    if isinstance(target, Instance):
        method = run.method(target, "forward") or run.method(target, "__call__")
        if method is not None:
            found = run_function(run, method, node, env, target)
            return _as_loss(found, target, node)
        return _unknown_call(run, target.facts.name, node, env, Arguments(run, node, env))
    arguments = Arguments(run, node, env)
    if isinstance(target, Loss):
        return loss_value(run, target, node, arguments)
    if isinstance(target, Layer) and arguments.values:
        found = tensor_operation(run, target.operation, arguments.values[:1], arguments.nodes[:1], {}, node, env)
        return found if found is not None else unknown(node)
    if isinstance(target, Network):
        name = dotted(node.func) or target.name
        origin = Origin.NETWORK
        return _unknown_call(run, name, node, env, arguments, origin=origin)
    if isinstance(target, External):
        return _external(run, target.name, node, env)
    return _unknown_call(run, spelling(node.func), node, env, arguments)


def _as_loss(found: Object, target: Instance, node: cst.Call) -> Object:
    """What a loss class of this module returns is a loss, if it follows no parameter."""
    if not isinstance(found, Value) or found.leaves() or not is_loss_like(target.facts.name):
        return found
    if all(f.origin is Origin.LOSS for f in found.factors()):
        return found
    return factor_value(Factor(spelling(node), Origin.LOSS, 0.0, True, True))


def _run_lambda(run: Run, target: Function, node: cst.Call, env: Env) -> Object:
    frame = Frame(env.frame.scope, target.owner, env.frame.self_name, target.closure)
    inner = Env(frame)
    arguments = Arguments(run, node, env)
    assert isinstance(target.node, cst.Lambda)
    inner.names.update(zip(parameters(target.node), arguments.values))
    if run.depth >= MAX_CALLS:
        return unknown(node)
    run.depth += 1
    found = run.evaluate(target.node.body, inner)
    run.depth -= 1
    return found


def run_function(run: Run, function: cst.FunctionDef, node: cst.Call, env: Env, owner: Instance | None = None, of_class: str | None = None, closure: Function | None = None) -> Object:
    """What a function of this module returns for these arguments."""
    arguments = Arguments(run, node, env)
    if run.depth >= MAX_CALLS or function in run.running:
        return ar.opaque(arguments.everything(), spelling(node))
    names = parameters(function)
    bound: dict[str, Object] = {}
    values: AbstractSequence[Object] = arguments.values
    static = "staticmethod" in run.decorated(function)
    if owner is not None and not static and names:
        names = names[1:]
    if arguments.starred:
        plain = len(arguments.values) - sum(1 for a in node.args if a.star == "*")
        values = [*arguments.values[:plain], *arguments.starred]
    for name, value in zip(names, values):
        bound[name] = value
    star = function.params.star_arg
    if isinstance(star, cst.Param):
        bound[star.name.value] = Sequence(tuple(values[len(names):]))
    bound.update({k: v for k, v in arguments.keyword_values.items()})
    returned = run.function(function, bound, owner, env.frame, of_class, closure)
    found = returned[0] if returned else number(0)
    for other in returned[1:]:
        found = join(found, other)
    return found


def loss_value(run: Run, loss: Loss, node: cst.Call, arguments: Arguments) -> Object:
    """What a loss function returns: at least its lower bound, and of no known growth."""
    name = f"{spelling(node.func)}@{id(node)}"
    leaves = [v for v in arguments.everything() if v.leaves()]
    return ar.opaque(leaves, name, Origin.LOSS, lower=loss.lower, reduced=loss.reduced)


def _unknown_call(run: Run, name: str, node: cst.Call, env: Env, arguments: Arguments, receiver: Value | None = None, origin: Origin = Origin.UNKNOWN) -> Object:
    """A call of something that this module does not define."""
    if name not in LOGGING:
        for value, place in zip(arguments.values, arguments.nodes, strict=True):
            if has_leaves(value):
                run.reach(value, place, "call", env)
    values = arguments.everything() + ([receiver] if receiver is not None else [])
    last = name.rpartition(".")[2]
    if is_loss_like(last):
        if last[:1].isupper() and not has_leaves(Sequence(tuple(values))):
            return Loss(last, 0.0)
        return ar.opaque(values, f"{name}@{id(node)}", Origin.LOSS, lower=0.0, reduced=True, hint=True)
    if last[:1].isupper() and not any(v.leaves() for v in values):
        return Network(last, built=True)
    if origin is Origin.UNKNOWN and isinstance(node.func, cst.Name):
        target = run.lookup(node.func.value, env)
        if isinstance(target, Value) and any(f.origin is Origin.ARGUMENT for f in target.factors()):
            origin = Origin.NETWORK
        elif run.is_module(node.func.value):
            origin = Origin.NETWORK
    shown = run.naming or f"{name}@{id(node)}"
    return ar.opaque(values, shown, origin, hint=is_loss_like(shown.partition("@")[0]))

