"""Where a weighting is looked at: special values of its parameters and losses.

Samples refute, they do not prove: the growth analysis of `losslint.ranges` on
the same code is the other half. The values are those of float64 unless the
weighting runs in another type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from losslint.frozen import dataclass
from losslint.verify.weighting import Reading, Weighting, point, spelled

# Both signs of each. 0.05 is a step off the usual start, 80 as far as exp(-s)
# times the largest loss stays a float32.
SIZES = (0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 80.0)

# From a task that is solved to one that has blown up.
LOSSES = (0.0, 1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3)

# So many parameters are moved alone, the first ones: they are all alike, and a
# look at each costs what it costs.
MOST_ALONE = 4


@dataclass(frozen=True)
class Sample:
    """What a weighting says at parameters [P] and task losses [tasks]."""

    parameters: Tensor
    losses: Tensor
    reading: Reading

    def __str__(self) -> str:
        return (
            f"total = {self.reading.total:.4g} at parameters "
            f"{spelled(self.parameters)}, task losses {spelled(self.losses)}"
        )


@lru_cache(maxsize=16)  # asked for one weighting by many properties
def survey(
    weighting: Weighting,
    sizes: tuple[float, ...] = SIZES,
    losses: tuple[float, ...] = LOSSES,
) -> tuple[Sample, ...]:
    """A weighting on the whole grid, in the floating type of its start.

    Some 500 points for two parameters, the same ones in the same order for
    every weighting that starts at the same parameters.
    """
    return tuple(
        Sample(parameters, at, weighting.at(parameters, at))
        for parameters in parameter_points(weighting, sizes)
        for at in loss_points(weighting, losses)
    )


def parameter_points(weighting: Weighting, sizes: Sequence[float] = SIZES) -> Iterator[Tensor]:
    """Parameters [P]: the start, all at one value, and one at a value alone."""
    yield weighting.start
    for value in sorted({sign * size for size in sizes for sign in (-1.0, 1.0)}):
        yield torch.full_like(weighting.start, value)
        for index in range(min(len(weighting.start), MOST_ALONE)):
            moved = weighting.start.clone()
            moved[index] = value
            yield moved


def loss_points(weighting: Weighting, losses: Sequence[float] = LOSSES) -> Iterator[Tensor]:
    """Task losses [tasks]: all alike at each value, and one uneven mix."""
    for value in losses:
        yield point(weighting, [value] * weighting.tasks)
    ends = (max(losses) ** 0.5, min(1.0, max(losses)) / 10)
    yield point(weighting, [ends[task % 2] for task in range(weighting.tasks)])


def directions(weighting: Weighting) -> Iterator[tuple[str, Tensor]]:
    """Unit moves [P] away from the start, both ways, each with its name."""
    count = len(weighting.start)
    for sign, end in ((-1.0, "-inf"), (1.0, "+inf")):
        if count > 1:
            yield f"all parameters to {end}", point(weighting, [sign] * count)
        for index in range(min(count, MOST_ALONE)):
            move = torch.zeros_like(weighting.start)
            move[index] = sign
            yield f"{weighting.name(index)} to {end}", move
