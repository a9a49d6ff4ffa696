"""What a name can stand for besides a tensor or a number. All of them are immutable."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import field
from typing import TypeAlias, Union

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts
from losslint.ranges.value import Value


@dataclass(frozen=True, eq=False)
class Sequence:
    """A list or tuple. `open` where it may hold more of the same: a summary."""

    items: tuple[Object, ...]
    open: bool = False


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A dict with the constant keys that are known, and what stands under others."""

    entries: AbstractMapping[str, Object]
    other: Object | None = None


@dataclass(frozen=True, eq=False)
class Function:
    """A function or lambda of this module, with what it closes over."""

    node: cst.FunctionDef | cst.Lambda
    closure: AbstractMapping[str, Object] = field(default_factory=dict)
    owner: Instance | None = None


@dataclass(frozen=True, eq=False)
class Instance:
    """An object of a class of this module. Its attributes are the only thing that changes."""

    facts: ClassFacts
    name: str
    attributes: dict[str, Object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ClassObject:
    """A class of this module, to be called."""

    facts: ClassFacts


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss function or criterion; `lower` bounds what it returns for legal input."""

    name: str
    lower: float | None
    reduced: bool = True


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that only applies one operation, such as nn.Softplus, with what it is given."""

    operation: str
    node: cst.Call
    given: tuple[Object, ...] = ()


@dataclass(frozen=True, eq=False)
class Network:
    """A module whose output is computed by a network, or is not known."""

    name: str


@dataclass(frozen=True, eq=False)
class External:
    """Something imported, by its qualified name."""

    name: str


Object: TypeAlias = Union[  # noqa: UP007 -- the classes above name it before it is there
    Value, Sequence, Dictionary, Function, Instance, ClassObject, Loss, Layer, Network, External
]
