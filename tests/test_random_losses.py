"""Fixes never break code: of random weighting losses and loops, in random spelling. Many more by

python -m pytest -m slow -s tests/test_random_losses.py

With LOSSLINT_EXAMPLES=500, so many of each; --hypothesis-seed=N begins elsewhere.
"""

from __future__ import annotations

import ast
import io
import math
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint import Settings, fix_source

EXAMPLES = 25
MANY = int(os.environ.get("LOSSLINT_EXAMPLES", "2000"))
WEIGHTING = Settings(select=("LL1",), ignore=("LL107", "LL108", "LL109"))

# How torch's modules are imported, and how their functions are called then.
IMPORTS = [
    ("import torch\nfrom torch import nn\n", "torch.exp", "torch.log", "nn"),
    (
        "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n",
        "torch.exp",
        "torch.log",
        "nn",
    ),
    ("import torch as t\nimport torch.nn as layers\n", "t.exp", "t.log", "layers"),
    ("from torch import exp as e, log\nimport torch\nfrom torch import nn\n", "e", "log", "nn"),
    (
        "from torch import (\n    exp,\n    nn,\n    log as ln,  # ours\n)\nimport torch\n",
        "exp",
        "ln",
        "nn",
    ),
    ("import torch.nn\nfrom torch import exp, log\n", "exp", "log", "torch.nn"),
    ("import torch, math\nfrom torch import nn\n", "torch.exp", "torch.log", "nn"),
]
# Names of the module, the method and the class that a fix might want for itself.
MODULE_NAMES = [
    "",
    "F = 3\n",
    "softplus = None\n",
    "functional = 'x'\n",
    "math = 7\n",
    "def softplus(x):\n    return -1e9\n",
    "torch = 3\n",
    "exp = None\n",
    "def exp(x):\n    return 1 / 0\n",
]
LOCAL_NAMES = [
    "",
    "F = losses[0]",
    "softplus = 5",
    "nn_ = 2; F = None",
    "math = 'm'",
    "torch_nn = 1; functional = 2",
    "torch = 3",
    "exp = log = None",
]
CLASS_NAMES = ["", "F = 3", "softplus = None", "def softplus(self): return -1e9"]
SELF = ["self", "this", "_", "F", "me"]
# What the statements of the method stand in, and what comes behind them.
AROUND = [
    ("", ""),
    ("if losses:", "return None"),
    ("while True:", ""),
    ("for turn in [0]:", ""),
    ("try:", "finally: pass"),
]
COMMENTS = ["", "  # é", "  # F.softplus(", "  # noqa: E501"]
ENDS = ["\n", "\r\n", "\r"]
INDENTS = ["    ", "\t", "  ", " "]
# Of `s`, its loss `l`: weight and regularizer; E and L are the functions.
TERMS = [
    "E(-{s}) * {l} + {s}",
    "0.5 * E(-{s}) * {l} + 0.5 * {s}",
    "{s} + {l} * E(-{s})",
    "{l} / E({s}) + {s}",
    "{l} / (2 * E({s})) + {s} / 2",
    "E(-1.0 * {s}) * {l} + 1 * {s}",
    "(-{s}).E() * {l} + {s}",
    "E(\n -{s}\n ) * {l} + (\n {s}  # kept\n )",
    "( E( - {s} )*{l}+{s} )",
    "{l} / (2 * {s} ** 2) + L({s})",
    "{l} / {s} ** 2 + L({s} ** 2)",
    "{l} / {s}.pow(2) + 2 * L({s})",
]


@st.composite
def losses(draw: st.DrawFn) -> tuple[str, str]:
    """A module with a class `Weighted` of two tasks; how its lines end."""
    imports, exp, log, nn = draw(st.sampled_from(IMPORTS))
    me = draw(st.sampled_from(SELF))
    term = draw(st.sampled_from(TERMS))
    term = re.sub(r"\.E\(", ".exp(", term)
    term = re.sub(r"\bE\(", f"{exp}(", term)
    term = re.sub(r"\bL\(", f"{log}(", term)
    comment = draw(st.sampled_from(COMMENTS))
    attribute = draw(st.sampled_from(["s", "log_vars", "ce_weight", "exp", "nn"]))
    start = draw(st.sampled_from(["zeros(2)", "ones(2)", "full((2,), 0.5)"]))
    if "L(" in term or "** 2" in term or "pow" in term:
        start = "ones(2)"
    module = "t" if "as t\n" in imports else "torch"
    weight = f"{me}.{attribute}"
    body = []
    match draw(st.sampled_from(["loop", "zip", "sum", "unrolled", "if", "lambda"])):
        case "loop":
            body += ["total = 0", "for i, l in enumerate(losses):"]
            body += [
                f" total = total + ({term.format(s=f'{weight}[i]', l='l')}){comment}",
                "return total",
            ]
        case "zip":
            body += ["total = 0.0", f"for s, l in zip({weight}, losses):{comment}"]
            body += [
                f" total += {term.format(s='s', l='l')}"
                if "\n" not in term
                else f" total += ({term.format(s='s', l='l')})",
                "return total",
            ]
        case "sum":
            body += [f"s = {weight}", f"l = {module}.stack(tuple(losses))"]
            body += [f"return ({term.format(s='s', l='l')}).sum(){comment}"]
        case "unrolled":
            one, two = (term.format(s=f"{weight}[{n}]", l=f"losses[{n}]") for n in range(2))
            body += [
                f"return ({one}{comment if '#' not in one else ''}\n + {two})"
                if "#" not in one
                else f"return ({one}) + ({two})"
            ]
        case "if":
            body += [f"l, s = losses[0], {weight}[0]", "if len(losses) > 1:"]
            body += [f" return ({term.format(s='s', l='l')}){comment}", "return losses[0]"]
        case "lambda":
            body += [f"one = lambda s, l: ({term.format(s='s', l='l')})"]
            body += [f"return one({weight}[0], losses[0]) + one({weight}[1], losses[1]){comment}"]
    before, behind = draw(st.sampled_from(AROUND))
    if before:
        body = [before, *(f" {line}" for line in body), behind]
    if local := draw(st.sampled_from([one for one in LOCAL_NAMES if not clashes(one, me, *body)])):
        body.insert(0, local)
    lines = [f"class Weighted({nn}.Module):"]
    if inside := draw(st.sampled_from(CLASS_NAMES)):
        lines.append(f" {inside}")
    lines += [
        f" def __init__({me}):",
        "  super().__init__()",
        f"  {weight} = {nn}.Parameter({module}.{start})",
    ]
    lines += ["", f" def forward({me}, losses):", *(f"  {line}" for line in body), ""]
    names = draw(st.sampled_from([one for one in MODULE_NAMES if not clashes(one, *lines)]))
    return spelled(draw, "\n".join([f"{imports}{names}", *lines]))


def clashes(binding: str, *lines: str) -> bool:
    """Whether a statement takes a name away that some code needs."""
    bound = re.findall(r"(\w+)(?= = )|def (\w+)", binding)
    names = "|".join(one or other for one, other in bound) or r"(?!)"
    return bool(re.search(rf"(?<!\.)\b(?:{names})\b", "\n".join(lines)))


def spelled(draw: st.DrawFn, text: str) -> tuple[str, str]:
    """A text that is indented by single spaces, in some indentation, and how its lines end."""
    indent = draw(st.sampled_from(INDENTS))
    text = re.sub(r"(?m)^ +", lambda spaces: indent * len(spaces[0]), text)
    end = draw(st.sampled_from(ENDS))
    return text.replace("\n", end), end


def expect_spelled_alike(before: str, after: str, end: str) -> None:
    """Lines end in one way, and what is indented is so by what the text is indented by."""
    assert set(re.findall(r"\r\n|\r|\n", after)) <= {end}
    units = {
        text: min(re.findall(r"(?m)^[ \t]+(?=\S)", text.replace(end, "\n")), key=len)
        for text in (before, after)
    }
    assert units[before] == units[after]


def expect_mended(text: str, end: str) -> bool:
    """The fixes of a loss leave it what a loss is to be; whether there were some."""
    before = values(text)
    fixed = fix_source(text, "x.py", WEIGHTING)
    ast.parse(fixed.text)
    assert not [f for f in fixed.findings if f.is_unreadable]
    assert not fixed.withheld, fixed.withheld
    again = fix_source(fixed.text, "x.py", WEIGHTING)
    assert (again.applied, again.text) == (0, fixed.text)
    expect_spelled_alike(text, fixed.text, end)
    if not fixed.applied:
        assert fixed.text == text
        return False
    after = values(fixed.text)
    for old, new in zip(before, after, strict=True):
        assert math.isfinite(new)
        # In the working range, a fix that is safe moves the total by its own constant.
        assert abs((new - after[0]) - (old - before[0])) < 0.05
    assert lowest(fixed.text) > -60
    return True


POINTS = [(0.0, 1.0), (0.3, 1.0), (-0.3, 1.0), (0.5, 2.0), (0.0, 0.1)]


def weighted(text: str) -> Callable[[float, float], float]:
    names: dict[str, Any] = {"__name__": "x"}
    exec(compile(text, "x.py", "exec", dont_inherit=True), names)
    loss = names["Weighted"]()
    (parameter,) = loss.parameters()
    start = parameter.detach().clone()

    def at(step: float, task: float) -> float:
        with torch.no_grad():
            parameter.copy_(start + step)
        return float(loss([torch.tensor(task), torch.tensor(task / 2)]).detach())

    return at


def values(text: str) -> list[float]:
    at = weighted(text)
    return [at(*point) for point in POINTS]


def lowest(text: str) -> float:
    """The least that the total comes to while its tasks are solved, and its weights move freely."""
    at = weighted(text)
    found = [at(step, 1e-9) for step in (-0.9, -5.0, -20.0, -80.0, 5.0, 20.0, 80.0)]
    return min(value for value in found if value == value)


quick = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
many = settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))


def expect_of_many(
    texts: st.SearchStrategy[tuple[str, str]],
    expect: Callable[[str, str], bool],
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = Counter[bool]()

    @given(texts)
    @many
    def each(text: tuple[str, str]) -> None:
        counts[expect(*text)] += 1

    each()
    with capsys.disabled():
        print(f"\n{counts.total()} tried, {counts[True]} of them fixed, nothing broken")
    assert counts[True] > counts.total() / 2


@given(losses())
@quick
def test_a_fix_leaves_a_loss_that_runs_is_bounded_and_is_the_same_nearby(
    loss: tuple[str, str],
) -> None:
    expect_mended(*loss)


@pytest.mark.slow
def test_so_do_many(capsys: pytest.CaptureFixture[str]) -> None:
    expect_of_many(losses(), expect_mended, capsys)


# --- training loops -----------------------------------------------------------------------

HEADS = ["for x, y in data:", "for i, (x, y) in enumerate(data):", "for x, y in (  data  ):  # é"]
TOTALS = [
    "loss = a + b",
    "loss = a + 0.5 * b  # total",
    "loss = (a\n   + b)",
    "loss = torch.stack([a, b]).sum()",
    "loss = sum([a, b])",
    "loss, extra = a + b, 1",
]
BACKWARDS = [
    "loss.backward()",
    "torch.autograd.backward(loss)",
    "loss . backward ( )",
    "(loss).backward()",
]
CHECKS = [
    "",
    "if torch.isnan(loss): raise ValueError('nan')",
    "assert not torch.isnan(loss)",
    "if loss != loss: continue",
]
SHOWN = [
    "",
    "print(loss.item())",
    "print(f'loss {loss.item():.3f}')",
    "seen.append(loss)",
    "running += loss",
]
SHADOWS = [
    "",
    "math = 3\n",
    "validate_loss = None\n",
    "isfinite = 1\n",
    "def validate_loss(x): return 1/0\n",
    "warnings = 2\n",
]


@st.composite
def loops(draw: st.DrawFn) -> tuple[str, str]:
    """A function `train` over `data`, which returns what its parameters come to."""

    def one(of: list[str]) -> str:
        return draw(st.sampled_from(of))

    turn = ["optimizer.zero_grad()", "a, b = F.mse_loss(model(x), y), model(x).abs().mean()"]
    turn += [
        one(TOTALS),
        one(CHECKS),
        one(BACKWARDS),
        one(CHECKS[:2]),
        "optimizer.step()",
        one(SHOWN),
    ]
    lines = [
        "import torch",
        "from torch import nn",
        "import torch.nn.functional as F",
        one(SHADOWS),
    ]
    lines += ["def train(model, optimizer, data):", " seen, running = [], 0", f" {one(HEADS)}"]
    lines += [f"  {line}" for line in turn if line]
    lines += [
        one(
            [
                " return [p.detach().clone() for p in model.parameters()]",
                " return [*model.parameters()]",
            ]
        ),
        "",
    ]
    return spelled(draw, "\n".join(lines))


def trained(text: str, bad: float = 0.5) -> list[float]:
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "x"}
    exec(compile(text, "x.py", "exec", dont_inherit=True), names)
    model = torch.nn.Linear(2, 1)
    data = [(torch.rand(4, 2), torch.rand(4, 1)) for _ in range(3)]
    data[1] = (data[1][0], data[1][1] + (bad - 0.5))
    with redirect_stdout(io.StringIO()):
        found = names["train"](model, torch.optim.SGD(model.parameters(), 0.1), data)
    return [value for parameter in found for value in parameter.flatten().tolist()]


LOOPS = Settings(select=("LL2", "LL3"))


def expect_guarded(text: str, end: str) -> bool:
    """The fixes of a loop leave a healthy run as it is, to the bit, and let no NaN into a model.

    Returns whether there were some.
    """
    fixed = fix_source(text, "x.py", LOOPS)
    assert not [f for f in fixed.findings if f.is_unreadable]
    expect_spelled_alike(text, fixed.text, end)
    again = fix_source(fixed.text, "x.py", LOOPS)
    assert (again.applied, again.text) == (0, fixed.text)
    assert trained(fixed.text) == trained(text)
    if {f.code for f in fixed.findings} & {"LL201", "LL202", "LL203", "LL204"}:
        return bool(fixed.applied)
    try:
        after = trained(fixed.text, math.nan)
    except (ValueError, FloatingPointError, RuntimeError):
        return bool(fixed.applied)
    assert all(map(math.isfinite, after))
    return bool(fixed.applied)


@given(loops())
@quick
def test_a_fix_of_a_loop_changes_no_healthy_run(loop: tuple[str, str]) -> None:
    expect_guarded(*loop)


@pytest.mark.slow
def test_nor_do_many(capsys: pytest.CaptureFixture[str]) -> None:
    expect_of_many(loops(), expect_guarded, capsys)
