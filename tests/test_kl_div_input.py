"""LL406 in torch: the fixed forms are the divergence as it is defined, the originals have their minimum elsewhere."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, softmax

from losslint import Settings, check_source, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "kl_div_input"
ALONE = Settings(select=("LL406",))
CLASSES = 10
FUNCTIONS = [
    "probabilities",
    "probabilities_by_name",
    "log_probabilities_as_target",
    "log_probabilities_that_are_denied",
    "probabilities_as_log_target",
]
METHODS = [
    "logits",
    "logits_of_known_dimension",
    "logits_as_target",
    "logits_as_log_target",
    "layer",
]


def log_of_softmax(x: Tensor) -> Tensor:
    """The logarithm of a softmax over the last dimension, by its definition, in double precision."""
    x = x.double() - x.double().max(-1, keepdim=True).values
    return x - x.exp().sum(-1, keepdim=True).log()


def divergence(student: Tensor, teacher: Tensor) -> float:
    """The mean over the batch of the divergence of two softmax distributions, by its definition."""
    log_p, log_q = log_of_softmax(student), log_of_softmax(teacher)
    return float((log_q.exp() * (log_q - log_p)).sum(-1).mean())


def heads(file: str, scale: float) -> Any:
    """The module of a fixture in double precision, its logits as large as `scale`."""
    torch.manual_seed(0)
    module = runpy.run_path(str(FIXTURES / file))["Heads"](CLASSES).double()
    for layer in (module.student, module.teacher):
        layer.weight.data *= scale
    return module


def arguments(function: Callable[..., Any], student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
    given = {
        "student": student,
        "teacher": teacher,
        "log_p": log_softmax(student, dim=1),
        "q": softmax(teacher, dim=1),
    }
    return {n: given[n] for n in inspect.signature(function).parameters if n in given}


def pair(scale: float, classes: int = CLASSES) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 64, classes, generator=generator, dtype=torch.float64)
    if scale > 1:
        student[0, 0], teacher[0, 1] = 1, -1
        return student.clamp(-1, 1) * scale, teacher.clamp(-1, 1) * scale
    return student, teacher


def same(value: Tensor, expected: float) -> bool:
    return value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 200.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_fixed_function_is_the_divergence(name: str, scale: float) -> None:
    student, teacher = pair(scale)
    before, after = (runpy.run_path(str(FIXTURES / f))[name] for f in ("bad.py", "fixed.py"))
    given = arguments(after, student, teacher)

    assert same(after(**given), divergence(student, teacher))
    assert not same(before(**given), divergence(student, teacher))


@pytest.mark.parametrize("scale", [1.0, 400.0])
@pytest.mark.parametrize("name", METHODS)
def test_the_fixed_module_is_the_divergence(name: str, scale: float) -> None:
    before, after = heads("bad.py", scale), heads("fixed.py", scale)
    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    student, teacher = after.student(inputs).detach(), pair(scale)[1]
    if name.endswith("target"):
        student, teacher = pair(scale)[0], after.teacher(inputs).detach()
    given = arguments(getattr(after, name), student, teacher)

    assert same(getattr(after, name)(inputs, **given), divergence(student, teacher))
    assert not same(getattr(before, name)(inputs, **given), divergence(student, teacher))


def test_the_criterion_is_told_of_its_target() -> None:
    before, after = heads("bad.py", 1.0), heads("fixed.py", 1.0)
    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    student, teacher = after.student(inputs).detach(), after.teacher(inputs).detach()

    assert torch.isnan(before.log_target(inputs))
    assert same(after.log_target(inputs), divergence(student, teacher))


def batchmean(one: Tensor, other: Tensor, log_target: bool = False) -> float:
    return kl_div(one, other, reduction="batchmean", log_target=log_target).item()


def test_the_page_says_what_comes_out() -> None:
    student, teacher = torch.randn(2, 64, CLASSES, generator=torch.Generator().manual_seed(0))
    log_p, log_q = log_softmax(student, dim=1), log_softmax(teacher, dim=1)
    p, q = log_p.exp(), log_q.exp()

    rows = [
        (batchmean(log_p, q), 0.87),
        (batchmean(p, q), -2.00),
        (batchmean(q, q), -2.10),
        (batchmean(student, q), -1.97),
        (batchmean(teacher, q), -2.76),
        (batchmean(log_p, q, True), 32.1),
        (batchmean(log_q, q, True), 30.9),
        (batchmean(log_p, teacher, True), 65.9),
        (batchmean(log_q, teacher, True), 49.5),
    ]
    for measured, written in rows:
        assert measured == pytest.approx(written, rel=0.005)
    for wrong in (log_q, teacher):
        assert batchmean(log_p, wrong) != batchmean(log_p, wrong)  # NaN


def test_where_the_minimum_lies() -> None:
    q = torch.tensor([[0.6, 0.3, 0.1]])
    sure = torch.tensor([[1.0, 0.0, 0.0]])
    alike = torch.softmax(q, 1)
    logits = q.log() + 5

    assert batchmean(sure, q) < batchmean(q, q)
    assert batchmean(torch.ones(1, 3), q) < batchmean(q, q)
    assert batchmean(logits + 100, q) == pytest.approx(batchmean(logits, q) - 100)
    assert batchmean(alike.log(), q, True) < batchmean(q.log(), q, True)
    heavy = batchmean(sure.clamp(min=0.1).log(), logits, True)
    assert heavy > 100 * batchmean(sure.clamp(min=0.1).log(), q.log(), True)
    assert batchmean(q.log(), logits, True) != pytest.approx(0, abs=0.1)


HEAD = """\
import torch
import torch.nn as nn
import torch.nn.functional as F

head = nn.Linear(3, 4)
conv = nn.Conv2d(3, 4, 1)

def f(x, y):
"""


def fixed(call: str) -> str:
    text = f"{HEAD}    return {call}\n"
    assert fix_source(text, "loss.py", ALONE).text == text
    return fix_source(text, "loss.py", ALONE, unsafe=True).text.partition("return ")[2].rstrip()


@pytest.mark.parametrize(
    ("call", "better"),
    [
        ("F.kl_div(head(x), y)", "F.kl_div(F.log_softmax(head(x), dim=-1), y)"),
        ("F.kl_div(conv(x), y)", "F.kl_div(conv(x), y)"),  # of how many dimensions?
        ("F.kl_div(conv(x), y.softmax(1))", "F.kl_div(F.log_softmax(conv(x), dim=1), y.softmax(1))"),
        ("F.kl_div(head(x).T, y)", "F.kl_div(head(x).T, y)"),
        ("F.kl_div(x.softmax(1)[y], y)", "F.kl_div(x.log_softmax(1)[y], y)"),
        ("F.kl_div(input=x.softmax(1), target=y)", "F.kl_div(input=x.log_softmax(1), target=y)"),
        ("nn.KLDivLoss()(x, y.log_softmax(1))", "nn.KLDivLoss(log_target=True)(x, y.log_softmax(1))"),
        ("F.kl_div(x, F.logsigmoid(y))", "F.kl_div(x, F.logsigmoid(y), log_target=True)"),
        ("F.kl_div(x, torch.sigmoid(y), log_target=True)", "F.kl_div(x, torch.sigmoid(y), log_target=True)"),
    ],
)  # fmt: skip
def test_how_it_is_fixed(call: str, better: str) -> None:
    assert fixed(call) == better


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("F.kl_div(head(x), head(y))", 2),
        ("F.kl_div(head(x), y.log_softmax(1), log_target=True)", 1),
        ("F.kl_div(x.log_softmax(1), y.log_softmax(1), None, None, 'sum', True)", 0),
        ("F.kl_div(x.softmax(1).log(), y.softmax(1))", 0),
        ("F.kl_div(x.softmax(1).mean(0), y)", 1),
        ("F.kl_div(*x, y)", 0),
        ("F.kl_div(x, y.log_softmax(1), **x)", 0),
    ],
)
def test_each_argument_is_judged(call: str, count: int) -> None:
    text = f"{HEAD}    return {call}\n"

    assert len(check_source(text, "loss.py", ALONE)) == count
