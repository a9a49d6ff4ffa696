"""What each kind of expression stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping

import libcst as cst

from losslint.model.names import dotted, number_value
from losslint.ranges import arithmetic as ar
from losslint.ranges.calls import call
from losslint.ranges.indexing import element, key_of, one_of
from losslint.ranges.losses import is_loss_like
from losslint.ranges.objects import (
    Dictionary,
    External,
    Function,
    Instance,
    Network,
    Object,
    Sequence,
)
from losslint.ranges.operators import binary
from losslint.ranges.run import Env, Handler, Run, as_value, join, spelling, unknown
from losslint.ranges.value import (
    Factor,
    Origin,
    Value,
    factor_value,
    number,
    positive,
)

CONFIGURATION = frozenset(
    "opt opts args arg cfg config conf hparams hp hyp params options flags FLAGS settings".split()
)
SAME_TENSOR = frozenset(("T", "mT", "H", "real"))
SIZES = frozenset(("shape", "ndim", "device", "dtype", "itemsize", "requires_grad", "is_cuda"))


def _number(run: Run, node: cst.Integer | cst.Float, env: Env) -> Object:
    value = number_value(node)
    try:
        return number(float(value))
    except OverflowError:
        return positive()


def _name(run: Run, node: cst.Name, env: Env) -> Object:
    if node.value in ("True", "False"):
        return number(float(node.value == "True"))
    if node.value == "None":
        return External("None")
    found = run.lookup(node.value, env)
    if found is None:
        origin = run.names.qualified(node)
        return External(origin) if origin else unknown(node)
    return ar.read(found, node) if isinstance(found, Value) else found


def _attribute(run: Run, node: cst.Attribute, env: Env) -> Object:
    path = dotted(node)
    if path is not None:
        stored = env.names.get(path) or env.frame.closure.get(path) or run.globals.get(path)
        if stored is not None:
            return ar.read(stored, node) if isinstance(stored, Value) else stored
        frame = env.frame
        if frame.instance is not None and path.startswith(f"{frame.self_name}."):
            stored = frame.instance.attributes.get(path.partition(".")[2])
            if stored is not None:
                return ar.read(stored, node) if isinstance(stored, Value) else stored
        origin = run.external(node, env)
        if origin is not None:
            return _external_constant(origin)
    return attribute_of(run, run.evaluate(node.value, env), node, path)


def _external_constant(origin: str) -> Object:
    last = origin.rpartition(".")[2]
    if origin.startswith(("math.", "numpy.", "torch.")) and last in ("pi", "e", "inf", "nan"):
        return number(getattr(math, last))
    return External(origin)


def attribute_of(run: Run, base: Object, node: cst.Attribute, path: str | None) -> Object:
    """An attribute that nothing in sight has set."""
    name = node.attr.value
    if isinstance(base, Instance):
        return _attribute_of_instance(run, base, node)
    if isinstance(base, External):
        return External(f"{base.name}.{name}")
    if name in SIZES:
        return positive()
    if path is not None and _is_configuration(path):
        return positive()
    if isinstance(base, Network):
        if name == "module":
            return base
        return _tensor_of_module(run, node, path)
    if isinstance(base, Value):
        if name == "data":
            return ar.detach(base)
        if name in SAME_TENSOR:
            return base
        if base.learned:
            return unknown(node)
        holder = dotted(node.value)
        if holder is not None and run.is_module(holder):
            return Network(path or name) if name == "module" else _tensor_of_module(run, node, path)
        origins = {f.origin for f in base.factors()}
        if Origin.NETWORK in origins:
            return factor_value(Factor(spelling(node), Origin.NETWORK, hint=is_loss_like(name)))
    return unknown(node)


def _is_configuration(path: str) -> bool:
    """`args.weight`, `self.cfg.LOSS.WEIGHT`: hyper-parameters, taken to be positive."""
    return any(part in CONFIGURATION for part in path.split(".")[:-1])


def _tensor_of_module(run: Run, node: cst.Attribute, path: str | None) -> Object:
    """A tensor that another module holds, for all that can be seen a parameter of it."""
    if path is None:
        return unknown(node)
    if is_loss_like(node.attr.value):
        return unknown(node)
    return ar.read(factor_value(Factor(path, Origin.MODULE)), node)


def _attribute_of_instance(run: Run, base: Instance, node: cst.Attribute) -> Object:
    name = node.attr.value
    stored = base.attributes.get(name)
    if stored is not None:
        return ar.read(stored, node) if isinstance(stored, Value) else stored
    method = run.method(base, name)
    if method is not None:
        return Function(method, owner=base)
    path = dotted(node)
    known = {"torch.nn.Module", "object", "torch.nn.modules.Module"}
    inherits = any(b not in known and b not in run.classes for b in base.facts.bases)
    if inherits and path is not None and not is_loss_like(name):
        return ar.read(factor_value(Factor(path, Origin.MODULE)), node)
    return factor_value(Factor(spelling(node), Origin.UNKNOWN, None, True, is_loss_like(name)))


def _subscript(run: Run, node: cst.Subscript, env: Env) -> Object:
    base = run.evaluate(node.value, env)
    key = None
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        key = key_of(node.slice[0].slice.value)
    return element(base, key, node)


def _unary(run: Run, node: cst.UnaryOperation, env: Env) -> Object:
    if isinstance(node.operator, cst.Minus):
        value = as_value(_unnamed(run, node.expression, env), node.expression)
        return ar.scale(value, -1.0, node)
    value = run.tensor(node.expression, env)
    return value if isinstance(node.operator, cst.Plus) else unknown(node)


def _unnamed(run: Run, node: cst.BaseExpression, env: Env) -> Object:
    """What is evaluated here; in `loss = -f(x)` the name is of the whole, and not of f(x)."""
    before, run.naming = run.naming, None
    value = run.evaluate(node, env)
    run.naming = before
    return value


def _binary(run: Run, node: cst.BinaryOperation, env: Env) -> Object:
    left = run.evaluate(node.left, env)
    taken_off = isinstance(node.operator, cst.Subtract)
    right = _unnamed(run, node.right, env) if taken_off else run.evaluate(node.right, env)
    repeated = isinstance(node.operator, cst.Multiply) and isinstance(node.left, cst.List)
    if repeated and isinstance(left, Sequence) and isinstance(right, Value):
        return Sequence(left.items, open=True)  # `[x] * n`
    return binary(node.operator, left, right, node, node.left, node.right)


def _sequence(run: Run, node: cst.Tuple | cst.List | cst.Set, env: Env) -> Object:
    items: list[Object] = []
    open_ = False
    name = run.naming
    for place, element_ in enumerate(node.elements):
        run.naming = None if name is None else f"{name}[{place}]"
        found = run.evaluate(element_.value, env)
        if isinstance(element_, cst.StarredElement):
            open_ = True
            items += found.items if isinstance(found, Sequence) else [found]
        else:
            items.append(found)
    run.naming = name
    return Sequence(tuple(items), open_)


def _dictionary(run: Run, node: cst.Dict, env: Env) -> Object:
    entries: dict[str, Object] = {}
    other: Object | None = None
    name = run.naming
    for element_ in node.elements:
        if isinstance(element_, cst.DictElement):
            key = key_of(element_.key)
            run.naming = None if name is None else f"{name}[{key!r}]"
            value = run.evaluate(element_.value, env)
            if key is None:
                other = value if other is None else join(other, value)
            else:
                entries[key] = value
        else:
            inner = run.evaluate(element_.value, env)
            if isinstance(inner, Dictionary):
                entries.update(inner.entries)
                other = other or inner.other
    run.naming = name
    return Dictionary(entries, other)


def _comprehension(
    run: Run, node: cst.ListComp | cst.GeneratorExp | cst.SetComp | cst.DictComp, env: Env
) -> Object:
    inner = env.copy()
    results: list[Object] = []
    for turn in run.turns(node.for_in, inner):
        value = node.value if isinstance(node, cst.DictComp) else node.elt
        results.append(run.evaluate(value, turn))
    if isinstance(node, cst.DictComp):
        return Dictionary({}, one_of(tuple(results)) if results else unknown(node))
    return Sequence(tuple(results), open=True)


def _either(run: Run, node: cst.IfExp, env: Env) -> Object:
    return join(run.evaluate(node.body, env), run.evaluate(node.orelse, env))


def _boolean(run: Run, node: cst.BooleanOperation, env: Env) -> Object:
    return join(run.evaluate(node.left, env), run.evaluate(node.right, env))


def _lambda(run: Run, node: cst.Lambda, env: Env) -> Object:
    return Function(node, {**env.frame.closure, **env.names}, env.frame.instance)


def _comparison(run: Run, node: cst.Comparison, env: Env) -> Object:
    """A mask or a truth value: 0 or 1."""
    for part in (node.left, *(c.comparator for c in node.comparisons)):
        run.evaluate(part, env)
    return factor_value(Factor(spelling(node), Origin.SETTING, 0.0))


def _walrus(run: Run, node: cst.NamedExpr, env: Env) -> Object:
    value = run.evaluate(node.value, env)
    if isinstance(node.target, cst.Name):
        env.names[node.target.value] = value
    return value


def _inner(run: Run, node: cst.Await | cst.Yield, env: Env) -> Object:
    if isinstance(node, cst.Await):
        return run.evaluate(node.expression, env)
    if isinstance(node.value, cst.BaseExpression):
        run.evaluate(node.value, env)
    return unknown(node)  # whatever is sent


EXPRESSIONS: Mapping[type[cst.CSTNode], Handler] = {
    cst.Integer: _number,
    cst.Float: _number,
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Subscript: _subscript,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.Call: call,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.Set: _sequence,
    cst.Dict: _dictionary,
    cst.ListComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.SetComp: _comprehension,
    cst.DictComp: _comprehension,
    cst.IfExp: _either,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.Lambda: _lambda,
    cst.NamedExpr: _walrus,
    cst.Await: _inner,
    cst.Yield: _inner,
}
