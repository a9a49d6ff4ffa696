"""Binding a target, whatever its shape, to a value."""

from __future__ import annotations

import libcst as cst

from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges.collections import store
from losslint.ranges.creation import Creation, How
from losslint.ranges.indexing import one_of
from losslint.ranges.losses import is_loss_like
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.run import (
    Env,
    Run,
    spelling,
    unknown,
)
from losslint.ranges.value import (
    Factor,
    Kind,
    Leaf,
    Origin,
    Value,
    factor_value,
    leaf_value,
)


def target_name(target: cst.BaseExpression) -> str | None:
    """`self.log_vars`, `weights['depth']`: what a leaf assigned to it is called."""
    name = dotted(target)
    if name is None and isinstance(target, cst.Subscript):
        return dotted(target.value)
    return name


def bind(run: Run, target: cst.BaseExpression, value: Object, env: Env) -> None:
    """Bind a target, whatever its shape, to a value."""
    if isinstance(target, (cst.Tuple, cst.List)):
        _unpack(run, target, value, env)
        return
    if isinstance(target, cst.StarredElement):
        target = target.value
    if isinstance(target, cst.Attribute):
        if target.attr.value == "requires_grad":
            _switch(run, target, value, env)
            return
        owner, dot, _ = (dotted(target) or "").partition(".grad")
        if dot:
            run.manual.add(owner)
            return
        if target.attr.value == "data":
            run.projected(target.value, env)
            return
    store(target, value, env)


def _switch(run: Run, switch: cst.Attribute, value: Object, env: Env) -> None:
    """`x.requires_grad = True` makes a leaf of a tensor that was made here."""
    target = switch.value
    path = dotted(target)
    if path is None:
        return
    now = run.tensor(target, env)
    on = not (isinstance(value, Value) and value.number == 0)
    if on and not now.learned and not now.factors():
        made = Creation(switch, How.SWITCHED)
        store(target, leaf_value(Leaf(path, Kind.PARAMETER, None, now.number, made)), env)
    elif not on and now.learned:
        store(target, ar.constant_tensor(), env)


def _unpack(run: Run, target: cst.Tuple | cst.List, value: Object, env: Env) -> None:
    targets = [e.value for e in target.elements]
    starred = any(isinstance(e, cst.StarredElement) for e in target.elements)
    for place, inner in enumerate(targets):
        bind(run, inner, _part(value, place, len(targets), inner, starred), env)


def _part(
    value: Object, place: int, count: int, target: cst.BaseExpression, starred: bool
) -> Object:
    if isinstance(value, Sequence):
        if len(value.items) == count and not value.open and not starred:
            return value.items[place]
        return one_of(value.items) if value.items else unknown(target)
    if isinstance(value, Value) and not value.learned:
        return _named_part(value, target)
    return value


def _named_part(value: Value, target: cst.BaseExpression) -> Object:
    """One of several things that a call returned: each its own factor, named by its target."""
    name = target_name(target) or spelling(target)
    origins = {f.origin for f in value.factors()} or {Origin.UNKNOWN}
    hint = is_loss_like(name)
    if hint:
        low = 0.0 if Origin.LOSS in origins else None
        return factor_value(Factor(name, Origin.LOSS, low, True, True))
    order = (Origin.NETWORK, Origin.DATA, Origin.ARGUMENT)
    origin = next((o for o in order if o in origins), Origin.UNKNOWN)
    return factor_value(Factor(name, origin, hint=hint))
