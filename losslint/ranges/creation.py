"""How a learnable leaf was made."""

from __future__ import annotations

from enum import Enum

import libcst as cst

from losslint.frozen import dataclass


class How(Enum):
    """What made a tensor learnable."""

    PARAMETER = "nn.Parameter"
    CONTAINER = "a list or dict of torch.nn, which registers what it holds"
    TENSOR = "requires_grad=True"
    SWITCHED = "requires_grad, switched on later"


@dataclass(frozen=True, eq=False)
class Creation:
    """The place that made a leaf: a call, or the target of `x.requires_grad = True`."""

    node: cst.BaseExpression
    how: How
