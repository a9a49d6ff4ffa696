"""LL301 by running what its fix writes: the bar shows every loss, and training is what it was."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
import torch

from losslint import Settings, check_source, fix_source

ALONE = Settings(select=("LL301",))

TRAINING = """
import torch
import torch.nn.functional as F
from tqdm import tqdm


def train(model, loader, optimizer):
    bar = tqdm(loader)
    for inputs, labels, depths in bar:
        optimizer.zero_grad()
        outputs = model(inputs)
        label_loss = F.cross_entropy(outputs[:, :3], labels)
        depth_loss = F.mse_loss(outputs[:, 3], depths)
        {total}
        {total_name}.backward()
        optimizer.step()
        {show}
"""

SUM = ("loss = label_loss + 0.1 * depth_loss", "loss")
SHOWS = {
    "keywords": "bar.set_postfix(loss=loss.item())",
    "a dictionary": 'bar.set_postfix({"loss": loss.item()})',
    "a format": 'bar.set_postfix(loss=f"{loss.item():.5g}")',
    "a description": 'bar.set_description(f"loss {loss.item():.5g}")',
    "a string": 'bar.set_postfix_str("loss %.5g" % loss.item())',
}


def text(show: str, total: str = SUM[0], total_name: str = SUM[1]) -> str:
    return TRAINING.format(show=show, total=total, total_name=total_name)


def ran(source: str) -> tuple[str, torch.Tensor]:
    """What the last bar said, and the weights after training."""
    names: dict[str, Any] = {}
    exec(compile(source, "train.py", "exec"), names)
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 4)
    loader = [(torch.randn(8, 5), torch.randint(3, (8,)), torch.randn(8)) for _ in range(3)]
    bar = io.StringIO()
    with contextlib.redirect_stderr(bar):
        names["train"](model, loader, torch.optim.Adam(model.parameters()))
    return bar.getvalue(), model.weight.detach()


@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_the_bar_shows_every_loss_and_training_is_bit_for_bit_the_same(show: str) -> None:
    before, weights = ran(text(show))
    fixed = fix_source(text(show), "train.py", ALONE)
    assert fixed.applied == 1
    assert fixed.findings == ()
    after, same = ran(fixed.text)
    assert torch.equal(weights, same)
    assert "label_loss" not in before
    for name in ("loss", "label_loss", "depth_loss"):
        assert name in after


def test_entries_of_a_dictionary_are_shown_by_their_keys() -> None:
    total = (
        (
            'losses = {{"label": label_loss, "depth": depth_loss}}\n'
            '        losses["total"] = losses["label"] + losses["depth"]'
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )
    source = text('bar.set_postfix(total=losses["total"].item())', total, 'losses["total"]')
    bar, _ = ran(fix_source(source, "train.py", ALONE).text)
    assert "label" in bar
    assert "depth" in bar


def test_functions_of_the_project_yield_losses_and_show_them_where_the_settings_say_so() -> None:
    source = """
import torch

def train(model, loader, optimizer, board):
    for inputs, masks, depths in loader:
        first = focal(model(inputs), masks)
        second = tversky(model(inputs), depths)
        total = first + second
        total.backward()
        optimizer.step()
        print("total", total.item())
        {shown}
"""
    losses = Settings(select=("LL301",), loss_functions=("project.focal", "project.tversky"))
    monitored = Settings(
        select=("LL301",),
        loss_functions=("project.focal", "project.tversky"),
        monitor_functions=("project.put",),
    )
    plain, put = source.format(shown="pass"), source.format(shown="put(first.item())")
    assert check_source(plain, "train.py", ALONE) == []
    assert [f.code for f in check_source(plain, "train.py", losses)] == ["LL301"]
    assert check_source(put, "train.py", monitored) == []


def test_a_file_of_tests_is_left_alone_unless_the_rule_is_selected_by_name() -> None:
    source = text(SHOWS["keywords"])
    by_prefix = Settings(select=("LL3",))
    assert [f.code for f in check_source(source, "train.py", by_prefix)] == ["LL301"]
    assert check_source(source, "tests/test_train.py", by_prefix) == []
    assert [f.code for f in check_source(source, "tests/test_train.py", ALONE)] == ["LL301"]
