"""A call that was followed once is not followed again, and nothing that is found hangs on that."""

from __future__ import annotations

from typing import Any

import pytest

from losslint.model.module import Module
from losslint.ranges.evaluate import Evaluator
from losslint.ranges.recall import Calls
from losslint.ranges.value import Term
from losslint.source.text import Source

HEAD = """
import torch
from torch import nn

class Weighting(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(3))
        self.scale = 1.0

    def weighed(self, loss):
        return torch.exp(-self.s) * loss + self.s

    def scaled(self, loss):
        return self.scale * loss

    def named(self, loss):
        return unknown(loss)

    def same(self, value):
        return value

    def told(self, loss):
        observe(self.weighed(loss))
        return loss

    def pair(self, loss):
        total = self.weighed(loss)
        return {"total": total, "parts": [total, loss]}

    def forward(self, loss, other_loss, many, flag):
"""
BODIES = {
    "branches": "if flag:\n    w = self.s\nelse:\n    w = -self.s\nreturn w + self.weighed(loss)",
    "again": "return self.weighed(loss) + self.weighed(loss)",
    "turns": "total = self.weighed(loss)\nfor _ in many:\n    total = total + self.weighed(loss)\n"
    "return total",
    "handed on": "total = self.weighed(loss)\ntotal = self.same(total)\n"
    "total = self.weighed(loss)\nfor _ in many:\n    total = self.same(total)\nreturn total",
    "others": "return self.weighed(loss) + self.weighed(other_loss)",
    "attributes": "a = self.scaled(loss)\nb = a\nself.scale = torch.exp(-self.s)\n"
    "a = self.scaled(loss)\nreturn a + b + self.s",
    "named": "a = self.named(loss)\nb = self.named(loss)\nreturn torch.exp(-self.s) * (a + b)",
    "collections": "a = self.pair(loss)\nb = self.pair(loss)\n"
    "return a['total'] + b['parts'][0] + b['parts'][1]",
    "closure": "def inner(x):\n    return x * scale\nscale = 1.0\na = inner(loss)\nb = a\n"
    "scale = torch.exp(-self.s)\na = inner(loss)\nreturn a + b + self.s",
    "handed out": "self.told(loss)\nself.told(loss)\nreturn loss",
}


def module_of(body: str) -> Module:
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return Module(Source.decode("weighting.py", (HEAD + lines).encode()))


def without_recall(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Calls, "returned", lambda self, follow, *_: follow())


def shown(module: Module) -> list[Any]:
    """Everything that leaves the functions of a module."""

    def of_term(term: Term) -> tuple[Any, ...]:
        steps = [(step.what, id(step.node), step.interval) for step in term.steps]
        flags = (term.post, term.many, term.repeated, term.averaged)
        return term.interval, dict(term.growth), term.scale, term.factors, term.cut, steps, flags

    run = Evaluator(module)
    run.everything()
    return [(id(sink.node), *map(of_term, sink.value.terms)) for sink in run.sinks]


@pytest.mark.parametrize("name", BODIES)
def test_what_is_recalled_is_what_would_be_followed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of(BODIES[name])
    found = shown(module)
    without_recall(monkeypatch)
    assert found
    assert found == shown(module)


def followed(module: Module) -> tuple[int, int]:
    """How many expressions were evaluated, and how many were counted in the last function."""
    run, evaluated = Evaluator(module), []
    lookup = dict(run.expressions).get

    class Counted(dict[Any, Any]):
        def get(self, kind: Any, default: Any = None) -> Any:
            evaluated.append(kind)
            return lookup(kind, default)

    run.expressions = Counted()
    run.everything()
    return len(evaluated), run.spent


def test_a_call_on_another_path_is_not_followed_again_but_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = module_of(BODIES["branches"])
    fewer, counted = followed(module)
    without_recall(monkeypatch)
    every, all_counted = followed(module)
    assert fewer < every
    assert counted == all_counted
