"""How much is done to check a file, counted and not timed: the same on every machine.

`python tests/test_work.py` prints the figures that the budgets come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import libcst as cst
import pytest

import losslint
from losslint.config import Settings
from losslint.engine.check import check
from losslint.rules.registry import all_rules
from losslint.source.text import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"
PACKAGE = str(Path(losslint.__file__).parent)

# Calls of losslint's own functions for a line of source, by the family that the fixture is of.
# A tenth may be added to what was measured on Python 3.11; who needs less lowers the budget.
BUDGETS = {
    "weighted_signed_loss": 355,
    "retained_graph": 366,
    "partial_loss_check": 471,
    "log_of_softmax": 323,
}
SLACK = 1.1

HEAD = "import torch\nfrom torch import nn\n"
LOOP = """

class Weights{n}(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses):
        return (torch.exp(-self.log_vars) * losses + self.log_vars).sum()


def train{n}(model, loader, optimizer, weights, criterion=nn.CrossEntropyLoss()):
    running = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = weights(criterion(torch.softmax(model(inputs), dim=-1), targets))
        loss.backward()
        optimizer.step()
        running += loss
    return running / len(loader)
"""


def checked(source: Source) -> None:
    check(source, all_rules(), Settings())


def calls(run: Callable[[], object]) -> int:
    """How often functions of losslint are called; comprehensions are none in some Pythons."""
    count = 0

    def see(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        if event == "call":
            code = frame.f_code
            count += code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def for_a_line(name: str) -> float:
    path = FIXTURES / name / "bad.py"
    source = Source.decode(str(path), path.read_bytes())
    checked(source)  # what is made once for all files is made here
    return calls(lambda: checked(source)) / source.line_count


@pytest.mark.parametrize("name", BUDGETS)
def test_a_line_takes_no_more_calls_than_its_budget(name: str) -> None:
    assert for_a_line(name) <= BUDGETS[name] * SLACK


def test_twice_the_code_is_twice_the_work() -> None:
    def of(number: int) -> int:
        code = HEAD + "".join(LOOP.replace("{n}", str(n)) for n in range(number))
        return calls(lambda: checked(Source("loops.py", code)))

    of(1)
    assert of(8) < 2.1 * of(4)


def test_a_byte_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = cst.parse_module

    def seen(code: str | bytes, *rest: Any) -> cst.Module:
        parsed.append(len(code))
        return parse(code, *rest)

    monkeypatch.setattr(cst, "parse_module", seen)
    code = HEAD + "".join(LOOP.replace("{n}", str(n)) for n in range(4))
    checked(Source("loops.py", code))
    assert 0 < sum(parsed) <= len(code.encode())


if __name__ == "__main__":
    for fixture in BUDGETS:
        print(f'    "{fixture}": {for_a_line(fixture):.0f},')
