"""LL305's fixtures at work: what was shown still is, the distribution beside it, and nothing trains otherwise."""

from __future__ import annotations

import logging
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from losslint import Settings, check_source, fix_source

FOLDER = Path(__file__).parents[1] / "fixtures" / "unmonitored_loss_distribution"
ALONE = Settings(select=("LL305",))

# As much of numpy as the fixture calls: the tests run without it.
NUMPY = SimpleNamespace(mean=statistics.fmean, median=statistics.median, min=min, max=max)


class Screen:
    """Stands in for whatever a value is shown on, and keeps it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def add_scalar(self, *given: Any) -> None:
        self.seen.append(given)

    def log(self, given: dict[str, float]) -> None:
        self.seen += given.items()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    def loaded(name: str) -> ModuleType:
        module = ModuleType(name)
        with monkeypatch.context() as patch:  # torch looks for it, too
            patch.setitem(sys.modules, "numpy", NUMPY)
            exec(compile((FOLDER / f"{name}.py").read_text(), name, "exec"), vars(module))
        return module

    return loaded


def made() -> tuple[Any, Any, list[torch.Tensor]]:
    """A model, its optimizer, and four batches of which one is a spike."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    loader = [torch.randn(4, 3) * scale for scale in (1.0, 1.0, 30.0, 1.0)]
    return model, torch.optim.SGD(model.parameters(), lr=1e-3), loader


TRAINING = ["train", "train_with_a_name_for_it", "train_on_the_device", "train_to_wandb"]


def run(module: ModuleType, name: str, screen: Screen) -> list[torch.Tensor]:
    """The parameters that one epoch ends with."""
    model, optimizer, loader = made()
    extra = {"train_on_the_device": (screen, 7), "train_to_wandb": (screen,)}.get(name, (7,))
    vars(module)[name](model, optimizer, loader, *extra)
    return list(model.parameters())


@pytest.mark.parametrize("name", TRAINING)
def test_training_is_the_same_bit_for_bit(load: Callable[[str], ModuleType], name: str) -> None:
    before = run(load("bad"), name, Screen())
    after = run(load("fixed"), name, Screen())

    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["train_on_the_device", "train_to_wandb"])
def test_a_logger_gets_what_it_got_and_the_distribution(
    load: Callable[[str], ModuleType], name: str
) -> None:
    before, after = Screen(), Screen()
    run(load("bad"), name, before)
    run(load("fixed"), name, after)

    shown = {key.rpartition("/")[2]: value for key, value, *_ in after.seen}
    assert set(before.seen) <= set(after.seen)
    assert len(after.seen) == len(before.seen) + 3
    assert shown["loss_min"] < shown["loss_median"] < shown["loss"] < shown["loss_max"]


def test_a_text_goes_on_with_the_distribution(
    load: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for name in ("bad", "fixed"):
        run(load(name), "train", Screen())
        printed.append(capsys.readouterr().out.strip())

    assert printed[1].startswith(printed[0])
    assert [part.split()[0] for part in printed[1].split(", ")[1:]] == ["min", "median", "max"]


def test_a_log_line_goes_on_with_the_distribution(
    load: Callable[[str], ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("bad", "fixed"):
        run(load(name), "train_with_a_name_for_it", Screen())

    before, after = caplog.messages
    assert after.startswith(f"{before}, min ")


LISTED = """
import torch

def validate(model, criterion, loader):
    losses = []
    for x, y in loader:
        loss = criterion(model(x), y)
        losses.append({item})
    print("loss", {mean})
    {more}
"""


@pytest.mark.parametrize(
    ("item", "mean", "more", "median"),
    [
        ("loss.item()", "sum(losses) / len(losses)", "", "statistics.median(losses)"),
        ("loss.detach()", "torch.stack(losses).mean().item()", "", "torch.stack(losses).median()"),
        ("loss.item()", "torch.tensor(losses).mean()", "", "torch.tensor(losses).median()"),
        (
            "loss.detach()",
            "torch.mean(torch.stack(losses))",
            "",
            "torch.median(torch.stack(losses))",
        ),
        ("loss", "sum(losses) / len(losses)", "", None),  # of tensors
    ],
)
def test_the_median_is_made_as_the_mean_is(
    item: str, mean: str, more: str, median: str | None
) -> None:
    text = LISTED.format(item=item, mean=mean, more=more)

    assert len(check_source(text, "a.py", ALONE)) == 1
    fixed = fix_source(text, "a.py", ALONE).text
    assert median in fixed if median is not None else fixed == text


@pytest.mark.parametrize(
    "more",
    [
        "return losses",
        "plot(losses)",
        "history.extend(losses)",
        "print(losses[-1])",
        "model.losses = losses",
    ],
)
def test_a_list_that_is_used_for_more_is_no_finding(more: str) -> None:
    text = LISTED.format(item="loss.item()", mean="sum(losses) / len(losses)", more=more)

    assert check_source(text, "a.py", ALONE) == []
