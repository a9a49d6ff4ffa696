"""The analyser's verdicts against a numerical search in torch, on losses made at random.

    python -m pytest -m slow -s tests/test_agrees_with_torch.py

writes 2,000 of them (`LOSSLINT_EXAMPLES` for another number) and prints the figures; the
gate does the first few. Four questions are put to each total. Where the analyser claims
to know, the search must agree; where it does not, that is counted.

bounded     "at least b": the range of what `forward` returns begins at b. Nothing found is lower.
            "falls to -inf": a finding of LL101, LL102 or LL111, or a leaf along which the total
            is known to fall. A total below -100 is found (where every number is about 1; a loss
            weighted by exp(-s) overflows at s = -709, so no float64 says more).
negative    "never": the range begins at 0 or above. Nothing below 0 is found.
            "can be": it falls to -inf, its range ends below 0, or LL101 says so of a clamp. Some is found.
NaN         "never": the range is without NaN. No NaN is found, whatever the numbers, 1e155 included.
            "can be": LL104, or a leaf along which the total is undefined. A total or a gradient that
            is NaN or infinite is found at parameters of at most 10.
            "overflows": LL105. The same at parameters of at most 2,000.
collapse    "collapses": LL103. Where the weights come to by going downhill, with the losses held, from
            the start or from where each parameter alone is best, a task has next to no gradient left:
            1e-4 of what it has near the start.
            "balances": each learned weight that can vanish meets a term that grows where it does,
            and none is reported. From the start, every task keeps its gradient.

A search refutes, and does not prove. It knows what the analyser takes for granted: that a
loss which is handed in is not negative, and a setting positive.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import libcst as cst
import pytest
import torch
from made_losses import MadeLoss, made_loss
from torch import Tensor

from losslint import Settings, check_source
from losslint.model.module import Module
from losslint.ranges.evaluate import Evaluator
from losslint.ranges.growth import UNDEFINED, End
from losslint.ranges.interval import ANYTHING
from losslint.ranges.objects import Object
from losslint.ranges.run import Env, parts
from losslint.ranges.totals import learned_weights, weights_of
from losslint.ranges.value import Kind, Value
from losslint.ranges.weights import LearnedWeight, known_sign
from losslint.source.text import Source

torch.set_num_threads(1)

FEW = 60
MANY = int(os.environ.get("LOSSLINT_EXAMPLES", "2000"))
WEIGHTING = Settings(select=("LL1",))

DEEP = -100.0  # a total that nothing but a fall to -inf explains
LOST = 1e-4  # of a gradient: none
STEPS = 80  # downhill
SMALL, LARGE = 10.0, 2e3  # parameters that break a total
ROUNDING = 1e-6


# --- what the analyser says ---------------------------------------------------------------


class Watched(Evaluator):
    """Keeps what `forward` returns."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self.totals: list[Value] = []

    def returned(self, value: Object, node: cst.BaseExpression, env: Env) -> None:
        super().returned(value, node, env)
        if self.depth == 0 and env.frame.function == "forward":
            self.totals += parts(value)


@dataclass(frozen=True)
class Verdict:
    """What is claimed of one total: None where nothing is."""

    bounded: float | None  # -inf: it is not
    negative: bool | None
    nan: float | None  # 0: never; else the size of the parameters at which it is
    collapse: bool | None


def verdict(text: str) -> Verdict:
    run = Watched(Module(Source.decode("made.py", text.encode())))
    run.everything()
    weights = learned_weights(weights_of(run.sinks, run.manual))
    findings = check_source(text, "made.py", WEIGHTING)
    codes = {finding.code for finding in findings}
    assert "LL000" not in codes
    said = ANYTHING
    if run.totals:
        said = run.totals[0].interval
        for total in run.totals[1:]:
            said = said.join(total.interval)
    falls = bool(codes & {"LL101", "LL102", "LL111"} - _notes(findings)) or any(
        map(is_falling, run.totals)
    )
    undefined = "LL104" in codes or any(map(is_undefined, run.totals))
    return Verdict(
        -math.inf if falls else said.lo if said.lo > -math.inf else None,
        False if said.lo >= 0 else True if falls or said.hi < 0 or "LL101" in codes else None,
        SMALL if undefined else LARGE if "LL105" in codes else None if said.nan else 0.0,
        True if "LL103" in codes else False if balances(weights, codes) else None,
    )


def _notes(findings: list[Any]) -> set[str]:
    """The codes under which nothing but notes stand."""
    worse = {f.code for f in findings if f.severity.name != "NOTE"}
    return {f.code for f in findings} - worse


def is_falling(total: Value) -> bool:
    """Whether a leaf is known to take the whole total to -inf, whatever the losses are."""
    return any(
        lead.known_to_grow() and lead.sign < 0
        for leaf, end in product(own_leaves(total), (End.PLUS, End.MINUS))
        if all(known_sign(term) for term in total.terms)
        for lead in [total.lead(leaf, end)]
    )


def is_undefined(total: Value) -> bool:
    return any(
        total.lead(leaf, end) == UNDEFINED
        for leaf, end in product(own_leaves(total), (End.PLUS, End.MINUS))
    )


def own_leaves(total: Value) -> list[Any]:
    return [leaf for leaf in total.leaves() if leaf.kind is Kind.PARAMETER]


def balances(weights: list[LearnedWeight], codes: set[str]) -> bool:
    """Whether each weight has a term that grows at every end where it vanishes."""
    return (
        bool(weights)
        and not codes & {"LL102", "LL103", "LL104", "LL111"}
        and all(map(held, weights))
    )


def held(weight: LearnedWeight) -> bool:
    if not weight.weighs_losses or weight.floored or weight.dead is not None:
        return False
    for end in End:
        lead, alone = weight.lead_of_weights(end), weight.lead(end, weight.solos)
        if not lead.has_order() or not alone.has_order():
            return False
        shared = weight.on_simplex and end in (End.PLUS, End.MINUS)
        if lead.known_to_grow() and lead.sign <= 0:
            return False
        rises = alone.known_to_grow() and alone.sign > 0
        if (lead.known_to_decay() or shared) and not rises:
            return False
        if alone.known_to_grow() and not rises and lead.rank <= alone.rank:
            return False
    return True


# --- what torch says ------------------------------------------------------------------------

SIZES = [
    1e-150,
    1e-20,
    1e-6,
    0.01,
    0.1,
    0.3,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    8.0,
    12.0,
    20.0,
    40.0,
    100.0,
    300.0,
    690.0,
    1e3,
    2e3,
    1e6,
    1e12,
    1e18,
    1e100,
    1e300,
]
VALUES = torch.tensor([0.0, *SIZES, *(-size for size in SIZES)], dtype=torch.float64)
LEVELS = torch.tensor(
    [0.0, 1e-151, 1e-20, 1e-8, 1e-3, 0.3, 1.0, 2.0, 10.0, 60.0, 1e3, 1e155], dtype=torch.float64
)
LEVELS = torch.cat([LEVELS, -LEVELS[1:]])
HELD = torch.tensor([0.7, 1.3, 1.0], dtype=torch.float64)


@dataclass
class Search:
    """A loss that torch runs, at many parameters and levels at once."""

    made: MadeLoss
    seen: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names: dict[str, Any] = {"__name__": "made"}
        exec(compile(self.made.text, "made.py", "exec", dont_inherit=True), names)
        self.module: torch.nn.Module = names["Weighted"]().double()
        used = {n: p for n, p in self.module.named_parameters() if n.startswith("s")}
        self.shapes = {name: p.shape for name, p in used.items()}
        self.start = torch.cat([p.detach().reshape(-1) for p in used.values()])
        self.tasks = len(self.made.tasks)

    def total(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """The total at one point."""
        split = parameters.split([shape.numel() for shape in self.shapes.values()])
        pairs = zip(self.shapes.items(), split, strict=True)
        named = {name: part.reshape(shape) for (name, shape), part in pairs}
        inputs = []
        for task, level in zip(self.made.tasks, levels, strict=True):
            inputs += [task.prediction(level)] + ([] if task.target is None else [task.target])
        handed = (inputs,) if self.made.starred else tuple(inputs)
        return torch.func.functional_call(self.module, named, handed).reshape(())

    @cached_property
    def _at(self) -> Callable[[Tensor, Tensor], Tensor]:
        return torch.func.vmap(self.total)

    @cached_property
    def _slopes(self) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        return torch.func.vmap(torch.func.grad(self.total, argnums=(0, 1)))

    def at(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """The totals at many points, each of which is remembered."""
        totals = self._at(parameters, levels).detach()
        self.seen.append((parameters, levels, totals))
        return totals

    def everywhere(self) -> None:
        """A grid of parameters and levels, chance, and the way down from the best of it."""
        generator = torch.Generator().manual_seed(0)
        points = self.points()
        levels = torch.cartesian_prod(*[LEVELS] * 2)
        levels = levels if self.tasks == 2 else torch.cat([levels, levels[:, :1]], dim=1)
        rows = torch.arange(len(points)).repeat_interleave(len(levels))
        if len(rows) > 24_000:
            rows = rows[torch.randperm(len(rows), generator=generator)[:24_000]]
            columns = torch.randint(len(levels), (len(rows),), generator=generator)
            self.at(points[rows], levels[columns])
        else:
            self.at(points[rows], levels.repeat(len(points), 1))
        sizes = 10 ** (
            torch.rand(4000, len(self.start) + self.tasks, generator=generator, dtype=torch.float64)
            * 10
            - 7
        )
        chance = torch.where(torch.rand(sizes.shape, generator=generator) < 0.5, sizes, -sizes)
        self.at(chance[:, : len(self.start)], chance[:, len(self.start) :])
        self.descend(8)

    def points(self) -> Tensor:
        """The start, each parameter alone at each value, all of them there, and all but one."""
        moved = [self.start]
        for value in VALUES:
            moved.append(torch.full_like(self.start, float(value)))
            for n in range(len(self.start)):
                alone = self.start.clone()
                alone[n] = value
                moved += [alone, torch.where(alone == value, -value, value)]
        return torch.stack(moved)

    def descend(self, steps: int) -> None:
        """From where the total is least, by the signs of its slopes, in steps that grow."""
        parameters, levels, totals = (torch.cat(of) for of in zip(*self.seen, strict=True))
        usable = totals.isfinite() & (parameters.abs().amax(1) < 1e3) & (levels.abs().amax(1) < 1e3)
        order = torch.where(usable, totals, math.inf).argsort()
        best = torch.cat([order[:8], order[len(order) // 4 :: max(1, len(order) // 8)]])[:16]
        parameters, levels, size = parameters[best], levels[best], 0.05
        for _ in range(steps):
            down, aside = self._slopes(parameters, levels)
            parameters = parameters - size * down.nan_to_num().sign()
            levels = levels - size * aside.nan_to_num().sign()
            size *= 2.5
            self.at(parameters, levels)

    @cached_property
    def totals(self) -> Tensor:
        if not self.seen:
            self.everywhere()
        return torch.cat([totals for *_, totals in self.seen])

    @cached_property
    def lowest(self) -> float:
        return float(torch.where(self.totals.isnan(), math.inf, self.totals).min())

    def breaks(self, size: float) -> bool:
        """Whether the total or its gradient is no number at parameters of this size, and ordinary levels."""
        _ = self.totals
        for parameters, levels, totals in self.seen:
            usual = (parameters.abs().amax(1) <= size) & (levels.abs().amax(1) <= SMALL)
            if bool((usual & ~totals.isfinite()).any()):
                return True
        points = self.points()
        points = points[points.abs().amax(1) <= size]
        down, _ = self._slopes(points, HELD[: self.tasks].expand(len(points), -1))
        return not bool(down.isfinite().all())

    def is_nan(self) -> bool:
        return bool(self.totals.isnan().any())

    def kept(self) -> list[float]:
        """The least share of a task's gradient that going downhill leaves it, with the losses held.

        From the start, and from where each parameter alone is best. Each goes by the sign of its
        slope, in steps that grow while that stays.
        """
        levels = HELD[None, : self.tasks]
        here = torch.stack([self.start, self.start])
        for n in range(len(self.start)):
            alone = self.start.repeat(len(VALUES), 1)
            alone[:, n] = VALUES
            totals = self.at(alone, levels.expand(len(alone), -1))
            here[1, n] = VALUES[torch.where(totals.isfinite(), totals, math.inf).argmin()]
        near = torch.cat([here, self.start + torch.tensor([[0.5], [-0.25], [2.0]])])
        slopes = self._slopes(near, levels.expand(len(near), -1))[1]
        most = slopes.nan_to_num(0.0, 0.0, 0.0).abs().amax(0)
        sizes, last = torch.full_like(here, 0.02), torch.zeros_like(here)
        for _ in range(STEPS):
            turn = self._slopes(here, levels.expand(2, -1))[0].nan_to_num().sign()
            sizes = sizes * torch.where(turn * last < 0, 0.5, 1.4)
            here, last = here - turn * sizes, turn
        shares = (self._slopes(here, levels.expand(2, -1))[1].abs() / most)[:, most > 1e-9]
        shares = shares.nan_to_num(math.inf)
        return shares.amin(1).tolist() if shares.numel() else [math.nan, math.nan]


# --- the two beside each other ---------------------------------------------------------------

QUESTIONS = ("bounded", "negative", "NaN", "collapse")


@dataclass
class Figures:
    """Of each question: what was claimed, how often, and which claims torch refutes."""

    modules: int = 0
    claims: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[tuple[str, str, object, str]] = field(default_factory=list)

    def add(self, seed: object) -> None:
        made = made_loss(seed)
        said = verdict(made.text)
        self.modules += 1
        for question, claim, wrong in compared(said, Search(made)):
            self.claims[question, claim] += 1
            if wrong:
                self.disagreements.append((question, claim, seed, f"{wrong}\n{made.text}"))

    def __str__(self) -> str:
        lines = [f"{self.modules} modules"]
        for question in QUESTIONS:
            found = {claim: n for (q, claim), n in self.claims.items() if q == question}
            unknown = found.pop("unknown", 0)
            wrong = sum(q == question for q, *_ in self.disagreements)
            shown = ", ".join(f"{n} {claim}" for claim, n in sorted(found.items()))
            lines.append(
                f"{question:9} {shown}; unknown {unknown} ({unknown / self.modules:.0%}); disagreements {wrong}"
            )
        return "\n".join(lines)


def compared(said: Verdict, torch_: Search) -> Iterator[tuple[str, str, str | None]]:
    """Each question, what is claimed, and how torch refutes it."""
    lowest = torch_.lowest
    if said.bounded is None:
        yield "bounded", "unknown", None
    elif said.bounded == -math.inf:
        yield "bounded", "falls to -inf", None if lowest < DEEP else f"least {lowest:g}"
    else:
        low = said.bounded - ROUNDING * max(1.0, abs(said.bounded))
        yield "bounded", "at least", f"{lowest:g} < {said.bounded:g}" if lowest < low else None
    if said.negative is None:
        yield "negative", "unknown", None
    elif said.negative:
        yield "negative", "can be", None if lowest < 0 else f"least {lowest:g}"
    else:
        yield "negative", "never", f"{lowest:g}" if lowest < -ROUNDING else None
    if said.nan is None:
        yield "NaN", "unknown", None
    elif said.nan:
        claim = "can be" if said.nan == SMALL else "overflows"
        yield "NaN", claim, None if torch_.breaks(said.nan) else "always a number"
    else:
        yield "NaN", "never", "NaN" if torch_.is_nan() else None
    if said.collapse is None:
        yield "collapse", "unknown", None
    else:
        kept = torch_.kept()
        lost = [share < LOST for share in kept]
        if said.collapse:
            yield "collapse", "collapses", None if any(lost) else f"keeps {kept}"
        else:
            yield "collapse", "balances", f"keeps {kept}" if lost[0] else None


def figures(count: int) -> Figures:
    found = Figures()
    for seed in range(count):
        found.add(seed)
    return found


def test_every_claim_of_the_analyser_holds_in_torch() -> None:
    found = figures(FEW)
    assert not found.disagreements, found.disagreements[0]
    assert {question for question, claim in found.claims if claim != "unknown"} == set(QUESTIONS)


@pytest.mark.slow
def test_so_do_many() -> None:
    found = figures(MANY)
    print(f"\n{found}")
    assert not found.disagreements, found.disagreements[0]
