"""A loss that learns its weights, as a function that torch can be asked about.

Which code the function stands for does not matter here: the weights that it
gives to its tasks are its derivatives by the task losses, so nothing of the
code has to be understood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from losslint.frozen import dataclass

Total = Callable[[Tensor, Tensor], Tensor]
Others = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Reading:
    """What a weighting says at one point.

    `weights` [tasks] is the derivative of the total by each task loss, which is
    what the network's gradient is scaled with; `pulls` [parameters] the
    derivative by each learned parameter, which is what moves the weights.
    """

    total: float
    weights: Tensor
    pulls: Tensor

    def __str__(self) -> str:
        return f"weights {spelled(self.weights)}, gradients {spelled(self.pulls)}"

    @property
    def is_finite(self) -> bool:
        """Whether the value and both gradients are numbers, none inf or NaN."""
        values = torch.cat([self.weights, self.pulls, torch.tensor([self.total])])
        return bool(torch.isfinite(values).all())


@dataclass(frozen=True)
class Weighting:
    """The total of `tasks` losses under learned parameters.

    `total` maps parameters [P] and task losses [tasks], floating tensors of one
    dtype, to a scalar tensor that is differentiable by both. `start` [P] holds
    the parameters as the code initialises them, `names` what the code calls each.
    `others` are the tensors that come out beside the total, at the same point.
    Units are those of the losses.
    """

    total: Total
    start: Tensor
    tasks: int = 2
    names: tuple[str, ...] = ()
    others: Others = lambda parameters, losses: ()

    def at(self, parameters: Tensor, losses: Tensor) -> Reading:
        """Value and gradients at parameters [P] and losses [tasks].

        Raises what the code itself raises. A total that depends on neither (a
        cut graph) has gradients of 0.
        """
        parameters = parameters.detach().clone().requires_grad_()
        losses = losses.detach().clone().requires_grad_()
        total = self.total(parameters, losses)
        if not total.requires_grad:
            nothing = torch.zeros_like
            return Reading(total.item(), nothing(losses), nothing(parameters))
        pulls, weights = torch.autograd.grad(
            total, [parameters, losses], allow_unused=True, materialize_grads=True
        )
        return Reading(total.item(), weights, pulls)

    def name(self, index: int) -> str:
        """What a parameter is called."""
        return self.names[index] if self.names else f"parameter {index}"

    def as_type(self, dtype: torch.dtype) -> Weighting:
        """The same weighting, started in another floating type."""
        return replace(self, start=self.start.to(dtype))


def point(weighting: Weighting, values: Sequence[float]) -> Tensor:
    """A tensor [len(values)] of the floating type that `weighting` runs in."""
    return torch.tensor(values, dtype=weighting.start.dtype)


def spelled(values: Tensor) -> str:
    """Numbers as a reader wants them: `[-40, 0.05]`."""
    return "[" + ", ".join(f"{value:.4g}" for value in values.tolist()) + "]"
