"""What the pages of this family say in the same words: ends, growth, witnesses."""

from __future__ import annotations

from losslint.model.module import Module
from losslint.ranges.growth import End, Growth
from losslint.ranges.value import Kind, Origin, Sample
from losslint.ranges.weights import LearnedWeight
from losslint.ranges.witness import contribution

# What a file must hold for a learned weight to be in it.
NEEDS = ((b"torch",), (b"Parameter", b"requires_grad", b"exp"))

# Where a parameter is put to show what it does: near, with a small loss; far, with any.
NEAR = {End.MINUS: -6.0, End.PLUS: 6.0, End.ZERO_ABOVE: 0.05}
FAR = {End.MINUS: -40.0, End.PLUS: 40.0, End.ZERO_ABOVE: 1e-9}


def is_trained(weight: LearnedWeight) -> bool:
    """Whether the leaf is something that an optimizer moves for the whole run.

    A tensor of another module must show itself as one under an exponential; what
    a network returned must weigh losses that are reduced already, since a
    variance that is predicted for each sample meets its error before that.
    """
    if weight.leaf.kind is Kind.PARAMETER:
        return True
    if weight.leaf.kind is Kind.ATTRIBUTE:
        return bool(weight.solos) and weight.known_tensor
    return bool(weight.solos) and all(
        any(f.origin is Origin.LOSS or f.hint for f in t.factors)
        and all(f.reduced or f.hint for f in t.factors)
        for t in weight.weights
    )


def reaches(end: End) -> str:
    """`runs to -inf`, `falls to 0`."""
    return "falls to 0" if end is End.ZERO_ABOVE else f"runs to {end.value}"


def shape(growth: Growth) -> str:
    """A growth in words, for evidence."""
    if not growth.has_order():
        return "in a way that is not known"
    if growth.rate:
        size = f"{abs(growth.rate):g}·" if growth.exact and abs(growth.rate) != 1 else ""
        return f"like exp({'-' if growth.rate < 0 else ''}{size}|x|)"
    if growth.power:
        return "linearly" if growth.power == 1 else f"like |x|^{growth.power:g}"
    if growth.logs:
        return "like log|x|"
    return "to a constant"


def witness(module: Module, weight: LearnedWeight, end: End, *, far: bool) -> list[str]:
    """A point at which the terms of this weight are negative, worked out in numbers."""
    sample = Sample(FAR[end], 1.0) if far else Sample(NEAR[end], 0.001)
    found = contribution(module, weight, sample)
    if found is None or found >= 0:
        return []
    return [
        f"witness: {weight.leaf} adds {found:.4g} to the total"
        f" at {weight.leaf} = {sample.leaf:g} and a task loss of {sample.loss:g}"
    ]
