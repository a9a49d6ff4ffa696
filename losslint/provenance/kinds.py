"""What a tensor stands for, and where it was made."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import libcst as cst

from losslint.frozen import dataclass, replace
from losslint.model.module import Module


class Kind(Enum):
    """What the numbers of a tensor are."""

    LOGITS = "logits"  # straight out of a layer, with nothing that bounds them
    SOFTMAX = "softmax probabilities"
    SIGMOID = "sigmoid probabilities"
    LOG_SOFTMAX = "log-probabilities of a softmax"
    LOG_SIGMOID = "log-probabilities of a sigmoid"
    UNKNOWN = "unknown"


PROBABILITIES = frozenset((Kind.SOFTMAX, Kind.SIGMOID))
LOG_PROBABILITIES = frozenset((Kind.LOG_SOFTMAX, Kind.LOG_SIGMOID))


@dataclass(frozen=True)
class Place:
    """A node, and the module that it stands in."""

    module: Module
    node: cst.CSTNode


@dataclass(frozen=True)
class Tensor:
    """A tensor of one kind.

    `made` holds the expressions that made it what it is, one for each path that leads here:
    the call of a softmax, of a layer. `dim` is the dimension of a softmax where it is a
    number, `size` the number of classes where the layer in front says so. `way` are
    the calls through which it came out of other functions, the outermost first. `altered` says
    that its numbers are not those that were made any more: averaged, bounded, or a little larger.
    `handed` says that callers gave it to the function that the question was asked in.
    """

    kind: Kind
    made: tuple[Place, ...] = ()
    dim: int | None = None
    size: int | None = None
    way: tuple[Place, ...] = ()
    altered: bool = False
    handed: bool = False

    def resized(self, size: int | None = None) -> Tensor:
        """The same with another number of classes; by default with one that is not known."""
        return replace(self, size=size)

    def through(self, call: Place) -> Tensor:
        """The same, come out of a call."""
        return replace(self, way=(call, *self.way))


UNKNOWN = Tensor(Kind.UNKNOWN)


def agreed(tensors: Iterable[Tensor]) -> Tensor:
    """One tensor for all that may be meant; unknown unless all are of one kind."""
    found = list(dict.fromkeys(tensors))
    if not found or any(one.kind is not found[0].kind for one in found):
        return UNKNOWN
    first = found[0]
    return Tensor(
        first.kind,
        tuple(dict.fromkeys(place for one in found for place in one.made)),
        first.dim if all(one.dim == first.dim for one in found) else None,
        first.size if all(one.size == first.size for one in found) else None,
        first.way,
        any(one.altered for one in found),
        any(one.handed for one in found),
    )
