"""LL404 in torch: one step is as good as two in the working range, and still a number where those are none."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from losslint import Settings, check_source, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "log_of_softmax"
ALONE = Settings(select=("LL404",))

Run = Callable[[Tensor], Tensor]


def items(file: str) -> dict[str, Callable[..., Any]]:
    """Every function of a fixture, and every method that takes a logarithm, by its name."""
    found = runpy.run_path(str(FIXTURES / file))
    network = found["Classifier"]
    functions = {name: item for name, item in found.items() if inspect.isfunction(item)}
    methods = {name: method_of(network, name) for name in ("log_prob", "log_gate", "anew")}
    return {n: f for n, f in functions.items() if f.__module__ == "<run_path>"} | methods


def method_of(network: Any, name: str) -> Callable[..., Any]:
    method = getattr(network, name)
    return lambda inputs, dim=1: (
        method(network(), inputs, dim) if name == "anew" else method(network(), inputs)
    )


BEFORE, AFTER = items("bad.py"), items("fixed.py")
LEFT = {
    "with_a_comment_that_would_go",
    "of_logits_that_change",
    "of_a_network_with_other_uses",
    "out_of_a_network",
}


def run(function: Callable[..., Any], x: Tensor) -> tuple[Tensor, Tensor]:
    """What a function makes of logits, and the gradient of that."""
    torch.manual_seed(0)
    x = x.clone().requires_grad_()
    rows = x.shape[0]
    given: dict[str, Any] = {
        "logits": x,
        "inputs": x,
        "target": torch.softmax(torch.randn(x.shape), 1).to(x.dtype),
        "bias": torch.zeros(()).to(x.dtype),
        "temperature": 2.0,
        "action": x.argmin(1),
        "advantage": torch.ones(rows).to(x.dtype),
        "dim": 1,
    }
    names = inspect.signature(function).parameters
    if function.__name__ == "with_a_comment_on_the_probabilities":
        given["target"] = x.argmin(1)
    value = function(**{name: given[name] for name in names})
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value, gradient


def test_all_that_is_fixed_is_run() -> None:
    text = {name: (FIXTURES / name).read_text() for name in ("bad.py", "fixed.py")}
    changed = {one.split("(")[0] for one in text["bad.py"].split("def ")[1:]} - {
        one.split("(")[0]
        for one in set(text["bad.py"].split("def ")[1:]) & set(text["fixed.py"].split("def ")[1:])
    }

    assert changed == set(BEFORE) - LEFT


@pytest.mark.parametrize("name", sorted(set(BEFORE) - LEFT))
def test_one_step_is_as_good_as_two_in_the_working_range(name: str) -> None:
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(1)) * 2
    before, after = run(BEFORE[name], x), run(AFTER[name], x)

    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(BEFORE) - LEFT - {"log_prob", "log_gate"}))
def test_in_double_precision_they_are_the_same(name: str) -> None:
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 2
    before, after = run(BEFORE[name], x), run(AFTER[name], x)

    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(BEFORE) - LEFT))
def test_two_steps_lose_what_one_step_keeps(name: str) -> None:
    scale = 4_000 if name.startswith("log_") else 200  # through a layer of small weights
    x = scale * torch.tensor([[1.0, -1.0, 0.5], [-1.0, 1.0, -0.5], [1.0, 0.0, -1.0]])
    before, after = run(BEFORE[name], x), run(AFTER[name], x)

    assert not all(torch.isfinite(one).all() for one in before)
    assert all(torch.isfinite(one).all() for one in after)


def softmax(x: Tensor) -> Tensor:
    return torch.log(torch.softmax(torch.stack([torch.zeros_like(x), x]), 0))[1]


def sigmoid(x: Tensor) -> Tensor:
    return torch.log(torch.sigmoid(x))


def complement(x: Tensor) -> Tensor:
    return torch.log(1 - torch.sigmoid(x))


def is_finite(function: Run, x: float, dtype: torch.dtype) -> tuple[bool, bool]:
    """Whether a function is a number somewhere, and whether its gradient is one."""
    at = torch.tensor(x, dtype=dtype, requires_grad=True)
    value = function(at)
    (gradient,) = torch.autograd.grad(value, at)
    return bool(torch.isfinite(value)), bool(torch.isfinite(gradient))


@pytest.mark.parametrize(
    ("function", "dtype", "value", "gradient"),
    [
        (softmax, torch.float32, -104.0, -88.73),
        (softmax, torch.float16, -17.35, -11.1),
        (softmax, torch.bfloat16, -93.0, -89.0),
        (sigmoid, torch.float32, -88.73, -88.73),
        (sigmoid, torch.float16, -17.35, -11.1),
        (sigmoid, torch.bfloat16, -89.0, -89.0),
        (complement, torch.float32, 16.65, 16.65),
        (complement, torch.float16, 8.33, 8.33),
        (complement, torch.bfloat16, 6.25, 6.25),
    ],
)
def test_the_page_says_where_it_breaks(
    function: Run, dtype: torch.dtype, value: float, gradient: float
) -> None:
    assert not is_finite(function, value, dtype)[0]
    assert is_finite(function, value * 0.99, dtype)[0]
    assert not is_finite(function, gradient, dtype)[1]
    assert is_finite(function, gradient * 0.99, dtype)[1]


HEAD = "import torch\nimport torch.nn as nn\n{}\n\ndef f(x, y, net):\n"
FUNCTIONAL = "import torch.nn.functional as F"


def fixed(body: str, imports: str = FUNCTIONAL) -> str:
    """The body of a function after the safe fixes."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    head = HEAD.format(imports)
    text = fix_source(head + lines, "net.py", ALONE).text
    return "\n".join(line[4:] for line in text.partition("net):\n")[2].splitlines())


@pytest.mark.parametrize(
    ("imports", "expression", "better"),
    [
        (FUNCTIONAL, "torch.log(F.softmax(x))", "F.log_softmax(x)"),
        (FUNCTIONAL, "torch.log(F.softmax(x, dim=-1, dtype=y))", "F.log_softmax(x, dim=-1, dtype=y)"),
        (FUNCTIONAL, "torch.log(input=F.softmax(x, 1))", "F.log_softmax(x, 1)"),
        (FUNCTIONAL, "torch.log(nn.Softmax(1)(x))", "F.log_softmax(x, dim=1)"),
        (FUNCTIONAL, "torch.log(nn.Softmax()(x))", "F.log_softmax(x)"),
        ("", "torch.log(nn.Softmax(1)(x))", "torch.log_softmax(x, dim=1)"),
        ("", "torch.log(nn.Softmax()(x))", "nn.functional.log_softmax(x)"),
        ("", "torch.log(torch.sigmoid(x))", "nn.functional.logsigmoid(x)"),
        ("", "torch.log(torch.special.softmax(x, 1))", "torch.special.log_softmax(x, 1)"),
        ("from torch import softmax", "torch.log(softmax(x, 1))", "torch.log_softmax(x, 1)"),
        (FUNCTIONAL, "torch.log(torch.special.expit(x[0]))", "F.logsigmoid(x[0])"),
        (FUNCTIONAL, "torch.log(1 - torch.sigmoid(x * y))", "F.logsigmoid(-(x * y))"),
        (FUNCTIONAL, "torch.log((1 - (torch.sigmoid(x))))", "F.logsigmoid(-x)"),
        (FUNCTIONAL, "(x + y).softmax(1)[:, 0].log()", "(x + y).log_softmax(1)[:, 0]"),
        (FUNCTIONAL, "torch.log(F.softmax(x, 1).view(-1).detach())", "F.log_softmax(x, 1).view(-1).detach()"),
        (FUNCTIONAL, "torch.log(torch.gather(F.softmax(x, 1), 1, y))", "torch.gather(F.log_softmax(x, 1), 1, y)"),
    ],
)  # fmt: skip
def test_how_it_is_written(imports: str, expression: str, better: str) -> None:
    assert fixed(f"return {expression}", imports) == f"return {better}"


@pytest.mark.parametrize(
    ("body", "better"),
    [
        ("p = F.softmax(x, 1)\nreturn p.log()", "return F.log_softmax(x, 1)"),
        (
            "p = F.softmax(\n    x,\n    dim=1,\n)\nreturn p * p.log()",
            "p = F.softmax(\n    x,\n    dim=1,\n)\nreturn p * F.log_softmax(x, dim=1)",
        ),
        (
            "p = F.softmax(x, 1)  # of classes\nreturn p.log()",
            "p = F.softmax(x, 1)  # of classes\nreturn F.log_softmax(x, 1)",
        ),
        (
            "p = F.softmax(x.view(-1, 2) / y, 1)\nz = p.log()\nreturn z, p",
            "p = F.softmax(x.view(-1, 2) / y, 1)\nz = F.log_softmax(x.view(-1, 2) / y, 1)\nreturn z, p",
        ),
        ("p = F.softmax(net(x), 1)\nreturn p.log()", "return F.log_softmax(net(x), 1)"),
        (
            "if y:\n    p = torch.sigmoid(x)\n    z = p.log()\nreturn z",
            "if y:\n    z = F.logsigmoid(x)\nreturn z",
        ),
    ],
)
def test_a_local_name(body: str, better: str) -> None:
    assert fixed(body) == better


@pytest.mark.parametrize(
    "body",
    [
        "p = F.softmax(x, 1)\nx = x + 1\nreturn p.log()",
        "p = F.softmax(x, 1)\nx.add_(1)\nreturn p.log()",
        "p = F.softmax(x, 1)\nx[0] = 1\nreturn p.log()",
        "p = F.softmax(x / y.t, 1)\ny.t = 2\nreturn p.log()",
        "p = F.softmax(x, 1)\nfor y in net:\n    z = p.log()\n    x = x + y\nreturn z",
        "p = F.softmax(net(x), 1)\nprint(p)\nreturn p.log()",  # twice through the network
        "p = F.softmax(net(x), 1)\nnet.eval()\nreturn p.log()",  # another network by then
        "with torch.no_grad():\n    p = F.softmax(x, 1)\nreturn p.log()",  # had no gradient
        "if y:\n    p = F.softmax(x, 1)\nelse:\n    p = F.softmax(x, 0)\nreturn p.log()",
        "p, q = F.softmax(x, 1), y\nreturn p.log()",
        "p = F.softmax(x, 1)\nreturn lambda: p.log()",
        "global p\np = F.softmax(x, 1)\nreturn p.log()",
        "return torch.log(  # why\n    F.softmax(x, 1)\n)",
        "return torch.log(F.softmin(x, 1))",
        "return torch.log(x.sigmoid_())",
        "return torch.log(nn.Softmax2d()(x))",
        "return torch.log(torch.exp(F.log_softmax(x, 1)))",
    ],
)
def test_what_is_found_and_left_to_its_author(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())

    assert len(check_source(HEAD.format(FUNCTIONAL) + lines, "net.py", ALONE)) == 1
    assert fixed(body) == body
