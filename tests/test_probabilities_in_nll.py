"""LL403 in torch: of probabilities the loss has no penalty for certain mistakes, of logits no minimum."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from losslint import Settings, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "probabilities_in_nll"
CLASSES, WIDTH, STEPS = 5, 8, 60

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
BAD, FIXED = (runpy.run_path(str(FIXTURES / file)) for file in ("bad.py", "fixed.py"))
CURED = ["in_the_argument", "as_a_method", "by_a_name", "by_a_module"]


def wrong(margin: float) -> tuple[Tensor, Tensor]:
    """Logits of a sample whose class is `margin` below the others."""
    logits = torch.zeros(1, CLASSES)
    logits[0, 0] = -margin
    return logits.requires_grad_(), torch.tensor([0])


def gradient(objective: Objective, margin: float) -> float:
    """The largest gradient at the logits of such a sample."""
    logits, labels = wrong(margin)
    (found,) = torch.autograd.grad(objective(nn.Identity(), logits, labels), logits)
    return float(found.abs().max())


@pytest.mark.parametrize("name", CURED)
def test_of_probabilities_it_does_not_mind_a_certain_mistake(name: str) -> None:
    assert gradient(BAD[name], 10.0) < 1e-4
    assert gradient(FIXED[name], 10.0) > 0.99


@pytest.mark.parametrize("name", CURED)
def test_the_fixed_form_is_the_cross_entropy(name: str) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(6, CLASSES), torch.arange(6) % CLASSES
    reduction = "sum" if name == "as_a_method" else "mean"
    before = BAD[name](nn.Identity(), logits, labels)

    assert -1.0 <= before.item() / (6 if reduction == "sum" else 1) < 0.0
    after = FIXED[name](nn.Identity(), logits, labels)
    assert torch.allclose(after, cross_entropy(logits, labels, reduction=reduction))


def falling(steps: int) -> float:
    """The loss on raw logits after some steps."""
    torch.manual_seed(0)
    head, features = nn.Linear(WIDTH, CLASSES), torch.randn(100, WIDTH)
    labels = torch.randint(CLASSES, (100,))  # nothing to learn
    optimizer = torch.optim.SGD(head.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        nll_loss(head(features), labels).backward()
        optimizer.step()
    return nll_loss(head(features), labels).item()


def test_of_logits_it_falls_for_ever() -> None:
    losses = [falling(steps) for steps in (STEPS, 2 * STEPS, 10 * STEPS)]

    assert losses[0] < -5
    assert losses[1] < 1.9 * losses[0]
    assert losses[2] < 9 * losses[0]


def test_the_fixed_form_of_logits_is_the_cross_entropy() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(6, WIDTH), torch.arange(6) % CLASSES
    loss = FIXED["raw_logits"](features, labels)

    assert loss.item() > 0
    tagger = FIXED["Tagger"]()
    probabilities = tagger(features)[1]
    rest = tagger.objective(features, labels) - nll_loss(probabilities, labels)
    assert torch.allclose(rest, cross_entropy(tagger(features)[0], labels), atol=1e-6)


FORM = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\ndef objective(x, y):\n    {}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return F.nll_loss(x.softmax(1), y)", "return F.nll_loss(x.log_softmax(1), y)"),
        ("return F.nll_loss(torch.softmax(x, -1).view(-1, 5), y)", "return F.nll_loss(torch.log_softmax(x, -1).view(-1, 5), y)"),
        ("return F.nll_loss(nn.Linear(3, 4)(x), target=y)", "return F.nll_loss(F.log_softmax(nn.Linear(3, 4)(x), dim=1), target=y)"),
        ("return F.nll_loss(nn.Linear(3, 4)(x)[0], y)", None),
        ("return F.nll_loss(x.softmax(1).clamp(min=1e-6), y)", None),
        ("return F.nll_loss(nn.Softmax2d()(x), y)", None),
        ("return F.nll_loss(torch.exp(F.log_softmax(x, 1)), y)", None),
        ("return F.nll_loss(torch.sigmoid(x), y)", None),
    ],
)  # fmt: skip
def test_which_fix_is_written(before: str, after: str | None) -> None:
    result = fix_source(FORM.format(before), "a.py", Settings(select=("LL403",)), unsafe=True)

    assert result.text == FORM.format(before if after is None else after)
    assert len(result.findings) == (after is None)
