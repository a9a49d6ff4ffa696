"""One call of a function of torch, with what it is handed."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as AbstractSequence

import libcst as cst

from losslint.frozen import dataclass
from losslint.ranges import arithmetic as ar
from losslint.ranges.merging import any_of
from losslint.ranges.objects import Object, Sequence
from losslint.ranges.run import Env, Run, as_value, parts, spelling
from losslint.ranges.value import Origin, Value

Keywords = Mapping[str, cst.BaseExpression]


@dataclass(frozen=True, eq=False)
class Applied:
    """One call of a function of torch, or of a method whose tensor is the first thing."""

    run: Run
    name: str
    things: AbstractSequence[Object]
    nodes: AbstractSequence[cst.BaseExpression]
    keywords: Keywords
    node: cst.Call
    env: Env

    @property
    def value(self) -> Value:
        """The first thing, as a tensor; of a list, one that any element is, or more of them."""
        first = self.things[0]
        value = as_value(first, self.nodes[0])
        several = parts(first) if isinstance(first, Sequence) else []
        return any_of(several) if len(several) > 1 else value

    def values(self) -> list[Value]:
        """Everything that the call is handed, as tensors."""
        named = [self.run.tensor(node, self.env) for node in self.keywords.values()]
        things = zip(self.things, self.nodes, strict=False)
        return [*(as_value(thing, node) for thing, node in things), *named]

    def given(self, place: int, *words: str) -> Value | None:
        """The argument in this place or under one of these words; None if there is none."""
        if place < len(self.things):
            return as_value(self.things[place], self.nodes[place])
        named = next((self.keywords[word] for word in words if word in self.keywords), None)
        return None if named is None else self.run.tensor(named, self.env)

    def unknown(self, lower: float | None = None) -> Value:
        """What depends on all of them, nobody knows how."""
        return ar.opaque(self.values(), spelling(self.node), Origin.DATA, lower=lower)

    @property
    def spelled(self) -> str:
        """The function's name, as it is written here."""
        return spelling(self.node.func).rpartition(".")[2]

    def place(self) -> str:
        """A name for what comes out here."""
        return f"{spelling(self.node)}@{id(self.node)}"
