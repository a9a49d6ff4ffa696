"""A fix, judged: the weighting before and after it under every property."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from losslint.frozen import dataclass
from losslint.verify.grid import Sample, directions, survey
from losslint.verify.optimum import learned_task, optima
from losslint.verify.properties import (
    bounded_below,
    can_be_negative,
    no_collapse,
    no_dead_zone,
    no_escape,
    no_runaway,
    reaches_every_parameter,
    stays_finite,
    still_balances,
    trains_every_task,
)
from losslint.verify.verdict import Result
from losslint.verify.weighting import Reading, Weighting, point

# Gradients in the working range may differ by this much under a safe fix.
TOLERANCE = 8e-3

# The working range: every weight between these multiples of where it starts.
# For a weight of exp(-s) that is s from 4 below its start to 2 above.
WORKING_RANGE = (torch.e**-2 * 0.999, torch.e**4 * 1.001)


@dataclass(frozen=True)
class Judgement:
    """What torch says of a fix: what was wrong, and whether it is right now."""

    defect: Result
    results: tuple[Result, ...]
    gradient_difference: float

    @property
    def verified(self) -> bool:
        """Whether no property fails after the fix."""
        return not self.failed

    @property
    def keeps_gradients(self) -> bool:
        """Whether training in the working range stays what it was."""
        return self.gradient_difference < TOLERANCE

    @property
    def failed(self) -> tuple[Result, ...]:
        """The properties that fail, each with its counter-example."""
        return tuple(result for result in self.results if result.holds is False)


def properties_of(after: Weighting, before: Sequence[Sample] | None = None) -> tuple[Result, ...]:
    """Every property from P2 to P7 of `after`.

    `before` is the survey of what a fix changed: what was not finite there is
    excused.
    """
    task = learned_task(after)
    seen, found = survey(after), optima(after, task)
    return (
        bounded_below(seen),
        stays_finite(seen, before),
        reaches_every_parameter(after),
        no_dead_zone(after),
        trains_every_task(seen),
        still_balances(found, task),
        no_escape(after),
        no_runaway(after, found),
        no_collapse(found),
    )


def judge(before: Weighting, after: Weighting) -> Judgement:
    """Both weightings under every property; takes well under a second."""
    seen = survey(before)
    return Judgement(
        can_be_negative(seen),
        properties_of(after, seen),
        gradient_difference(before, after),
    )


def gradient_difference(before: Weighting, after: Weighting) -> float:
    """The largest relative difference between two weightings' gradients.

    Over the working range and losses of 0, 0.1, 1 and 10: of the weights
    relative to the weights, and of each parameter's gradient relative to the
    two forces that it is the difference of (the loss's and the regularizer's,
    told apart by setting the losses to 0), since at an optimum it is 0 itself.
    """
    worst = 0.0
    for parameters in _working_points(before):
        quiet = before.at(parameters, point(before, [0.0] * before.tasks)).pulls
        for loss in (0.0, 0.1, 1.0, 10.0):
            losses = point(before, [loss] * before.tasks)
            old = before.at(parameters, losses)
            new = after.at(parameters, losses)
            forces = quiet.abs() + (old.pulls - quiet).abs()
            worst = max(
                worst,
                _relative(new.weights - old.weights, old.weights),
                _relative(new.pulls - old.pulls, forces),
            )
    return worst


def _working_points(weighting: Weighting) -> list[Tensor]:
    """Parameters [P], half apart on rays from the start, in the working range."""
    ones = point(weighting, [1.0] * weighting.tasks)
    start = weighting.at(weighting.start, ones)
    steps = [step / 2 for step in range(11)]
    rays = (weighting.start + step * move for _, move in directions(weighting) for step in steps)
    return [ray for ray in rays if _works(weighting.at(ray, ones), start)]


def _works(reading: Reading, start: Reading) -> bool:
    low, high = WORKING_RANGE
    ratio = reading.weights / start.weights
    return reading.is_finite and bool(((ratio >= low) & (ratio <= high)).all())


def _relative(difference: Tensor, size: Tensor) -> float:
    """The largest quotient of the two, 0 where both are."""
    both = (difference != 0) | (size != 0)
    if not bool(both.any()):
        return 0.0
    return float((difference[both].abs() / size[both].abs()).max())
