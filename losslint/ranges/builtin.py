"""The built-in functions of Python that a loss goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import libcst as cst

from losslint.frozen import dataclass
from losslint.ranges import arithmetic as ar
from losslint.ranges import reductions
from losslint.ranges.arguments import Arguments
from losslint.ranges.collections import set_attribute
from losslint.ranges.functions import tensor_operation
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
from losslint.ranges.value import Value, count, number, positive


def builtin_call(run: Run, name: str, node: cst.Call, env: Env) -> Object:
    """What a call of a name that nothing in sight binds stands for."""
    arguments = Arguments(run, node, env)
    known = BUILTINS.get(name)
    found = known(Called(run, name, node, env, arguments)) if known else None
    return unknown_call(run, name, node, env, arguments) if found is None else found


@dataclass(frozen=True, eq=False)
class Called:
    """One call of a built-in function."""

    run: Run
    name: str
    node: cst.Call
    env: Env
    arguments: Arguments

    @property
    def first(self) -> Object | None:
        """The first argument that has no name."""
        return self.arguments.values[0] if self.arguments.values else None

    @property
    def value(self) -> Value | None:
        """The first argument as a tensor or a number."""
        first = self.first
        return None if first is None else as_value(first, self.arguments.nodes[0])


def _sum(call: Called) -> Object | None:
    items, first, given = call.value, call.first, call.arguments
    if items is None:
        return None
    if not isinstance(first, Sequence) or first.open:
        items = reductions.added_up(items)
    start: Value = number(0)
    if len(given.values) > 1:
        start = as_value(given.values[1], given.nodes[1])
    elif "start" in given.keywords:
        start = as_value(given.keyword_values["start"], given.keywords["start"])
    return ar.within(ar.add(start, items), call.node)


def _same_items(call: Called) -> Object:
    first = call.first
    if not isinstance(first, Sequence):
        return Sequence(()) if first is None else first
    if call.name == "reversed":
        return Sequence(first.items[::-1], first.open)
    return Sequence(first.items, first.open or call.name in ("sorted", "set"))


def _zip(call: Called) -> Object:
    return zipped(call.arguments.values, call.arguments.nodes)


def _enumerate(call: Called) -> Object | None:
    if call.first is None:
        return None
    turns = turns_of(call.first, call.arguments.nodes[0])
    return Sequence(tuple(Sequence((count(), item)) for item in turns), open=True)


def _size(call: Called) -> Object:
    return positive()


def _count(call: Called) -> Object:
    return count()


def _float(call: Called) -> Object:
    return positive() if call.value is None else ar.detach(call.value)


def _whole(call: Called) -> Object:
    return positive() if call.value is None else reductions.rounded(ar.detach(call.value))


def _of_tensors(call: Called) -> Object | None:
    """abs, pow, max and min, of numbers as of tensors."""
    given = call.arguments
    if not given.values:
        return None
    of_two = {"max": "maximum", "min": "minimum"} if len(given.values) > 1 else {}
    name = of_two.get(call.name, call.name)
    return tensor_operation(
        call.run, name, given.values, given.nodes, given.keywords, call.node, call.env
    )


def _dictionary(call: Called) -> Object:
    arguments, first = call.arguments, call.first
    if isinstance(first, Dictionary):
        return first
    if isinstance(first, Sequence) and first.items:
        pairs = [i for i in first.items if isinstance(i, Sequence) and len(i.items) == 2]
        if pairs:
            return Dictionary({}, pairs[0].items[1])
    return Dictionary(dict(arguments.keyword_values))


def _attribute(call: Called) -> Object | None:
    if isinstance(call.first, Instance) and len(call.node.args) > 1:
        return _by_name(call.run, call.name, call.first, call.node, call.env)
    return None


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


BUILTINS: Mapping[str, Callable[[Called], Object | None]] = {
    "super": lambda call: External("super"),
    "sum": _sum,
    **dict.fromkeys(("list", "tuple", "sorted", "reversed", "iter", "set"), _same_items),
    **dict.fromkeys(("dict", "OrderedDict", "defaultdict"), _dictionary),
    "zip": _zip,
    "enumerate": _enumerate,
    "len": _size,
    **dict.fromkeys(("range", "bool"), _count),
    "float": _float,
    **dict.fromkeys(("int", "round"), _whole),
    **dict.fromkeys(("abs", "pow", "max", "min"), _of_tensors),
    **dict.fromkeys(("getattr", "setattr"), _attribute),
}
