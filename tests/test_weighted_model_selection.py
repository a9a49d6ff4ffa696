"""LL304: which selections go by a total with learned weights, and what that does in torch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from losslint import Settings, check_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "weighted_model_selection"
ALONE = Settings(select=("LL304",))

WEIGHTING = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class WeightedLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, loss_a, loss_b):
        a = torch.exp(-self.log_vars[0]) * loss_a + self.log_vars[0]
        b = torch.exp(-self.log_vars[1]) * loss_b + self.log_vars[1]
        return a + b
"""

VALIDATE = """
def validate(model, criterion, loader):
    total, count = 0.0, 0
    for images, depth, labels in loader:
        out, logits = model(images)
        loss = criterion(F.l1_loss(out, depth), F.cross_entropy(logits, labels))
        total += loss.item() * len(images)
        count += len(images)
    return {result}
"""

FIT = """
def fit(model, loader, scheduler, stopper, optimizer, epochs):
    criterion = WeightedLoss()
    best = float("inf")
    for epoch in range(epochs):
        val = validate(model, criterion, loader)
        {select}
"""


def found(select: str, result: str = "total / count") -> int:
    text = WEIGHTING + VALIDATE.format(result=result) + FIT.format(select=select)
    return len(check_source(text, "train.py", ALONE))


@pytest.mark.parametrize(
    "select",
    [
        "scheduler.step(val)",
        "self.lr_scheduler.step(val)",
        "stopper.early_stop(val, model)",
        "if val < best:\n            best = val",
        "if best > val:\n            best = val",
        "is_best = val < best",
    ],
)
def test_a_selection_by_the_total_is_found(select: str) -> None:
    assert found(select) == 1


@pytest.mark.parametrize(
    "select",
    [
        "print(val)",
        "scheduler.step()",
        "scheduler.step(epoch)",
        "optimizer.step(val)",
        "if val < 0.1:\n            break",
        "if val < last:\n            print('better')",
    ],
)
def test_what_selects_nothing_is_left_alone(select: str) -> None:
    assert found(select) == 0


def test_the_total_is_followed_through_a_dictionary_and_past_other_entries() -> None:
    result = '{"total": total / count, "seen": count}'

    assert found("scheduler.step(val['total'])", result) == 1
    assert found("scheduler.step(val['seen'])", result) == 0


def test_the_loss_module_may_stand_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text(WEIGHTING)
    text = "import torch.nn.functional as F\nfrom losses import WeightedLoss\n"
    text += VALIDATE.format(result="total / count") + FIT.format(select="scheduler.step(val)")
    train = tmp_path / "train.py"
    train.write_text(text)

    (only,) = check_source(text, str(train), ALONE)

    assert "`self.log_vars` of `WeightedLoss`" in only.evidence[0]


def test_the_total_falls_though_every_task_gets_worse() -> None:
    weighting = runpy.run_path(str(FIXTURES / "good.py"))["Uncertainty"]()
    with torch.no_grad():
        before, _ = weighting(torch.tensor(0.10), torch.tensor(0.20))
        weighting.log_vars.copy_(torch.tensor([-2.0, -1.5]))
        after, _ = weighting(torch.tensor(0.11), torch.tensor(0.22))

    assert after < before
