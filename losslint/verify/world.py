"""What a run of somebody's code is told where losslint has to make something up.

One `World` is one set of answers: how many tasks there are, which way an unknown
condition goes, what an unknown dictionary is keyed by. The same code asked again in
the same world gets the same answers; another version of it, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import product

import torch
from torch import Tensor, nn

from losslint.frozen import dataclass

TASKS = (2, 3, 1, 4, 5, 6)


class Unknown(Exception):
    """What the code does here is not known, so that no run of it says anything."""


@dataclass(frozen=True)
class Answers:
    """One set of answers.

    `tasks` is the length of whatever has an unknown one; `truth` the outcome of
    unknown conditions; `names` whether an unknown collection yields names, as a
    dictionary does, or things; `vectors` whether a learned leaf whose creation is
    not known is a vector [tasks] or a scalar.
    """

    tasks: int = 2
    truth: bool = True
    names: bool = False
    vectors: bool = True


def every_answer(tasks: Iterable[int] = TASKS) -> Iterator[Answers]:
    """All sets of answers, the likeliest first."""
    for count in dict.fromkeys(tasks):
        for vectors, names, truth in product((True, False), (False, True), (True, False)):
            yield Answers(count, truth, names, vectors)


@dataclass
class World:
    """A set of answers, and what came of asking: task losses, leaves, assumptions.

    `leaves` are the spelled names of what is learned, each with the value it starts
    with where that is known: one that no code which runs creates is made here.
    """

    answers: Answers = Answers()
    leaves: Mapping[str, float | None] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    losses: Tensor | None = None
    sources: dict[str, int] = field(default_factory=dict)
    made: dict[str, nn.Parameter] = field(default_factory=dict)
    assumptions: dict[str, None] = field(default_factory=dict)

    def loss(self, name: str) -> Tensor:
        """The task loss, a scalar, that the thing of this name stands for.

        Raises:
            Unknown: more different ones are asked for than at first.
        """
        place = self.sources.setdefault(name, len(self.sources))
        if self.losses is None:
            return torch.tensor(0.5 + place / 4, requires_grad=True)
        if place >= len(self.losses):
            raise Unknown(f"`{name}` is asked for in some runs only")
        return self.losses[place]

    def names(self) -> tuple[str, ...]:
        """The keys of an unknown dictionary."""
        return self.keys or tuple(f"task{number}" for number in range(self.answers.tasks))

    def leaf(self, name: str) -> nn.Parameter | None:
        """The learned tensor of this name, if one is learned that code has not created."""
        if name not in self.leaves:
            return None
        if name not in self.made:
            shape = (self.answers.tasks,) if self.answers.vectors else ()
            start = self.leaves[name] or 0.0
            self.made[name] = nn.Parameter(torch.full(shape, start))
            kind = f"a vector of {shape[0]}" if shape else "a scalar"
            self.assume(f"`{name}` is {kind}, starting at {start:g}")
        return self.made[name]

    def size(self) -> int:
        """How long something of unknown length is."""
        self.assume(f"whatever has an unknown length has one of {self.answers.tasks}")
        return self.answers.tasks

    def truth(self) -> bool:
        """The outcome of an unknown condition."""
        self.assume(f"unknown conditions {'hold' if self.answers.truth else 'do not hold'}")
        return self.answers.truth

    def assume(self, sentence: str) -> None:
        """Note what was taken for granted, once."""
        self.assumptions[sentence] = None
