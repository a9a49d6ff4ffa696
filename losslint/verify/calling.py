"""How code that combines task losses is called: a class or a function made a weighting.

For code of our own, in fixtures: it is imported and run as it stands. What it
learns is found by asking for leaf tensors that require a gradient; how it takes
its losses is found by its signature and, where that leaves a choice, by trying.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType

import torch
from torch import Tensor, nn

from losslint.frozen import dataclass
from losslint.verify.held import Call, Held, Namespace
from losslint.verify.weighting import Weighting

# How many losses are tried where neither parameters nor signature tell.
TASKS = (2, 3, 1, 4)


class CannotCallError(Exception):
    """No way was found to call this code with task losses, and why not."""


@dataclass(frozen=True)
class Convention:
    """One way to hand over task losses: its name, for how many, and how."""

    name: str
    tasks: int
    call: Call


def weighting_of(item: type[nn.Module] | FunctionType) -> Weighting:
    """The weighting that a module class or a function computes.

    A class is built without arguments. Losses are taken as `*losses`, as a
    tensor, a list or a dict, or as one scalar for each required argument; the
    total is the result or the first element of it. Parameters and losses run in
    whatever floating type they are given. Raises `CannotCallError`.
    """
    torch.manual_seed(0)
    held = _held_class(item) if isinstance(item, type) else _held_function(item)
    learned = held.learned()
    if not learned:
        raise CannotCallError(f"{item.__name__} reads no tensor that requires a gradient")
    reasons = []
    for convention in _conventions(held, sum(one.numel() for one in learned.values())):
        weighting = held.weighting(convention.tasks, convention.call, _total)
        try:
            _expect_dependence(weighting)
        except Exception as problem:  # whatever code raises when called wrongly
            reasons.append(f"{convention.name}: {type(problem).__name__}: {problem}")
            continue
        return weighting
    raise CannotCallError(f"{item.__name__} takes losses in no known way: {reasons}")


def _held_class(item: type[nn.Module]) -> Held:
    try:
        module = item()
    except TypeError as problem:
        raise CannotCallError(f"{item.__name__} takes arguments: {problem}") from None
    # What nn.Module keeps of its own it swaps by itself.
    loose = {k: v for k, v in vars(module).items() if k not in vars(nn.Module())}
    return Held(
        module, inspect.signature(module.forward), [module], [Namespace(vars(module), loose)]
    )


def _held_function(item: FunctionType) -> Held:
    """A function with the globals that it, and what it calls, reads."""
    known: dict[str, object] = {}
    waiting = [item]
    while waiting:
        for name in _names(waiting.pop().__code__):
            if name in known or name not in item.__globals__:
                continue
            known[name] = value = item.__globals__[name]
            if isinstance(value, FunctionType):
                waiting.append(value)
    modules = [value for value in known.values() if isinstance(value, nn.Module)]
    return Held(item, inspect.signature(item), modules, [Namespace(item.__globals__, known)])


def _names(code: CodeType) -> Iterator[str]:
    """The global names in a code object, in their order, inner functions last."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _total(result: object) -> Tensor:
    if isinstance(result, tuple):
        return _total(result[0])
    if not isinstance(result, Tensor) or result.numel() != 1:
        shape = getattr(result, "shape", "no tensor")
        raise TypeError(f"the total is a {type(result).__name__}, {shape}")
    return result.reshape(())


def _expect_dependence(weighting: Weighting) -> None:
    """Raise unless every loss and some parameter has a gradient near the start."""
    losses = torch.linspace(0.5, 1.5, weighting.tasks, dtype=torch.float64)
    near = [weighting.at(weighting.start + off, losses) for off in (0.0, 0.25)]
    if not bool(torch.stack([one.weights for one in near]).any(dim=0).all()):
        raise ValueError("the total does not depend on every loss")
    if not bool(torch.stack([one.pulls for one in near]).any()):
        raise ValueError("the total depends on no parameter")


def _conventions(held: Held, parameters: int) -> Iterator[Convention]:
    """Ways to call that fit the signature, the likeliest first."""
    kinds = inspect.Parameter
    arguments = held.signature.parameters.values()
    counts = list(dict.fromkeys((parameters, *TASKS)))
    if any(argument.kind is kinds.VAR_POSITIONAL for argument in arguments):
        yield from (Convention("*losses", count, _spread) for count in counts)
        return
    required = [one for one in arguments if one.default is kinds.empty]
    if len(required) > 1:
        yield Convention("scalars", len(required), _spread)
        return
    for count in counts:
        yield Convention("a tensor", count, lambda run, losses: run(losses))
        yield Convention("a list", count, lambda run, losses: run(list(losses)))
    for keys in (held.keys(), _keys_asked_for(held)):
        if keys:
            yield Convention("a dict", len(keys), _keyed(keys))
    yield Convention("one scalar", 1, _spread)


def _spread(run: Callable[..., object], losses: Tensor) -> object:
    return run(*losses)


def _keyed(keys: Sequence[str]) -> Callable[[Callable[..., object], Tensor], object]:
    return lambda run, losses: run(dict(zip(keys, losses, strict=True)))


def _keys_asked_for(held: Held) -> list[str]:
    """The keys that the code looks up, found by handing it a dict that lacks them."""
    keys: list[str] = []
    while len(keys) < 8 and (key := _missing_key(held, keys)) is not None:
        keys.append(key)
    return keys


def _missing_key(held: Held, keys: Sequence[str]) -> str | None:
    try:
        held(dict.fromkeys(keys, torch.ones(())))
    except KeyError as missing:
        return str(missing.args[0])
    except Exception:  # it takes no dict of losses: another convention's turn
        return None
    return None
