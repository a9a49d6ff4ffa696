"""What the losses of a total are called, and how to write them where the total is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from losslint.training.backward import Component
from losslint.training.state import State, path_of
from losslint.training.values import Term, Value


def components(terms: frozenset[Term], total: cst.BaseExpression, state: State) -> list[Component]:
    """The losses of a total, in the order in which the code names them.

    Those that no name holds are called by the function that yields them.
    """
    path = path_of(total)
    held = [(name, value) for name, value in _holders(state) if name != path]
    found: dict[Term, Component] = {}
    for name, value in held:
        for term in terms - found.keys():
            if value.graph and not value.kept and _is_only(value, term):
                found[term] = Component(_spoken(name), _written(name))
                break
    generic = (path or "").rpartition(".")[2]
    others = sorted(terms - found.keys(), key=label)
    return [*found.values(), *(Component(_called(term, generic)) for term in others)]


def _holders(state: State) -> Iterator[tuple[str, Value]]:
    """Every name that holds a value, and every entry of a dictionary that is known by its key."""
    for path, value in state.names.items():
        if path not in state.places:
            continue
        if not value.items:
            yield path, value
        for key, item in value.items:
            if isinstance(key, str) and not item.items:
                yield f"{path}[{key!r}]", item


def _is_only(value: Value, term: Term) -> bool:
    return len(value.terms) == 1 and value.losses() == frozenset((term,))


def _spoken(path: str) -> str:
    """How a person calls what a path holds: `ce` for `losses['ce']`, `l1` for `self.l1`."""
    return re.split(r"\[|\.", path)[-1].strip("]'\"")


def _written(path: str) -> str:
    """The source of a path, with the quotes that most code uses."""
    return path if '"' in path else path.replace("'", '"')


def _called(term: Term, generic: str) -> str:
    """The label of a loss; its function, where it has no name but the total's."""
    calls = [source.node for source in term if isinstance(source.node, cst.Call)]
    if label(term) == generic and calls:
        return (path_of(calls[0].func) or generic).rpartition(".")[2]
    return label(term)


def label(term: Term) -> str:
    """What the sources of a term are called."""
    return min((source.label for source in term), default="")
