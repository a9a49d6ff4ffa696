"""The forms that a learned weighting is given, and advised to be given, in torch.

Two kinds of weights, each with the regularizer that its code began with and
those that people replace it by. `s` are the parameters and `losses` those of
the tasks, both of shape [tasks].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor

from losslint.verify.weighting import Weighting

# The soft floor: log-variances stay above -10, so weights below e**10.
FLOOR = 10.0

Weights = Callable[[Tensor], Tensor]
Regularizer = Callable[[Tensor], Tensor]

# What is written in place of `0.5 * s.sum()`, the parameters left as they are.
REGULARIZERS: Mapping[str, Regularizer] = MappingProxyType(
    {
        "original": lambda s: 0.5 * s.sum(),
        "drop": lambda s: 0.0 * s.sum(),
        "abs": lambda s: 0.5 * s.abs().sum(),
        "exp": lambda s: 0.5 * s.exp().sum(),
        "softplus": lambda s: 0.5 * F.softplus(s).sum(),
        "floor": lambda s: 0.5 * F.softplus(s + FLOOR).sum(),
        "offset": lambda s: 0.5 * (s + FLOOR).sum(),
        "square": lambda s: 0.5 * s.square().sum(),
        "barrier": lambda s: -0.5 * F.log_softmax(-s, dim=0).sum(),
    }
)


def kendall_weights(s: Tensor) -> Tensor:
    """Weights [tasks] of Kendall's form: each task's own precision exp(-s)."""
    return torch.exp(-s)


def softmax_weights(s: Tensor) -> Tensor:
    """Weights [tasks] that are normalised to a sum of 1."""
    return F.softmax(-s, dim=0)


def forms_of(weights: Weights) -> dict[str, Weighting]:
    """Every form on these weights, by name: `REGULARIZERS`, `clamp`, `soft floor`.

    `clamp` is `s.clamp(min=0)` in weight and regularizer; `soft floor` writes
    `softplus(s + 10)` for the s of the regularizer and 10 less for that of the
    weight, which on Kendall's weights is exp(10 - softplus(s + 10)).
    """
    original = REGULARIZERS["original"]
    return {
        **{name: weighting(weights, form) for name, form in REGULARIZERS.items()},
        "clamp": weighting(
            lambda s: weights(s.clamp(min=0.0)), lambda s: original(s.clamp(min=0.0))
        ),
        "soft floor": weighting(
            lambda s: weights(F.softplus(s + FLOOR) - FLOOR), REGULARIZERS["floor"]
        ),
    }


def weighting(weights: Weights, regularizer: Regularizer) -> Weighting:
    """`sum(weights(s) * losses) + regularizer(s)` of two tasks, s starting at 0."""

    def total(s: Tensor, losses: Tensor) -> Tensor:
        return (weights(s) * losses).sum() + regularizer(s)

    return Weighting(total, torch.zeros(2, dtype=torch.float64))
