"""Code that goes by the best metric so far, and what it does when the metric is NaN: run with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called, dotted
from losslint.model.outline import COMPARING
from losslint.model.parents import nodes
from losslint.ranges.losses import is_loss_like
from losslint.ranges.run import Unfollowed
from losslint.training.callees import scope_of
from losslint.training.expressions import ORDERED
from losslint.training.metrics import Definitions, bodies, plain
from losslint.training.run import Exhausted
from losslint.training.state import Frame, path_of
from losslint.training.surveys import unfollowed
from losslint.training.trials import Trial, tried
from losslint.training.words import PICKS, SAVES, is_best, last

BEST, SAVED, PATIENCE = "best", "saved", "patience"  # what a selection does with a new best


@dataclass(frozen=True, eq=False)
class Selection:
    """A comparison of a metric with the best so far that takes NaN for a new best.

    `place` is the comparison, the test for a first metric, or the call that picks one of the
    two. `does` is what happens with a NaN, out of BEST, SAVED and PATIENCE. `turned` are the
    conditions that keep the best if they hold for NaN as well, `empty` those that ask for a best
    that is not there yet. `first` says that only the first metric is taken if it is NaN, `lasting`
    that a best that is NaN is never replaced.
    """

    frame: Frame
    metric: cst.BaseExpression
    best: str
    place: cst.BaseExpression
    does: tuple[str, ...]
    turned: tuple[cst.BaseExpression, ...] = ()
    empty: tuple[cst.BaseExpression, ...] = ()
    first: bool = False
    lasting: bool = False


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The selections of one module that take NaN for a new best, by function and for itself."""
    scope = scope_of(module)
    found: list[Selection] = []
    given_up: list[Unfollowed] = []
    for function, held in bodies(module.tree).items():
        owner = scope.owners.get(function) if function is not None else None
        frame = Frame(scope, function, owner)
        try:
            found += _in_function(frame, Definitions(held))
        except Exhausted:
            given_up.append(unfollowed(frame))
    return {Selection: found, Unfollowed: given_up}


def _in_function(frame: Frame, known: Definitions) -> Iterator[Selection]:
    for best, values in known.given.items():
        named = is_best(best)
        metrics = {path_of(plain(value)): plain(value) for value in values}
        for spelling, metric in metrics.items():
            loss_like = any(is_loss_like(last(path)) for path in (spelling or "", best))
            if spelling not in (None, best) and (named or loss_like):
                pair = _Pair(frame, known, metric, spelling or "", best)
                if pair.comparisons and not pair.is_harmless():
                    yield from _tried(pair)
        for value in values if named else ():
            yield from _picked(frame, known, best, value)


class _Pair:
    """A metric and the best that it is compared with, in one function."""

    def __init__(
        self, frame: Frame, known: Definitions, metric: cst.BaseExpression, spelling: str, best: str
    ) -> None:
        self.frame, self.known = frame, known
        self.metric, self.spelling, self.best = metric, spelling, best
        self.comparisons: list[cst.BaseExpression] = [
            n for n in known.conditions if self._compares(n)
        ]
        self.emptiness = [n for n in known.conditions if self._is_first(n)]
        self.beside = dict(self._beside())
        self.effects = dict(self._effects())

    def _compares(self, node: cst.BaseExpression) -> bool:
        match node:
            case cst.Comparison(comparisons=targets):
                ordered = all(type(t.operator) in ORDERED for t in targets)
            case cst.Call():
                ordered = called(node) in COMPARING and len(node.args) == 2
            case _:
                return False
        return ordered and {self.spelling, self.best} <= self.known.mentioned(node)

    def _is_first(self, node: cst.BaseExpression) -> bool:
        """Whether this asks for a best that is not there yet: `best is None`, `not best`."""
        match node:
            case cst.Comparison(
                left=left,
                comparisons=[cst.ComparisonTarget(cst.Is() | cst.Equal(), cst.Name("None"))],
            ):
                return path_of(left) == self.best
            case cst.UnaryOperation(operator=cst.Not(), expression=inner):
                return path_of(inner) == self.best
        return False

    def _beside(self) -> Iterator[tuple[cst.CSTNode, bool]]:
        """Conditions beside a comparison, each as it leaves the decision to that."""
        for node in self.known.nodes:
            if isinstance(node, cst.BooleanOperation):
                for side, other in ((node.left, node.right), (node.right, node.left)):
                    if self._decides(side) and not self._decides(other):
                        yield other, isinstance(node.operator, cst.And)

    def _decides(self, node: cst.BaseExpression) -> bool:
        within = {node, *nodes(node)}
        conditions = within & {*self.comparisons, *self.emptiness}
        return bool(conditions) or any(path_of(n) in (self.spelling, self.best) for n in within)

    def _effects(self) -> Iterator[tuple[cst.CSTNode, str]]:
        for value in self.known.given[self.best]:
            if path_of(plain(value)) == self.spelling:
                yield value, BEST
        counters = {path_of(n.target) for n in self.known.nodes if isinstance(n, cst.AugAssign)}
        for path in counters - {None, self.best, self.spelling}:
            for value in self.known.given[path or ""]:
                if isinstance(value, cst.Integer) and value.value == "0":
                    yield value, PATIENCE
        for node in self.known.nodes:
            if isinstance(node, cst.Call) and _saves(node, self.frame):
                yield node, SAVED

    def is_harmless(self) -> bool:
        """Whether the metric cannot be NaN, or is tested for it."""
        return self.known.is_counted(self.spelling) or self.known.is_checked(self.spelling)

    def goes_by(self, differs: set[cst.CSTNode]) -> bool:
        """Whether a model is selected, if this depends on how the comparisons turn out."""
        does = self.told(differs)
        loss_like = any(is_loss_like(last(path)) for path in (self.spelling, self.best))
        named = is_best(self.best)
        return BEST in does and (loss_like or (named and len(does) > 1))

    def trial(
        self,
        metric: float | None,
        best: float | None = None,
        outcomes: Mapping[cst.CSTNode, bool] | None = None,
    ) -> Trial:
        """A walk with these numbers; what is compared with NaN is False, unless told otherwise."""
        given: dict[cst.CSTNode, float | None] = {}
        for node in self.known.nodes:
            match path_of(node):
                case self.spelling:
                    given[node] = metric
                case self.best if best is not None:
                    given[node] = best
        told: dict[cst.CSTNode, bool] = dict.fromkeys((*self.comparisons, *self.emptiness), False)
        return tried(self.frame, given, {**self.beside, **told, **(outcomes or {})})

    def replaced(self) -> bool:
        """Whether a number takes the place of a best that is NaN."""
        return BEST in self.told(self.done(self.trial(None, nan)))

    def done(self, trial: Trial) -> set[cst.CSTNode]:
        """What the selection did in this walk."""
        return self.effects.keys() & trial.visited

    def told(self, done: set[cst.CSTNode]) -> tuple[str, ...]:
        """What was done, each once."""
        kinds = {self.effects[node] for node in done}
        return tuple(kind for kind in (BEST, SAVED, PATIENCE) if kind in kinds)


def _tried(pair: _Pair) -> Iterator[Selection]:
    """Run with a metric that is better, one that is worse, and NaN."""
    holds: dict[cst.CSTNode, bool] = dict.fromkeys(pair.comparisons, True)
    one, other = pair.done(pair.trial(None)), pair.done(pair.trial(None, outcomes=holds))
    if pair.goes_by(one ^ other):
        found = _wrong_branch(pair, one & other) or _first_for_ever(pair)
        if found is not None:
            yield found


def _wrong_branch(pair: _Pair, always: set[cst.CSTNode]) -> Selection | None:
    """NaN is done what only one of better and worse is done: the better."""
    trial = pair.trial(nan)
    wrong = pair.done(trial) - always
    if trial.checks or not wrong:
        return None
    turned: tuple[cst.BaseExpression, ...] = ()
    for some in (*([c] for c in pair.comparisons), pair.comparisons):
        if not pair.done(pair.trial(nan, outcomes=dict.fromkeys(some, True))) - always:
            turned = tuple(some)
            break
    place = turned[0] if turned else pair.comparisons[0]
    return Selection(
        pair.frame,
        pair.metric,
        pair.best,
        place,
        pair.told(wrong),
        turned,
        tuple(pair.emptiness),
        lasting=not pair.replaced(),
    )


def _first_for_ever(pair: _Pair) -> Selection | None:
    """The first metric becomes the best even if it is NaN, and nothing replaces it."""
    if not pair.emptiness:
        return None
    trial = pair.trial(nan, outcomes=dict.fromkeys(pair.emptiness, True))
    does = pair.told(pair.done(trial))
    if trial.checks or BEST not in does or pair.replaced():
        return None
    empty = tuple(pair.emptiness)
    return Selection(
        pair.frame, pair.metric, pair.best, empty[0], does, empty=empty, first=True, lasting=True
    )


def _picked(
    frame: Frame, definitions: Definitions, best: str, value: cst.BaseExpression
) -> Iterator[Selection]:
    """`best = min(loss, best)`: which of two is picked where one is NaN depends on their order."""
    match value:
        case cst.Call(args=[cst.Arg(keyword=None, star="", value=one), cst.Arg(value=other)]):
            name = frame.scope.names.qualified(value.func) or dotted(value.func) or ""
        case _:
            return
    metric = plain(other if path_of(one) == best else one)
    spelling = path_of(metric)
    if name not in PICKS or best not in (path_of(one), path_of(other)) or spelling is None:
        return
    if not (PICKS[name] or path_of(other) == best) or name in frame.scope.functions:
        return
    loss_like = any(is_loss_like(last(path)) for path in (spelling, best))
    checked = definitions.is_counted(spelling) or definitions.is_checked(spelling)
    if loss_like and not checked:
        yield Selection(frame, metric, best, value, (BEST,), (value,), lasting=PICKS[name])


def _saves(node: cst.Call, frame: Frame) -> bool:
    name = frame.scope.names.qualified(node.func) or ""
    return SAVES.fullmatch(called(node)) is not None and not name.startswith("numpy")
