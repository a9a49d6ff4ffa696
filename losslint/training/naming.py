"""What the losses of a total are called, and how to write them where the total is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from losslint.training.backward import Component
from losslint.training.state import State, name_of, path_of
from losslint.training.values import Term, Value


def components(terms: frozenset[Term], total: cst.BaseExpression, state: State) -> list[Component]:
    """The losses of a total, in the order in which the code names them.

    A name stands for a part of the total, the largest first: it may be a sum itself. What
    no name holds is called by the function that yields it.
    """
    path = path_of(total)
    parts = [
        (name, held)
        for name, value in _holders(state)
        if name != path and value.graph and not value.kept
        for held in [value.losses()]
        if held and held < terms
    ]
    left, chosen = terms, dict[str, str]()
    for name, held in sorted(parts, key=lambda part: -len(part[1])):
        if held <= left:
            left -= held
            chosen[name] = _written(name)
    found = [Component(_spoken(name), chosen[name]) for name, _ in parts if name in chosen]
    generic = name_of(total)
    others = sorted((label(term), _called(term, generic)) for term in left)
    return [*found, *(Component(name) for _, name in others)]


def names(terms: frozenset[Term], total: cst.BaseExpression, state: State) -> list[str]:
    """What a person calls each of some losses: by the name that holds it, else by its function."""
    holders = {value.losses(): path for path, value in _holders(state) if value.graph}
    generic = name_of(total) if len(terms) > 1 else ""
    found = {
        _spoken(holders[alone])
        if (alone := frozenset((term,))) in holders
        else _called(term, generic)
        for term in terms
    }
    return sorted(found)


def _holders(state: State) -> Iterator[tuple[str, Value]]:
    """Every name that holds a value, and every entry of a dictionary that is known by its key."""
    for path, value in state.names.items():
        if path not in state.places or path.partition("[")[0] in state.loose:
            continue
        if not value.items and path not in state.loose:
            yield path, value
        for key, item in value.items:
            entry = f"{path}[{key!r}]"
            if isinstance(key, str) and not item.items and entry not in state.loose:
                yield entry, item


def _spoken(path: str) -> str:
    """How a person calls what a path holds: `ce` for `losses['ce']`, `l1` for `self.l1`."""
    return re.split(r"\[|\.", path)[-1].strip("]'\"")


def _written(path: str) -> str:
    """The source of a path, with the quotes that most code uses."""
    return path if '"' in path else path.replace("'", '"')


def _called(term: Term, generic: str) -> str:
    """The label of a loss; its function, where it has no name but the total's."""
    if label(term) != generic:
        return label(term)
    calls = (source.node for source in term if isinstance(source.node, cst.Call))
    return min((name for call in calls if (name := name_of(call.func))), default=generic)


def is_loss(term: Term) -> bool:
    """Whether a term is a loss, or is used as one."""
    return any(source.is_loss or source.reduced for source in term)


def label(term: Term) -> str:
    """What the sources of a term are called."""
    return min((_spoken(source.label) for source in term), default="")
