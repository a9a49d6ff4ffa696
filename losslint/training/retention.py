"""Which losses are kept with their graph across steps, though nothing back-propagates them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import parameters
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import ancestors, nodes
from losslint.ranges.losses import lower_bound
from losslint.training.accumulators import Accumulator
from losslint.training.backward import Survey
from losslint.training.events import Kept, Reached
from losslint.training.loops import (
    callers,
    is_over_data,
    is_run_without_gradients,
    is_short,
    trains,
)
from losslint.training.readings import Reading
from losslint.training.state import Frame, Loop, path_of
from losslint.training.values import Source

AGAIN = re.compile(r"(retain|create)_graph")
MODELS = re.compile(r"crit|loss|objective", re.I)
VERBS = re.compile(
    r"step|train|eval|valid|test|update|epoch|run|fit|log|mean|avg|average|reduce", re.I
)


@dataclass(frozen=True, eq=False)
class Retained:
    """A loss that is put with its graph where it outlives its step.

    `node` is the statement or call that does it, `expression` what is put there and
    `path` where. `backward` is the call that frees its activations; None where nothing does.
    `number` says that nobody could tell a Python number from the tensor.
    """

    node: cst.CSTNode
    expression: cst.BaseExpression
    path: str
    backward: cst.CSTNode | None
    number: bool


def retained(module: Module, surveys: Sequence[Survey]) -> Iterator[Retained]:
    """Every loss of a module that is kept like this, once."""
    seen: set[cst.CSTNode] = set()
    for survey in surveys:
        for kept in survey.events.kept:
            place = _Place.of(module, survey, kept)
            if place is None or place.node in seen:
                continue
            found = place.retained(surveys)
            if found is not None:
                seen.add(place.node)
                yield found


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a module keeps a loss: by a statement of its own, or by the call of a meter."""

    module: Module
    survey: Survey
    kept: Kept
    node: cst.CSTNode
    expression: cst.BaseExpression
    path: str  # what holds it: the accumulator, or the meter

    @classmethod
    def of(cls, module: Module, survey: Survey, kept: Kept) -> _Place | None:
        frame = kept.frame
        if frame.owner is survey.frame.owner and frame.scope.module is module:
            return cls(module, survey, kept, kept.node, kept.expression, kept.path)
        caller = frame.caller
        if caller is None or frame.call is None or caller.scope.module is not module:
            return None
        holder = frame.call.func
        argument = _argument(kept, frame.call)
        if argument is None or not isinstance(holder, cst.Attribute):
            return None
        path = path_of(holder.value) or module.text(holder.value)
        return cls(module, survey, kept, frame.call, argument, path)

    @property
    def is_meter(self) -> bool:
        return self.node is not self.kept.node

    @cached_property
    def accumulator(self) -> Accumulator:
        """What holds it."""
        frame = self.kept.frame
        if self.is_meter and frame.caller is not None:
            frame = frame.caller
        return Accumulator(self.module, frame, self.node, self.path.partition("[")[0])

    def _is_bounded(self) -> bool:
        frame, base = self.kept.frame, self.kept.path.partition("[")[0]
        return Accumulator(frame.scope.module, frame, self.kept.node, base).is_bounded()

    @property
    def _text(self) -> str:
        return self.module.source.data.decode()

    def retained(self, surveys: Sequence[Survey]) -> Retained | None:
        if self._is_bounded() or self._is_needed_later(surveys):
            return None
        losses = self._losses()
        if not losses or any(isinstance(source.node, cst.Param) for source in losses):
            return None
        loop = self._loop()
        if loop is None and (self.is_meter or not self.accumulator.grows_for_life()):
            return None
        reached = self._own_backward(losses, loop)
        if reached is not None:
            again = AGAIN.search(reached.frame.scope.module.text(reached.place))
            return None if again else self._found(reached, losses)
        if loop is None or self._is_trained(losses) or not self._keeps_activations(losses, loop):
            return None
        return self._found(None, losses)

    def _found(self, reached: Reached | None, losses: list[Source]) -> Retained:
        backward = None if reached is None else reached.place
        number = self._is_number(reached, losses)
        return Retained(self.node, self.expression, self.path, backward, number)

    def _losses(self) -> list[Source]:
        """The losses that are kept: what is known as one, or is a summand of one."""
        every = {source for term in self.kept.value.losses() for source in term}
        found = {source for source in every if source.is_loss}
        terms = self.kept.value.losses()
        if not found and any(terms <= one.value.losses() for one in self.survey.events.reached):
            found = {source for source in every if source.reduced}
        return sorted(found, key=lambda source: (source.label, source.order))

    # --- whether it grows ---------------------------------------------------------------

    def _is_needed_later(self, surveys: Sequence[Survey]) -> bool:
        """Whether something that it was added to is back-propagated."""
        base = self.accumulator.base
        paths = {self.path, base, self.kept.path}
        for survey in surveys:
            met = any(kept.node is self.kept.node for kept in survey.events.kept)
            if met and any(one.value.kept & paths for one in survey.events.reached):
                return True
        attribute = rf"\.{re.escape(base.rpartition('.')[2])}\b"
        way = rf"{attribute}.*backward|backward\(.*{attribute}"
        return self.accumulator.is_attribute and re.search(way, self._text) is not None

    def _loop(self) -> Loop | None:
        """The loop over steps that what it is put into outlives."""
        for loop, bodies in self._loops():
            if any(self.accumulator.starts_anew(node) for node in nodes(loop.body)):
                return None
            if self._starts_in_each_step(loop):
                return None
            over_steps = trains(bodies) or is_over_data(loop, self.module)
            if over_steps and not is_short(loop, self.module):
                return loop
        return None

    def _starts_in_each_step(self, loop: Loop) -> bool:
        """Whether a loop stands within one over data, each turn of which begins a new sum."""
        around = [o for o, _ in self._loops() if o is not loop and is_over_data(o, self.module)]
        return not is_over_data(loop, self.module) and any(
            self.accumulator.starts_anew(node) for outer in around for node in nodes(outer.body)
        )

    def _loops(self) -> Iterator[tuple[Loop, list[cst.CSTNode]]]:
        """The loops around, each with all that runs in its turns and is at hand."""
        node, frame = self.node, self.accumulator.frame
        bodies: list[cst.CSTNode] = []
        while frame.scope.module is self.module:
            for loop in _loops_around(node, frame):
                yield loop, [loop.body, *bodies]
            if not self.accumulator.is_attribute or frame.caller is None or frame.call is None:
                return
            if isinstance(frame.function, cst.FunctionDef):
                bodies.append(frame.function.body)
            node, frame = frame.call, frame.caller

    # --- what it keeps ------------------------------------------------------------------

    def _own_backward(self, losses: list[Source], loop: Loop | None) -> Reached | None:
        """What back-propagates the loss itself in the same step."""
        for reached in self.survey.events.reached:
            theirs = reached.value.sources
            if not all(any(one == mine or one.holds(mine) for one in theirs) for mine in losses):
                continue
            if _calls(self.kept) - {n for n in reached.value.through if isinstance(n, cst.Call)}:
                continue
            own = reached.frame is self.kept.frame
            if own and loop is not None and not any(n is reached.place for n in nodes(loop)):
                continue
            if isinstance(reached.place, cst.Call):
                return reached
        return None

    def _is_trained(self, losses: list[Source]) -> bool:
        every = [s for one in self.survey.events.reached for s in one.value.sources]
        return any(one.node is mine.node for one in every for mine in losses)

    def _keeps_activations(self, losses: list[Source], loop: Loop) -> bool:
        """Whether a loss that nothing back-propagates certainly has its graph with it."""
        if self.is_meter or _calls(self.kept) or not all(self._is_made(s, loop) for s in losses):
            return False
        function = self.kept.frame.function
        if not isinstance(function, cst.FunctionDef):
            return False
        used = self.accumulator.readings()
        if Reading.HANDED in used or self.accumulator.is_attribute:
            return False
        if is_run_without_gradients(self.module, function):
            return False
        trained = any(one.frame.function is function for one in self.survey.events.reached)
        known = trained and Reading.RETURNED not in used
        return known or bool(callers(self.module, function))

    def _is_made(self, source: Source, loop: Loop) -> bool:
        """Whether a loss is made in each turn by what certainly yields a tensor."""
        node = source.node
        if not isinstance(node, cst.Call):
            return False
        qualified = self.kept.frame.scope.names.qualified(node.func) or ""
        spelled = (dotted(node.func) or "").rpartition(".")[2]
        by_name = MODELS.search(spelled) is not None and not VERBS.search(spelled)
        return lower_bound(qualified) is not None or (
            by_name and any(n is node for n in nodes(loop))
        )

    # --- what may stand in its place ----------------------------------------------------

    def _is_number(self, reached: Reached | None, losses: list[Source]) -> bool:
        """Whether a number does: the loss is a single one, and so is what holds it all along."""
        holder = self.accumulator
        if self.is_meter or holder.is_attribute or not self._is_single(reached, losses):
            return False
        return holder.starts_as_number() and not holder.readings()

    def _is_single(self, reached: Reached | None, losses: list[Source]) -> bool:
        """Whether the loss has no dimensions, as far as that is certain."""
        path = path_of(carrying(self.expression))
        if reached is not None and path == path_of(reached.loss) is not None:
            return not self._is_reduced_later(path)
        if "reduc" in self._text:
            return False
        names = self.kept.frame.scope.names
        calls = [source.node for source in losses if isinstance(source.node, cst.Call)]
        return all(lower_bound(names.qualified(c.func) or "") is not None for c in calls)

    def _is_reduced_later(self, path: str | None) -> bool:
        """Whether this comes after it, before the loss is back-propagated: `loss = loss.mean()`."""
        end = self.module.span(self.node).end
        return any(
            isinstance(node, cst.Assign)
            and path_of(node.targets[0].target) == path
            and any(path_of(inner) == path for inner in nodes(node.value))
            and self.module.span(node).start > end
            for node in nodes(self.accumulator.body)
        )


def _loops_around(node: cst.CSTNode, frame: Frame) -> Iterator[Loop]:
    for around in ancestors(frame.scope.module.tree, node):
        if around is frame.function:
            return
        if isinstance(around, (cst.For, cst.While)):
            yield around


def carrying(node: cst.BaseExpression) -> cst.BaseExpression:
    """The loss in a product or a quotient: `loss` of `loss * images.size(0)`."""
    match node:
        case cst.BinaryOperation(left=left, operator=cst.Multiply() | cst.Divide()) if _speaks(
            left
        ):
            return carrying(left)
        case cst.BinaryOperation(right=right, operator=cst.Multiply()) if _speaks(right):
            return carrying(right)
    return node


def _speaks(node: cst.BaseExpression) -> bool:
    return any(isinstance(one, cst.Name) and MODELS.search(one.value) for one in nodes(node))


def _calls(kept: Kept) -> set[cst.CSTNode]:
    """The calls of what is not at hand that the loss went through."""
    return {node for node in kept.value.through if isinstance(node, cst.Call)}


def _argument(kept: Kept, call: cst.Call) -> cst.BaseExpression | None:
    """What a call gives for the parameter that is kept."""
    function = kept.frame.function
    if not isinstance(function, cst.FunctionDef):
        return None
    known = {n.value for n in nodes(kept.expression) if isinstance(n, cst.Name)}
    names = parameters(function)[1:]
    for n, arg in enumerate(call.args):
        name = arg.keyword.value if arg.keyword else names[n] if n < len(names) else ""
        if name in known:
            return arg.value
    return None
