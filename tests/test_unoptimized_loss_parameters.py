"""LL107 in torch: what no optimizer gets stays what it was; what is fixed is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

FIXTURE = Path(__file__).parents[1] / "fixtures" / "unoptimized_loss_parameters"
STEPS = 50


def run(name: str) -> dict[str, Any]:
    """The names that a file of the fixture defines."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile((FIXTURE / name).read_text(), name, "exec"), namespace)
    return namespace


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    inputs = torch.randn(STEPS, 16, 8)
    scales = torch.tensor([0.1, 3.0])
    return [(x, x[:, :2] * scales + scales * torch.randn(16, 2)) for x in inputs]


def moved(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """How far the log-variances of a file move in training, and how large their gradient grows."""
    namespace = run(name)
    made = []
    weights = namespace["PrecisionWeights"]

    def remembered(*args: int) -> nn.Module:
        module: nn.Module = weights(*args)
        made.append(module)
        return module

    monkeypatch.setitem(namespace, "PrecisionWeights", remembered)
    torch.manual_seed(1)
    namespace["train_in_a_function"](nn.Linear(8, 2), batches())
    (module,) = made
    (log_vars,) = module.parameters()
    assert log_vars.grad is not None
    return log_vars.detach().abs().max().item(), log_vars.grad.abs().max().item()


def test_before_the_fix_the_weights_stay_and_their_gradient_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    distance, gradient = moved("bad.py", monkeypatch)

    assert distance == 0.0
    assert gradient > 20  # nobody clears it: that of 50 steps in one


def test_after_the_fix_the_weights_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    distance, gradient = moved("fixed.py", monkeypatch)

    assert distance > 0.1
    assert gradient < 20


def test_a_loss_that_is_made_anew_forgets_what_it_learned() -> None:
    namespace = run("bad.py")
    model = nn.Linear(8, 2)
    starts = []
    fresh = namespace["FreshWeights"]

    def remembered(*args: int) -> nn.Module:
        module: nn.Module = fresh(*args)
        starts.append(next(module.parameters()).detach().clone())
        return module

    namespace["FreshWeights"] = remembered
    data = [(x, y, y.roll(1, 0)) for x, y in batches()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    namespace["one_task_after_the_other"](model, data, optimizer)

    assert len(starts) == STEPS
    assert all(start.abs().max() == 0 for start in starts)
