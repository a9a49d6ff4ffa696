"""What one version of a loss does, as lines to draw: asked of it in torch.

The parameters are moved from where the code starts them, the task losses are
held at fixed values: nothing is trained but the parameters of the weighting.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from losslint.verify.grid import Sample, survey
from losslint.verify.optimum import learned_task, optima
from losslint.verify.properties import lowest
from losslint.verify.verdict import Along, Figures, Line, Witness
from losslint.verify.weighting import Weighting, point, spelled

# More parameters than these make no picture clearer.
MOST = 4

# How far a parameter is moved either way, in steps of 0.5. For a weight of exp(-s)
# that is from 160,000 times the weight at the start to as small a part of it.
REACH = 12.0
POINTS = 49

# From a solved task to one that is worse than at the start of most trainings.
TASK_LOSSES = (0.0, 0.01, 0.1, 1.0, 10.0)
SETTLED_AT = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

# A descent at losses that well-trained tasks reach, two of them so that a weighting
# that prefers the smaller one shows it.
STEPS = 2000
RATE = 0.01
KEPT = 200
DESCENT_LOSSES = (0.1, 0.05)


def figures_of(
    weighting: Weighting,
    names: Sequence[str],
    *,
    full: bool,
    seen: Sequence[Sample] | None = None,
) -> Figures:
    """What `weighting` does, for people to look at; all of it only if `full`.

    `names` [P] are those of the learned parameters, one for each value that is
    learned; `seen` is the survey of `grid.py`, made here if it is not given.
    """
    along = tuple(_along(weighting, names, index) for index in range(min(len(names), MOST)))
    witness = _witness(survey(weighting) if seen is None else seen)
    if not full:
        return Figures(along, witness=witness)
    first, alike = _move(weighting, 0), torch.ones_like(weighting.start)
    coupled = _coupled(weighting)
    return Figures(
        along,
        _totals(weighting, first),
        _totals(weighting, alike) if coupled else (),
        _weights(weighting),
        tuple(_descent(weighting, names)),
        witness,
    )


def _steps() -> list[float]:
    return [REACH * (2 * step / (POINTS - 1) - 1) for step in range(POINTS)]


def _move(weighting: Weighting, index: int) -> Tensor:
    move = torch.zeros_like(weighting.start)
    move[index] = 1.0
    return move


def _total(weighting: Weighting, parameters: Tensor, losses: Tensor) -> float:
    with torch.no_grad():
        return float(weighting.total(parameters, losses))


def _along(weighting: Weighting, names: Sequence[str], index: int) -> Along:
    ones = point(weighting, [1.0] * weighting.tasks)
    zeros = torch.zeros_like(ones)
    move = _move(weighting, index)
    places = [weighting.start + step * move for step in _steps()]
    x = tuple(float(place[index]) for place in places)
    readings = [weighting.at(place, ones) for place in places]
    return Along(
        names[index],
        Line("task losses of 1", x, tuple(reading.total for reading in readings)),
        Line("task losses of 1", x, tuple(float(reading.pulls[index]) for reading in readings)),
        Line("task losses of 0", x, tuple(_total(weighting, place, zeros) for place in places)),
    )


def _witness(seen: Sequence[Sample]) -> Witness | None:
    if not any(math.isfinite(sample.reading.total) for sample in seen):
        return None
    worst = lowest(seen)
    return Witness(
        tuple(worst.parameters.tolist()), tuple(worst.losses.tolist()), worst.reading.total
    )


def _totals(weighting: Weighting, move: Tensor) -> tuple[Line, ...]:
    """The total over the first parameter, `move` telling how the others go with it."""
    places = [weighting.start + step * move for step in _steps()]
    x = tuple(float(place[0]) for place in places)
    return tuple(
        Line(f"task losses of {loss:g}", x, tuple(_total(weighting, at, losses) for at in places))
        for loss in TASK_LOSSES
        for losses in [point(weighting, [loss] * weighting.tasks)]
    )


def _coupled(weighting: Weighting) -> bool:
    """Whether what moves a parameter depends on where the others are."""
    losses = point(weighting, [1.0 / (task + 1) for task in range(weighting.tasks)])
    pulls = weighting.at(weighting.start, losses).pulls
    for index in range(min(len(pulls), MOST)):
        others = weighting.start + 1.0 - _move(weighting, index)
        pull = weighting.at(others, losses).pulls[index]
        if not torch.isclose(pull, pulls[index], rtol=1e-3, atol=1e-6):
            return True
    return False


def _weights(weighting: Weighting) -> Line:
    task = learned_task(weighting)
    found = optima(weighting, task, SETTLED_AT)
    weights = tuple(float(one.reading.weights[task]) for one in found)
    others = ", the others at 1" if weighting.tasks > 1 else ""
    return Line(f"weight of task {task}{others}", SETTLED_AT, weights)


def _descent(weighting: Weighting, names: Sequence[str]) -> Iterator[Line]:
    """`STEPS` steps of Adam, up to the first total that is no number."""
    values = [DESCENT_LOSSES[task % 2] for task in range(weighting.tasks)]
    losses = point(weighting, values)
    parameters = weighting.start.detach().clone()
    mean, square = torch.zeros_like(parameters), torch.zeros_like(parameters)
    rows: list[tuple[float, ...]] = []
    for step in range(STEPS + 1):
        reading = weighting.at(parameters, losses)
        last = step == STEPS or not reading.is_finite
        if last or step % (STEPS // (KEPT - 1) + 1) == 0:
            rows.append((float(step), reading.total, *parameters.tolist()))
        if last:
            break
        # As `torch.optim.Adam`, which imports half of torch at its first step, by
        # system calls that a confined process must not make.
        mean = 0.9 * mean + 0.1 * reading.pulls
        square = 0.999 * square + 0.001 * reading.pulls**2
        spread = (square / (1 - 0.999 ** (step + 1))).sqrt()
        parameters = parameters - RATE * mean / (1 - 0.9 ** (step + 1)) / (spread + 1e-8)
    x, total, *columns = zip(*rows, strict=True)
    yield Line(f"total at task losses {spelled(losses)}", x, total)
    for name, column in zip(names[:MOST], columns, strict=False):
        yield Line(name, x, column)
