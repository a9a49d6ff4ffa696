"""What the pages of this family say in the same words: ends, growth, witnesses."""

from __future__ import annotations

from losslint.model.module import Module
from losslint.ranges.growth import End, Growth
from losslint.ranges.value import Kind, Leaf, Origin, Sample
from losslint.ranges.weights import LearnedWeight
from losslint.ranges.witness import contribution

# What a file must hold for a learned weight to be in it.
NEEDS = ((b"torch",), (b"Parameter", b"requires_grad", b"exp"))

# Where a parameter is put to show what it does: near, with a small loss; far, with any.
NEAR = {End.MINUS: -6.0, End.PLUS: 6.0, End.ZERO_ABOVE: 0.05}
SMALL_LOSSES = (1e-3, 1e-6)
FAR = {End.MINUS: -40.0, End.PLUS: 40.0, End.ZERO_ABOVE: 1e-9}


def is_trained(weight: LearnedWeight) -> bool:
    """Whether the leaf is something that an optimizer moves for the whole run.

    A tensor of another module must show itself as one under an exponential. What
    a network returned, or a caller handed in, must weigh losses that are reduced
    already, one of several: a variance that is predicted for each sample meets its
    error before that.
    """
    if weight.leaf.kind is Kind.PARAMETER:
        return True
    if weight.fall is None and weight.divergence is None:
        return False  # nothing but the regularizer shows that it is learned
    if weight.leaf.kind is Kind.ATTRIBUTE:
        return bool(weight.solos) and weight.known_tensor
    reduced = all(
        any(f.origin is Origin.LOSS or f.hint for f in t.factors)
        and all(f.reduced or f.hint for f in t.factors)
        for t in weight.weights
    )
    return bool(weight.solos) and reduced and weight.several


def reaches(end: End) -> str:
    """`runs to -inf`, `falls to 0`."""
    return "falls to 0" if end is End.ZERO_ABOVE else f"runs to {end.value}"


def shape(growth: Growth, leaf: Leaf, end: End) -> str:
    """A growth along `leaf` in words, for evidence: `like exp(-2·s)`, `like 1/sigma^2`."""
    if not growth.has_order():
        return "in a way that is not known"
    at_zero = end is End.ZERO_ABOVE
    size = f"|{leaf}|" if end is End.MINUS else f"{leaf}"
    if growth.rate:
        rate = -growth.rate if end is End.MINUS else growth.rate
        times = f"{abs(rate):g}·" if growth.exact and abs(rate) != 1 else ""
        exponent = f"{times}1/{leaf}" if at_zero else f"{times}{leaf}"
        return f"like exp({'-' if rate < 0 else ''}{exponent})"
    if growth.power:
        power = abs(growth.power)
        raised = size if power == 1 else f"{size}^{power:g}"
        if (growth.power < 0) != at_zero:
            return f"like 1/{raised}"
        return "linearly" if power == 1 else f"like {raised}"
    if growth.logs:
        return f"like log {size}"
    return "to a constant"


def witness(module: Module, weight: LearnedWeight, end: End, *, far: bool) -> list[str]:
    """A point at which the terms of this weight are negative, worked out in numbers."""
    near = [Sample(NEAR[end], loss) for loss in SMALL_LOSSES]
    tries = [Sample(times * FAR[end], 1.0) for times in (1, 10)] if far else near
    for sample in tries:
        found = contribution(module, weight, sample)
        if found is not None and found.hi < 0:
            most = "" if found.lo == found.hi else "at most "
            return [
                f"witness: {weight.leaf} adds {most}{found.hi:.4g} to the total"
                f" at {weight.leaf} = {sample.leaf:g} and a task loss of {sample.loss:g}"
            ]
    return []
