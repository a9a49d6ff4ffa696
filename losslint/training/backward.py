"""A place where a loss is back-propagated, what it is made of, and what stands in the way of a NaN."""

from __future__ import annotations

import libcst as cst

from losslint.frozen import dataclass
from losslint.training.events import Events
from losslint.training.state import Frame
from losslint.training.values import SPECIALS


@dataclass(frozen=True, eq=False)
class Component:
    """One of the losses that a total is made of.

    `label` is what a person would call it; `text` the source of an expression that
    stands for it where that is asked for, empty where it has no name there.
    """

    label: str
    text: str = ""


@dataclass(frozen=True, eq=False)
class Backward:
    """One place where a loss is back-propagated.

    `place` is the call, or the `return` by which a framework gets the loss;
    `loss` what is back-propagated, without the scaler and the constants around it;
    `loop` the innermost loop of the function around it, if there is one.
    """

    place: cst.CSTNode
    loss: cst.BaseExpression
    statement: cst.SimpleStatementLine | cst.SimpleStatementSuite
    function: cst.FunctionDef | None
    loop: cst.For | cst.While | None
    components: tuple[Component, ...] = ()
    non_negative: bool = False


@dataclass(frozen=True, eq=False)
class Survey:
    """A function, or the module itself, and what one walk through it took note of."""

    frame: Frame
    events: Events


@dataclass(frozen=True, eq=False)
class Stop:
    """A statement that keeps some losses from going on: `numbers` out of NaN, inf and -inf.

    `how` is what it does then (raise, exit, assert, continue, break, return, debugger, replaced,
    skipped: the place that back-propagates stands in its other branch).
    """

    node: cst.CSTNode
    how: str
    numbers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Guard:
    """What happens to a loss that is not finite, before and after it is back-propagated.

    `passes` are the values (NaN, inf, -inf) that get past all `stops`, `unchecked` the
    components that nothing looks at, `asserted` says that only assertions stop some of them.
    `late` stops the run once the loss is back-propagated; `printed` only tells of it.
    `trusted` is a check that is not at hand, or one of torch itself. Without `backward`,
    it is about a loss that the function yields or gets.
    """

    survey: Survey
    stops: tuple[Stop, ...] = ()
    backward: Backward | None = None
    passes: tuple[float, ...] = SPECIALS
    unchecked: tuple[str, ...] = ()
    asserted: bool = False
    late: cst.CSTNode | None = None
    printed: cst.CSTNode | None = None
    trusted: bool = False

    @property
    def rejected(self) -> bool:
        """Whether some loss that is NaN or inf does not go on."""
        return len(self.passes) < len(SPECIALS)

    @property
    def partial(self) -> bool:
        """Whether some do, and others do not."""
        return self.rejected and bool(self.passes or self.unchecked or self.asserted)
