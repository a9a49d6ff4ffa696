"""What a walk takes note of on its way."""

from __future__ import annotations

from dataclasses import field

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.training.state import Ended, Frame, Loop, State
from losslint.training.values import Value


@dataclass(frozen=True, eq=False)
class Reached:
    """A loss is back-propagated, or handed to a framework that does it."""

    place: cst.CSTNode
    loss: cst.BaseExpression
    value: Value
    frame: Frame
    state: State
    ended: int  # how many paths had ended before
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, eq=False)
class Shown:
    """A value reaches a person. `expression` is the part of `node` that it is read from."""

    node: cst.CSTNode
    expression: cst.BaseExpression
    value: Value
    loops: tuple[Loop, ...]
    frame: Frame
    state: State


@dataclass(frozen=True, eq=False)
class Escaped:
    """A loss is handed to what is not at hand: it may be shown there."""

    node: cst.CSTNode
    value: Value


@dataclass(frozen=True, eq=False)
class Compared:
    """A loss is asked whether it is less or more than something else."""

    node: cst.Comparison
    loss: cst.BaseExpression
    other: cst.BaseExpression
    value: Value
    frame: Frame


@dataclass(frozen=True, eq=False)
class Kept:
    """A value that can be back-propagated is added to what outlives this turn of the loop.

    Without a loop, it is added to what outlives the call: an attribute.
    """

    node: cst.CSTNode
    path: str
    expression: cst.BaseExpression
    value: Value
    loop: Loop | None
    frame: Frame


@dataclass(frozen=True, eq=False)
class Replaced:
    """`nan_to_num` of a loss, or a choice in its place: what was NaN is a number from there on."""

    node: cst.CSTNode
    value: Value
    frame: Frame


@dataclass(frozen=True, eq=False)
class Cut:
    """A value is taken out of its graph: `value` is what it was before."""

    node: cst.CSTNode
    value: Value
    frame: Frame


@dataclass(eq=False)
class Events:
    """Everything that one walk has taken note of."""

    reached: list[Reached] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    returned: list[tuple[cst.Return, Value, State]] = field(default_factory=list)
    escaped: list[Escaped] = field(default_factory=list)
    tested: list[tuple[cst.CSTNode, Value]] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    followed: dict[cst.CSTNode, Module] = field(default_factory=dict)  # functions, and where
    replaced: list[Replaced] = field(default_factory=list)
    cut: list[Cut] = field(default_factory=list)
    finite: list[Value] = field(default_factory=list)  # what was tested for NaN or inf
    anomaly: bool = False  # torch itself stops at a NaN
    unsure: bool = False  # something that is not at hand may have stopped it
