"""A witness: the same module, run with numbers in place of ranges."""

from __future__ import annotations

from losslint.model.module import Module
from losslint.model.remembering import remembered
from losslint.ranges.evaluate import subjects
from losslint.ranges.interval import Interval
from losslint.ranges.value import Sample, Term, sampled
from losslint.ranges.weights import LearnedWeight, known_sign


def contribution(module: Module, weight: LearnedWeight, sample: Sample) -> Interval | None:
    """What the terms of one learned weight add up to for these numbers.

    One number, or the range that a share of a whole leaves open. None where the
    code holds constants that are not known, so that no number would be true.
    """
    for other in _sampled(module, sample):
        if other.leaf == weight.leaf and other.sink.node is weight.sink.node:
            if not all(known_sign(t) for t in other.weights):
                return None
            if any(map(_is_of_turns, other.weights)) and not all(t.repeated for t in other.solos):
                return None  # losses are added once a turn of a loop, nobody knows how often
            bounds = [t.interval for t in other.terms]
            known = [
                b.lo == b.hi or bool(t.simplex) for b, t in zip(bounds, other.terms, strict=True)
            ]
            if len(bounds) == len(weight.terms) and all(known):
                return Interval(sum(b.lo for b in bounds), sum(b.hi for b in bounds))
    return None


@remembered(8)
def _sampled(module: Module, sample: Sample) -> list[LearnedWeight]:
    with sampled(sample):
        found: list[LearnedWeight] = subjects(module)[LearnedWeight]
    return found


def _is_of_turns(term: Term) -> bool:
    """Whether a term is added up over the turns of a loop, and is no element of a tensor."""
    return term.repeated and not term.many
