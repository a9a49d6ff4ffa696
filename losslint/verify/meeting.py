"""What torch's functions make of stand-ins: task losses, tensors, or stand-ins again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from losslint.verify.stand_ins import StandIn, refuse_learned, tensors_in
from losslint.verify.world import Unknown, World

# Functions that make tensors of sizes and numbers.
CREATION = frozenset(
    "zeros ones full empty rand randn randint tensor as_tensor eye arange linspace zeros_like"
    " ones_like full_like empty_like rand_like randn_like scalar_tensor new_zeros new_ones"
    " new_tensor new_full".split()
)
# Those that are given the values themselves.
OF_VALUES = frozenset("tensor as_tensor scalar_tensor new_tensor full_like".split())
# Functions whose value is known once a task loss is given to them as a number.
NUMERIC = frozenset(
    "add radd iadd sub rsub isub subtract mul rmul imul multiply div rdiv idiv truediv rtruediv"
    " itruediv true_divide divide pow rpow stack cat concat concatenate hstack dot inner sum mean"
    " where maximum minimum addcmul addcdiv lerp mv vdot matmul rmatmul square".split()
)
JOINS = frozenset("stack cat concat concatenate hstack".split())
# What leaves a loss the loss that it is.
SAME = frozenset("mean sum squeeze unsqueeze reshape flatten clone nanmean nan_to_num".split())


class Meeting(TorchFunctionMode):
    """While it is entered, torch's functions take stand-ins."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        first = _first((args, kwargs))
        if first is None:
            return func(*args, **kwargs)
        return _met(func, args, kwargs, first)


def _met(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], first: StandIn
) -> Any:
    name = func.__name__.strip("_")
    world = first._world
    if name in CREATION:
        return func(*_made_up(args, name), **_made_up(kwargs, name))
    if name in ("getitem", "setitem"):
        return _indexed(func, args, world)
    real = list(tensors_in((args, kwargs)))
    learned = [one for one in real if one.requires_grad]
    if name in SAME and isinstance(args[0], StandIn):
        return args[0]
    known = bool(real) and first.is_loss
    if not learned and not known and (first.computed or not real) and name not in JOINS:
        return first.given_to(name, [*args, *kwargs.values()])
    if name in JOINS:
        return _joined(func, args, kwargs, world)
    if name not in NUMERIC:
        refuse_learned(f"torch's `{name}` of `{first!r}`", real)
        return first.given_to(name, [*args, *kwargs.values()])
    beside = max(real, key=Tensor.dim)
    values = _valued((args, kwargs), beside)
    return func(*values[0], **values[1])


def _joined(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], world: World
) -> Any:
    """A stack of task losses, or of what was computed from them."""
    items = list(args[0] if args else kwargs.pop("tensors"))
    shapes = [one.shape for one in items if isinstance(one, Tensor)]
    shape = shapes[0] if shapes else ()
    flat = func.__name__ != "stack"
    values = [one.value() if isinstance(one, StandIn) else torch.as_tensor(one) for one in items]
    values = [one.expand(shape) if one.dim() == 0 and shape else one for one in values]
    if flat:
        values = [one.reshape(-1) for one in values]
    return func(values, *args[1:], **kwargs)


def _indexed(func: Callable[..., Any], args: tuple[Any, ...], world: World) -> Any:
    """A real tensor indexed by something unknown: its first element."""
    tensor, index, *value = args
    if not isinstance(tensor, Tensor):
        raise Unknown("a stand-in is indexed as a tensor is")
    world.assume("an unknown index is 0")
    chosen = tuple(
        0 if isinstance(one, StandIn) else one
        for one in (index if isinstance(index, tuple) else (index,))
    )
    values = [one.value(tensor) if isinstance(one, StandIn) else one for one in value]
    return func(tensor, chosen if len(chosen) > 1 else chosen[0], *values)


def _first(value: Any) -> StandIn | None:
    if isinstance(value, StandIn):
        return value
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return None
    for entry in value:
        found = _first(entry)
        if found is not None:
            return found
    return None


def _valued(value: Any, beside: Tensor) -> Any:
    """The same arguments, with a number for each stand-in."""
    if isinstance(value, StandIn):
        return value.value(beside)
    if isinstance(value, dict):
        return {key: _valued(entry, beside) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_valued(entry, beside) for entry in value)
    return value


def _made_up(value: Any, name: str, depth: int = 0) -> Any:
    """The same arguments, with a size or a number for each stand-in."""
    if isinstance(value, StandIn):
        return 1.0 if name in OF_VALUES else len(value)
    if isinstance(value, dict):
        given = {k: v for k, v in value.items() if not (k in ("device", "dtype") and _first(v))}
        return {key: _made_up(entry, name, 1) for key, entry in given.items()}
    if isinstance(value, (list, tuple)):
        made = [_made_up(entry, name, depth + 1) for entry in value]
        if name == "full" and depth == 0 and len(made) > 1 and isinstance(value[1], StandIn):
            made[1] = 1.0
        return type(value)(made)
    return value
