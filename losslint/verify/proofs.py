"""What torch must show for each rule: the defect before its fix, and what holds after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import torch

from losslint.frozen import dataclass
from losslint.verify.grid import Sample, survey
from losslint.verify.judgement import properties_of
from losslint.verify.optimum import learned_task, optima, settle
from losslint.verify.properties import (
    can_be_negative,
    diverges,
    lowest,
    no_collapse,
    no_dead_zone,
    no_escape,
    no_runaway,
    reaches_every_parameter,
    stays_finite,
    trains_every_task,
)
from losslint.verify.verdict import Result
from losslint.verify.weighting import Weighting, point

# As far out as half precision is asked to hold, at losses that it can hold too:
# a weight of e**10 times a loss of 10 is no float16 any more.
SMALL_SIZES = (0.0, 0.05, 5.0, 10.0, 20.0, 100.0)
SMALL_LOSSES = (0.0, 1.0)
SMALL_TYPES = (torch.float32, torch.float16)

# How far from the start a stretch without gradient is still looked for.
FAR_OUT = math.inf

Results = tuple[Result, ...]
Owed = Callable[[Weighting, Weighting], Results]


@dataclass(frozen=True)
class Proof:
    """What torch must show of a rule: its defect, and what its fix owes.

    `defect` gives a result that holds where the defect shows, each of `owes` what is
    due of the weighting before and after the fix. `keeps_gradients`: a safe fix leaves
    the gradients in the working range within the tolerance of `judgement`.
    """

    defect: Callable[[Weighting], Result]
    owes: tuple[Owed, ...]
    keeps_gradients: bool = False

    def owed(self, before: Weighting, after: Weighting) -> Results:
        """All that is due, each property once."""
        results = [one for owed in self.owes for one in owed(before, after)]
        return tuple({one.name: one for one in results}.values())


def proof_for(codes: Collection[str]) -> Proof:
    """What the fixes of these rules owe together, in one loss; every defect must show.

    A loss in which nothing is found owes every property as it stands.
    """
    found = [PROOFS[code] for code in sorted(codes)]
    due = list(dict.fromkeys(owed for proof in found for owed in proof.owes)) or [every_property]
    owes = [owed for owed in due if owed not in WEAKER] or due

    def defect(weighting: Weighting) -> Result:
        shown = [proof.defect(weighting) for proof in found]
        return next((one for one in shown if not one.holds), shown[0])

    return Proof(defect, tuple(owes), any(proof.keeps_gradients for proof in found))


# --- what is wrong -------------------------------------------------------------------------


def negative(weighting: Weighting) -> Result:
    """The total can be below 0."""
    return can_be_negative(survey(weighting))


def falls_whatever_the_losses(weighting: Weighting) -> Result:
    """The total falls along a direction, or under its own gradients, for all losses above 0."""
    falls = diverges(weighting)
    return falls if falls.holds else never_rests(weighting)


def never_rests(weighting: Weighting) -> Result:
    """Whether following the gradients leads away for ever, for all losses above 0."""
    mixes = product((0.01, 1.0, 10.0), repeat=min(weighting.tasks, 2))
    ends = (
        settle(weighting, point(weighting, [mix[n % len(mix)] for n in range(weighting.tasks)]))
        for mix in mixes
    )
    results = [no_runaway(weighting, [end]) for end in ends]
    rests = next((one for one in results if one.holds), None)
    if rests is not None:
        return Result("P7 never rests", False, rests.why)
    return Result("P7 never rests", True, results[0].why)


def without_minimum(weighting: Weighting) -> Result:
    """The weights escape, run away or collapse."""
    failed = [one for one in has_a_minimum(weighting) if one.holds is False]
    why = failed[0].why if failed else "there is a minimum, and it is shared"
    return Result("P7 no minimum", bool(failed), why)


def has_a_minimum(weighting: Weighting) -> Results:
    """P7: no escape, no runaway, no collapse."""
    found = optima(weighting, learned_task(weighting))
    return no_escape(weighting), no_runaway(weighting, found), no_collapse(found)


def not_finite(weighting: Weighting) -> Result:
    """A total or a gradient is inf or NaN somewhere on the grid."""
    return _fails("P3 not finite", stays_finite(survey(weighting)))


def overflows(weighting: Weighting) -> Result:
    """It is inf or NaN in float32 on the smaller grid."""
    return _fails("P3 overflows in float32", finite_in_float32(weighting))


def overflows_in_small_types(weighting: Weighting) -> Result:
    """It is inf or NaN on the smaller grid, in float32 and in float16."""
    results = [_finite_in(weighting, dtype) for dtype in SMALL_TYPES]
    shown = not any(result.holds for result in results)
    return Result("P3 overflows", shown, results[0].why)


def dead_somewhere(weighting: Weighting) -> Result:
    """A parameter meets a stretch without any gradient, however far out."""
    return _fails("P5 dead zone", no_dead_zone(weighting, near=FAR_OUT))


def turns_a_task_off(weighting: Weighting) -> Result:
    """A task's weight is 0 or below somewhere."""
    return _fails("P5 a task is turned off", trains_every_task(survey(weighting)))


def runs_away(weighting: Weighting) -> Result:
    """Whether some losses, one of them below 0, leave the weights without a rest."""
    mixes = product((-1.0, 0.01, 1.0), repeat=weighting.tasks)
    ends = (settle(weighting, point(weighting, mix)) for mix in mixes if min(mix) < 0)
    results = [no_runaway(weighting, [end]) for end in ends]
    away = next((one for one in results if not one.holds), None)
    return Result("P7 runs away", away is not None, away.why if away else "at rest throughout")


def _fails(name: str, result: Result) -> Result:
    return Result(name, result.holds is False, result.why)


# --- what is owed ---------------------------------------------------------------------------


def every_property(before: Weighting, after: Weighting) -> Results:
    """P2 to P7; what was not finite before is excused."""
    return properties_of(after, survey(before))


def every_property_but_the_sign(_: Weighting, after: Weighting) -> Results:
    """Everywhere: nothing is excused. Where the total ends below 0 is for LL101 to say."""
    results = tuple(one for one in properties_of(after) if not one.name.startswith("P2"))
    least = lowest(survey(after)).reading.total
    floor = math.log(1e-6) * after.tasks
    return *results, Result("P2 bounded below", least >= floor, f"{least:g}, bound {floor:g}")


def alive_and_nothing_lost(before: Weighting, after: Weighting) -> Results:
    """A smooth clamp bounds what the hard one did, with a gradient, and keeps what held.

    It cannot give what its bounds forbid: where the best weight lies beyond one, both
    drift towards it, and neither balances there.
    """
    seen, now = survey(before), survey(after)
    held = {result.name for result in properties_of(before) if result.holds}
    kept = [result for result in properties_of(after, seen) if result.name in held]
    return *kept, weights_within(now, seen), no_dead_zone(after, near=8.0)


def weights_within(seen: Sequence[Sample], before: Sequence[Sample]) -> Result:
    """No weight leaves the range that it had before, by more than 1 %.

    Bounds in two calls, one in the other, meet each other's rounded corners.
    """
    now, then = (torch.stack([one.reading.weights for one in each]) for each in (seen, before))
    low, high = float(then.min()), float(then.max())
    least, most = float(now.min()), float(now.max())
    why = f"weights in [{least:g}, {most:g}], before in [{low:g}, {high:g}]"
    room = 1.01
    return Result("P5 same range of weights", low / room <= least and most <= high * room, why)


def bounded_prediction(_: Weighting, after: Weighting) -> Results:
    """What a likelihood owes whose inputs are data: a number, a bound, and gradients."""
    least = lowest(survey(after)).reading.total
    bound = Result("P2 bounded below", least >= -10.0, f"{least:g}, at most 10 below 0")
    return finite_in_float32(after), bound, reaches_every_parameter(after)


def small_types(before: Weighting, after: Weighting) -> Results:
    """P3 in float32 and float16 on the smaller grid.

    Not judged in a type in which the loss is no number at the start either. float16
    ends at 65504: a soft floor lets each weight grow to e**10 times what it starts with,
    so a total whose weights start above 2.97 together is too large for it even so.
    """
    return tuple(
        Result(f"P3 finite in {str(dtype).removeprefix('torch.')}", None, why)
        if (why := _too_much(before, dtype))
        else _finite_in(after, dtype)
        for dtype in SMALL_TYPES
    )


def _too_much(weighting: Weighting, dtype: torch.dtype) -> str:
    """Why a type is too small for a loss whatever its parameters do; empty if it is not."""
    small = weighting.as_type(dtype)
    for loss in SMALL_LOSSES:
        reading = small.at(small.start, point(small, [loss] * small.tasks))
        if not reading.is_finite:
            return f"not finite at the start, at task losses of {loss:g}"
    most = float(reading.weights.abs().sum())
    if most * math.e**10 > torch.finfo(dtype).max:
        return f"the weights start at {most:.3g} together: e**10 times that is too large"
    return ""


def finite_in_float32(weighting: Weighting) -> Result:
    """P3 in float32 on the smaller grid."""
    return _finite_in(weighting, torch.float32)


def _finite_in(weighting: Weighting, dtype: torch.dtype) -> Result:
    return stays_finite(survey(weighting.as_type(dtype), SMALL_SIZES, SMALL_LOSSES))


PROOFS: Mapping[str, Proof] = MappingProxyType(
    {
        "LL101": Proof(negative, (every_property,), keeps_gradients=True),
        "LL102": Proof(falls_whatever_the_losses, (every_property,)),
        "LL103": Proof(without_minimum, (every_property,)),
        "LL104": Proof(not_finite, (every_property_but_the_sign,)),
        "LL105": Proof(
            overflows_in_small_types, (every_property, small_types), keeps_gradients=True
        ),
        "LL106": Proof(dead_somewhere, (alive_and_nothing_lost,)),
        "LL110": Proof(overflows, (bounded_prediction,)),
        "LL111": Proof(runs_away, (every_property,)),
        "LL112": Proof(turns_a_task_off, (every_property,)),
    }
)

# What is owed only where no other rule of the loss owes more.
WEAKER = frozenset((every_property_but_the_sign, alive_and_nothing_lost))
