"""One job of the worker: a loss before and after its fix, run under every property.

Jobs and answers are plain data, as they travel between processes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from losslint.frozen import dataclass
from losslint.verify.figures import figures_of
from losslint.verify.judgement import TOLERANCE, gradient_difference
from losslint.verify.loading import Loaded, Runnable, load, ways
from losslint.verify.proofs import Proof, every_property, proof_for
from losslint.verify.verdict import Result, Slice, Status
from losslint.verify.weighting import Weighting

# Ways in which the defect may fail to show before no further one is tried.
MOST_TRIALS = 6


# What of the properties each rule is about: no excuse for it in that rule's own fix.
OWN = {
    "LL101": ("P1", "P2"),
    "LL102": ("P2", "P6", "P7"),
    "LL103": ("P6", "P7"),
    "LL104": ("P3",),
    "LL105": ("P3",),
    "LL106": ("P5",),
}


@dataclass(frozen=True)
class Pair:
    """A loss before and after its fix, cut out of its file in one manner; `after` may be missing."""

    slice: Slice
    assumes: tuple[str, ...]
    before: Runnable
    after: Runnable | None


@dataclass(frozen=True)
class Task:
    """What is to be shown: the defects of `codes`, and their fixes of one safety.

    `left` are the codes of what is found in the loss and is not fixed, `full` asks for
    every figure.
    """

    pairs: tuple[Pair, ...]
    codes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    safety: str = ""
    full: bool = False


def run(job: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a job, as it travels: the keys of `Verdict`, plain values."""
    pairs = [
        Pair(
            Slice(pair["slice"]),
            tuple(pair["assumes"]),
            Runnable(**pair["before"]),
            Runnable(**pair["after"]) if pair["after"] else None,
        )
        for pair in job["pairs"]
    ]
    torch.set_num_threads(1)
    return answered(
        Task(tuple(pairs), tuple(job["codes"]), tuple(job["left"]), job["safety"], job["full"])
    )


def answered(task: Task) -> dict[str, Any]:
    """What torch says of the first pair that runs.

    The defects must show before the fix, or it was not what they are about that ran.
    """
    proof = proof_for(task.codes)
    reasons: dict[str, None] = {}
    for pair in task.pairs:
        trials = 0
        for loaded in ways(pair.before):
            if isinstance(loaded, str):
                reasons[loaded] = None
                continue
            trials += 1
            try:
                defect = proof.defect(loaded.weighting) if task.codes else None
                if defect is None or defect.holds:
                    return _judged(task, pair, loaded, proof, defect)
                reasons[f"it runs, and does not show the defect: {defect.why}"] = None
            except Exception as problem:  # whatever code raises at some point of the grid
                reasons[f"{type(problem).__name__}: {problem}"[:200]] = None
            if trials == MOST_TRIALS:
                break
    return {"status": Status.NOT_RUNNABLE.value, "why": "; ".join([*reasons][:3])}


def _judged(
    task: Task, pair: Pair, before: Loaded, proof: Proof, defect: Result | None
) -> dict[str, Any]:
    first = before.weighting
    answer: dict[str, Any] = {
        "slice": pair.slice.value,
        "call": before.call,
        "assumes": [*pair.assumes, *before.assumes],
    }
    if pair.after is None:
        results = proof.owed(first, first)
        return {
            **answer,
            **_decided(results, "as it stands"),
            "before": _version(pair.before, results, first, task),
        }
    last = load(pair.after, before.way).weighting
    results = proof.owed(first, last)
    results = tuple(_excused(one, first, task) for one in results)
    results += (keeps_interface(first, last, task.safety),)
    difference = gradient_difference(first, last)
    if proof.keeps_gradients and task.safety == "safe":
        why = f"largest difference {difference:.2%} in the working range"
        results += (Result("keeps gradients", difference < TOLERANCE, why),)
    shown = (defect,) if defect is not None else ()
    return {
        **answer,
        **_decided(results, "after the fix"),
        "before": _version(pair.before, shown, first, task),
        "after": _version(pair.after, results, last, task),
        "gradient_difference": difference,
    }


def _version(
    program: Runnable, results: Sequence[Result], weighting: Weighting, task: Task
) -> dict[str, Any]:
    names = [weighting.name(index) for index in range(len(weighting.start))]
    return {
        "program": program.text,
        "results": [asdict(one) for one in results],
        "figures": asdict(figures_of(weighting, names, full=task.full)),
    }


def _excused(result: Result, before: Weighting, task: Task) -> Result:
    """A property that failed before as well is no fault of the fix, and not judged.

    What the fixed rules are about has no excuse.
    """
    number = result.name.split()[0]
    if result.holds is not False or any(number in OWN[code] for code in task.codes):
        return result
    failed = {one.name for one in every_property(before, before) if one.holds is False}
    if result.name not in failed:
        return result
    left = f", {', '.join(task.left)} is left" if task.left else ""
    why = f"fails before the fix too{left}: {result.why}"
    return Result(result.name, None, why)


def _decided(results: Sequence[Result], when: str) -> dict[str, str]:
    failed = [one for one in results if one.holds is False]
    if failed:
        return {"status": Status.REFUTED.value, "why": f"{when}, {failed[0]}"}
    held = sum(one.holds is True for one in results)
    return {"status": Status.VERIFIED.value, "why": f"{when}, {held} properties hold"}


def keeps_interface(before: Weighting, after: Weighting, safety: str) -> Result:
    """P8: the same parameters, and the same other outputs near the start.

    An unsafe fix changes the weights on purpose, and with them what a loss returns
    of them: what comes out is not judged then.
    """
    name = "P8 keeps its interface"
    if before.names != after.names:
        why = f"parameters {', '.join(after.names)}, before {', '.join(before.names)}"
        return Result(name, False, why)
    worst = 0.0
    points = [
        (before.start + off, torch.full((before.tasks,), 0.7, dtype=before.start.dtype))
        for off in (-2.0, -0.5, 0.0, 0.5, 2.0)
    ]
    totals = _totals_among(before, points)
    for parameters, losses in points:
        then, now = before.others(parameters, losses), after.others(parameters, losses)
        if [one.shape for one in then] != [one.shape for one in now]:
            return Result(name, False, f"{len(now)} other outputs, before {len(then)}")
        for place, (one, other) in enumerate(zip(then, now, strict=True)):
            if place in totals:
                continue
            size = one.double().abs().clamp(min=1e-9)
            off_by = ((other.double() - one.double()).abs() / size).nan_to_num(0.0)
            worst = max(worst, float(off_by.max()) if off_by.numel() else 0.0)
    if worst < TOLERANCE:
        return Result(
            name, True, f"{len(before.names)} parameters, other outputs within {worst:.2%}"
        )
    changed = f"other outputs change by up to {worst:.0%}"
    return Result(name, False if safety == "safe" else None, changed)


def _totals_among(weighting: Weighting, points: Sequence[tuple[Tensor, Tensor]]) -> set[int]:
    """Which of the other outputs are the total once more, to be logged perhaps."""
    found: set[int] | None = None
    for parameters, losses in points:
        total = weighting.at(parameters, losses).total
        outputs = weighting.others(parameters, losses)
        same = {
            place
            for place, one in enumerate(outputs)
            if one.numel() == 1 and math.isclose(float(one), total, rel_tol=1e-6, abs_tol=1e-12)
        }
        found = same if found is None else found & same
    return found or set()
