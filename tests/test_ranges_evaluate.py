"""What is said of learned weights, spelling by spelling, and that torch says the same."""

from __future__ import annotations

import itertools
import math
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import losslint
from losslint.model.module import Module
from losslint.ranges.evaluate import Evaluator, subjects
from losslint.ranges.growth import End
from losslint.ranges.weights import LearnedWeight
from losslint.source.text import Source

torch.set_num_threads(1)

VERDICTS = ("divergence", "fall", "collapse", "dead", "signed")
IMPORTS = "import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def weights_of(text: str) -> list[LearnedWeight]:
    module = Module(Source.decode("weighting.py", text.encode()))
    found: list[LearnedWeight] = subjects(module)[LearnedWeight]
    return found


def said(text: str) -> set[tuple[str, str]]:
    """Each leaf of a text with each verdict on it; a leaf without any is safe."""
    return {
        (str(weight.leaf), verdict)
        for weight in weights_of(text)
        for verdict in VERDICTS
        if getattr(weight, verdict) is not None
    }


@dataclass(frozen=True)
class Case:
    """A module of this many tasks, in its own words, and what must be said of it."""

    body: str
    expected: set[str]
    init: str = "self.s = nn.Parameter(torch.zeros(tasks))"
    argument: str = "losses"

    @property
    def text(self) -> str:
        lines = textwrap.indent(textwrap.dedent(self.body).strip(), " " * 8)
        init = textwrap.indent(textwrap.dedent(self.init).strip(), " " * 8)
        return (
            f"{IMPORTS}\n\nclass Weighting(nn.Module):\n"
            f"    def __init__(self, tasks=2):\n        super().__init__()\n{init}\n\n"
            f"    def forward(self, {self.argument}):\n{lines}\n"
        )

    def run(self) -> Weighting:
        names: dict[str, Any] = {}
        exec(compile(self.text, "weighting.py", "exec"), names)
        return Weighting(names["Weighting"]().double(), self.argument.startswith("*"))


@dataclass(frozen=True)
class Weighting:
    """A module that torch runs."""

    module: nn.Module
    starred: bool

    def total(
        self, value: float, loss: float, *, all_of_them: bool = True
    ) -> tuple[Tensor, Tensor]:
        """The total with the parameters at `value`, or only the first, and its losses."""
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter.grad = None
                if all_of_them:
                    parameter.fill_(value)
                else:
                    parameter.fill_(1.0)
                    parameter.view(-1)[0] = value
        losses = torch.full((2,), loss, dtype=torch.float64, requires_grad=True)
        return self.module(*losses) if self.starred else self.module(losses), losses

    def at(self, value: float, loss: float) -> float:
        return self.total(value, loss)[0].item()


SIGMA = "self.s = nn.Parameter(torch.ones(tasks))"

CLASSES = {
    # spellings of one mistake
    "Kendall, functions": Case(
        "return torch.sum(torch.exp(-self.s) * losses) + 0.5 * torch.sum(self.s)", {"fall"}
    ),
    "Kendall, methods": Case(
        "return self.s.neg().exp().mul(losses).add(self.s.div(2)).sum()", {"fall"}
    ),
    "Kendall, in place": Case(
        """
        precision = (-self.s).exp()
        scaled = precision * losses
        scaled += self.s
        scaled *= 0.5
        return scaled.sum()
        """,
        {"fall"},
    ),
    "Kendall, divided by exp": Case("return (losses / self.s.exp() + self.s / 2).sum()", {"fall"}),
    "Kendall, a loop with zip": Case(
        """
        total = 0.0
        for log_var, loss in zip(self.s, losses):
            total = total + torch.exp(-log_var) * loss + log_var / 2
        return total
        """,
        {"fall"},
    ),
    "Kendall, a loop with enumerate": Case(
        """
        total = 0
        for i, loss in enumerate(losses):
            total += math.e ** (-self.s[i]) * loss + self.s[i]
        return total
        """,
        {"fall"},
        argument="*losses",
    ),
    "Kendall, a loop over range": Case(
        """
        total = torch.zeros(())
        for i in range(len(losses)):
            total = total + 0.5 * (torch.exp(-self.s[i]) * losses[i] + self.s[i])
        return total
        """,
        {"fall"},
    ),
    "Kendall, a list comprehension": Case(
        """
        return torch.stack(
            [torch.exp(-s) * loss + s for s, loss in zip(self.s, losses)]
        ).sum()
        """,
        {"fall"},
    ),
    "Kendall, a generator in sum": Case(
        "return sum(loss * (-s).exp() + 0.5 * s for loss, s in zip(losses, self.s))", {"fall"}
    ),
    "Kendall, appended to a list": Case(
        """
        parts = []
        for i, loss in enumerate(losses):
            parts.append(torch.exp(-self.s[i]) * loss + self.s[i])
        return sum(parts)
        """,
        {"fall"},
    ),
    "Kendall, unpacked from a tuple": Case(
        """
        first, second = self.s
        one, other = losses
        return (-first).exp() * one + (-second).exp() * other + first + second
        """,
        {"fall"},
    ),
    "Kendall, by aliases": Case(
        """
        s = self.s
        log_variances = s
        return (torch.exp(-log_variances) * losses).sum() + s.sum()
        """,
        {"fall"},
    ),
    "Kendall, dict entries": Case(
        """
        parts = {"weighted": torch.exp(-self.s) * losses, "penalty": self.s}
        return parts["weighted"].sum() + parts["penalty"].sum()
        """,
        {"fall"},
    ),
    "Kendall, a local function": Case(
        """
        def weigh(loss, s):
            return torch.exp(-s) * loss + s

        return weigh(losses[0], self.s[0]) + weigh(losses[1], self.s[1])
        """,
        {"fall"},
    ),
    "Kendall, a lambda": Case(
        """
        weigh = lambda loss, s: torch.exp(-s) * loss + 0.5 * s
        return weigh(losses, self.s).sum()
        """,
        {"fall"},
    ),
    "Kendall, an index of a leaf": Case(
        "return (-self.s[0]).exp() * losses[0] + (-self.s[1]).exp() * losses[1] + self.s.sum()",
        {"fall"},
    ),
    "Kendall, the gradient of one part cut": Case(
        "return (torch.exp(-self.s) * losses).sum() + self.s.sum() + self.s.detach().sum()",
        {"fall"},
    ),
    "Kendall, an annotated attribute": Case(
        "return (torch.exp(-self.s) * losses + self.s).sum()",
        {"fall"},
        "self.s: nn.Parameter = nn.Parameter(torch.full((tasks,), -1.0))",
    ),
    "Kendall, register_parameter": Case(
        "return (torch.exp(-self.s) * losses + self.s).sum()",
        {"fall"},
        'self.register_parameter("s", nn.Parameter(torch.zeros(tasks)))',
    ),
    "Kendall, a ParameterList": Case(
        "return sum(torch.exp(-s) * loss + s for s, loss in zip(self.s, losses))",
        {"fall"},
        "self.s = nn.ParameterList([nn.Parameter(torch.zeros(())) for _ in range(tasks)])",
    ),
    "Kendall, a ParameterDict": Case(
        """
        total = 0
        for (name, s), loss in zip(self.s.items(), losses):
            total = total + loss * torch.exp(-s) + s
        return total
        """,
        {"fall"},
        "self.s = nn.ParameterDict({n: nn.Parameter(torch.zeros(())) for n in ('a', 'b')})",
    ),
    "Kendall, log of sigma": Case(
        "return (losses / (2 * self.s**2) + torch.log(self.s)).sum()", {"fall"}, SIGMA
    ),
    "Kendall, sigma squared": Case(
        "return (0.5 / torch.pow(self.s, 2) * losses + self.s.pow(2).log() / 2).sum()",
        {"fall"},
        SIGMA,
    ),
    "Kendall, a product of sigmas": Case(
        "return (losses / self.s**2).sum() + torch.log(torch.prod(self.s))", {"fall"}, SIGMA
    ),
    "Kendall, log sigma doubled": Case(
        "return (0.5 * torch.exp(-2 * self.s) * losses + self.s).sum()", {"fall"}
    ),
    "Kendall, sigma by softplus": Case(
        "sigma = F.softplus(self.s)\nreturn (losses / sigma**2 + sigma.log()).sum()", {"fall"}
    ),
    "Kendall, the sign turned": Case("return (self.s.exp() * losses - self.s).sum()", {"fall"}),
    "Kendall, rsqrt": Case(
        "return (torch.rsqrt(self.s) * losses + self.s.sqrt().log()).sum()", {"fall"}, SIGMA
    ),
    # other mistakes
    "softmax weights, linear regularizer": Case(
        "return (F.softmax(-self.s, dim=0) * losses).sum() + 0.5 * self.s.sum()", {"divergence"}
    ),
    "shares by hand, linear regularizer": Case(
        """
        weights = torch.exp(-self.s)
        weights = weights / weights.sum()
        return (weights * losses).sum() + self.s.sum()
        """,
        {"divergence"},
    ),
    "wrong sign": Case("return (self.s.exp() * losses + self.s).sum()", {"divergence"}),
    "the weight alone is clamped": Case(
        "return (torch.exp(-self.s.clamp(-3, 3)) * losses + self.s).sum()", {"divergence"}
    ),
    "raw weights": Case("return (self.s * losses).sum()", {"divergence"}, SIGMA),
    "raw weights by einsum of functions": Case(
        "return torch.dot(self.s, losses)", {"divergence"}, SIGMA
    ),
    "no regularizer": Case("return (torch.exp(-self.s) * losses).sum()", {"collapse"}),
    "softmax weights, no regularizer": Case(
        "return torch.sum(torch.softmax(self.s, dim=0) * losses)", {"collapse"}
    ),
    "softmax weights, exponential regularizer": Case(
        "return (F.softmax(-self.s, 0) * losses).sum() + 0.5 * self.s.exp().sum()", {"collapse"}
    ),
    "sigmoid weights": Case("return (torch.sigmoid(self.s) * losses).sum()", {"collapse"}),
    "a square as the weight": Case("return (self.s**2 * losses).sum()", {"collapse"}, SIGMA),
    "clamped at 0": Case(
        "s = torch.clamp(self.s, min=0.0)\nreturn (torch.exp(-s) * losses + 0.5 * s).sum()",
        {"dead"},
    ),
    "relu": Case("s = F.relu(self.s)\nreturn (torch.exp(-s) * losses + s).sum()", {"dead"}),
    "clamped on both sides": Case(
        "s = self.s.clamp(-2.0, 2.0)\nreturn (torch.exp(-s) * losses + s).sum()", {"dead"}
    ),
    # safe forms, and near misses
    "softplus regularizer": Case(
        "return (torch.exp(-self.s) * losses + F.softplus(self.s)).sum()", set()
    ),
    "a floor below the regularizer": Case(
        "return (torch.exp(-self.s) * losses + 0.5 * F.softplus(self.s + 10.0)).sum()", set()
    ),
    "log1p of the exponential": Case(
        "return (torch.exp(-self.s) * losses + torch.log1p(self.s.exp())).sum()", set()
    ),
    "log of 1 + the exponential": Case(
        "return (torch.exp(-self.s) * losses + torch.log(1 + self.s.exp())).sum()", set()
    ),
    "log of 1 + the square": Case(
        "return (0.5 / self.s**2 * losses + torch.log(1 + self.s**2)).sum()", set(), SIGMA
    ),
    "a square as regularizer": Case(
        "return (torch.exp(-self.s) * losses + self.s**2).sum()", set()
    ),
    "abs as regularizer": Case("return (torch.exp(-self.s) * losses + self.s.abs()).sum()", set()),
    "softmax with its own barrier": Case(
        """
        logits = -self.s
        weights = F.softmax(logits, dim=0)
        return (weights * losses).sum() - 0.5 * F.log_softmax(logits, dim=0).sum()
        """,
        set(),
    ),
    "the barrier as log of the softmax": Case(
        """
        weights = F.softmax(-self.s, dim=0)
        return (weights * losses).sum() - 0.5 * torch.log(weights).sum()
        """,
        set(),
    ),
    "sigmoid weights above a floor": Case(
        "return ((0.1 + torch.sigmoid(self.s)) * losses).sum()",
        set(),
    ),
    "exponential weights above a floor": Case(
        "return ((torch.exp(-self.s) + 0.05) * losses).sum()",
        set(),
    ),
    "an exponential regularizer": Case(
        "return (torch.exp(-self.s) * losses + 0.5 * torch.exp(self.s)).sum()", set()
    ),
    "a soft floor in weight and regularizer": Case(
        "c = F.softplus(self.s + 10.0) - 10.0\nreturn (torch.exp(-c) * losses + c + 10.0).sum()",
        set(),
    ),
}


def params(cases: dict[str, Case]) -> list[Any]:
    return [
        pytest.param(
            case,
            id=name,
        )
        for name, case in cases.items()
    ]


@pytest.mark.parametrize("case", params(CLASSES))
def test_a_class_gets_its_verdicts(case: Case) -> None:
    found = said(case.text)

    assert {verdict for _, verdict in found} == case.expected
    # `s` is what a function was handed, which is followed on its own as well.
    assert {leaf.partition("[")[0] for leaf, _ in found} <= {"self.s", "s"}


# Verdicts that no search in torch bears out: tests/test_agrees_with_torch.py found them.
REFUTED = {
    "a square, and a regularizer that pushes it away from 0": Case(
        "return (self.s**2 * losses - 0.5 * self.s).sum()", {"fall"}, SIGMA
    ),
    "a quotient that is negative where it vanishes": Case(
        "return (losses / self.s + self.s.exp()).sum()", set(), SIGMA
    ),
    "a loss that never comes down to 0": Case(
        "return (torch.exp(-self.s) * torch.sqrt(losses + 1.0) + self.s).sum()", set()
    ),
    "softmax with its entropy": Case(
        """
        weights = torch.softmax(self.s, 0)
        return (weights * losses).sum() + (weights * torch.log(weights)).sum()
        """,
        set(),
    ),
    "softmax with a function of its shares": Case(
        """
        weights = torch.softmax(self.s, 0)
        return (weights * losses).sum() - weights.prod()
        """,
        set(),
    ),
    "shares of what may be negative": Case("return (self.s / self.s.sum() * losses).sum()", set()),
    "a mean beside a sum": Case(
        "return (torch.exp(-self.s) * losses).sum() + self.s.mean() - 0.9 * self.s.sum()", set()
    ),
    "a mask that hangs on the parameter": Case(
        "return torch.where(self.s > 0, self.s * losses, 0.1 * losses).sum()", set(), SIGMA
    ),
    "a branch on the line of its colon": Case(
        """
        if len(losses) == 2: return (torch.exp(-self.s) * losses + self.s).sum()
        return losses.sum()
        """,
        {"fall"},
    ),
}


@pytest.mark.parametrize("case", params(REFUTED))
def test_what_torch_does_not_bear_out_is_not_said(case: Case) -> None:
    assert {verdict for _, verdict in said(case.text)} == case.expected


# --- and torch says the same -------------------------------------------------------------


def on_the_way(end: End) -> list[float]:
    far = [7.5, 15.0, 30.0, 60.0]
    if end in (End.PLUS, End.MINUS):
        return far if end is End.PLUS else [-x for x in far]
    return [10**-x for x in (1.0, 2.0, 4.0, 8.0)]


SWEEP = [x / 4 for x in range(-120, 121)]
SIGMAS = [10 ** (x / 8) for x in range(-80, 33)]


@pytest.mark.parametrize("case", params(CLASSES))
def test_torch_shows_the_verdict(case: Case) -> None:
    weighting = case.run()
    found = weights_of(case.text)

    assert found
    for weight in found:
        if weight.divergence is not None:
            shows_divergence(weighting, weight.divergence)
        if weight.fall is not None:
            shows_fall(weighting, weight.fall, SIGMAS if case.init == SIGMA else SWEEP)
        if weight.collapse is not None:
            shows_collapse(weighting, weight.collapse)
        if weight.dead is not None:
            shows_dead(weighting, weight.dead)
    if not case.expected:
        shows_nothing(weighting, SIGMAS if case.init == SIGMA else SWEEP)


def shows_divergence(weighting: Weighting, end: End) -> None:
    """The total falls linearly, though every loss stays at 1."""
    totals = [weighting.at(x, 1.0) for x in on_the_way(end)]
    falls = [after - before for before, after in itertools.pairwise(totals)]

    assert max(falls) < 0
    assert falls[-1] / falls[-2] == pytest.approx(2, rel=0.05)


def shows_fall(weighting: Weighting, end: End, sweep: list[float]) -> None:
    """Below 0 where the losses are tiny; held back where they are not."""
    assert min(weighting.at(x, 1e-12) for x in sweep) < -3
    assert min(weighting.at(x, 1.0) for x in sweep) > -3

    held = [weighting.at(x, 1.0) for x in on_the_way(end)]

    assert held == sorted(held)
    assert held[-1] > 1e3


def shows_collapse(weighting: Weighting, end: End) -> None:
    """One task's weight runs to 0, and the total does not grow for it."""
    totals, smallest = [], []
    for x in on_the_way(end):
        total, losses = weighting.total(x, 1.0, all_of_them=False)
        (weight,) = torch.autograd.grad(total, losses)
        totals.append(total.item())
        smallest.append(weight.abs().min().item())

    assert smallest == sorted(smallest, reverse=True)
    assert smallest[-1] < 1e-7
    assert totals[-1] <= totals[0] + 1e-9


def shows_dead(weighting: Weighting, end: End) -> None:
    """Nothing moves the parameter."""
    for x in on_the_way(end):
        total, _ = weighting.total(x, 1.0)
        total.backward()

        gradients = [p.grad for p in weighting.module.parameters()]
        assert all(g is not None and torch.equal(g, torch.zeros_like(g)) for g in gradients)


def shows_nothing(weighting: Weighting, sweep: list[float]) -> None:
    """Never below 0, and every way out of the middle is uphill."""
    for loss in (1e-12, 1e-3, 1.0):
        assert min(weighting.at(x, loss) for x in sweep) > -1e-9


# --- leaves, and what is none ------------------------------------------------------------


def module(init: str, body: str, *, name: str = "Weighting", base: str = "nn.Module") -> str:
    case = Case(body, set(), init)
    return case.text.replace("Weighting(nn.Module)", f"{name}({base})")


KENDALL = "return (torch.exp(-self.s) * losses + self.s).sum()"
STEP = "loss = torch.exp(-s) * criterion(model(x), y) + s\nloss.backward()\n"
LOOP = "\ncriterion = nn.CrossEntropyLoss()\n\n\ndef train(model, x, y):\n"


def loop(setup: str, step: str = STEP, inside: bool = False) -> str:
    """Training code: the leaf made outside of the function, or `inside`."""
    indent = "    "
    if inside:
        return IMPORTS + LOOP + textwrap.indent(setup + step, indent)
    return IMPORTS + setup + LOOP + textwrap.indent(step, indent)


TEXTS = {
    # what is learnable
    "a tensor with requires_grad": (
        loop("s = torch.zeros(1, requires_grad=True)\n"),
        {("s", "fall")},
    ),
    "requires_grad switched on later by attribute": (
        loop("s = torch.zeros(1)\ns.requires_grad = True\n"),
        {("s", "fall")},
    ),
    "requires_grad_ switched on later by method": (
        loop("s = torch.zeros(1)\ns.requires_grad_()\n"),
        {("s", "fall")},
    ),
    "an old Variable": (
        loop(
            "from torch.autograd import Variable\n"
            "s = Variable(torch.zeros(1), requires_grad=True)\n"
        ),
        {("s", "fall")},
    ),
    "a leaf inside of the function": (
        loop("s = nn.Parameter(torch.zeros(()))\n", inside=True),
        {("s", "fall")},
    ),
    "a tensor without requires_grad is a constant": (loop("s = torch.zeros(1)\n"), set()),
    "requires_grad=False is frozen": (
        module("self.s = nn.Parameter(torch.zeros(tasks), requires_grad=False)", KENDALL),
        set(),
    ),
    "a buffer does not learn": (
        module('self.register_buffer("s", torch.zeros(tasks))', KENDALL),
        set(),
    ),
    "noise in a loss is no regularizer": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "noisy = losses + 1e-5 * torch.randn(losses.shape)\n"
            "return (torch.exp(-self.s) * noisy + self.s).sum()",
        ),
        {("self.s", "fall")},
    ),
    "detached, it has no gradient": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "s = self.s.detach()\nreturn (torch.exp(-s) * losses + s).sum()",
        ),
        set(),
    ),
    "the weight detached, the regularizer falls alone": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return (torch.exp(-self.s).detach() * losses + self.s).sum()",
        ),
        {("self.s", "divergence")},
    ),
    "no_grad as a decorator": (
        module("self.s = nn.Parameter(torch.zeros(tasks))", KENDALL).replace(
            "    def forward", "    @torch.no_grad()\n    def forward"
        ),
        set(),
    ),
    "with torch.no_grad()": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "with torch.no_grad():\n    " + KENDALL,
        ),
        set(),
    ),
    "setattr in a loop leaves the attributes unknown": (
        module(
            "for name in ('s', 't'):\n    setattr(self, name, nn.Parameter(torch.zeros(())))",
            KENDALL,
        ),
        set(),
    ),
    "the attribute of another object": (
        loop(
            "",
            "ce, l1 = F.cross_entropy(model(x), y), F.l1_loss(model(x), y)\n"
            "w = model.module.ce_weight\n"
            "loss = torch.exp(-w) * ce + w + l1\nloss.backward()\n",
        ),
        {("model.module.ce_weight", "fall")},
    ),
    # what the leaf comes through
    "two scalars, each its own leaf": (
        module(
            "self.a = nn.Parameter(torch.zeros(()))\nself.b = nn.Parameter(torch.zeros(()))",
            "return (-self.a).exp() * losses[0] + self.a + (-self.b).exp() * losses[1]",
        ),
        {("self.a", "fall"), ("self.b", "collapse")},
    ),
    "a helper function, which is also followed on its own": (
        f"{IMPORTS}\n\ndef weigh(loss, s):\n    return torch.exp(-s) * loss + s\n\n\n"
        + module("self.s = nn.Parameter(torch.zeros(tasks))", "return weigh(losses, self.s).sum()"),
        {("self.s", "fall"), ("s", "fall")},
    ),
    "a helper method, which is also followed on its own": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return self.weigh(losses[0], self.s[0]) + self.weigh(losses[1], self.s[1])",
        )
        + "\n    def weigh(self, loss, s):\n        return torch.exp(-s) * loss + s\n",
        {("self.s[0]", "fall"), ("self.s[1]", "fall"), ("s", "fall")},
    ),
    "inherited within the module": (
        module("self.s = nn.Parameter(torch.zeros(tasks))", "return losses.sum()", name="Base")
        + f"\n\nclass Kendall(Base):\n    def forward(self, losses):\n        {KENDALL}\n",
        {("self.s", "fall")},
    ),
    "from torch import exp as e": (
        "from torch import exp as e\n"
        + module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return (e(-self.s) * losses + self.s).sum()",
        ),
        {("self.s", "fall")},
    ),
    "from torch.nn.functional import *": (
        "from torch.nn.functional import *\n"
        + module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return (softmax(-self.s, dim=0) * losses).sum() + self.s.sum()",
        ),
        {("self.s", "divergence")},
    ),
    "from torch import *": (
        "from torch import *\n"
        + module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return (exp(-self.s) * losses + self.s).sum()",
        ),
        {("self.s", "fall")},
    ),
    "an exp that hides torch's": (
        module(
            "self.s = nn.Parameter(torch.zeros(tasks))",
            "return (exp(-self.s) * losses + self.s).sum()",
        )
        + "\n\ndef exp(x):\n    return 1 + x**2\n",
        {("self.s", "fall")},
    ),
    "a dict of losses by name": (
        module(
            "self.s = nn.ParameterDict({n: nn.Parameter(torch.zeros(())) for n in 'ab'})",
            "total = 0.0\n"
            "for name, loss in losses.items():\n"
            "    total = total + torch.exp(-self.s[name]) * loss + self.s[name]\n"
            "return total",
        ),
        {("self.s", "fall")},
    ),
    # losses that can be negative
    "a likelihood that can be negative": (
        module(
            "self.s = nn.Parameter(torch.zeros(()))\nself.nll = nn.GaussianNLLLoss()",
            "return torch.exp(-self.s) * self.nll(*losses) + F.softplus(self.s)",
        ),
        {("self.s", "signed")},
    ),
    "a loss that is never negative": (
        module(
            "self.s = nn.Parameter(torch.zeros(()))\nself.mse = nn.MSELoss()",
            "return torch.exp(-self.s) * self.mse(*losses) + F.softplus(self.s)",
        ),
        set(),
    ),
    # no learned weight at all
    "a temperature inside of a loss": (
        module(
            "self.s = nn.Parameter(torch.zeros(()))",
            "return F.cross_entropy(self.s.exp() * losses, losses.argmax(-1))",
        ),
        set(),
    ),
    "a likelihood, since the parameter meets data before the mean": (
        module(
            "self.s = nn.Parameter(torch.zeros(()))\nself.f = nn.Linear(3, 1)",
            "r = self.f(x) - y\nreturn (r**2 * torch.exp(-self.s)).mean() + self.s",
        ).replace("losses", "x, y"),
        set(),
    ),
    "gradients written by hand": (
        module(
            "self.s = nn.Parameter(torch.ones(tasks))",
            "total = (self.s * losses).sum()\ntotal.backward()\n"
            "self.s.grad = self.s.grad * 0.0\nreturn total",
        ),
        set(),
    ),
    "fixed weights": (
        module("self.w = (0.3, 0.7)", "return sum(w * l for w, l in zip(self.w, losses))"),
        set(),
    ),
    "a penalty that weights no loss": (
        module(
            "self.s = nn.Parameter(torch.ones(tasks))\nself.f = nn.Linear(2, 2)",
            "return F.mse_loss(self.f(losses) * self.s, losses) + 0.1 * (self.s**2).sum()",
        ),
        set(),
    ),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            text,
            expected,
            id=name,
        )
        for name, (text, expected) in TEXTS.items()
    ],
)
def test_a_text_gets_its_verdicts(text: str, expected: set[tuple[str, str]]) -> None:
    compile(text, "weighting.py", "exec")

    assert said(text) == expected


def test_a_scale_of_features_is_not_known_to_weigh_losses() -> None:
    text = module("self.s = nn.Parameter(torch.ones(tasks))", "return x * self.s")

    assert not any(w.known_losses for w in weights_of(text.replace("losses", "x")))


def test_a_function_that_takes_too_long_to_follow_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losslint.ranges.run.MAX_NODES", 10)
    text = (
        "import torch\n\ndef total_loss(a):\n    return " + " + ".join(["torch.exp(a)"] * 20) + "\n"
    )
    found = losslint.check_source(text, "x.py")
    assert [f.code for f in found] == ["LL000"]
    assert found[0].message == "`total_loss` takes too long to follow: not all of it was checked"


def test_a_sum_over_turns_that_are_not_counted_has_no_lower_bound() -> None:
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Loss(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.s = nn.Parameter(torch.zeros(2))\n\n"
        "    def forward(self, losses):\n        total = 0\n"
        "        for s, loss in zip(self.s, losses):\n"
        "            total = total + torch.exp(-s) * loss + s.clamp(-2.0, 2.0)\n"
        "        return total\n"
    )
    run = Evaluator(Module(Source.decode("x.py", text.encode())))
    run.everything()
    (total,) = (sink.value for sink in run.sinks if sink.how == "return")

    assert sorted(term.interval.lo for term in total.terms)[-1] == -2.0
    assert total.interval.lo == -math.inf


def test_a_term_keeps_few_steps_however_often_its_sum_is_read() -> None:
    branches = "".join(
        f"        if flags[{i}]:\n            total = total + torch.exp(-self.s) * losses[{i}]\n"
        for i in range(40)
    )
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Loss(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.s = nn.Parameter(torch.zeros(()))\n\n"
        f"    def forward(self, losses, flags):\n        total = self.s\n{branches}"
        "        return total\n"
    )
    run = Evaluator(Module(Source.decode("x.py", text.encode())))
    run.everything()

    assert run.unfollowed == []
    assert max(len(t.steps) for sink in run.sinks for t in sink.value.terms) <= 6


def test_a_witness_says_nothing_of_losses_that_are_added_nobody_knows_how_often() -> None:
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Loss(nn.Module):\n"
        "    def __init__(self, scales):\n"
        "        super().__init__()\n"
        "        self.s = nn.Parameter(torch.zeros(()))\n"
        "        self.scales = scales\n\n"
        "    def forward(self, x, y):\n"
        "        loss = nn.functional.mse_loss(x, y)\n"
        "        {loop}loss = loss + nn.functional.l1_loss(x, y)\n"
        "        return torch.exp(-self.s) * loss + self.s\n"
    )
    said = {
        loop: [
            "witness" in line
            for finding in losslint.check_source(text.replace("{loop}", loop), "x.py")
            for line in finding.evidence
            if finding.code == "LL101" and line.startswith("witness")
        ]
        for loop in ("", "for i in range(self.scales): ")
    }
    assert said == {"": [True], "for i in range(self.scales): ": []}
