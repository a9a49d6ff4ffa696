"""What a training loop does with a loss that is NaN or infinite: found by walking through it with one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from losslint.training.backward import Backward, Guard, Survey
from losslint.training.events import Events, Reached
from losslint.training.run import Exhausted, Run
from losslint.training.state import Decision, Ended
from losslint.training.surveys import fresh, start
from losslint.training.values import SPECIALS, Source
from losslint.training.walk import walked

MAX_SOURCES = 6  # of one loss, that are injected one at a time


def guards(survey: Survey, places: Sequence[tuple[Reached, Backward]]) -> Iterator[Guard]:
    """What stands in the way of each loss that is not finite, as far as it can be told."""
    losses = {reached: injected(reached) for reached, _ in places}
    every = sorted({s for found in losses.values() for s in found}, key=str)
    if not every:
        return
    try:
        together = probe(survey, every, SPECIALS[0])
    except Exhausted:
        return
    for reached, backward in places:
        if not together.events.tested and _gets_through(together, reached):
            yield Guard(backward, reached, passes=SPECIALS)
            continue
        try:
            yield _probed(survey, reached, backward, losses[reached])
        except Exhausted:
            continue


def injected(reached: Reached) -> list[Source]:
    """The sources that make up a loss, without the weights and the like beside them."""
    every = {source for term in reached.value.losses() for source in term}
    found = {source for source in every if source.is_loss} or every
    return sorted(found, key=lambda source: (source.label, str(source.path)))


def _probed(survey: Survey, reached: Reached, backward: Backward, losses: list[Source]) -> Guard:
    first = probe(survey, losses, SPECIALS[0])
    if first.events.anomaly or first.events.unsure:
        return Guard(backward, reached, trusted=True)
    stops: dict[cst.CSTNode, None] = {}
    passes: list[float] = []
    unchecked: list[str] = []
    asserted = False
    for number in SPECIALS:
        run = probe(survey, losses, number)
        if _gets_through(run, reached):
            passes.append(number)
            continue
        stops.update(dict.fromkeys(_stops(run.events)))
        asserted = asserted or _gets_through(probe(survey, losses, number, asserts=False), reached)
        if len(losses) > 1:
            for source in losses[:MAX_SOURCES]:
                if _gets_through(probe(survey, [source], number), reached):
                    unchecked.append(source.label)
    if SPECIALS[0] not in passes and SPECIALS[1] not in passes:
        passes = []
    late, printed = (None, None) if not passes else _after(first, reached)
    return Guard(
        backward,
        reached,
        tuple(stops),
        tuple(passes),
        tuple(dict.fromkeys(unchecked)),
        asserted,
        late,
        printed,
    )


def probe(survey: Survey, losses: list[Source], number: float, *, asserts: bool = True) -> Run:
    """A walk with these losses at this value."""
    return walked(
        fresh(survey.frame),
        start(survey.frame),
        injected=frozenset(losses),
        number=number,
        asserts=asserts,
    )


def _gets_through(run: Run, reached: Reached) -> bool:
    return any(one.place is reached.place and one.value.special for one in run.events.reached)


def _decisions(events: Events) -> list[Decision]:
    return [decision for end in events.ended for decision in end.decisions]


def _stops(events: Events) -> list[cst.CSTNode]:
    """The statements by which paths end because of the value."""
    return [end.decisions[-1].node for end in events.ended if end.decisions]


def _after(run: Run, reached: Reached) -> tuple[cst.CSTNode | None, cst.CSTNode | None]:
    """What stops the run once the loss is back-propagated, and what only tells of it."""
    first = next(one for one in run.events.reached if one.place is reached.place)
    late = [
        end
        for end in run.events.ended[first.ended :]
        if end.decisions and end.decisions[-1] not in first.state.decisions and _leaves(end)
    ]
    told = [d for d in first.state.decisions if d.explicit and isinstance(d.node, cst.If)]
    return (
        late[0].decisions[-1].node if late else None,
        told[0].node if told else None,
    )


def _leaves(end: Ended) -> bool:
    return end.kind in ("raise", "exit", "assert", "break", "return", "debugger")


