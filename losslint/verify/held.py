"""A callable together with the learned tensors that it reads, wherever they live.

`torch.func.functional_call` swaps the parameters of a module for the length of
a call. `Held` makes a module of anything: of a module with loose leaf tensors
among its attributes, or of a function with leaf tensors among its globals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from inspect import Signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from losslint.frozen import dataclass
from losslint.verify.weighting import Weighting

Call = Callable[[Callable[..., object], Tensor], object]
Pick = Callable[[object], tuple[Tensor, ...]]


def _nothing(_: object) -> tuple[Tensor, ...]:
    return ()


@dataclass(frozen=True)
class Namespace:
    """Where a callable looks loose tensors up, and the entries of it to look at.

    `where` are the attributes of a module, the globals of a function, or whatever
    maps names to values; `known` is a part of it.
    """

    where: MutableMapping[str, Any]
    known: Mapping[str, Any]


class Held(nn.Module):
    """`call`, with `modules` below it and the loose leaves of `namespaces` as buffers.

    For the length of each call the swapped tensors stand in their place.
    """

    def __init__(
        self,
        call: Callable[..., object],
        signature: Signature,
        modules: Iterable[nn.Module],
        namespaces: Iterable[Namespace],
    ) -> None:
        super().__init__()
        self.signature = signature
        self.below = nn.ModuleList(modules)
        # Kept where nn.Module does not look: `call` may be a module itself.
        self.outside = (call,)
        held = {id(parameter) for parameter in self.below.parameters()}
        self.loose = [
            (space.where, name, value)
            for space in namespaces
            for name, value in space.known.items()
            if any(id(leaf) not in held for leaf in _leaves(value))
        ]
        self.labels: dict[str, str] = {}
        for number, (_, name, value) in enumerate(self.loose):
            for place, leaf in enumerate(_leaves(value)):
                self.register_buffer(f"loose_{number}_{place}", leaf)
                several = isinstance(value, (list, tuple, dict))
                label = f"{name}[{place}]" if several else name
                self.labels[f"loose_{number}_{place}"] = label

    def learned(self) -> dict[str, Tensor]:
        """What the callable learns, by the name to swap it under."""
        tensors = [*self.named_parameters(), *self.named_buffers()]
        return {name: value for name, value in tensors if value.requires_grad}

    def learn_only(self, chosen: Callable[[str], bool]) -> None:
        """Let all stand still but the tensors of the names that are chosen, if there is one."""
        learned = self.learned()
        if any(chosen(self.label(name)) for name in learned):
            for name, value in learned.items():
                if not chosen(self.label(name)):
                    value.requires_grad_(False)

    def label(self, name: str) -> str:
        """What the code calls the tensor that is swapped under this name."""
        return self.labels.get(name, name.removeprefix("below.").partition(".")[2])

    def weighting(
        self, tasks: int, call: Call, total: Callable[[object], Tensor], others: Pick = _nothing
    ) -> Weighting:
        """What it computes of task losses [tasks], as a function of them and of what it learns.

        `call` hands losses over, `total` and `others` take what is asked for from the result.
        Whatever the code makes of its own runs in the floating type of the parameters.
        """
        learned = self.learned()
        sizes = [value.numel() for value in learned.values()]

        def run(parameters: Tensor, losses: Tensor) -> object:
            if not parameters.requires_grad:  # what is learned is known by that
                parameters = parameters.clone().requires_grad_()
            swapped = {
                name: part.view_as(value)
                for (name, value), part in zip(
                    learned.items(), torch.split(parameters, sizes), strict=True
                )
            }

            def called(*args: object, **kwargs: object) -> object:
                return functional_call(self, swapped, args, kwargs)

            with default_type(parameters.dtype), torch.enable_grad():
                return call(called, losses)

        return Weighting(
            total=lambda parameters, losses: total(run(parameters, losses)),
            start=torch.cat([one.detach().reshape(-1) for one in learned.values()]).double(),
            tasks=tasks,
            names=tuple(
                name for key, value in learned.items() for name in _names(self.label(key), value)
            ),
            others=lambda parameters, losses: others(run(parameters, losses)),
        )

    def keys(self) -> list[str]:
        """The names that the parameters are kept under, where a dict keeps them."""
        for module in self.modules():
            if isinstance(module, nn.ParameterDict):
                return list(module.keys())
        for _, _, value in self.loose:
            if isinstance(value, dict):
                return list(value)
        return []

    def forward(self, *args: object, **kwargs: object) -> object:
        """Call it, on the tensors that stand in the buffers now."""
        for number, (where, name, value) in enumerate(self.loose):
            now = (
                getattr(self, f"loose_{number}_{place}") for place, _ in enumerate(_leaves(value))
            )
            where[name] = _rebuilt(value, now)
        try:
            return self.outside[0](*args, **kwargs)
        finally:
            for where, name, value in self.loose:
                where[name] = value


@contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    """While it is entered, tensors are made in this floating type."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def _names(label: str, value: Tensor) -> Iterator[str]:
    """What each element of a learned tensor is called."""
    if value.numel() == 1:
        yield label
        return
    yield from (f"{label}[{place}]" for place in range(value.numel()))


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
