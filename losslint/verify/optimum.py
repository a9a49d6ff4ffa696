"""Where the learned parameters settle when the task losses stand still."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from losslint.frozen import dataclass
from losslint.verify.weighting import Reading, Weighting, point, spelled

# The loss of the task that is looked at, that of the others being 1: a decade or
# two to either side of where a cross-entropy usually stands.
TASK_LOSSES = (0.02, 0.2, 2.0, 20.0)

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

    By Rprop, which goes by the sign of each gradient alone: neither the scale of
    a loss nor a learning rate decides how far it comes. A step grows by a fifth
    while its gradient keeps its sign and halves when that turns.
    """
    parameters = late = weighting.start
    sizes, last = torch.full_like(parameters, 0.01), torch.zeros_like(parameters)
    reading = weighting.at(parameters, losses)
    for step in range(steps):
        if not reading.is_finite:
            break
        if step == steps * 3 // 4:
            late = parameters
        turn = last * reading.pulls.sign()
        sizes = (sizes * (1 + 0.2 * (turn > 0) - 0.5 * (turn < 0))).clamp(max=50.0)
        last = torch.where(turn < 0, 0.0, reading.pulls.sign())
        parameters = parameters - last * sizes
        reading = weighting.at(parameters, losses)
    return Optimum(losses, parameters, reading, float((parameters - late).abs().max()))


@lru_cache(maxsize=16)  # asked for one weighting by many properties
def optima(
    weighting: Weighting, task: int = 0, task_losses: tuple[float, ...] = TASK_LOSSES
) -> tuple[Optimum, ...]:
    """Where the weights settle for each loss of one task, the others at 1."""
    found = []
    for loss in task_losses:
        losses = [1.0] * weighting.tasks
        losses[task] = loss
        found.append(settle(weighting, point(weighting, losses)))
    return tuple(found)


def learned_task(weighting: Weighting) -> int:
    """The first task whose weight answers to the parameters; 0 if none does."""
    losses = point(weighting, [1.0] * weighting.tasks)
    start = weighting.at(weighting.start, losses).weights
    ramp = torch.linspace(0.1, 0.3, len(weighting.start), dtype=losses.dtype)
    beside = weighting.at(weighting.start + ramp, losses).weights
    return int((start != beside).int().argmax())


def balance_exponents(found: Sequence[Optimum], task: int = 0) -> tuple[float, ...]:
    """How hard one task's weight w answers its loss L: -d log w / d log L.

    One figure for each neighbouring pair of the optima of `optima(...)`. 1 is
    Kendall's balance, where every task adds the same to the total, 0 is none;
    NaN where a weight is no positive number.
    """
    points = [(float(one.losses[task]), float(one.reading.weights[task])) for one in found]
    return tuple(
        -math.log(weight / before) / math.log(loss / earlier)
        if 0 < before < math.inf and 0 < weight < math.inf
        else math.nan
        for (earlier, before), (loss, weight) in pairwise(points)
    )
