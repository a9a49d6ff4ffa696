"""The state of one walk: what is injected, what was taken note of, what is left of its budget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from losslint.ranges.losses import is_loss_like
from losslint.training.events import Events, Kept
from losslint.training.state import Frame, State
from losslint.training.values import UNKNOWN, Source, Value

MAX_NODES = 30_000  # expressions of one walk, those of the functions that it calls included
MAX_DEPTH = 3  # calls within calls

Evaluate = Callable[["Run", Any, Frame, State], Value]
Execute = Callable[["Run", Any, Frame, State], list[State]]


class Exhausted(Exception):
    """This function takes too long to follow."""


@dataclass(eq=False)
class Run:
    """One walk. `injected` are the sources that yield `number`; none in a walk that surveys.

    With `asserts` off, assertions are no statements, as under `python -O`.
    """

    expressions: Mapping[type[cst.CSTNode], Evaluate]
    block: Execute
    injected: frozenset[Source] = frozenset()
    number: float | None = None
    asserts: bool = True
    monitors: Collection[str] = ()
    validators: Collection[str] = ()
    events: Events = field(default_factory=Events)
    naming: str = ""
    substituting: int = 0  # branches around that only a loss that is not finite takes
    spent: int = 0

    def evaluate(self, node: cst.CSTNode, frame: Frame, state: State) -> Value:
        """What is known of an expression.

        Raises:
            Exhausted: the budget of this walk is used up.
            Stop: a call in it ends the path.
        """
        self.spent += 1
        if self.spent > MAX_NODES:
            raise Exhausted
        handler = self.expressions.get(type(node))
        return handler(self, node, frame, state) if handler else UNKNOWN

    def of(self, source: Source, frame: Frame, *, floored: bool = False) -> Value:
        """What a source yields: the injected number, or one of which nothing is known."""
        hit = not self.substituting and any(source.holds(one) for one in self.injected)
        term = frozenset((source,))
        return Value(
            self.number if hit else None,
            frozenset((term,)),
            graph=not frame.no_grad,
            tested=hit,
            floored=floored,
        )

    def part(self, value: Value, key: object, frame: Frame, name: str = "") -> Value:
        """An item or an attribute of what a source yields; of anything else, the whole."""
        sources = value.sources
        if len(sources) != 1:
            return replace(value, items=())
        (source,) = sources
        label = key if isinstance(key, str) and key.isidentifier() else name or source.label
        unpacked = isinstance(key, int) or bool(name)
        is_loss = is_loss_like(label) if unpacked else source.is_loss or is_loss_like(label)
        part = Source(source.node, (*source.path, key), label, is_loss)
        return replace(self.of(part, frame), graph=value.graph, kept=value.kept)

    def keep(
        self,
        node: cst.CSTNode,
        path: str,
        expression: cst.BaseExpression,
        value: Value,
        frame: Frame,
        state: State,
    ) -> None:
        """Take note of a value that outlives the turn of the loop with its graph."""
        if value.graph and frame.loops and path not in state.fresh:
            kept = Kept(node, path, expression, value, frame.loops[-1], frame)
            self.events.kept.append(kept)
