"""A screen says no only where its provider finds nothing, and says it often."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from losslint.config import Settings
from losslint.engine import check as engine
from losslint.engine import screen
from losslint.engine.check import check
from losslint.engine.reading import parsed
from losslint.model.outline import Outline, outline, syntax_of
from losslint.rules.registry import all_rules
from losslint.source.discover import Python, discover
from losslint.source.notebook import opened
from losslint.source.text import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"
FILES = sorted(f.path for f in discover([FIXTURES], Settings()) if isinstance(f, Python))


@pytest.mark.parametrize("path", FILES, ids=[str(Path(f).relative_to(FIXTURES)) for f in FILES])
def test_a_provider_finds_nothing_where_its_screen_says_no(path: str) -> None:
    source = opened(Source.decode(path, Path(path).read_bytes()))
    syntax = syntax_of(source.text)
    if syntax is None:
        return
    file = outline(syntax)
    for _, provider, may_yield in engine.PROVIDERS:
        if not may_yield(file):
            module, _ = parsed(source, Settings(), syntax)
            assert not any(provider(module).values())


def seen(text: str) -> Outline:
    syntax = syntax_of(text)
    assert syntax is not None
    return outline(syntax)


@pytest.mark.parametrize(
    ("may_yield", "yes", "no"),
    [
        (screen.weights, "y = loss * nn.Parameter(x)", "y = loss.expand(3)"),
        (screen.weights, "from torch.nn import Parameter as P\nloss = P(x)", "loss.requires_grad = False"),
        (screen.weights, "s.requires_grad = loss", "loss.requires_grad_(False)"),
        (screen.weights, "loss = torch.zeros(1).requires_grad_()", "loss = torch.ones(1, requires_grad=False)"),
        (screen.weights, "cost = torch.ones(2, requires_grad=grad)", "if loss.requires_grad: pass"),
        (screen.weights, "y = (-model.log_var).exp()", "from x import export as loss"),
        (screen.weights, "y = nn.Parameter(x) * x.exp()", "y = x.exp()"),
        (screen.weights, "y = task * x.exp()", "y = nn.Parameter(x) * indices.export(error=True); raise ValueError"),
        (screen.walks, "loss.backward()", "loss = f(x)"),
        (screen.walks, "for x in y:\n    loss = f(x)", "def f():\n    loss = 1\nfor x in y: f()"),
        (screen.walks, "def training_step(self): ...", "def train(): ..."),
        (screen.walks, "def f(loss): ...\nif isnan(x): ...", "if isnan(x): ..."),
        (screen.walks, "isfinite(F.cross_entropy(x, y))", "isfinite(F.log_softmax(x, y))"),
        (screen.trains, "Seq2SeqTrainingArguments()", "Arguments()"),
        (screen.selections, "if a < best:\n    best = a\n    save_model()", "if a < b:\n    best = a\n    save_model()"),
        (screen.selections, "if self.best - a > d:\n    self.best, n = a, 0", "best, n = a, 0"),
        (screen.selections, "if loss < best:\n    best = loss", "if a < best:\n    best = a"),
        (screen.selections, "better = best - loss\nif better > 0:\n    best = loss", "x = best > loss"),
        (screen.selections, "if m['loss'] < k:\n    k = m['loss']", "if m['x'] < k:\n    k = m['x']"),
        (screen.selections, "best = min(loss, best)", "best = sum(loss, best); longest = max(a, b)"),
        (screen.selections, "if np.less(loss, best):\n    best = loss", "if f(loss, best):\n    best = loss"),
        (screen.selections, "if loss < b:\n    b, n = loss, 0", "b, n = loss, 0"),
        (screen.log_calls, "p.softmax(1).log()", "logger.log(x)"),
        (screen.log_calls, "import torch as t\nt.log(p)", "import math\nmath.log(p)"),
        (screen.log_calls, "from torch import log as ln\nln(p)", "import numpy as np\nnp.log(p)"),
        (screen.loss_calls, "criterion(x, y)", "model(x, y)"),
        (screen.loss_calls, "f = nn.NLLLoss\nf()(x, y)", "nn.Linear(1, 2)(x)"),
        (screen.loss_calls, "losses['a'](x, y)", "layers['a'](x)"),
        (screen.means, "print(mean(losses))", "print(mean(lengths))"),
    ],
)  # fmt: skip
def test_a_screen_knows_what_to_leave_out(
    may_yield: Callable[[Outline], bool], yes: str, no: str
) -> None:
    assert may_yield(seen(yes))
    assert not may_yield(seen(no))


@pytest.mark.parametrize(
    "text",
    [
        "global y\ny = 1",
        "match x:\n    case P(criterion=1): pass",
        "def f(*, loss): ...",
        "import a.b.loss",
        "x.loss",
        "f(loss=1)",
        "try: ...\nexcept E as loss: ...",
        "match x:\n    case {**loss}: pass",
        "f'{loss}'",
        "lambda loss: 1",
    ],
)
def test_the_outline_has_every_name(text: str) -> None:
    expected = {"y"} if "global" in text else {"loss"} if "loss" in text else {"criterion"}
    assert expected <= seen(text).names


def test_a_file_that_nothing_is_looked_for_in_is_not_parsed_by_libcst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(engine, "parsed", parsed)
    text = "import torch\n\n\nclass Loss(torch.nn.Module):\n    def f(x): ...\n"
    found = check(Source("net.py", text), all_rules(), Settings())
    assert found.findings == ()
    assert found.facts is not None
