"""The state of one walk: what is injected, what was taken note of, what is left of its budget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from losslint.frozen import replace
from losslint.training.events import Events, Kept
from losslint.training.state import Frame, State
from losslint.training.values import NO_VALUE, SUM, UNKNOWN, Source, Value, is_named_as_loss, some

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
    losses: Collection[str] = ()  # functions of the project that yield losses, by their last name
    events: Events = field(default_factory=Events)
    naming: str = ""  # the name that is being given a value
    assigned: cst.CSTNode | None = None  # that value, whole
    substituting: int = 0  # branches around that only a loss that is not finite takes
    spent: int = 0
    tells_apart: bool = False  # whether something was asked that NaN and inf answer differently
    met: dict[Source, int] = field(default_factory=dict)  # every source, in the order of the walk

    def evaluate(self, node: cst.CSTNode, frame: Frame, state: State) -> Value:
        """What is known of an expression.

        Raises:
            Exhausted: the budget of this walk is used up.
            PathEnd: a call in it ends the path.
        """
        self.spent += 1
        if self.spent > MAX_NODES:
            raise Exhausted
        handler = self.expressions.get(type(node))
        return handler(self, node, frame, state) if handler else UNKNOWN

    def of(self, source: Source, frame: Frame, *, floored: bool = False) -> Value:
        """What a source yields: the injected number, or one of which nothing is known."""
        hit = not self.substituting and any(source.holds(one) for one in self.injected)
        source = replace(source, order=self.met.setdefault(source, len(self.met)))
        term = frozenset((source,))
        return Value(
            self.number if hit else None,
            frozenset((term,)),
            graph=not frame.no_grad,
            summands=1,
            tested=hit,
            floored=floored,
        )

    def part(self, value: Value, key: object, frame: Frame, name: str = "") -> Value:
        """An item or an attribute of what a source yields; of a sum or a product, the whole.

        Of several sources, each on a path of its own, it is the same part of each.
        """
        if not value.terms or value.summands > 1 or any(len(term) != 1 for term in value.terms):
            return replace(value, items=())
        parts = [self.of(_part(source, key, name), frame) for source in value.sources]
        found = some(parts)
        nodes = {node for _, node in value.cuts} if value.dead else ()
        cuts = frozenset((term, node) for term in found.terms for node in nodes)
        return replace(found, graph=value.graph, kept=value.kept, through=value.through, cuts=cuts)

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
        outlives = bool(frame.loops) or path.startswith("self.")
        has_graph = value.graph and (isinstance(node, cst.Call) or not frame.no_grad)
        if has_graph and outlives and path not in state.fresh:
            loop = frame.loops[-1] if frame.loops else None
            self.events.kept.append(Kept(node, path, expression, value, loop, frame))


def _part(source: Source, key: object, name: str) -> Source:
    spelled = isinstance(key, str) and key.isidentifier() and key != SUM
    label = str(key) if spelled else name or source.label
    unpacked = isinstance(key, int) or bool(name)
    whole = source.is_loss and not unpacked and NO_VALUE.search(label.lower()) is None
    is_loss = is_named_as_loss(label) or whole
    return replace(source, path=(*source.path, key), label=label, is_loss=is_loss, reduced=False)
