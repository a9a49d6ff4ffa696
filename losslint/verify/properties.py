"""What a learned weighting must be, each property a function that can refute it.

The properties are numbered as in the project's mathematics: P1 and P2 ask for
the lowest total, P3 for numbers, P4 and P5 for gradients, P6 for the balance
between tasks, P7 for a minimum that exists and is shared. None of them needs to
understand the code: all are asked of values and gradients in torch, in the
survey of `grid.py`, at the optima of `optimum.py` or along rays. Task losses are taken to be
0 or more throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from losslint.verify.grid import LOSSES, Sample, directions, loss_points
from losslint.verify.optimum import Optimum, balance_exponents
from losslint.verify.verdict import Result
from losslint.verify.weighting import Weighting, point

# Rounding of a sum of terms as large as 80 in float64, with room.
ROUNDING = 1e-9

# A weight must fall by this exponent at least where its loss grows tenfold: by
# 2.3 %. The flattest form that balances at all (s**2, below a loss of 0.2) has
# 0.06, a descent that ends on the kink of |s| rattles by less than 1e-4.
LEAST_EXPONENT = 0.01

# Of two losses in the ratio of 2 Kendall's weights give 0.67 to the smaller.
LARGEST_SHARE = 0.985

# How far weights may end from where they began, as a factor either way.
FARTHEST_WEIGHT = 1e6
LEAST_WEIGHT = 1e-3

# Steps along a ray, from where the start no longer matters, and how far out.
RAY = (3.0, 8.0, 20.0, 40.0, 60.0)
OUTWARDS = (0.05, 0.5, 1.0, 2.0, 5.0, 8.0, 12.0, 20.0)

# A gradient that is 0 from further out than this is out of an optimizer's way.
NEAR = 2.0


def lowest(seen: Iterable[Sample]) -> Sample:
    """The sample of the lowest finite total; raises ValueError if none is finite."""
    return min(
        (sample for sample in seen if math.isfinite(sample.reading.total)),
        key=lambda sample: sample.reading.total,
    )


def can_be_negative(seen: Iterable[Sample]) -> Result:
    """P1: some total of the survey is below 0."""
    worst = lowest(seen)
    return Result("P1 can be negative", worst.reading.total < 0, str(worst))


def bounded_below(seen: Iterable[Sample]) -> Result:
    """P2: no total of the survey is below 0."""
    worst = lowest(seen)
    return Result("P2 never negative", worst.reading.total >= -ROUNDING, str(worst))


def diverges(weighting: Weighting) -> Result:
    """P2, at its worst: along one direction the total falls below any bound.

    Holds if a million steps out the total is below -1000 for each of the losses
    of the grid that are above 0, so whatever the tasks do.
    """
    positive = [loss for loss in LOSSES if loss > 0]
    for name, move in directions(weighting):
        totals = [
            weighting.at(weighting.start + 1e6 * move, losses).total
            for losses in loss_points(weighting, positive)
        ]
        if all(total < -1e3 for total in totals):
            why = f"total <= {max(totals):.4g} for all losses, {name}, a million out"
            return Result("P2 diverges", True, why)
    return Result("P2 diverges", False, "no direction falls for all losses")


def stays_finite(seen: Sequence[Sample], before: Sequence[Sample] | None = None) -> Result:
    """P3: no inf and no NaN in the survey, in a total or in a gradient.

    In the floating type and on the grid that the survey was made with. With the
    survey `before` a fix, only what was finite there counts; the two must be of
    weightings that start alike.
    """
    name = f"P3 finite in {str(seen[0].losses.dtype).removeprefix('torch.')}"
    for sample, earlier in zip(seen, before or seen, strict=True):
        excused = before is not None and not earlier.reading.is_finite
        if not sample.reading.is_finite and not excused:
            return Result(name, False, f"{sample}: {sample.reading}")
    return Result(name, True, f"{len(seen)} points")


def reaches_every_parameter(weighting: Weighting) -> Result:
    """P4: each parameter has a gradient, at the start or a little off it."""
    losses = _unlike_losses(weighting)
    nearby = [weighting.start + off for off in (0.0, -0.1, 0.1)]
    pulls = torch.stack([weighting.at(near, losses).pulls for near in nearby])
    without = [index for index, pull in enumerate(pulls.T) if not bool(pull.abs().max() > 0)]
    why = f"no gradient for {without}" if without else f"{len(pulls.T)} parameters"
    return Result("P4 every parameter has a gradient", not without, why)


def no_dead_zone(weighting: Weighting, near: float = NEAR) -> Result:
    """P5: no parameter meets a stretch, near its start, without any gradient.

    A gradient of exactly 0 from some point outwards holds a parameter for ever.
    Fails if such a stretch begins within `near` of the start; one further out is
    told in the result.
    """
    name = "P5 no dead zone"
    losses = _unlike_losses(weighting)
    found = []
    for title, move in directions(weighting):
        index = int(move.abs().argmax())
        if int(move.count_nonzero()) > 1:
            continue
        pulls = [
            float(weighting.at(weighting.start + step * move, losses).pulls[index])
            for step in OUTWARDS
        ]
        alive = [step for step, pull in zip(OUTWARDS, pulls, strict=True) if pull != 0]
        dead = [step for step in OUTWARDS if step > max(alive, default=0.0)]
        if dead:
            found.append((dead[0], f"gradient 0 from {dead[0]:g} off the start, {title}"))
    why = "; ".join(text for _, text in found) or f"alive to {OUTWARDS[-1]:g}"
    return Result(name, all(begins > near for begins, _ in found), why)


def trains_every_task(seen: Iterable[Sample]) -> Result:
    """P5, for the network: every task's weight is above 0 throughout the survey.

    A weight of 0 stops a task's gradient and one below 0 turns it round, as
    `clamp` and `abs` of a total do.
    """
    name = "P5 trains every task"
    for sample in seen:
        reading = sample.reading
        if reading.is_finite and not bool((reading.weights > 0).all()):
            return Result(name, False, f"{sample}: {reading}")
    return Result(name, True, "all weights above 0")


def still_balances(found: Sequence[Optimum], task: int = 0) -> Result:
    """P6: the optimal weight of a task falls as its loss grows.

    `found` are the optima of `optima(weighting, task)`, in rising order of that
    task's loss. The balance exponents are in the result.
    """
    exponents = balance_exponents(found, task)
    weights = [float(one.reading.weights[task]) for one in found]
    why = (
        f"weights {', '.join(f'{weight:.3g}' for weight in weights)} for losses "
        f"{', '.join(f'{float(one.losses[task]):g}' for one in found)}, exponents "
        f"{', '.join(f'{exponent:.2f}' for exponent in exponents)}"
    )
    holds = all(exponent >= LEAST_EXPONENT for exponent in exponents)
    return Result("P6 balances the tasks", holds, why)


def no_escape(weighting: Weighting) -> Result:
    """P7: in no direction does the total keep falling and never rise again."""
    losses = point(weighting, [1.0 + 0.5 * task for task in range(weighting.tasks)])
    for name, move in directions(weighting):
        totals = [weighting.at(weighting.start + step * move, losses).total for step in RAY]
        falls = all(after <= before + ROUNDING for before, after in pairwise(totals))
        if falls and totals[-1] < totals[0] - 1e-6:
            why = f"total {totals[0]:.4g} falls to {totals[-1]:.4g}, {name}"
            return Result("P7 no escape", False, why)
    return Result("P7 no escape", True, f"rises or rests by {RAY[-1]:g} off the start")


def no_runaway(weighting: Weighting, found: Iterable[Optimum]) -> Result:
    """P7: the parameters come to rest, with weights that neither explode nor vanish.

    Weights may end up to a million times what they were at the start, and must
    not all end below a thousandth of it.
    """
    name = "P7 settles"
    for one in found:
        weights = one.reading.weights
        first = weighting.at(weighting.start, one.losses).weights.abs().max()
        if not one.reading.is_finite or weights.abs().max() > FARTHEST_WEIGHT * first:
            return Result(name, False, f"runs away: {one}")
        if weights.abs().max() < LEAST_WEIGHT * first:
            return Result(name, False, f"all weights vanish: {one}")
        if one.moved > 1:
            return Result(name, False, f"still moving by {one.moved:.3g}: {one}")
    return Result(name, True, "at rest for every loss")


def no_collapse(found: Iterable[Optimum]) -> Result:
    """P7: no task takes all the weight where its loss is close to the others'.

    Not judged for a single task, which has nobody to share with.
    """
    name = "P7 no collapse"
    found = tuple(found)
    if all(len(one.losses) == 1 for one in found):
        return Result(name, None, "there is one task only")
    share = 0.0
    for one in found:
        losses, weights = one.losses, one.reading.weights
        if losses.max() > 5 * losses.min():
            continue
        share = max(share, float(weights.max() / weights.sum()))
        if not share <= LARGEST_SHARE:
            return Result(name, False, f"one task takes {share:.1%}: {one}")
    return Result(name, True, f"largest share {share:.1%}, losses up to 1 : 5")


def _unlike_losses(weighting: Weighting) -> Tensor:
    """Task losses [tasks] below 1 and all different, so that no pulls cancel."""
    return point(weighting, [0.3 + 0.1 * task for task in range(weighting.tasks)])
