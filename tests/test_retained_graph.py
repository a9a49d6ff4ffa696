"""LL303 in torch: what the original keeps grows with every step, the fixed form stays flat, and both train alike."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from losslint import Settings, check_source, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "retained_graph"
STEPS = 1_000
ALONE = Settings(select=("LL303",))

Criterion = Callable[[Tensor, Tensor], Any]


class Mark:
    """Lives as long as the graph that it was put into."""


class Marked(torch.autograd.Function):
    """The identity, with a mark in the node of the graph that it makes."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, mark: Mark) -> Tensor:
        ctx.mark = mark
        return value.clone()

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Watched(nn.Module):
    """A small network that counts the graphs of its outputs that are alive."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)
        self.alive: WeakSet[Mark] = WeakSet()
        self.most = 0

    def forward(self, inputs: Tensor) -> Tensor:
        mark = Mark()
        self.alive.add(mark)
        self.most = max(self.most, len(self.alive))
        output: Tensor = Marked.apply(self.layer(inputs), mark)
        return output


def both(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"mse": mse_loss(output, target), "l1": l1_loss(output, target)}


def batches() -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(1)
    return [(torch.randn(4, 3), torch.rand(4, 2).softmax(1)) for _ in range(STEPS)]


def trained(file: str, name: str) -> Watched:
    """The network after one function of a fixture went through all batches with it."""
    item = runpy.run_path(str(FIXTURES / file))[name]
    model, loader = Watched(), batches()
    criterion: Criterion = both if name == "named_losses" else mse_loss
    if inspect.isclass(item):
        learner = item(model, criterion)
        for inputs, targets in loader:
            learner.learn(inputs, targets)
        return model
    given = {
        "model": model,
        "criterion": criterion,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        "loader": loader,
        "epochs": 1,
    }
    item(**{name: given[name] for name in inspect.signature(item).parameters})
    return model


def names() -> list[str]:
    """What trains or evaluates in `bad.py`."""
    items = runpy.run_path(str(FIXTURES / "bad.py"))
    own = [name for name, item in items.items() if getattr(item, "__module__", "") == "<run_path>"]
    return [name for name in own if name not in ("RunningMean", "fit")]


def test_the_fixture_is_run_whole() -> None:
    assert len(names()) == 12


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("name", names())
def test_memory_grows_before_the_fix_and_stays_flat_after_it(name: str) -> None:
    before, after = trained("bad.py", name), trained("fixed.py", name)

    assert before.most >= STEPS
    assert after.most <= 3
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.equal(one, other)


LOOP = """
import torch
import torch.nn.functional as F

def train(model, criterion, optimizer, loader):
    total = {start}
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        {add}
    {use}
"""


def fixed(start: str = "0.0", add: str = "total += loss", use: str = "print(total)") -> str:
    """The line that adds up the loss, after the fix."""
    text = LOOP.format(start=start, add=add, use=use)
    return fix_source(text, "train.py", ALONE).text.splitlines()[11].strip()


@pytest.mark.parametrize(
    ("use", "method"),
    [
        ("print(f'{total / len(loader):.4f}')", "item"),
        ("print('%.4f' % (total / len(loader)))", "item"),
        ("mean = total / len(loader)\n    print(round(mean, 4))", "item"),
        ("writer.add_scalar('loss', total / len(loader), 0)", "item"),
        ("print(total.item())", "detach"),
        ("mean = total / len(loader)\n    print(mean.cpu())", "detach"),
        ("print(torch.sqrt(total))", "detach"),
        ("return total / len(loader)", "detach"),
        ("keep(total)", "detach"),
    ],
)
def test_a_number_stands_in_only_where_nobody_can_tell(use: str, method: str) -> None:
    assert fixed(use=use) == f"total += loss.{method}()"


@pytest.mark.parametrize(
    ("start", "add", "expected"),
    [
        ("torch.zeros(1)", "total += loss", "total += loss.detach()"),
        ("0", "total += loss * inputs.size(0)", "total += loss.item() * inputs.size(0)"),
        ("0", "total += inputs.size(0) * loss", "total += inputs.size(0) * loss.item()"),
        ("0", "total = loss + total", "total = loss.item() + total"),
        ("[]", "total.append(loss)", "total.append(loss.item())"),
        ("[]", "total.append(loss / 2)", "total.append(loss.item() / 2)"),
    ],
)
def test_the_fix_touches_the_loss_alone(start: str, add: str, expected: str) -> None:
    assert fixed(start, add) == expected


@pytest.mark.parametrize(
    "use",
    [
        "total.backward()",
        "(total / len(loader)).backward()",
        "mean = total / len(loader)\n    mean.backward()",
    ],
)
def test_a_sum_that_is_back_propagated_is_no_finding(use: str) -> None:
    assert check_source(LOOP.format(start="0.0", add="total += loss", use=use), "a.py", ALONE) == []


def test_a_meter_in_another_file_is_looked_into(tmp_path: Path) -> None:
    meter = "class LossMeter:\n    def __init__(self):\n        self.total = 0\n\n    def update(self, value):\n        self.total += {}\n"
    text = "from meters import LossMeter\n" + LOOP.format(
        start="LossMeter()", add="total.update(loss)", use="print(total.total)"
    )
    train = tmp_path / "train.py"
    train.write_text(text)
    (tmp_path / "meters.py").write_text(meter.format("value"))
    keeping = check_source(text, str(train), ALONE)
    (tmp_path / "meters.py").write_text(meter.format("float(value)"))

    assert len(keeping) == 1
    assert check_source(text, str(train), ALONE) == []
