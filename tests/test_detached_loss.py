"""LL407 in torch: what is cut off trains nothing in 50 steps, and the fixed form of the same value does."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from losslint import Settings, check_source, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "detached_loss"
STEPS = 50
ALONE = Settings(select=("LL407",))

# Of these the classes keep their graph, and only the depth is cut off.
PARTLY = {
    "one_of_two",
    "one_by_its_data",
    "only_sometimes",
    "from_a_dictionary",
    "on_one_way_of_three",
}
FIXED = {
    "a_tensor_of_two",
    "a_list_of_losses",
    "woken_by_an_attribute",
    "with_a_type_and_a_device",
    "scaled",
    "by_a_module",
    "on_one_way_of_three",
}

pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")


class TwoHeads(nn.Module):
    """A small network with a head of its own for each loss."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.classes = nn.Linear(3, 2)
        self.depth = nn.Linear(3, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.classes(inputs), self.depth(inputs)


def batches() -> list[tuple[Tensor, Tensor, Tensor]]:
    torch.manual_seed(1)
    return [(torch.randn(4, 3), torch.randint(2, (4,)), torch.rand(4, 1)) for _ in range(STEPS)]


def trainers(file: str) -> dict[str, Callable[..., None]]:
    """What trains in a file of the fixture, by its name."""
    items = runpy.run_path(str(FIXTURES / file))
    return {
        name: item
        for name, item in items.items()
        if inspect.isfunction(item) and "optimizer" in inspect.signature(item).parameters
    }


def trained(
    file: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, bool], list[float]]:
    """Whether each head moved, and the values that were back-propagated."""
    values: list[float] = []
    backward: Callable[..., None] = torch.Tensor.backward

    def noted(self: Tensor, *args: Any, **options: Any) -> None:
        values.append(self.item())
        backward(self, *args, **options)

    monkeypatch.setattr(torch.Tensor, "backward", noted)
    monkeypatch.setattr(torch.Tensor, "numpy", torch.Tensor.tolist)  # numpy may be missing
    train, model = trainers(file)[name], TwoHeads()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    history: dict[str, list[object]] = (
        {"history": []} if "history" in inspect.signature(train).parameters else {}
    )
    train(model, optimizer, batches(), **history)
    moved = {
        head: not all(
            torch.equal(before[f"{head}.{p}"], getattr(module, p)) for p in ("weight", "bias")
        )
        for head, module in model.named_children()
    }
    return moved, values


def test_the_fixture_is_run_whole() -> None:
    assert len(trainers("bad.py")) == len(trainers("fixed.py")) == 16


@pytest.mark.parametrize("name", sorted(trainers("bad.py")))
def test_what_is_cut_off_trains_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moved, values = trained("bad.py", name, monkeypatch)

    assert len(values) == (1 if name == "added_up_as_numbers" else STEPS)
    assert moved == {"classes": name in PARTLY, "depth": False}


@pytest.mark.parametrize("name", sorted(FIXED))
def test_the_fixed_form_trains_by_the_same_value(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before = trained("bad.py", name, monkeypatch)
    monkeypatch.undo()
    moved, after = trained("fixed.py", name, monkeypatch)

    assert moved == {"classes": True, "depth": True}
    assert before[0] == after[0]
    assert after[-1] < before[-1]


def test_without_requires_grad_backward_raises() -> None:
    loss = nn.functional.mse_loss(TwoHeads()(torch.ones(1, 3))[1], torch.ones(1, 1))

    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        torch.autograd.backward(torch.tensor([loss, loss]).sum())


LOOP = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable

def train(model, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        one, other = model(inputs)
        a = F.mse_loss(one, targets)
        b = F.l1_loss(other, targets)
        {line}
        optimizer.step()
"""


def findings(line: str) -> int:
    return len(check_source(LOOP.format(line=line), "train.py", ALONE))


@pytest.mark.parametrize(
    "made",
    [
        "torch.tensor(a)",
        "torch.tensor([a, b])",
        "torch.Tensor([a, b])",
        "torch.Tensor(a)",
        "torch.FloatTensor([a, b])",
        "torch.FloatTensor(a)",
        "torch.as_tensor([a, b])",
        "torch.as_tensor(a)",
        "torch.as_tensor(a.tolist())",
        "torch.tensor(a.item())",
        "torch.tensor(float(a))",
        "torch.stack([a, b])",
        "torch.stack([a.data, b.data])",
        "a.data",
        "a.float()",
        "a.double() + b",
        "Variable(a)",
        "Variable(a, requires_grad=True)",
        "torch.tensor(sum([a, b]))",
        "sum([a, b])",
        "a.clone()",
        "torch.asarray([a, b])",
        "torch.DoubleTensor([a, b])",
        "a.to(torch.float64)",
    ],
)
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
def test_what_is_said_to_cut_the_graph_does(made: str) -> None:
    weight = torch.ones((), requires_grad=True)
    names = {"torch": torch, "a": weight * 2, "b": weight * 3, "Variable": torch.autograd.Variable}
    graph = eval(made, names).grad_fn is not None

    assert bool(findings(f"({made}).sum().backward()")) == (not graph)


@pytest.mark.parametrize(
    ("made", "fixed"),
    [
        ("torch.tensor([a, b])", "torch.stack([a, b])"),
        ("torch.tensor((a, b), requires_grad=True)", "torch.stack((a, b))"),
        ("torch.tensor([a, b], device=a.device)", "torch.stack([a, b]).to(device=a.device)"),
        (
            "torch.tensor([a, b], requires_grad=True, dtype=torch.float64)",
            "torch.stack([a, b]).to(dtype=torch.float64)",
        ),
        ("torch.tensor([(a), b],)", "torch.stack([(a), b],)"),
        ("torch.tensor([0.5 * a, b / 2, a + b])", "torch.stack([0.5 * a, b / 2, a + b])"),
        ("torch.tensor([loss for loss in (a, b)])", "torch.stack([loss for loss in (a, b)])"),
    ],
)
def test_the_fix_moves_what_it_asks_for(made: str, fixed: str) -> None:
    before, after = (LOOP.format(line=f"{text}.sum().backward()") for text in (made, fixed))

    assert fix_source(before, "train.py", ALONE).text == after


@pytest.mark.parametrize(
    "made",
    [
        "torch.tensor([a, b], dtype=torch.long)",  # an integer has no gradient either
        "torch.tensor([a, b], pin_memory=True)",
        "torch.tensor(*[[a, b]])",
        "torch.tensor([a, 0.5])",  # a number cannot be stacked
        "torch.tensor([a, b * model.rate])",  # this may have a dimension
        "torch.tensor([a.unsqueeze(0), b.unsqueeze(0)])",  # (2,) before, (2, 1) after
        "torch.tensor([a, model.penalty(inputs)])",  # this may be a number
        "torch.tensor([a, F.l1_loss(one, other, reduction='none')])",
        "torch.tensor([a, (one - other).pow(2).mean().item()])",
        "torch.tensor(a)",
    ],
)
def test_no_fix_where_it_would_not_be_the_same(made: str) -> None:
    found = check_source(LOOP.format(line=f"{made}.sum().backward()"), "train.py", ALONE)

    assert found
    assert all(one.fix is None for one in found)


@pytest.mark.parametrize(
    "total",
    [
        "model.rate.mul(a.item()).sum()",
        "model.rate * a.item()",
        "torch.dot(model.rate, torch.tensor([a, b]))",
        "model.rate @ torch.tensor([a, b])",
        "a.item() - model.rate",
        "a.item() + model.rate",
        "torch.where(model.mask, model.rate, a.item())",
        "torch.maximum(model.rate, torch.tensor(a.item()))",
        "model.head(torch.tensor([a, b]))",
    ],
)
def test_silent_where_something_else_may_learn_from_the_number(total: str) -> None:
    assert findings(f"({total}).sum().backward()") == 0


STEP = """
import torch
import torch.nn.functional as F
{imported}

class Task({base}):
    def {method}(self, model, batch):
        loss = F.mse_loss(model(batch["x"]), batch["y"])
        return {returned}
"""


@pytest.mark.parametrize(
    ("imported", "base", "method", "expected"),
    [
        ("import lightning as L", "L.LightningModule", "training_step", 1),
        ("import pytorch_lightning as pl", "pl.LightningModule", "training_step", 1),
        ("from transformers import Trainer", "Trainer", "compute_loss", 1),
        ("import lightning as L", "L.LightningModule", "validation_step", 0),
        ("from mine import Trainer", "Trainer", "compute_loss", 0),  # whatever that does with it
    ],
)
@pytest.mark.parametrize("returned", ["torch.tensor([loss]).mean()", "loss.item()"])
def test_a_framework_back_propagates_what_is_returned(
    imported: str, base: str, method: str, expected: int, returned: str
) -> None:
    text = STEP.format(imported=imported, base=base, method=method, returned=returned)

    assert len(check_source(text, "task.py", ALONE)) == expected


def test_a_loss_that_is_cut_off_in_another_file(tmp_path: Path) -> None:
    text = LOOP.format(line="loss = both_losses(one, other, targets)\n        loss.backward()")
    text = text.replace("import Variable", "import Variable\nfrom losses import both_losses")
    (tmp_path / "losses.py").write_text(
        "import torch\nimport torch.nn.functional as F\n\n"
        "def both_losses(one, other, targets):\n"
        "    loss = F.mse_loss(one, targets)\n"
        "    return loss + F.l1_loss(other, targets).item()\n"
    )
    train = tmp_path / "train.py"
    train.write_text(text)
    (found,) = check_source(text, str(train), ALONE)

    assert text.encode()[found.span.start : found.span.end] == b"loss.backward()"
    assert "it is called in another file" in found.evidence


def test_files_of_tests_are_left_alone() -> None:
    text = LOOP.format(line="torch.tensor([a, b]).sum().backward()")

    assert check_source(text, "tests/test_train.py", Settings(select=("LL4",))) == []
    assert check_source(text, "tests/test_train.py", ALONE) != []
