"""A callable together with the learned tensors that it reads, wherever they live.

`torch.func.functional_call` swaps the parameters of a module for the length of
a call. `Held` makes a module of anything: of a module with loose leaf tensors
among its attributes, or of a function with leaf tensors among its globals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from inspect import Signature
from typing import Any

from torch import Tensor, nn


class Held(nn.Module):
    """`call`, with `modules` below it and the loose leaves of `namespace` as buffers.

    `namespace` is where `call` looks its loose tensors up: the attributes of a
    module or the globals of a function; `known` are those of it to look at.
    For the length of each call the swapped tensors stand in their place.
    """

    def __init__(
        self,
        call: Callable[..., object],
        signature: Signature,
        namespace: MutableMapping[str, Any],
        modules: Iterable[nn.Module],
        known: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.signature = signature
        self.below = nn.ModuleList(modules)
        # Kept where nn.Module does not look: `call` may be a module itself.
        self.outside = (call, namespace)
        self.loose = {
            name: value for name, value in known.items() if any(True for _ in _leaves(value))
        }
        for name, value in self.loose.items():
            for place, leaf in enumerate(_leaves(value)):
                self.register_buffer(f"{name}_{place}", leaf)

    def learned(self) -> dict[str, Tensor]:
        """What the callable learns, by the name to swap it under."""
        tensors = [*self.named_parameters(), *self.named_buffers()]
        return {name: value for name, value in tensors if value.requires_grad}

    def keys(self) -> list[str]:
        """The names that the parameters are kept under, where a dict keeps them."""
        for module in self.modules():
            if isinstance(module, nn.ParameterDict):
                return list(module.keys())
        for value in self.loose.values():
            if isinstance(value, dict):
                return list(value)
        return []

    def forward(self, *args: object, **kwargs: object) -> object:
        """Call it, on the tensors that stand in the buffers now."""
        call, namespace = self.outside
        for name, value in self.loose.items():
            now = (getattr(self, f"{name}_{place}") for place, _ in enumerate(_leaves(value)))
            namespace[name] = _rebuilt(value, now)
        try:
            return call(*args, **kwargs)
        finally:
            namespace.update(self.loose)


def _leaves(value: object) -> Iterable[Tensor]:
    """The learned leaf tensors in a tensor, or in a list, tuple or dict of them."""
    match value:
        case Tensor():
            if value.requires_grad and value.is_leaf:
                yield value
        case list() | tuple():
            for entry in value:
                yield from _leaves(entry)
        case dict():
            for entry in value.values():
                yield from _leaves(entry)


def _rebuilt(value: object, leaves: Iterable[Tensor]) -> object:
    """`value` with its leaves replaced, in the order of `_leaves`."""
    leaves = iter(leaves)
    match value:
        case Tensor():
            return next(leaves) if value.requires_grad and value.is_leaf else value
        case list() | tuple():
            return type(value)(_rebuilt(entry, leaves) for entry in value)
        case dict():
            return {key: _rebuilt(entry, leaves) for key, entry in value.items()}
    return value
