"""LL401 in torch: the original has a floor and a damped gradient and trains worse than the fixed form."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from math import e, log
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from losslint import Settings, check_source
from losslint.rules.misuse.softmax_before_cross_entropy import floor

FIXTURES = Path(__file__).parents[1] / "fixtures" / "softmax_before_cross_entropy"
CLASSES, WIDTH, STEPS, SEEDS = 10, 16, 60, 5

Objective = Callable[[nn.Module, Tensor, Tensor], Any]


def functions(file: str) -> dict[str, Objective]:
    """What computes a loss with a head in a fixture."""
    items = runpy.run_path(str(FIXTURES / file))
    return {
        name: item
        for name, item in items.items()
        if inspect.isfunction(item) and next(iter(inspect.signature(item).parameters)) == "head"
    }


BAD, FIXED = functions("bad.py"), functions("fixed.py")
CURED = [n for n in BAD if inspect.getsource(BAD[n]) != inspect.getsource(FIXED[n])]


def loss_of(objective: Objective, head: nn.Module, features: Tensor, labels: Tensor) -> Tensor:
    found = objective(head, features, labels)
    loss: Tensor = found[0] if isinstance(found, tuple) else found
    return loss


def samples(seed: int) -> tuple[nn.Linear, Tensor, Tensor]:
    """A head, and clusters that it can tell apart."""
    torch.manual_seed(seed)
    labels = torch.arange(400) % CLASSES
    centres = 1.5 * torch.randn(CLASSES, WIDTH)
    return nn.Linear(WIDTH, CLASSES), centres[labels] + torch.randn(len(labels), WIDTH), labels


def gradient(objective: Objective, seed: int) -> float:
    """The norm of the gradient at the start of the training."""
    head, features, labels = samples(seed)
    loss_of(objective, head, features, labels).backward()
    assert head.weight.grad is not None
    return float(head.weight.grad.norm())


def accuracy(objective: Objective, seed: int) -> float:
    """How many samples are right after some steps."""
    head, features, labels = samples(seed)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of(objective, head, features, labels).backward()
        optimizer.step()
    return float((head(features).argmax(1) == labels).float().mean())


def test_the_fixture_has_its_cures() -> None:
    assert len(CURED) == 6


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_no_probabilities_have_a_loss_below_the_floor(classes: int) -> None:
    labels = torch.arange(classes)
    best = one_hot(labels, classes).float()
    others = torch.softmax(5 * torch.randn(classes, classes), dim=1)

    assert cross_entropy(best, labels).item() == pytest.approx(floor(classes), abs=1e-5)
    assert floor(classes) == pytest.approx(log(classes - 1 + e) - 1)
    assert cross_entropy(others, labels).item() > floor(classes)


@pytest.mark.parametrize("name", CURED)
def test_the_gradient_is_damped_before_the_fix(name: str) -> None:
    before = [gradient(BAD[name], seed) for seed in range(SEEDS)]
    after = [gradient(FIXED[name], seed) for seed in range(SEEDS)]

    assert all(3 * one < other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("name", CURED)
def test_the_fixed_form_has_no_floor(name: str) -> None:
    def certain(_features: Tensor) -> Tensor:
        return 50 * one_hot(labels, CLASSES).float()

    head, features, labels = samples(0)
    head.forward = certain  # type: ignore[method-assign]
    lowest = floor(CLASSES) if name != "rebound" else floor(CLASSES) + 0.1  # sigmoid(0) is no 0

    assert loss_of(BAD[name], head, features, labels).item() >= lowest - 1e-5
    if name != "smoothed":  # labels that were smoothed have a floor of their own
        assert loss_of(FIXED[name], head, features, labels).item() < 1e-4


def test_it_trains_worse_than_the_fixed_form() -> None:
    name = "in_the_argument"
    before = [accuracy(BAD[name], seed) for seed in range(SEEDS)]
    after = [accuracy(FIXED[name], seed) for seed in range(SEEDS)]

    assert all(one + 0.15 < other for one, other in zip(before, after, strict=True))
    assert min(after) > 0.98


def test_a_second_log_softmax_changes_nothing() -> None:
    """Why `log_softmax` in front of the loss is no finding."""
    logits = torch.randn(8, CLASSES, requires_grad=True)
    labels = torch.arange(8)
    (once,) = torch.autograd.grad(cross_entropy(logits, labels), logits)
    (twice,) = torch.autograd.grad(cross_entropy(logits.log_softmax(1), labels), logits)

    assert torch.allclose(once, twice, atol=1e-6)


def test_a_network_in_another_file_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "networks.py").write_text(
        "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.head = nn.Linear(8, 4)\n"
        "        self.out = nn.Softmax(dim=1)\n\n    def forward(self, inputs):\n"
        "        return self.out(self.head(inputs))\n"
    )
    text = (
        "import torch.nn.functional as F\nfrom networks import Net\n\n\ndef objective(inputs, labels):\n"
        "    return F.cross_entropy(Net()(inputs), labels)\n"
    )
    file = tmp_path / "objective.py"
    file.write_text(text)
    (found,) = check_source(text, str(file), Settings(select=("LL401",)))

    assert "with 4 classes the loss cannot fall below 0.74" in found.message
    assert found.fix is None
    assert "networks.py:11 makes the softmax probabilities" in found.evidence[0]


def test_a_test_file_is_left_alone_unless_the_rule_is_asked_for() -> None:
    text = "import torch.nn.functional as F\nF.cross_entropy(x.softmax(1), y)\n"

    assert check_source(text, "tests/test_a.py") == []
    assert len(check_source(text, "tests/test_a.py", Settings(select=("LL401",)))) == 1
