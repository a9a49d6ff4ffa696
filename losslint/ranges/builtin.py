"""The built-in functions of Python that a loss goes through."""

from __future__ import annotations

import libcst as cst

from losslint.ranges import arithmetic as ar
from losslint.ranges.arguments import Arguments
from losslint.ranges.collections import set_attribute
from losslint.ranges.indexing import attribute_name, turns_of, zipped
from losslint.ranges.keeping import register
from losslint.ranges.objects import (
    Dictionary,
    External,
    Instance,
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
from losslint.ranges.tensors import tensor_operation
from losslint.ranges.value import Value, number, positive

COUNTS = frozenset(("len", "size", "numel", "dim", "nelement", "int", "item_count"))


def builtin_call(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    """What a call of a name that nothing in sight binds stands for."""
    arguments = Arguments(run, node, env)
    first = arguments.values[0] if arguments.values else None
    if name == "super":
        return External("super")
    if name == "sum" and first is not None:
        items = as_value(first, arguments.nodes[0])
        start = (
            as_value(arguments.values[1], arguments.nodes[1])
            if len(arguments.values) > 1
            else number(0)
        )
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
        found = tensor_operation(
            run, name, arguments.values, arguments.nodes, arguments.keywords, node, env
        )
        if found is not None:
            return found
    if name in ("getattr", "setattr") and isinstance(first, Instance) and len(node.args) > 1:
        return _by_name(run, name, first, node, env)
    return unknown_call(run, name, node, env, arguments)


def _new_dictionary(arguments: Arguments, first: Object | None) -> Object:
    if isinstance(first, Dictionary):
        return first
    if isinstance(first, Sequence) and first.items:
        pairs = [i for i in first.items if isinstance(i, Sequence) and len(i.items) == 2]
        if pairs:
            return Dictionary({}, pairs[0].items[1])
    return Dictionary(dict(arguments.keyword_values))


def _by_name(run: Run, name: str, instance: Instance, node: cst.Call, env: Env) -> Object:
    """`getattr` and `setattr` by a constant name, or by one that an f-string makes."""
    attribute = attribute_name(node.args[1].value)
    if attribute is None:
        if name == "setattr" and len(node.args) > 2:
            register(run, run.evaluate(node.args[2].value, env))
        return unknown(node)
    if name == "getattr":
        found = instance.attributes.get(attribute, unknown(node))
        return ar.read(found, node) if isinstance(found, Value) else found
    if len(node.args) > 2:
        before, run.naming = run.naming, f"{env.frame.self_name}.{attribute}"
        value = run.evaluate(node.args[2].value, env)
        run.naming = before
        set_attribute(instance, attribute, value)
    return unknown(node)
