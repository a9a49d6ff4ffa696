"""What a training loop does with a loss that is NaN or infinite: found by walking through it with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from losslint.model.parents import nodes
from losslint.training.backward import Backward, Guard, Stop, Survey
from losslint.training.events import Events, Reached
from losslint.training.run import Exhausted, Run
from losslint.training.state import Decision, Ended
from losslint.training.surveys import fresh, hand_over, start
from losslint.training.values import SPECIALS, Source
from losslint.training.walk import walked

MAX_SOURCES = 6  # of one loss, that are injected one at a time
NAN, INF, _ = SPECIALS


def guards(survey: Survey, places: Sequence[tuple[Reached, Backward]]) -> Iterator[Guard]:
    """What stands in the way of each loss that is not finite, as far as it can be told.

    Raises:
        Exhausted: the rest takes too long to follow.
    """
    losses = {reached: injected(reached) for reached, _ in places}
    every = _ordered(source for found in losses.values() for source in found)
    together = _together(survey, every) if every else None
    stopped = together is None or together.events.tested or _is_trusted(together.events)
    for reached, backward in places:
        if together and not stopped and _gets_through(together, reached):
            yield Guard(survey, backward=backward)
        else:
            yield _probed(survey, reached, backward, losses[reached])


def _together(survey: Survey, losses: list[Source]) -> Run | None:
    """A walk with all of the losses at NaN; None if that takes too long, as each alone may not.

    With so many of them, paths differ by which names are NaN.
    """
    try:
        return probe(survey, losses, NAN)
    except Exhausted:
        return None


def lookout(survey: Survey) -> Guard | None:
    """What a function that back-propagates nothing does with a loss that it tests for NaN or inf.

    Raises:
        Exhausted: it takes too long to follow.
    """
    tested = _ordered(source for value in survey.events.finite for source in value.sources)
    losses = [source for source in tested if source.is_loss]
    if survey.events.reached or not losses:
        return None
    runs = _each(survey, losses)
    stops = _stops((number, run.events) for number, run in runs.items())
    caught = {number for stop in stops for number in stop.numbers}
    passes = () if {NAN, INF} <= caught else tuple(n for n in SPECIALS if n not in caught)
    solid = {number for stop in stops if stop.how != "assert" for number in stop.numbers}
    return Guard(survey, stops, passes=passes, asserted=not {NAN, INF} <= solid and not passes)


def injected(reached: Reached) -> list[Source]:
    """The sources that make up a loss, without the weights and the like beside them."""
    every = {source for term in reached.value.losses() for source in term}
    return _ordered({source for source in every if source.is_loss} or every)


def _ordered(sources: Iterable[Source]) -> list[Source]:
    return sorted(set(sources), key=lambda source: (source.label, source.order))


def _probed(survey: Survey, reached: Reached, backward: Backward, losses: list[Source]) -> Guard:
    runs = _each(survey, losses)
    first = runs[NAN]
    if _is_trusted(first.events):
        return Guard(survey, backward=backward, trusted=True)
    passes = [number for number, run in runs.items() if _gets_through(run, reached)]
    caught = [number for number in SPECIALS if number not in passes]
    if NAN in caught and INF in caught:
        passes = []
    parts = _one_by_one(survey, losses) if first.events.tested else {}
    unchecked = [source for source, run in parts.items() if _gets_through(run, reached)]
    alone = [(NAN, run.events) for source, run in parts.items() if source not in unchecked]
    stops = _stops([*((number, runs[number].events) for number in caught), *alone], reached.place)
    asserts = any(end.kind == "assert" for run in runs.values() for end in run.events.ended)
    late, printed = _after(first, reached)
    if any(stop.node is printed for stop in stops):
        printed = None
    return Guard(
        survey,
        stops,
        backward,
        tuple(passes),
        tuple(source.label for source in unchecked) if NAN in caught else (),
        any(_is_asserted(survey, reached, losses, number) for number in caught if asserts),
        late,
        printed if NAN in passes else None,
    )


def _each(survey: Survey, losses: list[Source]) -> dict[float, Run]:
    """A walk for each of NaN, inf and -inf; the same one where nothing tells them apart."""
    first = probe(survey, losses, NAN)
    if not first.tells_apart:
        return dict.fromkeys(SPECIALS, first)
    return {NAN: first, **{number: probe(survey, losses, number) for number in SPECIALS[1:]}}


def _is_trusted(events: Events) -> bool:
    """Whether torch itself stops the run, or something that is not at hand may."""
    return events.anomaly or events.unsure


def _one_by_one(survey: Survey, losses: list[Source]) -> dict[Source, Run]:
    """What happens if one of the losses in a total is NaN, and not the others."""
    if len(losses) < 2:
        return {}
    return {source: probe(survey, [source], NAN) for source in losses[:MAX_SOURCES]}


def _is_asserted(survey: Survey, reached: Reached, losses: list[Source], number: float) -> bool:
    return _gets_through(probe(survey, losses, number, asserts=False), reached)


def probe(survey: Survey, losses: Iterable[Source], number: float, *, asserts: bool = True) -> Run:
    """A walk with these losses at this value.

    Raises:
        Exhausted: it takes too long to follow.
    """
    frame = fresh(survey.frame)
    run = walked(
        Run, frame, start(frame), injected=frozenset(losses), number=number, asserts=asserts
    )
    hand_over(frame, run)
    return run


def _gets_through(run: Run, reached: Reached) -> bool:
    return any(one.place is reached.place and one.value.special for one in run.events.reached)


def _stops(
    events: Iterable[tuple[float, Events]], place: cst.CSTNode | None = None
) -> tuple[Stop, ...]:
    """The statements by which paths end, or go on with another value, because of the value."""
    found: dict[cst.CSTNode, tuple[str, list[float]]] = {}
    for number, seen in events:
        ends = [(end.decisions[-1].node, end.kind) for end in seen.ended if _decided(end)]
        others = [(node, "replaced") for node in _replaced(seen)]
        around = [(node, "skipped") for node in _skipped(seen, place)]
        for node, how in (*ends, *others, *around):
            numbers = found.setdefault(node, (how, []))[1]
            if number not in numbers:
                numbers.append(number)
    return tuple(Stop(node, how, tuple(numbers)) for node, (how, numbers) in found.items())


def _replaced(events: Events) -> Iterator[cst.CSTNode]:
    """What put another value in the place of one that is not finite."""
    states = [(one.value, one.state) for one in events.reached]
    for value, state in (*states, *((value, state) for _, value, state in events.returned)):
        if not value.whole().special:
            yield from state.hidden
            yield from (d.node for d in state.decisions if d.explicit)


def _skipped(events: Events, place: cst.CSTNode | None) -> Iterator[cst.CSTNode]:
    """The tests for NaN or inf that a place stands behind: `if isfinite(loss): loss.backward()`."""
    for node, test in events.tested:
        if test.explicit and place is not None and any(inner is place for inner in nodes(node)):
            yield node


def _after(run: Run, reached: Reached) -> tuple[cst.CSTNode | None, cst.CSTNode | None]:
    """What stops the run once the loss is back-propagated, and what only tells of it."""
    first = next((one for one in run.events.reached if one.place is reached.place), None)
    if first is None:
        return None, None
    before = {decision.node for decision in first.state.decisions}
    late = [
        end.decisions[-1].node
        for end in run.events.ended[first.ended :]
        if _decided(end) and end.decisions[-1].node not in before and _leaves(end)
        if end.decisions[-1].explicit
    ]
    told = [d.node for d in first.state.decisions if d.explicit and _has_taken(d)]
    return (late[0] if late else None), (told[0] if told else None)


def _has_taken(decision: Decision) -> bool:
    """Whether anything was done because of what was decided."""
    node = decision.node
    return isinstance(node, cst.If) and (decision.truth or node.orelse is not None)


def _decided(end: Ended) -> bool:
    """Whether a path ends within a branch that the value has decided for."""
    return bool(end.decisions) and any(node is end.node for node in nodes(end.decisions[-1].node))


def _leaves(end: Ended) -> bool:
    return end.kind in ("raise", "exit", "assert", "break", "return", "debugger")
