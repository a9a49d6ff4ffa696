"""LL402 in torch: a sigmoid too many has a floor, one too few is an error, and the fixed forms have neither."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from math import exp, log, log1p
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from losslint import Settings, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "sigmoid_before_logits_loss"
STEPS, SEEDS = 60, 5
POSITIVE, NEGATIVE = log1p(exp(-1)), log(2)

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
BAD, FIXED = (runpy.run_path(str(FIXTURES / file)) for file in ("bad.py", "fixed.py"))
CURED = ["in_the_argument", "as_a_method", "rebound"]


def samples(seed: int) -> tuple[nn.Linear, Tensor, Tensor]:
    """A head, and two clusters that it can tell apart."""
    torch.manual_seed(seed)
    labels = (torch.arange(200) % 2).float()[:, None]
    return nn.Linear(8, 1), torch.randn(200, 8) + 3 * labels - 1.5, labels


def trained(objective: Objective, seed: int) -> tuple[float, nn.Linear]:
    """The loss after some steps, and the head."""
    head, features, labels = samples(seed)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    for _ in range(STEPS):
        optimizer.zero_grad()
        objective(head, features, labels).backward()
        optimizer.step()
    return objective(head, features, labels).item(), head


@pytest.mark.parametrize(("target", "lowest"), [(1.0, POSITIVE), (0.0, NEGATIVE)])
def test_no_probability_has_a_loss_below_the_floor(target: float, lowest: float) -> None:
    p = torch.linspace(0, 1, 101)
    loss = binary_cross_entropy_with_logits(p, torch.full_like(p, target), reduction="none")

    assert loss.min().item() == pytest.approx(lowest, abs=1e-6)
    assert (round(POSITIVE, 2), round(NEGATIVE, 2)) == (0.31, 0.69)


@pytest.mark.parametrize("name", CURED)
def test_it_trains_to_a_floor_and_the_fixed_form_to_none(name: str) -> None:
    for seed in range(SEEDS):
        before, after = trained(BAD[name], seed)[0], trained(FIXED[name], seed)[0]

        assert before > (POSITIVE + NEGATIVE) / 2
        assert after < 0.05


def test_at_a_threshold_of_a_half_everything_is_a_positive() -> None:
    _, features, labels = samples(0)
    scores = torch.sigmoid(trained(BAD["in_the_argument"], 0)[1](features))

    assert ((torch.sigmoid(scores) > 0.5) == (labels > 0.5)).float().mean() == 0.5


@pytest.mark.parametrize("name", ["forward", "plainly"])
def test_logits_stop_the_loss_on_probabilities(name: str) -> None:
    _, features, labels = samples(0)
    torch.manual_seed(0)
    before, after = BAD["Scorer"](), FIXED["Scorer"]()

    with pytest.raises(RuntimeError, match="between 0 and 1"):
        getattr(before, name)(features, labels)
    after.load_state_dict(before.state_dict())
    reduction = "sum" if name == "forward" else "mean"
    expected = binary_cross_entropy_with_logits(after.head(features), labels, reduction=reduction)
    assert torch.allclose(getattr(after, name)(features, labels), expected)


def test_the_function_too() -> None:
    _, features, labels = samples(0)

    with pytest.raises(RuntimeError, match="between 0 and 1"):
        BAD["functional"](features, labels[:, 0])
    assert torch.isfinite(FIXED["functional"](features, labels[:, 0]))


FORM = "import torch\nimport torch.nn as nn\n\n\ndef objective(x, y, h):\n    {}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return nn.BCEWithLogitsLoss()(torch.sigmoid(x).squeeze(1), y)",
            "return nn.BCEWithLogitsLoss()(x.squeeze(1), y)",
        ),
        (
            "p = torch.sigmoid(x)\n    return nn.BCEWithLogitsLoss()(p, y)",
            "p = x\n    return nn.BCEWithLogitsLoss()(p, y)",
        ),
        ("return nn.BCEWithLogitsLoss()(1 - torch.sigmoid(x), y)", None),
        ("return nn.BCEWithLogitsLoss()(torch.sigmoid(x).clamp(0.1, 0.9), y)", None),
        ("p = torch.sigmoid(x)\n    print(p)\n    return nn.BCEWithLogitsLoss()(p, y)", None),
        ("x.sigmoid_()\n    return nn.BCEWithLogitsLoss()(x, y)", None),
        ("return nn.BCEWithLogitsLoss()(torch.softmax(x, 1), y)", None),
    ],
)
def test_which_fix_is_written(before: str, after: str | None) -> None:
    result = fix_source(FORM.format(before), "a.py", Settings(select=("LL402",)), unsafe=True)

    assert result.text == FORM.format(before if after is None else after)
    assert len(result.findings) == (after is None)
