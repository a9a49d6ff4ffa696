"""Which totals a training loop shows without the losses that they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from losslint.frozen import dataclass
from losslint.training.backward import Component, Survey
from losslint.training.events import Reached, Shown
from losslint.training.naming import components, is_loss, label
from losslint.training.state import path_of
from losslint.training.values import ANY, SUM, Term, Value

# A term that is no task: nobody asks for the curve of a penalty on the weights.
PENALTY = re.compile(
    r"(?:^|_)(?:reg|regul\w*|penalt\w*|decay|l1|l2|norm|wd|weight_decay|aux_reg)(?:$|_)"
)

# What wraps a loss where it is shown.
HOLDS = frozenset("item detach cpu mean sum float tolist numpy data".split())


@dataclass(frozen=True, eq=False)
class Unshown:
    """A total that `shows` show, and the losses in it that nothing does.

    `components` have a text where a name holds them at `show`; `total` is the part of that which shows the total, `is_number` says that it is no tensor any more.
    """

    reached: Reached
    show: Shown
    components: tuple[Component, ...]
    total: cst.BaseExpression | None
    is_number: bool


def unshown(survey: Survey) -> Iterator[Unshown]:
    """The totals of one function whose losses do not reach a person."""
    for reached in survey.events.reached:
        terms = reached.value.losses()
        tasks = [term for term in terms if _is_task(term)]
        if reached.value.summands < 2 or not _differ(tasks) or any(map(_is_any, terms)):
            continue
        shows = [show for show in _seen(survey, reached) if _is_of(show.value, terms)]
        if not shows or any(_is_known(term, terms, reached, survey) for term in tasks):
            continue
        yield _chosen(reached, shows, tasks)


def _is_of(value: Value, terms: frozenset[Term]) -> bool:
    """Whether a value is that total; one that was gathered may hold more."""
    return value.losses() >= terms if value.kept else value.losses() == terms


def _is_task(term: Term) -> bool:
    """Whether a term is a loss, or is used as one, and no penalty on the weights."""
    return is_loss(term) and not PENALTY.search(label(term).lower())


def _is_any(term: Term) -> bool:
    """Whether a term stands for the entries of a collection that is not known."""
    return any(step in (ANY, SUM) for source in term for step in source.path)


def _is_known(term: Term, terms: frozenset[Term], reached: Reached, survey: Survey) -> bool:
    """Whether a loss of a total is shown by itself, or goes where it may be."""
    events = survey.events
    values = [show.value for show in _seen(survey, reached)]
    gone = [e.value for e in events.escaped if e.node not in reached.value.through]
    values += [part for value in gone for part in parts(value)]
    values += [item for _, value, _ in events.returned for item in parts(value)]
    return any(term in value.losses() and not value.losses() >= terms for value in values)


def _seen(survey: Survey, reached: Reached) -> list[Shown]:
    """What is shown while the loop runs, and what is gathered in it and shown later.

    The last value of a loop, shown when it is over, says nothing of those before.
    """
    around = frozenset(reached.loops)
    return [
        show
        for show in survey.events.shown
        if show.value.kept - reached.value.kept or around <= frozenset(show.loops)
    ]


def parts(value: Value) -> Iterator[Value]:
    """A value, and everything that it holds."""
    yield value
    for _, item in value.items:
        yield from parts(item)


def _differ(tasks: Iterable[Term]) -> bool:
    """Whether the losses are losses of different things, and not one function called twice."""
    return len({label(term) for term in tasks}) > 1


def _chosen(reached: Reached, shows: list[Shown], tasks: list[Term]) -> Unshown:
    """The show that the losses can join best: one of this step's total, with all of them at hand."""
    found = [_unshown(reached, show, tasks) for show in shows]
    return next((one for one in found if _is_whole(one)), found[0])


def _is_whole(one: Unshown) -> bool:
    return one.total is not None and all(c.text for c in one.components)


def _unshown(reached: Reached, show: Shown, tasks: list[Term]) -> Unshown:
    total = None if show.value.kept else _inside(show.expression)
    held = None if total is None else show.state.names.get(path_of(total) or "")
    known = held is not None and total is not None
    return Unshown(
        reached,
        show,
        tuple(components(frozenset(tasks), reached.loss, show.state)),
        total if known else None,
        is_number=held is not None and not held.graph,
    )


def _inside(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """`loss` in `loss.item()`, `float(loss)`, `loss.item() / n`."""
    match node:
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(name))) if name in HOLDS:
            return _inside(inner)
        case cst.Call(func=cst.Name("float" | "round"), args=[first, *_]):
            return _inside(first.value)
        case cst.Attribute(value=inner, attr=cst.Name("data")):
            return _inside(inner)
        case cst.BinaryOperation(left=left, operator=cst.Multiply() | cst.Divide()):
            return _inside(left)
    return node if path_of(node) is not None else None
