"""Walks in which a metric is NaN, or comparisons turn out as told: which expressions are come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import libcst as cst

from losslint.training.run import Run
from losslint.training.state import Frame, State
from losslint.training.surveys import fresh, start
from losslint.training.values import Source, Value
from losslint.training.walk import walked

METRIC = Source(cst.Name("metric"), (), "metric", True)


@dataclass(eq=False)
class Trial(Run):
    """A walk that takes note of every expression that it comes to.

    `given` are expressions with the number that each is, None for an ordinary one;
    `outcomes` conditions with what each turns out to be.
    """

    given: Mapping[cst.CSTNode, float | None] = field(default_factory=dict)
    outcomes: Mapping[cst.CSTNode, bool] = field(default_factory=dict)
    visited: set[cst.CSTNode] = field(default_factory=set)

    def evaluate(self, node: cst.CSTNode, frame: Frame, state: State) -> Value:
        """What is known of an expression: what it was told to be, or else what a walk finds."""
        self.visited.add(node)
        value = super().evaluate(node, frame, state)
        if node in self.outcomes:
            return Value(self.outcomes[node], tested=True)
        if node in self.given:
            return Value(self.given[node], frozenset((frozenset((METRIC,)),)), tested=True)
        return value

    @property
    def checks(self) -> bool:
        """Whether the metric is tested for NaN or inf somewhere on the way."""
        return any(METRIC in value.sources for value in self.events.finite)


def tried(
    frame: Frame,
    given: Mapping[cst.CSTNode, float | None],
    outcomes: Mapping[cst.CSTNode, bool],
) -> Trial:
    """One walk through the function of `frame`, or through its module.

    Raises:
        Exhausted: it takes too long to follow.
    """
    return walked(Trial, fresh(frame), start(frame), given=given, outcomes=outcomes)
