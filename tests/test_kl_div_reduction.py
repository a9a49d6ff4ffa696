"""LL405 in torch: the fixed form is the divergence as it is defined, the original that by the number of classes."""

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

FIXTURES = Path(__file__).parents[1] / "fixtures" / "kl_div_reduction"
ALONE = Settings(select=("LL405",))
TEMPERATURE, WEIGHT = 2.0, 0.5
FIXED = [
    "by_default",
    "named",
    "in_its_place",
    "in_the_older_words",
    "over_several_lines",
    "with_a_weight",
    "at_once",
    "Distillation",
]
FACTORS = {
    "by_default": TEMPERATURE**2,
    "with_a_weight": WEIGHT,
    "Distillation": TEMPERATURE**2,
}

pytestmark = [
    pytest.mark.filterwarnings("ignore:reduction"),  # what torch says of the original
    pytest.mark.filterwarnings("ignore:size_average and reduce"),
]


def log_of_softmax(x: Tensor) -> Tensor:
    """The logarithm of a softmax over the last dimension, by its definition."""
    x = x - x.max(-1, keepdim=True).values
    return x - x.exp().sum(-1, keepdim=True).log()


def divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean over the batch of the divergence of two softmax distributions, by its definition."""
    log_p, log_q = log_of_softmax(student), log_of_softmax(teacher)
    return (log_q.exp() * (log_q - log_p)).sum(-1).mean()


@pytest.fixture(params=[1.0, 20.0, 200.0], ids=["near", "far", "extreme"])
def logits(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    """Those of a student and of a teacher, in double precision."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 16, 12, generator=generator, dtype=torch.float64)
    student[0, 0], teacher[0, 1] = -1, 1
    return student.clamp(-1, 1) * request.param, teacher.clamp(-1, 1) * request.param


def run(file: str, name: str, student: Tensor, teacher: Tensor) -> Tensor:
    """What a function, or a module, of a fixture makes of logits."""
    item = runpy.run_path(str(FIXTURES / file))[name]
    given: dict[str, Any] = {
        "student": student,
        "teacher": teacher,
        "temperature": TEMPERATURE,
        "weight": WEIGHT,
        "log_p": log_softmax(student, dim=1),
        "q": softmax(teacher, dim=1),
    }
    function: Callable[..., Tensor] = item(TEMPERATURE) if inspect.isclass(item) else item
    names = inspect.signature(function.forward if inspect.isclass(item) else function).parameters
    return function(**{name: given[name] for name in names})


@pytest.mark.parametrize("name", FIXED)
def test_the_fixed_form_is_the_divergence(name: str, logits: tuple[Tensor, Tensor]) -> None:
    student, teacher = logits
    tempered = TEMPERATURE if name in ("by_default", "Distillation") else 1.0
    expected = divergence(student / tempered, teacher / tempered) * FACTORS.get(name, 1.0)

    assert run("fixed.py", name, student, teacher).item() == pytest.approx(
        expected.item(), rel=1e-6
    )
    assert run("bad.py", name, student, teacher).item() == pytest.approx(
        expected.item() / student.shape[1], rel=1e-6
    )


def test_the_page_says_how_small_it_is() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 64, 1000, generator=generator)
    log_p, q = log_softmax(student, dim=1), softmax(teacher, dim=1)

    assert divergence(student, teacher).item() == pytest.approx(0.991, rel=1e-3)
    assert kl_div(log_p, q, reduction="batchmean").item() == pytest.approx(0.991, rel=1e-3)
    assert kl_div(log_p, q, reduction="mean").item() == pytest.approx(0.000991, rel=1e-3)


def test_what_batchmean_makes_of_other_shapes() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 6, 5, generator=generator, dtype=torch.float64)
    log_p, q = log_softmax(student, dim=2), softmax(teacher, dim=2)
    of_all = divergence(student, teacher)
    flat = kl_div(log_p.flatten(0, 1), q.flatten(0, 1), reduction="batchmean")
    of_one = divergence(student[0, 0], teacher[0, 0])

    assert kl_div(log_p, q, reduction="batchmean").item() == pytest.approx(6 * of_all.item())
    assert flat.item() == pytest.approx(of_all.item())
    assert kl_div(log_p[0, 0], q[0, 0], reduction="batchmean").item() == pytest.approx(
        of_one.item() / 5
    )
    assert kl_div(log_p[0, 0], q[0, 0], reduction="sum").item() == pytest.approx(of_one.item())


HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\ndef f(x, y, s):\n"


def found(body: str) -> int:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return len(check_source(HEAD + lines, "loss.py", ALONE))


@pytest.mark.parametrize(
    "body",
    [
        "return F.kl_div(x, y)",
        "return F.kl_div(x, y, None)",
        "return F.kl_div(x, y, reduce=True, reduction='sum')",  # the older word wins
        "return F.kl_div(x, y) * s",
        "return s ** 2 * F.kl_div(x, y) / 4",
        "return F.kl_div(x, y) / x.size(0)",  # by the batch once more
        "return nn.KLDivLoss()",
        "return nn.KLDivLoss(None, None, 'mean')(x, y)",
        "return nn.modules.loss.KLDivLoss()(x, y)",
    ],
)
def test_what_is_the_mean(body: str) -> None:
    assert found(body) == 1


@pytest.mark.parametrize(
    "body",
    [
        "return F.kl_div(x, y, reduction='batchmean')",
        "return F.kl_div(x, y, False)",
        "return F.kl_div(x, y, size_average=s)",
        "return F.kl_div(x, y, reduce=False, reduction='mean')",
        "return nn.KLDivLoss(**s)(x, y)",
        "return x.shape[1] * (F.kl_div(x, y) + F.kl_div(y, x))",
        "n, c = x.shape\nreturn F.kl_div(x, y) * c",
        "k = F.kl_div(x, y)\nreturn k * len(y[0])",
        "return F.kl_div(x, y).mul(s.num_classes)",
        "return F.kl_div(x, y) * x.numel() / x.size(0)",
        "return s.kl_div(x, y)",
    ],
)
def test_what_is_not_or_is_made_good(body: str) -> None:
    assert found(body) == 0


@pytest.mark.parametrize(
    ("call", "better"),
    [
        ("nn.KLDivLoss()", 'nn.KLDivLoss(reduction="batchmean")'),
        ("F.kl_div(x, y, reduction='mean')", "F.kl_div(x, y, reduction='batchmean')"),
        ("F.kl_div(x, y, reduce=True)", 'F.kl_div(x, y, reduction="batchmean")'),
        ("F.kl_div(x, y,)", 'F.kl_div(x, y, reduction="batchmean",)'),
        ("F.kl_div(x, y, True)", "F.kl_div(x, y, True)"),
        ("F.kl_div(F.log_softmax(x, 0), y)", "F.kl_div(F.log_softmax(x, 0), y)"),
        ("F.kl_div(x, F.softmax(y, 3))", "F.kl_div(x, F.softmax(y, 3))"),
    ],
)
def test_how_it_is_fixed(call: str, better: str) -> None:
    text = f"{HEAD}    return {call}\n"

    assert fix_source(text, "loss.py", ALONE, unsafe=True).text == f"{HEAD}    return {better}\n"
    assert fix_source(text, "loss.py", ALONE).text == text
