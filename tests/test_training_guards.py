"""Which guards count: a walk through a loop with NaN, inf and -inf in place of its loss."""

from __future__ import annotations

from math import inf, isnan, nan
from textwrap import indent

import pytest

from losslint import check_source
from losslint.config import Settings
from losslint.model.module import Module
from losslint.source.text import Source
from losslint.training import places
from losslint.training.backward import Guard
from losslint.training.guards import injected, probe
from losslint.training.run import Exhausted
from losslint.training.surveys import surveys

LOOP = """\
import math
import sys
import numpy as np
import torch
from lib import ensure_finite, finite


def check(value):
    if not math.isfinite(value):
        raise ValueError(value)


def train(model, criterion, optimizer, loader):
    for step, (x, y) in enumerate(loader):
        loss = criterion(model(x), y)
{before}        loss.backward()
{after}        optimizer.step()
"""


def guard(before: str, after: str = "", settings: Settings | None = None) -> Guard:
    """What stands in the way of the loss of a loop, with some lines before its backward."""
    lines = [indent(f"{text}\n", " " * 8) if text else "" for text in (before, after)]
    text = LOOP.format(before=lines[0], after=lines[1])
    module = Module(Source.from_text("train.py", text), settings)
    (found,) = [g for g in places.subjects(module)[Guard] if g.backward]
    return found


def passing(found: Guard) -> set[str]:
    """The numbers that get through, by name."""
    return {"nan" if isnan(number) else str(number) for number in found.passes}


RAISE = "\n    raise ValueError"

STOPPING = [
    f"if not torch.isfinite(loss):{RAISE}",
    f"if not loss.isfinite().all():{RAISE}",
    f"if torch.isnan(loss) or torch.isinf(loss):{RAISE}",
    f"if torch.isnan(loss).any() | torch.isinf(loss).any():{RAISE}",
    f"if torch.isnan(loss):{RAISE}\nif torch.isinf(loss):{RAISE}",
    f"if not math.isfinite(loss.item()):{RAISE}",
    f"value = float(loss)\nif math.isnan(value) or math.isinf(value):{RAISE}",
    f"if not np.isfinite(loss.detach().cpu().numpy()):{RAISE}",
    f"if not all(torch.isfinite(part) for part in [loss]):{RAISE}",
    f"if not loss < 1e4:{RAISE}",
    f"if not (0 <= loss.item() < 1e4):{RAISE}",
    f"if loss != loss or loss == math.inf or loss == -math.inf:{RAISE}",
    "if not torch.isfinite(loss):\n    sys.exit(1)",
    "if not torch.isfinite(loss):\n    continue",
    "if not torch.isfinite(loss):\n    break",
    "if not torch.isfinite(loss):\n    return",
    "if not torch.isfinite(loss): continue",
    "if torch.isnan(loss): raise ValueError\nif torch.isinf(loss): raise ValueError",
    "if not torch.isfinite(loss):\n    loss = model(x).sum() * 0",
    "loss = torch.where(torch.isfinite(loss), loss, torch.zeros_like(loss))",
    "loss = loss if torch.isfinite(loss) else model(x).sum() * 0",
    "torch._assert(torch.isfinite(loss), 'no number')",
    "torch._assert_async(torch.isfinite(loss))",
    "check(loss.item())",
    "if step % 100 == 0:\n    check(loss.item())",
    "if not step % 100:\n    check(loss.item())",
    f"if step % 100 == 0 and not torch.isfinite(loss):{RAISE}",
    f"if step % 100 == 0:\n    if not torch.isfinite(loss):{indent(RAISE, '    ')}",
]


@pytest.mark.parametrize("before", STOPPING)
def test_a_guard_that_stops_every_loss_that_is_no_number(before: str) -> None:
    found = guard(before)
    assert found.rejected
    assert not found.partial


@pytest.mark.parametrize(
    ("before", "through"),
    [
        (f"if torch.isnan(loss):{RAISE}", {"inf", "-inf"}),
        (f"if loss != loss:{RAISE}", {"inf", "-inf"}),
        (f"if any(torch.isnan(part) for part in [loss]):{RAISE}", {"inf", "-inf"}),
        (f"if torch.isinf(loss):{RAISE}", {"nan"}),
        (f"if loss > 1e4:{RAISE}", {"nan", "-inf"}),
        ("if torch.isnan(loss):\n    continue", {"inf", "-inf"}),
        (f"if loss.item() < 0:{RAISE}", {"nan", "inf"}),
    ],
)
def test_a_guard_that_stops_some(before: str, through: set[str]) -> None:
    found = guard(before)
    assert passing(found) == through
    assert found.partial
    assert [stop.numbers for stop in found.stops] != []


@pytest.mark.parametrize(
    "before",
    [
        "",
        "pass",
        "assert x.shape == y.shape",
        f"if loss is None:{RAISE}",
        f"if not torch.isfinite(x).all():{RAISE}",
        f"if step > 3 and not torch.isfinite(x):{RAISE}",
        f"if model.debug:\n    if not torch.isfinite(loss):{indent(RAISE, '    ')}",
        f"if step % 100 == 0:\n    if not torch.isfinite(x):{indent(RAISE, '    ')}",
        "if step % 100 == 0:\n    continue",
        "torch.autograd.set_detect_anomaly(False)",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        "loss = loss.clamp(min=0)",  # NaN stays NaN, and inf stays inf
    ],
)
def test_what_is_no_guard(before: str) -> None:
    found = guard(before)
    assert passing(found) == {"nan", "inf", "-inf"}
    assert [found.late, found.printed] == [None, None]
    assert not found.trusted


def test_a_branch_that_only_tells_of_it_is_named() -> None:
    found = guard("if not torch.isfinite(loss):\n    print(loss)")
    assert found.printed is not None
    assert not found.rejected


def test_an_assert_counts_for_as_long_as_there_are_assertions() -> None:
    assert guard("assert torch.isfinite(loss)").asserted
    assert guard("assert not torch.isnan(loss)").passes == (inf, -inf)
    both = guard(f"assert torch.isfinite(loss)\nif not torch.isfinite(loss):{RAISE}")
    assert not both.asserted


@pytest.mark.parametrize(
    "after",
    [
        f"if not torch.isfinite(loss):{RAISE}",
        f"if math.isnan(loss.item()):{RAISE}",
        "assert torch.isfinite(loss)",
        "check(loss.item())",
    ],
)
def test_a_check_behind_the_backward_is_late(after: str) -> None:
    found = guard("", after)
    assert found.late is not None
    assert not found.rejected


def test_a_check_before_the_backward_makes_one_behind_it_no_late_one() -> None:
    stop = f"if not torch.isfinite(loss):{RAISE}"
    assert guard(stop, stop).late is None


def test_what_cannot_be_looked_into_is_trusted() -> None:
    assert guard("ensure_finite(loss)").trusted


def test_a_function_with_another_name_is_trusted_if_it_is_configured() -> None:
    assert not guard("go(loss)").trusted
    settings = Settings(loss_validator="lib:go")
    assert guard("go(loss)", settings=settings).rejected
    assert guard("loss = go(loss)", settings=settings).rejected
    assert guard("if step % 10 == 0:\n    go(loss)", settings=settings).rejected
    assert not guard("stay(loss)", settings=settings).rejected


def test_a_part_of_a_total_that_nothing_looks_at_is_named() -> None:
    before = f"ce = criterion(model(x), y)\nif not torch.isfinite(ce):{RAISE}\nloss = loss + ce"
    found = guard(before)
    assert found.unchecked == ("loss",)
    assert found.partial


def test_a_part_that_is_replaced_is_a_stop_of_its_own() -> None:
    before = (
        "ce = criterion(model(x), y)\nif not torch.isfinite(ce):\n    ce = 0.0\nloss = loss + ce"
    )
    found = guard(before)
    assert [stop.how for stop in found.stops] == ["replaced"]
    assert not found.rejected
    assert found.printed is None


@pytest.mark.parametrize(
    ("walk", "code"),
    [("losslint.training.guards.probe", "LL201"), ("losslint.training.selections.tried", "LL306")],
)
def test_a_function_that_takes_too_long_is_said_and_not_passed_over(
    walk: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise Exhausted

    text = LOOP.format(before="", after="        if loss > best:\n            best = loss\n")
    monkeypatch.setattr(walk, exhausted)
    found = check_source(text, "train.py", Settings(select=(code,)))
    assert [(f.code, "takes too long to follow" in f.message) for f in found] == [("LL000", True)]


def test_losses_that_cannot_be_followed_together_are_followed_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them is kept under a condition: with NaN in all, no two paths are alike."""
    kept = "".join(
        f"        loss_{n} = criterion(model(x), y)\n        part_{n} = 0.0\n"
        f"        if flags[{n}]:\n            part_{n} = loss_{n} * 2.0\n"
        for n in range(6)
    )
    parts = ", ".join(f"part_{n}" for n in range(6))
    trained = "".join(
        f"        optimizer.zero_grad()\n        loss_{n}.backward()\n        optimizer.step()\n"
        for n in range(6)
    )
    text = (
        "import torch\nfrom torch import nn\n\ndef train(model, data, optimizer, flags):\n"
        f"    criterion = nn.MSELoss()\n    for x, y in data:\n{kept}        print({parts})\n{trained}"
    )
    monkeypatch.setattr("losslint.training.run.MAX_NODES", 1_000)
    assert [finding.code for finding in check_source(text, "train.py")] == ["LL201"] * 6
    monkeypatch.setattr("losslint.training.run.MAX_NODES", 200)
    assert "LL000" in [finding.code for finding in check_source(text, "train.py")]


@pytest.mark.parametrize(
    ("line", "apart"),
    [
        ("print(loss)", False),
        ("loss = loss / 2 + loss * x.mean()", False),
        ("if flag:\n            loss = loss.mean()", False),
        ("if loss > 5: print(loss)", True),
        ("print(torch.isnan(loss))", True),
        ("loss = loss.clamp(max=10)", True),
        ("scale = 1 / loss", True),
        ("worse = loss != loss", True),
    ],
)
def test_nan_and_inf_are_followed_apart_where_something_tells_them_apart(
    line: str, apart: bool
) -> None:
    text = LOOP.format(before=f"        {line}\n", after="")
    module = Module(Source.from_text("train.py", text))
    (survey,) = [s for s in surveys(module)[0] if s.events.reached]
    losses = injected(survey.events.reached[0])
    assert probe(survey, losses, nan).tells_apart is apart
