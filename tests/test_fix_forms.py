"""Fixes where the code around a weight makes them hard to write."""

from __future__ import annotations

import pytest

from losslint import FixResult, Settings, fix_source

HEAD = """\
import torch
import torch.nn.functional as F
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.{start}(()))
        self.t = nn.Parameter(torch.{start}(()))

    def forward(self, a, b):
"""


def fixed(*body: str, start: str = "zeros", unsafe: bool = False) -> FixResult:
    text = HEAD.format(start=start) + "".join(f"        {line}\n" for line in body)
    return fix_source(text, unsafe=unsafe)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a / torch.exp(self.s)", "a * torch.exp({})"),
        ("a / (torch.exp(self.s))", "a * (torch.exp({}))"),
        ("a / ((torch.exp(self.s)))", "a * ((torch.exp({})))"),
        ("1 / torch.exp(self.s) * a", "torch.exp({}) * a"),
        ("1 / (torch.exp(self.s)) * a", "(torch.exp({})) * a"),
        ("a / (2 * torch.exp(self.s))", "a / 2 * torch.exp({})"),
        ("1 / (2 * torch.exp(self.s)) * a", "0.5 * torch.exp({}) * a"),
    ],
)
def test_a_division_becomes_a_product_within_its_parentheses(before: str, after: str) -> None:
    result = fixed(f"return {before} + self.s")
    bounded = after.format("10.0 - F.softplus(self.s + 10.0)")
    assert f"return {bounded} + F.softplus(self.s + 10.0)\n" in result.text
    assert not result.findings


def test_two_weights_that_lack_a_regularizer_both_get_one() -> None:
    """One alone must not make the other look cured."""
    total = "loss = F.mse_loss(a, b) / self.s**2 + F.l1_loss(a, b) / self.t**2"
    result = fixed(total, "return loss", start="ones", unsafe=True)
    for name in "st":
        assert f" + 0.5 * torch.log1p(self.{name}**2 / 4.54e-5)" in result.text
    assert "LL103" not in [finding.code for finding in result.findings]


@pytest.mark.parametrize(
    "made", ["torch.tensor([-1.5] * n)", "torch.tensor([-1.5, -1.5])", "-1.5 * torch.ones(n)"]
)
def test_a_floor_lies_deeper_where_a_list_of_one_number_starts_low(made: str) -> None:
    text = f"""
import torch
import torch.nn.functional as F
from torch import nn


class Weighted(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.s = nn.Parameter({made})

    def forward(self, losses):
        return (torch.exp(-self.s) * torch.stack(losses) + self.s).sum()
"""
    assert "softplus(self.s + 12.0)" in fix_source(text).text


def test_a_start_that_one_path_shows_holds_on_all() -> None:
    text = """
import torch
import torch.nn.functional as F
from torch import nn


def train(how, n, model, loader):
    if how == "equal":
        weights = torch.ones(n)
    elif how == "uncertainty":
        s = torch.tensor([-1.5] * n, requires_grad=True)
    for inputs, targets in loader:
        losses = [F.cross_entropy(one, targets) for one in model(inputs)]
        if how == "equal":
            loss = sum(weights[i] * one for i, one in enumerate(losses))
        if how == "uncertainty":
            loss = sum(torch.exp(-w) * losses[i] + w / 2 for i, w in enumerate(s))
        loss.backward()
"""
    assert "softplus(w + 12.0)" in fix_source(text, settings=Settings(select=("LL1",))).text
