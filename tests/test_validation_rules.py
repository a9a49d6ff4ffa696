"""LL201 to LL204 from end to end: what the settings change, what the fixes write, and that it runs."""

from __future__ import annotations

import itertools
import warnings
from textwrap import dedent, indent
from types import SimpleNamespace
from typing import Any

import pytest

from losslint import Settings, check_source, fix_source

LOOP = """\
import math
from math import isnan

import numpy as np
import torch


def train(model, criterion, optimizer, loader):
    for step, (x, y) in enumerate(loader):
        loss = criterion(model(x), y)
{before}        loss.backward()
        optimizer.step()
"""


def alone(code: str, **more: Any) -> Settings:
    return Settings(select=(code,), **more)


def loop(before: str = "") -> str:
    """A training loop with some lines before its backward."""
    return LOOP.format(before=indent(f"{before}\n", " " * 8) if before else "")


def fixed(text: str, settings: Settings) -> str:
    """A text after all its fixes, which leave nothing to find."""
    result = fix_source(text, "train.py", settings, unsafe=True)
    assert result.withheld == ()
    assert result.findings == ()
    assert fix_source(result.text, "train.py", settings, unsafe=True).text == result.text
    return result.text


def becomes(before: str) -> str:
    """What LL202 makes of some lines before a backward."""
    after = fixed(loop(before), alone("LL202"))
    start = after.index("        loss = criterion(model(x), y)\n") + 38
    return dedent(after[start : after.index("        loss.backward()")]).rstrip("\n")


RAISE = '\n    raise ValueError("bad")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("torch.isnan(loss)", "not torch.isfinite(loss)"),
        ("loss.isnan()", "not loss.isfinite()"),
        ("torch.isnan(loss).any()", "not torch.isfinite(loss).all()"),
        ("torch.isnan(loss).any().item()", "not torch.isfinite(loss).all().item()"),
        ("torch.any(torch.isnan(loss))", "not torch.all(torch.isfinite(loss))"),
        ("bool(torch.isnan(loss))", "not bool(torch.isfinite(loss))"),
        ("any(torch.isnan(x) for x in [loss])", "not all(torch.isfinite(x) for x in [loss])"),
        ("math.isnan(loss.item())", "not math.isfinite(loss.item())"),
        ("np.isnan(loss.item())", "not np.isfinite(loss.item())"),
        ("isnan(loss)", "not math.isfinite(loss)"),
        ("loss != loss", "not torch.isfinite(loss)"),
        ("torch.isinf(loss)", "not torch.isfinite(loss)"),
        ("(torch.isnan(loss))", "(not torch.isfinite(loss))"),
        ("torch.isnan(loss) or loss < 0", "not torch.isfinite(loss) or loss < 0"),
    ],
)
def test_a_test_for_nan_becomes_one_for_all_that_is_not_finite(before: str, after: str) -> None:
    assert becomes(f"if {before}:{RAISE}") == f"if {after}:{RAISE}"


def test_a_branch_around_the_backward_loses_its_not() -> None:
    text = loop().replace(
        "        loss.backward()\n        ",
        "        if NOT:\n            loss.backward()\n            ",
    )
    before, after = (
        text.replace("NOT", test) for test in ("not torch.isnan(loss)", "torch.isfinite(loss)")
    )
    assert fixed(before, alone("LL202")) == after


FOUND = 'raise ValueError(f"The loss is not finite: {loss}")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("assert torch.isfinite(loss)", f"if not torch.isfinite(loss):\n    {FOUND}"),
        ("assert not torch.isnan(loss)", f"if not torch.isfinite(loss):\n    {FOUND}"),
        ("assert loss == loss", f"if not torch.isfinite(loss):\n    {FOUND}"),
        (
            'assert torch.isfinite(loss), "bad"  # why',
            'if not torch.isfinite(loss):\n    raise ValueError("bad")  # why',
        ),
        (
            "assert not torch.isnan(loss) and not torch.isinf(loss)",
            f"if torch.isnan(loss) or torch.isinf(loss):\n    {FOUND}",
        ),
        (
            "assert not (torch.isnan(loss) or torch.isinf(loss)), step",
            "if torch.isnan(loss) or torch.isinf(loss):\n    raise ValueError(step)",
        ),
        ("assert loss < 9", 'if not (loss < 9):\n    raise ValueError("loss < 9 is false")'),
        (
            'assert torch.isfinite(loss), (\n    "bad "\n    f"at {step}"\n)',
            "if not torch.isfinite(loss):\n    raise ValueError(\n"
            '        "bad "\n        f"at {step}"\n    )',
        ),
        (
            'assert torch.isfinite(loss), "{} at {}".format(\n    loss,\n    step,\n)',
            "if not torch.isfinite(loss):\n    raise ValueError(\n"
            '        "{} at {}".format(\n            loss,\n            step,\n        )\n    )',
        ),
        (
            f'assert torch.isfinite(loss), "{"long " * 15}"',
            f'if not torch.isfinite(loss):\n    raise ValueError(\n        "{"long " * 15}"\n    )',
        ),
    ],
)
def test_an_assert_becomes_an_if_as_black_writes_it(before: str, after: str) -> None:
    assert becomes(before) == after


@pytest.mark.parametrize(
    "before",
    [
        "if torch.isnan(loss) == True:\n    raise ValueError",
        "bad = torch.isnan(loss)\nif bad:\n    raise ValueError",
        "if loss > 1e4:\n    raise ValueError",
        "if step: assert torch.isfinite(loss)\nelse: assert torch.isfinite(loss)",
        "assert torch.isfinite(loss); x = 1",
        "assert torch.isfinite(loss), (  # why\n    step\n)",
        "assert torch.isnan(loss) == False",
    ],
)
def test_what_cannot_be_turned_well_is_left_as_it_is(before: str) -> None:
    assert check_source(loop(before), "train.py", alone("LL202")) != []
    result = fix_source(loop(before), "train.py", alone("LL202"))
    assert result.text == loop(before)
    assert result.withheld == ()


LATE = """\
import torch


def train(model, criterion, optimizer, loader):
    for x, y in loader:
        loss = criterion(model(x), y)

        # the backward pass
        loss.backward()
        optimizer.step()

        # look at it
        {check}

        print(loss)
"""
IN_TIME = """\
import torch


def train(model, criterion, optimizer, loader):
    for x, y in loader:
        loss = criterion(model(x), y)

        # look at it
        {check}
        # the backward pass
        loss.backward()
        optimizer.step()

        print(loss)
"""
STRICT = "if not torch.isfinite(loss):\n            break  # gone"


@pytest.mark.parametrize(
    ("late", "check"),
    [
        (STRICT, STRICT),
        ("if torch.isnan(loss):\n            break  # gone", STRICT),
        ("assert torch.isfinite(loss)", f"if not torch.isfinite(loss):\n            {FOUND}"),
    ],
)
def test_a_late_check_moves_with_its_comments(late: str, check: str) -> None:
    assert fixed(LATE.format(check=late), alone("LL203")) == IN_TIME.format(check=check)


def test_a_late_check_that_reads_what_comes_late_stays() -> None:
    text = LATE.format(check="value = loss.item()\n        if value != value:\n            break")
    (found,) = check_source(text, "train.py", alone("LL203"))
    assert found.fix is None


# The settings.

CONFIGURED = {"loss_validator": "lib.checks:finite"}


def test_the_project_s_validator_is_called_and_counts() -> None:
    settings = alone("LL201", **CONFIGURED)
    after = fixed(loop(), settings)
    assert "from lib.checks import finite\n" in after
    assert "        finite(loss)\n        loss.backward()\n" in after
    assert check_source(after, "train.py", alone("LL201")) == []  # its name is a promise


@pytest.mark.parametrize("interval", [1, 10])
@pytest.mark.parametrize("more", [{}, CONFIGURED])
def test_nothing_is_found_in_what_a_fix_has_written(interval: int, more: dict[str, str]) -> None:
    settings = Settings(select=("ALL",), loss_check_interval=interval, **more)  # type: ignore[arg-type]
    after = fix_source(loop(), "train.py", settings)
    assert after.applied
    assert after.findings == ()
    assert after.text.count("% 10") == (interval == 10)


def test_a_validator_by_another_name_counts_only_where_it_is_configured() -> None:
    text = loop("go(loss)").replace("import torch\n", "import torch\nfrom lib import go\n")
    assert check_source(text, "train.py", alone("LL201")) != []
    assert check_source(text, "train.py", alone("LL201", loss_validator="lib:go")) == []


def test_files_of_tests_are_left_alone_unless_they_are_asked_for() -> None:
    for name in ("tests/train.py", "test_train.py", "smoke_tests.py"):
        assert check_source(loop(), name, Settings(select=("LL2",))) == []
        assert check_source(loop(), name, alone("LL201")) != []


# The function takes no more than its calls need.


def written(text: str) -> str:
    after = fixed(text, alone("LL201"))
    return after[after.index("def validate_loss") : after.index("\n\n\ndef train")]


SHORT = '''\
def validate_loss({parameters}):
    """Raise ValueError if the loss is NaN or infinite, before it reaches the weights."""
    value = loss.mean().item()  # nn.DataParallel returns one loss per device
    if not math.isfinite(value):
        raise ValueError(f"The loss is not finite: loss={{value}}{shown}")'''


def test_a_loop_that_counts_is_told_the_step() -> None:
    parts = {"parameters": "loss, step=None", "shown": ", step={step}"}
    assert written(loop()) == SHORT.format(**parts)


def test_a_loop_that_counts_nothing_gets_the_shortest() -> None:
    text = loop().replace("step, (x, y) in enumerate(loader)", "x, y in loader")
    assert written(text) == SHORT.format(parameters="loss", shown="")


def test_a_loss_that_cannot_be_negative_brings_the_warning() -> None:
    text = loop().replace("criterion(model(x), y)", "torch.nn.functional.mse_loss(model(x), y)")
    after = fixed(text, alone("LL201"))
    assert "def validate_loss(loss, step=None, non_negative=False):" in after
    assert "import warnings\n" in after


def test_a_call_that_comes_later_gives_the_function_what_it_takes() -> None:
    once = fixed(loop(), alone("LL201"))
    more = loop().partition("import torch\n\n\n")[2].replace("train", "again")
    more = more.replace("criterion(model(x), y)", "torch.nn.functional.mse_loss(model(x), y)")
    assert fixed(f"{once}\n\n{more}", alone("LL201")).count("validate_loss(loss, step=step)\n") == 2


# What the fixed code does in torch.

TRAINING = """\
import torch
from torch import nn
from torch.nn import functional as F


def train(batches):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters())
    for step, (x, y) in enumerate(batches):
        outputs = model(x)
        first = F.mse_loss(outputs[:, 0], y)
        second = F.l1_loss(outputs[:, 1], y)
        loss = first + 0.5 * second
        optimizer.zero_grad()
{before}        loss.backward()
        optimizer.step()
{after}    return model.state_dict()
"""
VARIANTS = {
    "LL201": ("", ""),
    "LL202": ('assert not torch.isnan(loss), "The loss is not finite"', ""),
    "LL203": ("", 'if torch.isnan(loss):\n    raise ValueError("The loss is not finite")'),
}


def training(code: str) -> str:
    lines = [indent(f"{text}\n", " " * 8) if text else "" for text in VARIANTS[code]]
    return TRAINING.format(before=lines[0], after=lines[1])


def run(text: str, factor: float = 1.0) -> Any:
    """What `train` returns for eight batches, if from the third on a loss is a multiple of itself."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    batches = [(torch.randn(4, 3), torch.randn(4)) for _ in range(8)]
    names: dict[str, Any] = {"__name__": "training"}
    exec(compile(text, "training.py", "exec"), names)
    original, count = names["F"], itertools.count()

    def l1_loss(outputs: Any, targets: Any) -> Any:
        return original.l1_loss(outputs, targets) * (factor if next(count) > 1 else 1.0)

    names["F"] = SimpleNamespace(mse_loss=original.mse_loss, l1_loss=l1_loss)
    return names["train"](batches)


@pytest.mark.parametrize("code", VARIANTS)
@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_what_is_not_finite_stops_the_fixed_loop(code: str, bad: str) -> None:
    with pytest.raises(ValueError, match="The loss is not finite") as caught:
        run(fixed(training(code), alone(code)), float(bad))
    if code == "LL201":
        shown = str(caught.value)
        assert shown.startswith(f"The loss is not finite: loss={bad}, step=2, first=")
        assert shown.endswith(f", second={bad}")


@pytest.mark.parametrize("code", VARIANTS)
def test_a_healthy_run_is_the_same_bit_for_bit(code: str) -> None:
    torch = pytest.importorskip("torch")
    before, after = run(training(code)), run(fixed(training(code), alone(code)))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_late_check_let_nan_into_the_parameters_and_the_moved_one_does_not() -> None:
    seen: list[bool] = []
    text = training("LL203").replace("raise ValueError", "return model.state_dict(), ValueError")
    for source in (text, fixed(text, alone("LL203"))):
        state, _ = run(source, float("nan"))
        seen.append(any(value.isnan().any().item() for value in state.values()))
    assert seen == [True, False]


def test_a_negative_value_where_there_can_be_none_warns_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        run(fixed(training("LL201"), alone("LL201")), -50.0)
    assert [str(w.message)[:20] for w in caught] == ["The loss is negative"]


@pytest.mark.parametrize(
    "loss", ["(x - 2).sqrt()", "-(x - 1).log()", "(x * 1000).exp()", "(x - 1) / (x - 1)"]
)
def test_nan_to_num_leaves_the_gradient_nan(loss: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor(1.0, requires_grad=True)
    value = torch.nan_to_num(eval(loss, {"x": x}))
    value.backward()
    assert value.isfinite()
    assert x.grad.isnan()


def test_a_scaler_leaves_out_the_steps_of_a_loss_that_is_nan_without_a_word() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    before, scale = model.weight.detach().clone(), scaler.get_scale()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(model(torch.ones(1, 2)).sum() * float("nan")).backward()
            scaler.step(optimizer)
            scaler.update()
    assert torch.equal(model.weight, before)
    assert scaler.get_scale() == scale / 8
