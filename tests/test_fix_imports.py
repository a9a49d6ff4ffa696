"""A fix names what it needs by a name that means it there, or brings its import."""

from __future__ import annotations

import ast

import pytest

from losslint import fix_source

LOSS = """
class Loss(Module):
    def __init__(self):
        super().__init__()
        self.s = Parameter(torch.zeros(2))

    def forward(self, losses):
        return (torch.exp(-self.s) * losses).sum() + 0.5 * self.s.sum()
"""
FROM = "from torch.nn import Module, Parameter\n"
ADDED = "import torch.nn.functional as F\n"


def fixed(head: str, tail: str = "") -> str:
    text = fix_source(head + LOSS + tail).text
    ast.parse(text)
    return text


def head(text: str) -> str:
    return text.partition("class Loss")[0].rstrip() + "\n"


@pytest.mark.parametrize(
    ("before", "spelling"),
    [
        ("import torch\nfrom torch import nn\n" + FROM, "nn.functional.softplus("),
        ("import torch\n" + ADDED + FROM, " F.softplus("),
        ("import torch\nfrom torch.nn.functional import softplus as sp\n" + FROM, " sp("),
        ("import torch\nimport torch.nn\n" + FROM + "F = 1\n", "torch.nn.functional.softplus("),
        ("from helpers import *\n" + FROM + "F.relu(torch.ones(1))\n", " F.softplus("),
        ("try:\n    import torch\n    import torch.nn as nn\nfinally: pass\n" + FROM, " nn.fun"),
    ],
)
def test_what_is_imported_is_used(before: str, spelling: str) -> None:
    text = fixed(before)
    assert head(text) == before
    assert spelling in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torch\n" + FROM, "import torch\n" + FROM + ADDED),
        (
            '"""import torch\n"""\nfrom __future__ import annotations\nimport torch  # x\n' + FROM,
            '"""import torch\n"""\nfrom __future__ import annotations\nimport torch  # x\n'
            + FROM
            + ADDED,
        ),
        (
            "import torch; from torch.nn import (Module, # a\n  Parameter,\n)  # b\n",
            "import torch; from torch.nn import (Module, # a\n  Parameter,\n)  # b\n" + ADDED,
        ),
        (
            FROM + "import torch\nimport os\ntorch.manual_seed(os.getpid())\nimport torch.x\n",
            FROM + "import torch\n" + ADDED + "import os\n"
            "torch.manual_seed(os.getpid())\nimport torch.x\n",
        ),
    ],
)
def test_what_is_missing_is_imported_before_it_can_be_needed(before: str, after: str) -> None:
    assert head(fixed(before)) == after


ELSEWHERE = [
    "def f(x):\n    import torch.nn.functional as F\n    return F.relu(x)\n",
    "if __name__ == '__main__':\n    import torch.nn.functional as F\n    F.relu(1)\n",
    "if TYPE_CHECKING:\n    import torch.nn.functional as F\n    F.relu\n",
    ADDED + "def f(x):\n    for F in x: print(F)\n",
    ADDED + "def f(x):\n    import torchvision.transforms.functional as F\n    return F.crop(x)\n",
    "def f(x):\n    import torchvision.transforms.functional as F\n    return F.crop(x)\n" + ADDED,
    ADDED + "if (F := 1): pass\n",
    ADDED + "match x:\n    case [F]: pass\n",
    ADDED + "match x:\n    case {**F}: pass\n",
    ADDED + "del F\n",
    "def F(): pass\n",
    "class F: pass\n",
    "from helpers import *\n",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_a_name_that_may_mean_something_else_is_not_used(text: str) -> None:
    found = fixed("import torch\nimport torch.nn as nn\n" + FROM + text)
    assert "nn.functional.softplus" in found
    assert " F.softplus" not in found


@pytest.mark.parametrize("text", ELSEWHERE)
def test_no_fix_is_better_than_one_that_may_not_run(text: str) -> None:
    before = FROM + "import torch\n" + text
    found = fixed(before)
    assert " F.softplus" not in found
    assert head(found) == before.rstrip() + "\n"
