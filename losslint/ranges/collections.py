"""What the methods of lists and dictionaries return, and what they change."""

from __future__ import annotations

import libcst as cst

from losslint.model.names import dotted
from losslint.ranges.indexing import element, key_of, one_of
from losslint.ranges.objects import Dictionary, Instance, Object, Sequence
from losslint.ranges.run import Env, Run, has_leaves, join, unknown
from losslint.ranges.value import Value, number

Collection = Sequence | Dictionary


def collection_method(
    run: Run,
    base: Collection,
    name: str,
    node: cst.Call,
    receiver: cst.BaseExpression,
    env: Env,
) -> Object | None:
    """What a method of a list or dict returns; None if it is none that is known."""
    values = [run.evaluate(a.value, env) for a in node.args if a.keyword is None]
    if isinstance(base, Dictionary):
        return _of_dictionary(run, base, name, node, receiver, env, values)
    if name in ("append", "add", "appendleft") and values:
        store(receiver, Sequence((*base.items, values[0]), base.open), env)
        return number(0)
    if name == "insert" and len(values) > 1:
        store(receiver, _inserted(base, key_of(node.args[0].value), values[1]), env)
        return number(0)
    if name == "extend" and values:
        more = values[0]
        items = more.items if isinstance(more, Sequence) else (more,)
        store(receiver, Sequence((*base.items, *items), True), env)
        return number(0)
    if name in ("copy",):
        return base
    if name == "pop" and base.items:
        return one_of(base.items)
    return None


def _of_dictionary(
    run: Run,
    base: Dictionary,
    name: str,
    node: cst.Call,
    receiver: cst.BaseExpression,
    env: Env,
    values: list[Object],
) -> Object | None:
    if name == "values":
        inside = [*base.entries.values(), *([base.other] if base.other else [])]
        return Sequence(tuple(inside), base.other is not None)
    if name == "items":
        pairs = [Sequence((unknown(node), value)) for value in base.entries.values()]
        if base.other is not None:
            pairs.append(Sequence((unknown(node), base.other)))
        return Sequence(tuple(pairs), base.other is not None)
    if name == "keys":
        return Sequence((unknown(node),), True)
    if name == "copy":
        return base
    if name in ("get", "pop", "setdefault") and node.args:
        return element(base, key_of(node.args[0].value), node)
    if name == "update":
        store(receiver, updated(base, node, values, run, env), env)
        return number(0)
    return None


def updated(
    base: Dictionary, node: cst.Call, values: list[Object], run: Run, env: Env
) -> Dictionary:
    """The dict after `update(...)`."""
    entries, other = dict(base.entries), base.other
    for value in values:
        if isinstance(value, Dictionary):
            entries.update(value.entries)
            other = value.other or other
        elif isinstance(value, Sequence):  # update(zip(keys, values))
            pairs = [i for i in value.items if isinstance(i, Sequence)]
            found = [p.items[1] for p in pairs if len(p.items) == 2]
            other = found[0] if found else other
    for argument in node.args:
        if argument.keyword is not None:
            entries[argument.keyword.value] = run.evaluate(argument.value, env)
    return Dictionary(entries, other)


def store(target: cst.BaseExpression, value: Object, env: Env) -> None:
    """Bind a name, an attribute or an entry of a collection to a value."""
    if isinstance(target, cst.Name):
        env.names[target.value] = value
    elif isinstance(target, cst.Attribute):
        _store_attribute(target, value, env)
    elif isinstance(target, cst.Subscript):
        _store_entry(target, value, env)


def _store_attribute(target: cst.Attribute, value: Object, env: Env) -> None:
    path = dotted(target)
    if path is None:
        return
    instance, self_name = env.frame.instance, env.frame.self_name
    if instance is not None and path.startswith(f"{self_name}."):
        set_attribute(instance, path.partition(".")[2], value)
    else:
        env.names[path] = value


def set_attribute(instance: Instance, name: str, value: Object) -> None:
    """Set an attribute; what is a parameter on one path stays one for all."""
    known = instance.attributes.get(name)
    if known is None or has_leaves(value) or not _is_leaf(known):
        instance.attributes[name] = value


def _is_leaf(thing: Object) -> bool:
    return isinstance(thing, Value) and has_leaves(thing) and len(thing.terms) == 1


def held(node: cst.BaseExpression, env: Env) -> Object | None:
    """What a name or attribute holds now, without reading it."""
    path = dotted(node)
    if path is None:
        return None
    instance, self_name = env.frame.instance, env.frame.self_name
    if instance is not None and path.startswith(f"{self_name}."):
        return instance.attributes.get(path.partition(".")[2])
    return env.names.get(path) or env.frame.closure.get(path)


def _store_entry(target: cst.Subscript, value: Object, env: Env) -> None:
    base = held(target.value, env)
    key = None
    if len(target.slice) == 1 and isinstance(target.slice[0].slice, cst.Index):
        key = key_of(target.slice[0].slice.value)
    if isinstance(base, Dictionary):
        if key is not None:
            store(target.value, Dictionary({**base.entries, key: value}, base.other), env)
        else:
            store(target.value, Dictionary(_entries_for(base, value), value), env)
    elif isinstance(base, Sequence):
        store(target.value, _with_item(base, key, value), env)
    elif isinstance(base, Value) and key is not None and not key.isdigit():
        store(target.value, Dictionary({key: value}, base), env)  # a dict that a call returned


def _entries_for(base: Dictionary, value: Object) -> dict[str, Object]:
    """The known entries, once any of them may have been set to `value`."""
    return {k: join(v, value) if v is not value else v for k, v in base.entries.items()}


def _inserted(base: Sequence, key: str | None, value: Object) -> Sequence:
    items = list(base.items)
    known = key is not None and key.lstrip("-").isdigit() and not base.open
    items.insert(int(key) if known and key is not None else len(items), value)
    return Sequence(tuple(items), not known)


def _with_item(base: Sequence, key: str | None, value: Object) -> Sequence:
    if key is not None and key.isdigit() and int(key) < len(base.items) and not base.open:
        items = list(base.items)
        items[int(key)] = value
        return Sequence(tuple(items))
    return Sequence((value,), open=True)
