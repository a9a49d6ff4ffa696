"""Where the learned parameters settle when the task losses stand still."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from losslint.verify.weighting import Reading, Weighting, point, spelled

# The loss of the first task, that of the others being 1: two decades to either
# side of where a cross-entropy usually stands.
FIRST_LOSSES = (0.02, 0.2, 2.0, 20.0)

# Rprop reaches a minimum of these sizes in about 60 steps, and one that is not
# there runs off to hundreds: 200 tells the two apart.
STEPS = 200


@dataclass(frozen=True)
class Optimum:
    """The end of a descent of the parameters at fixed task losses [tasks].

    `moved` is the way that the farthest parameter went in the last quarter of
    the descent: near 0 once it has settled. `reading` may hold inf or NaN: the
    descent stops there.
    """

    losses: Tensor
    parameters: Tensor
    reading: Reading
    moved: float

    def __str__(self) -> str:
        return (
            f"weights {spelled(self.reading.weights)}, parameters "
            f"{spelled(self.parameters)} at task losses {spelled(self.losses)}"
        )


def settle(weighting: Weighting, losses: Tensor, steps: int = STEPS) -> Optimum:
    """Descend the parameters from their start, the task losses [tasks] held.

    Rprop, since it goes by the sign of each gradient alone: neither the scale
    of a loss nor a learning rate decides how far it comes.
    """
    parameters = weighting.start.clone()
    late = parameters.clone()
    optimizer = torch.optim.Rprop([parameters], lr=0.01)
    reading = weighting.at(parameters, losses)
    for step in range(steps):
        if not reading.is_finite:
            break
        if step == steps * 3 // 4:
            late = parameters.clone()
        parameters.grad = reading.pulls
        optimizer.step()
        reading = weighting.at(parameters, losses)
    moved = float((parameters.detach() - late).abs().max())
    return Optimum(losses, parameters.detach(), reading, moved)


def optima(
    weighting: Weighting, first_losses: Sequence[float] = FIRST_LOSSES
) -> tuple[Optimum, ...]:
    """Where the weights settle for each loss of the first task, the others at 1."""
    others = [1.0] * (weighting.tasks - 1)
    return tuple(settle(weighting, point(weighting, [first, *others])) for first in first_losses)


def balance_exponents(found: Sequence[Optimum]) -> tuple[float, ...]:
    """How hard the first task's weight w answers its loss L: -d log w / d log L.

    One figure for each neighbouring pair. 1 is Kendall's balance, where every
    task adds the same to the total, 0 is none; NaN where a weight is no
    positive number.
    """
    points = [(float(one.losses[0]), float(one.reading.weights[0])) for one in found]
    return tuple(
        -math.log(weight / before) / math.log(loss / earlier)
        if 0 < before < math.inf and 0 < weight < math.inf
        else math.nan
        for (earlier, before), (loss, weight) in pairwise(points)
    )
