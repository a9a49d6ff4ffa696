"""Weighting losses, made at random: as people write them, and as nobody should.

Each is a module's text with a class `Weighted`, and what its `forward` is handed: one
number a task, its level, from which the inputs of that task's loss are made. Every legal
value of the loss is reached by some level.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

IMPORTS = "import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n"

TARGET = torch.tensor([0.5, -1.0, 2.0, 0.25], dtype=torch.float64)
SIGNS = torch.tensor([1.0, -1.0, 1.0, 1.0], dtype=torch.float64)
CLASSES = torch.tensor([0, 2, 1, 0])
ONE_HOT = torch.nn.functional.one_hot(CLASSES, 3).double()
POSITIVE = (SIGNS + 1) / 2


@dataclass(frozen=True)
class Inputs:
    """What a task's loss is computed from, by its level."""

    prediction: Callable[[Tensor], Tensor]
    target: Tensor | None


AROUND = Inputs(lambda level: TARGET + level * SIGNS, TARGET)
LOGITS = Inputs(lambda level: level * SIGNS, POSITIVE)
SCORES = Inputs(lambda level: level * ONE_HOT, CLASSES)
HANDED = Inputs(lambda level: level.abs(), None)  # a loss itself, which is not negative

# Expressions of a prediction x and a target y.
NOT_NEGATIVE = [
    ("F.mse_loss({x}, {y})", AROUND),
    ("nn.MSELoss()({x}, {y})", AROUND),
    ("F.l1_loss({x}, {y}, reduction='sum')", AROUND),
    ("F.smooth_l1_loss({x}, {y})", AROUND),
    ("(({x} - {y}) ** 2).mean()", AROUND),
    ("({x} - {y}).abs().sum()", AROUND),
    ("torch.norm({x} - {y})", AROUND),
    ("F.cross_entropy({x}, {y})", SCORES),
    ("F.binary_cross_entropy_with_logits({x}, {y})", LOGITS),
]
SIGNED = [
    ("{x}.mean()", LOGITS),
    ("({x} * {y}).sum()", AROUND),
    ("F.gaussian_nll_loss({x}, {y}, torch.full_like({y}, 1e-2))", AROUND),
    ("-torch.distributions.Normal({x}, 1e-2, validate_args=False).log_prob({y}).mean()", AROUND),
    ("-F.cosine_similarity({x}, {y}, dim=0)", AROUND),
    ("F.mse_loss({x}, {y}) - 1.0", AROUND),
    ("-F.l1_loss({x}, {y})", AROUND),
]

# How a function is written: E is exp, L is log, P is softplus, G is sigmoid, A is abs, R is relu.
SPELLINGS = {
    "E": ["torch.exp({})", "({}).exp()", "math.e ** ({})"],
    "L": ["torch.log({})", "({}).log()"],
    "P": ["F.softplus({})", "nn.Softplus()({})", "torch.log1p(torch.exp({}))", "F.softplus({}, beta=2.0)"],
    "G": ["torch.sigmoid({})", "({}).sigmoid()"],
    "A": ["torch.abs({})", "({}).abs()", "abs({})"],
    "R": ["F.relu({})", "({}).clamp(min=0)", "torch.maximum({}, torch.zeros(()))"],
}  # fmt: skip
WEIGHTED = [
    "E(-{s}) * {l}", "0.5 * E(-{s}) * {l}", "{l} / E({s})", "{l} / (2 * E(2 * {s}))", "E(-{s} / T) * {l}",
    "{l} / (2 * {s} ** 2)", "{l} / {s}.pow(2)", "{l} / {s}", "{s} * {l}", "A({s}) * {l}", "{s} ** 2 * {l}",
    "G({s}) * {l}", "(1 - G({s})) * {l}", "P({s}) * {l}", "R({s}) * {l}", "E({s}) * {l}", "{l}", "torch.tanh({s}) * {l}",
    "E(-{s}.clamp(-2, 2)) * {l}", "torch.clamp({s}, min=0.1) * {l}", "{l} / (1 + {s} ** 2)", "{l} / P({s})",
    "E(-P({s})) * {l}", "E(-{s}) * torch.sqrt({l} + 1.0)", "E(-{s}) * ({l} + 0.1)", "{s}.rsqrt() * {l}", "E(-A({s})) * {l}",
    "(E(-{s}) + 0.1) * {l}", "{l}.detach() * E(-{s})", "E(-{s}).detach() * {l}", "E(-{s} ** 2) * {l}", "{l} ** 2 * E(-{s})",
]  # fmt: skip
REGULARIZED = [
    "", "", " + {s}", " + 0.5 * {s}", " + {s} / 2", " - {s}", " - 0.5 * {s}", " + L({s})", " + L({s} ** 2)", " + L(1 + {s} ** 2)",
    " + A({s})", " + {s} ** 2", " + 0.1 * {s}.square()", " + E({s})", " + 0.5 * E({s})", " + P({s})", " + 0.5 * P({s} + 10.0)",
    " + torch.clamp({s}, min=-3.0)", " + {s}.clamp(-2, 2)", " + L(A({s}))", " + R({s})", " + torch.sigmoid({s})", " - L(G({s}))",
    " + torch.tanh({s})", " - {s} ** 2", " + T * {s}", " - F.logsigmoid({s})", " + F.elu({s})", " - 0.3", " + L(P({s}))",
]  # fmt: skip
# Of all at once: w are the weights, s the parameters, l the losses.
SHARES = ["torch.softmax(s, 0)", "F.softmax(-s / T, dim=0)", "s.exp() / s.exp().sum()", "(-s).softmax(dim=0)", "F.softplus(s) / F.softplus(s).sum()", "2 * torch.softmax(s, dim=0)", "s / s.sum()"]  # fmt: skip
OF_SHARES = [
    "", "", " + 0.5 * s.sum()", " + s.mean()", " - torch.log(w).sum()", " - 0.5 * F.log_softmax(s, dim=0).sum()", " + (s ** 2).sum()",
    " + s.exp().sum()", " + F.softplus(s).sum()", " + s.abs().mean()", " + (w * torch.log(w)).sum()", " + w.prod()", " - torch.log(w.prod())",
]  # fmt: skip
OF_VECTORS = [
    "(torch.exp(-s) * l).sum()", "torch.dot(torch.exp(-s), l)", "(torch.exp(-s) * l + s).mean()", "(l / (2 * s ** 2)).sum() + torch.log(s).sum()",
    "(torch.exp(-s) * l).sum() + 0.5 * s.sum()", "(l / s ** 2).sum() + torch.log(s.prod())", "(l / s.exp()).mean() + s.mean()",
    "(torch.sigmoid(s) * l).sum() - torch.log(torch.sigmoid(s)).sum()", "(s.abs() * l).sum() + (s.sum() - 1).abs()", "s.norm() * l.sum()",
    "(torch.exp(-s) * l).max() + s.max()", "(torch.exp(-s) * l).sum() + s.var()", "(l * s.clamp(0.1, 10.0)).sum() - torch.log(s.clamp(min=0.1)).sum()",
    "torch.where(s > 0, s * l, 0.1 * l).sum()", "(torch.exp(-s) * l).sum() + s[0] + s[-1]", "(torch.exp(-s) * l).sum() + s.mean() - 0.9 * s.sum()",
    "torch.logsumexp(s, 0) + (torch.exp(-s) * l).sum()", "(torch.exp(-s) * l).sum() + torch.cumsum(s, 0)[-1]", "l.max() + 0 * s.sum()", "l.min() * s.exp().mean()",
]  # fmt: skip
ENDINGS = [*["{t}"] * 14, "{t} / 2", "-({t})", "({t}).abs()", "torch.clamp({t}, min=0.0)", "F.relu({t})", "({t}) - 1.0", "torch.log1p({t})", "({t}).exp()", "({t}) * self.scale", "torch.tanh({t})", "({t}).clamp(max=1e4)"]  # fmt: skip
NOISE = ["self.extra = nn.Linear(2, 2)", "self.register_buffer('seen', torch.zeros(1))", "self.names = ['a', 'b']", "self.eps = 1e-8", "self.step = 0"]  # fmt: skip


@dataclass(frozen=True)
class MadeLoss:
    """A module's text, and the inputs of each of its tasks."""

    text: str
    tasks: tuple[Inputs, ...]
    starred: bool = False  # the losses are handed in as one list


def made_loss(seed: object) -> MadeLoss:
    """The loss of a seed, the same for ever."""
    return _Maker(random.Random(f"losslint {seed}")).make()


class _Maker:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.tasks = draw.choice([2, 2, 2, 3])
        self.helpers: list[str] = []

    def one(self, of: list[str]) -> str:
        return self.draw.choice(of)

    def spelled(self, template: str) -> str:
        """The template with each capital as one way to write it, from the inside out."""
        while match := re.search(r"\b([ELPGAR])\(([^()]*(?:\([^()]*\)[^()]*)*)\)", template):
            inner = self.spelled(match[2])
            written = self.one(SPELLINGS[match[1]]).format(
                inner.replace("{", "{{").replace("}", "}}")
            )
            written = written.replace("{{", "{").replace("}}", "}")
            template = template[: match.start()] + written + template[match.end() :]
        return re.sub(r"\bT\b", self.one(["2.0", "self.temperature"]), template)

    def make(self) -> MadeLoss:
        handed = self.draw.random() < 0.25
        signed = self.draw.random() < 0.2
        body, arguments, inputs = self.handed() if handed else self.computed(signed)
        vector = self.draw.random() < 0.35
        body += self.of_vector() if vector else self.of_terms()
        ending = self.one(ENDINGS).format(t="total")
        return MadeLoss(
            self.module(arguments, [*body, f"return {ending}"], vector),
            tuple(inputs),
            starred=arguments == ["losses"],
        )

    def handed(self) -> tuple[list[str], list[str], list[Inputs]]:
        """Losses that come in as arguments."""
        inputs = [HANDED] * self.tasks
        if self.draw.random() < 0.5:
            return [], ["losses"], inputs
        names = [f"loss{n}" for n in range(self.tasks)]
        return [f"losses = [{', '.join(names)}]"], names, inputs

    def computed(self, signed: bool) -> tuple[list[str], list[str], list[Inputs]]:
        body, arguments, inputs = [], [], []
        odd = self.draw.randrange(self.tasks) if signed else None
        for n in range(self.tasks):
            expression, kind = self.draw.choice(SIGNED if n == odd else NOT_NEGATIVE)
            x, y = f"x{n}", f"y{n}"
            arguments += [x, y]
            inputs.append(kind)
            if self.draw.random() < 0.3:
                body.append(f"p{n} = self.net({x})")
                x = f"p{n}"
            found = expression.format(x=x, y=y)
            if self.draw.random() < 0.15:
                self.helpers.append(
                    f"def part{n}(self, x, y):\n    return {expression.format(x='x', y='y')}"
                )
                found = f"self.part{n}({x}, {y})"
            body.append(f"l{n} = {found}")
        names = ", ".join(f"l{n}" for n in range(self.tasks))
        return [*body, f"losses = {self.one(['[{}]', '({})'])}".format(names)], arguments, inputs

    def of_vector(self) -> list[str]:
        """All weights at once."""
        stacked = self.one(
            [
                "l = torch.stack(losses)",
                "l = torch.stack([v for v in losses])",
                "l = torch.stack(tuple(losses))",
            ]
        )
        if self.draw.random() < 0.6:
            share, extra = self.one(SHARES), self.one(OF_SHARES)
            weighted = self.one(
                [
                    "(w * l).sum()",
                    "torch.sum(w * l)",
                    "torch.dot(w, l)",
                    "(w * l).mean()",
                    "sum(w[n] * losses[n] for n in range(len(losses)))",
                ]
            )
            share = re.sub(r"\bT\b", self.one(["2.0", "self.temperature"]), share)
            return [stacked, "s = self.s", f"w = {share}", f"total = {weighted}{extra}"]
        return [stacked, "s = self.s", f"total = {self.one(OF_VECTORS)}"]

    def of_terms(self) -> list[str]:
        """A term for each task, all of one form or each of its own, added up in one of many ways."""
        form = lambda: self.spelled(self.one(WEIGHTED) + self.one(REGULARIZED))  # noqa: E731
        term = form()
        match self.one(
            [
                "loop",
                "zip",
                "sum",
                "unrolled",
                "own",
                "stack",
                "helper",
                "lambda",
                "list",
                "dict",
                "in place",
                "mean",
                "if",
            ]
        ):
            case "loop":
                return [
                    "total = 0",
                    f"for n in range({self.tasks}):",
                    f"    total = total + ({term.format(s='self.s[n]', l='losses[n]')})",
                ]
            case "zip":
                return [
                    "total = 0.0",
                    "for s, l in zip(self.s, losses):",
                    f"    total += {term.format(s='s', l='l')}",
                ]
            case "sum":
                return [f"total = sum({term.format(s='s', l='l')} for s, l in zip(self.s, losses))"]
            case "unrolled":
                terms = [term.format(s=f"self.s[{n}]", l=f"losses[{n}]") for n in range(self.tasks)]
                return [f"total = {' + '.join(f'({t})' for t in terms)}"]
            case "own":
                terms = [
                    form().format(s=f"self.s[{n}]", l=f"losses[{n}]") for n in range(self.tasks)
                ]
                return ["total = 0", *(f"total = total + ({t})" for t in terms)]
            case "stack":
                made = term.format(s="self.s[n]", l="losses[n]")
                return [
                    f"total = torch.stack([({made}).reshape(()) for n in range({self.tasks})]).{self.one(['sum()', 'mean()', 'max()'])}"
                ]
            case "helper":
                self.helpers.append(
                    f"def weigh(self, s, l):\n    return {term.format(s='s', l='l')}"
                )
                return [
                    "total = 0",
                    f"for n in range({self.tasks}):",
                    "    total = total + self.weigh(self.s[n], losses[n])",
                ]
            case "lambda":
                return [
                    f"weigh = lambda s, l: {term.format(s='s', l='l')}",
                    f"total = {' + '.join(f'weigh(self.s[{n}], losses[{n}])' for n in range(self.tasks))}",
                ]
            case "list":
                return [
                    "terms = []",
                    "for n, l in enumerate(losses):",
                    f"    terms.append({term.format(s='self.s[n]', l='l')})",
                    "total = sum(terms)",
                ]
            case "dict":
                entries = ", ".join(f"'t{n}': losses[{n}]" for n in range(self.tasks))
                return [
                    f"named = {{{entries}}}",
                    "total = 0",
                    "for n, (key, l) in enumerate(named.items()):",
                    f"    total = total + {term.format(s='self.s[n]', l='l')}",
                ]
            case "in place":
                return [
                    "total = torch.zeros((), dtype=torch.float64)",
                    "for n, l in enumerate(losses):",
                    "    s = self.s[n]",
                    f"    total = total.add({term.format(s='s', l='l')})",
                ]
            case "mean":
                return [
                    "total = 0",
                    "for s, l in zip(self.s, losses):",
                    f"    total = total + ({term.format(s='s', l='l')})",
                    "total = total / len(losses)",
                ]
            case _:
                return [
                    "total = losses[0]",
                    "if self.weighs:",
                    f"    total = {term.format(s='self.s[0]', l='losses[0]')}",
                    f"total = total + {term.format(s='self.s[1]', l='losses[1]')}",
                ]

    def module(self, arguments: list[str], body: list[str], vector: bool) -> str:
        text = "\n".join(body)
        low = re.search(
            r"log\(|\.log|rsqrt|/ \(?(2 \* )?(self\.)?s\b", text + "".join(self.helpers)
        )
        start = self.one(["1.0", "0.5"] if low else ["0.0", "0.0", "1.0", "-0.5"])
        layouts = [
            f"self.s = nn.Parameter(torch.full(({self.tasks},), {start}))",
            f"self.s = nn.Parameter({start} * torch.ones({self.tasks}))",
        ]
        if not vector:
            made = f"nn.Parameter(torch.tensor({start}))"
            layouts += [f"self.s = nn.ParameterList([{', '.join([made] * self.tasks)}])"]
            if not re.search(r"self\.s\b(?!\[\d)", text):
                text = re.sub(r"self\.s\[(\d)\]", r"self.s_\1", text)
                layouts = ["\n".join(f"self.s_{n} = {made}" for n in range(self.tasks))]
        init = [*self.one(layouts).split("\n")]
        init += ["self.net = nn.Identity()"] * ("self.net" in text)
        init += ["self.temperature = temperature"] * (
            "self.temperature" in text + "".join(self.helpers)
        )
        init += ["self.scale = 0.5"] * ("self.scale" in text) + ["self.weighs = True"] * (
            "self.weighs" in text
        )
        init += [self.one(NOISE)] * (self.draw.random() < 0.3)
        settings = ", temperature=2.0" if "self.temperature = temperature" in init else ""
        lines = [
            IMPORTS,
            "",
            "class Weighted(nn.Module):",
            f"    def __init__(self{settings}):",
            "        super().__init__()",
        ]
        lines += [f"        {line}" for line in init]
        for helper in self.helpers:
            lines += ["", *(f"    {line}" for line in helper.split("\n"))]
        lines += [
            "",
            f"    def forward(self, {', '.join(arguments)}):",
            *(f"        {line}" for line in text.split("\n")),
            "",
        ]
        return "\n".join(lines)
