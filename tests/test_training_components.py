"""What the losses of a total are called, and which of them can be named where it is back-propagated."""

from __future__ import annotations

import textwrap

import pytest

from losslint.model.module import Module, deep_recursion
from losslint.source.text import Source
from losslint.training.places import backwards

HEAD = """
import torch
import torch.nn.functional as F


def distance(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total = total + torch.mean((x - y) ** 2)
    return total


def train(model, loader, optimizer, strength):
    for step, batch in enumerate(loader):
        out = model(batch)
"""

TAIL = """
        total.backward()
        optimizer.step()
"""


def parts(body: str) -> dict[str, str]:
    """The label and the text of each loss of the total."""
    text = HEAD + textwrap.indent(textwrap.dedent(body), " " * 8) + TAIL
    with deep_recursion():
        (backward,) = backwards(Module(Source("train.py", text)))
    return {component.label: component.text for component in backward.components}


CASES = {
    "locals, in the order of the code": (
        """
        second_loss = F.mse_loss(out[1], batch[1])
        first_loss = F.cross_entropy(out[0], batch[0])
        total = first_loss + 0.5 * second_loss
        """,
        {"second_loss": "second_loss", "first_loss": "first_loss"},
    ),
    "one function called twice": (
        """
        left_loss = distance(out[0], batch[0])
        right_loss = distance(out[1], batch[1])
        total = left_loss + right_loss
        """,
        {"left_loss": "left_loss", "right_loss": "right_loss"},
    ),
    "a name that holds a sum itself": (
        """
        real_loss = F.mse_loss(out[0], batch[0])
        fake_loss = F.mse_loss(out[1], batch[1])
        adversarial = (real_loss + fake_loss) / 2
        cycle_loss = F.l1_loss(out[2], batch[2])
        total = adversarial + cycle_loss
        """,
        {"adversarial": "adversarial", "cycle_loss": "cycle_loss"},
    ),
    "made on either branch": (
        """
        if strength:
            main_loss = F.mse_loss(out[0], batch[0])
        else:
            main_loss = F.l1_loss(out[0], batch[0])
        side_loss = F.cross_entropy(out[1], batch[1])
        total = main_loss + side_loss
        """,
        {"main_loss": "main_loss", "side_loss": "side_loss"},
    ),
    "made on one branch only: not bound on the other": (
        """
        total = F.mse_loss(out[0], batch[0])
        if strength > 0:
            extra_loss = F.l1_loss(out[1], batch[1])
            total = total + strength * extra_loss
        """,
        {"extra_loss": "", "mse_loss": ""},
    ),
    "entries of a dictionary": (
        """
        losses = {"pose": F.mse_loss(out[0], batch[0]), "shape": F.l1_loss(out[1], batch[1])}
        total = sum(losses.values())
        """,
        {"pose": 'losses["pose"]', "shape": 'losses["shape"]'},
    ),
    "an entry on one branch only": (
        """
        losses = {"pose": F.mse_loss(out[0], batch[0])}
        losses["shape"] = F.l1_loss(out[1], batch[1])
        if strength:
            losses["depth"] = F.l1_loss(out[2], batch[2])
        total = sum(losses.values())
        """,
        {"pose": 'losses["pose"]', "shape": 'losses["shape"]', "depth": ""},
    ),
    "an image is no loss": (
        """
        image = model.decode(out)
        pixel_loss = F.mse_loss(image, batch[0])
        path_loss = F.l1_loss(out[1], batch[1])
        total = pixel_loss + path_loss + 0 * image[0, 0, 0, 0]
        """,
        {"pixel_loss": "pixel_loss", "path_loss": "path_loss"},
    ),
    "a single loss has no parts": ("total = F.mse_loss(out, batch)", {}),
}


@pytest.mark.parametrize(("body", "expected"), CASES.values(), ids=CASES)
def test_the_losses_of_a_total(body: str, expected: dict[str, str]) -> None:
    assert parts(body) == expected


def test_an_escape_that_is_none_is_no_error() -> None:
    found = parts(
        """
        print("\\d of \\w")
        first_loss = F.mse_loss(out[0], batch[0])
        second_loss = F.l1_loss(out[1], batch["\\d"])
        total = first_loss + second_loss
        """
    )
    assert list(found) == ["first_loss", "second_loss"]
