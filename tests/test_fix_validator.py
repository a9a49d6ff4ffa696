"""`validate_loss` and its calls: what is written, where, and that it stops what it should and no more."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import libcst as cst
import pytest

from losslint.config import Settings
from losslint.engine.edits import apply_edits
from losslint.engine.fix import without_overlaps
from losslint.findings import Edit, Finding, Fix, Safety, Severity
from losslint.fixes.validator import validated
from losslint.model.module import Module
from losslint.model.parents import ancestors, nodes
from losslint.source.text import Source
from losslint.training.backward import Backward, Component

FUNCTION = '''\
def validate_loss(loss, step=None, components=None, non_negative=False):
    """Raise ValueError if the loss is NaN or infinite, before it reaches the weights.

    The error shows the step and the components, by name. Checking costs one device
    synchronisation. A loss that is non-negative by its meaning warns below 0.
    """
    value = loss.mean().item()  # nn.DataParallel returns one loss per device
    if not math.isfinite(value):
        shown = [("loss", value), ("step", step), *(components or {}).items()]
        text = ", ".join(f"{name}={part}" for name, part in shown if part is not None)
        raise ValueError(f"The loss is not finite: {text}")
    if non_negative and value < -0.01:  # bfloat16 rounds a loss of 0 to -0.008 at worst
        message = "The loss is negative, which its terms cannot be: check signs and targets"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
'''
HEAD = f"import math\nimport warnings\n\nimport torch\n\n\n{FUNCTION}\n\n"


def module_of(text: str, settings: Settings | None = None, name: str = "train.py") -> Module:
    return Module(Source.from_text(name, text), settings)


def losses(module: Module) -> Iterable[tuple[cst.CSTNode, cst.BaseExpression]]:
    """Each backward of a test's source, and each `return` of a `training_step`."""
    for node in nodes(module.tree):
        match node:
            case cst.Call(func=cst.Attribute(attr=cst.Name("backward"), value=cst.Name("fabric"))):
                yield node, node.args[0].value
            case cst.Call(
                func=cst.Attribute(
                    attr=cst.Name("backward"),
                    value=cst.Call(func=cst.Attribute(attr=cst.Name("scale")), args=[argument]),
                )
            ):
                yield node, argument.value
            case cst.Call(func=cst.Attribute(attr=cst.Name("backward"), value=loss)):
                yield node, loss
            case cst.Return(value=cst.Dict(elements=[element, *_])):
                yield node, element.value
            case cst.Return(value=cst.IfExp(orelse=loss)):
                yield node, loss
            case cst.Return(value=cst.BaseExpression() as loss):
                yield node, loss


def backwards(
    module: Module, components: tuple[Component, ...] = (), *, non_negative: bool = False
) -> list[Backward]:
    found = []
    for place, loss in losses(module):
        around = list(ancestors(module.tree, place))
        lines = (cst.SimpleStatementLine, cst.SimpleStatementSuite)
        statement: Any = next(a for a in around if isinstance(a, lines))
        function = next((a for a in around if isinstance(a, cst.FunctionDef)), None)
        loop = next((a for a in around if isinstance(a, (cst.For, cst.While))), None)
        found.append(Backward(place, loss, statement, function, loop, components, non_negative))
    return sorted(found, key=lambda backward: module.span(backward.place).start)


def finding(module: Module, backward: Backward, edits: tuple[Edit, ...]) -> Finding:
    fix = Fix("Check the loss", edits, Safety.SAFE)
    span = module.span(backward.place)
    return Finding(span, "LL201", "unchecked_loss", "unchecked", Severity.WARNING, fix)


def fixed(text: str, settings: Settings | None = None, **more: Any) -> str:
    """The source with all that can be fixed in it, at once; it compiles."""
    module = module_of(text, settings)
    found = [(b, validated(module, b)) for b in backwards(module, **more)]
    findings = [finding(module, backward, edits) for backward, edits in found if edits]
    assert without_overlaps(findings) == findings
    edits = [edit for f in findings if f.fix for edit in f.fix.edits]
    after = apply_edits(module.source, edits).text
    compile(after, "train.py", "exec")
    return after


def body(text: str) -> str:
    """What is left of a fixed file without its head, for tests of the call alone."""
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


LOOP = """\
import torch


def train(model, loader, optimizer, criterion):
    for {target} in {iterable}:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
"""


def test_a_loop_is_checked_whole() -> None:
    after = fixed(LOOP.format(target="i, (x, y)", iterable="enumerate(loader)"))
    assert (
        body(after)
        == """\
def train(model, loader, optimizer, criterion):
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y)
        validate_loss(loss, step=i)
        loss.backward()
        optimizer.step()
"""
    )


def test_a_second_run_finds_its_function_and_writes_only_the_call() -> None:
    once = fixed(LOOP.format(target="i, (x, y)", iterable="enumerate(loader)"))
    unchecked = once.replace("        validate_loss(loss, step=i)\n", "")
    assert fixed(unchecked) == once


def test_findings_of_one_module_share_the_function_and_can_be_fixed_alone() -> None:
    text = "import torch\n\n\ndef f(loss):\n    loss.backward()\n\n\ndef g(loss):\n    loss.backward()\n"
    module = module_of(text)
    first, second = (validated(module, backward) for backward in backwards(module))
    assert first is not None
    assert second is not None
    assert first[:-1] == second[:-1]
    for edits in (first, second):
        alone = apply_edits(module.source, edits)
        assert alone.text.count("def validate_loss") == 1
        assert fixed(alone.text).count("def validate_loss") == 1
    both = fixed(text)
    assert both.count("def validate_loss") == 1
    assert both.count("    validate_loss(loss)\n    loss.backward()\n") == 2


@pytest.mark.parametrize(
    ("loops", "step"),
    [
        ("for i, x in enumerate(data):", "i"),
        ("for i, x in enumerate(tqdm(data), 1):", "i"),
        ("for i, x in tqdm(enumerate(data), total=3):", "i"),
        ("for epoch in range(9):\n for i, x in enumerate(data):", "i"),
        ("for epoch in range(9):", "epoch"),
        ("for k in tqdm(range(9)):", "k"),
        ("for k in trange(9):", "k"),
        ("for k in itertools.count(1):", "k"),
        ("bar = tqdm(enumerate(data))\nfor i, x in bar:", "i"),
        ("for epoch in range(9):\n for i in range(n):", "i"),
        ("for epoch in range(9):\n for i in range(0, n, 8):", None),
        ("for epoch in range(9):\n for x in data:", None),
        ("for x in data:", None),
        ("for x in data:\n for k in range(5):", None),
        ("for _ in range(9):", None),
        ("for i, x in data.items():", None),
        ("for x in data:\n global_step += 1", "global_step"),
        ("for x in data:\n self.step += 1", "self.step"),
        ("while True:\n iter_num += 1", "iter_num"),
        ("for i, x in enumerate(data):\n global_step += 1", "global_step"),
        ("for i, x in enumerate(data):\n if i % 4: global_step += 1", "i"),
        ("for x in data:\n if z: global_step += 1", "global_step"),
        ("for x in data:\n correct += 1", None),
        ("for x in data:\n nan_steps += 1", None),
        ("for x in data:\n global_step += 2", None),
        ("for x in data:\n for y in x: step += 1", None),
        ("while True:\n iter_num += 1\n for micro in range(4):", "iter_num"),
        ("while True:\n epoch += 1\n for x in data:", None),
        ("while True:\n for x in data:\n  step += 1", "step"),
        ("for i in range(9):\n def closure():", "i"),
        ("for i in range(9):\n def closure():\n  i = 3", None),
        ("for i, x in enumerate(data):\n for k, loss in enumerate(losses):", "i"),
        ("for i, x in enumerate(data):\n for loss in losses:", "i"),
        ("for loss in losses:", None),
        ("for stage, n in enumerate([10, 20]):\n for k in range(n):", "k"),
        ("for i, x in enumerate(data):\n for loss in (a, b):", "i"),
        ("def f(batch, batch_idx):", "batch_idx"),
        ("def f(batch, batch_size):", None),
        ("def f(step):\n for x in data:", None),
        ("class A:\n def f(self, x, global_step):", "global_step"),
    ],
)
def test_the_step_is_what_counts_the_turns_of_the_innermost_loop(
    loops: str, step: str | None
) -> None:
    deepest = max(line.count(" ", 0, len(line) - len(line.lstrip())) for line in loops.split("\n"))
    last = loops.split("\n")[-1]
    indent = " " * (deepest + 1 if last.endswith(":") else deepest)
    after = fixed(f"import torch\n\n{loops}\n{indent}loss.backward()\n")
    call = "validate_loss(loss)" if step is None else f"validate_loss(loss, step={step})"
    assert f"{indent}{call}\n{indent}loss.backward()\n" in after


def statement(line: str, above: str = "", **more: Any) -> str:
    """What becomes of one line in a function, without its indentation."""
    settings = more.pop("settings", None)
    text = f"import torch\n\n\ndef f(a, b):\n{above}    {line}\n"
    after = fixed(text, settings, **more).partition(f"def f(a, b):\n{above}")[2]
    return after.replace("\n    ", "\n").removeprefix("    ")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("self.loss.backward()", "validate_loss(self.loss)\nself.loss.backward()\n"),
        ("out['loss'].backward()", "validate_loss(out['loss'])\nout['loss'].backward()\n"),
        ("out[-1].x.backward()", "validate_loss(out[-1].x)\nout[-1].x.backward()\n"),
        ("a[b].backward()", "validate_loss(a[b])\na[b].backward()\n"),
        ("(a.loss + b).backward()", "loss = a.loss + b\nvalidate_loss(loss)\nloss.backward()\n"),
        ("crit(loss=a).backward()", "loss = crit(loss=a)\nvalidate_loss(loss)\nloss.backward()\n"),
        ("scaler.scale(a).backward()", "validate_loss(a)\nscaler.scale(a).backward()\n"),
        ("(a).backward()", "validate_loss(a)\n(a).backward()\n"),
        ("crit(a, b).backward()", "loss = crit(a, b)\nvalidate_loss(loss)\nloss.backward()\n"),
        ("(a + b).backward()", "loss = a + b\nvalidate_loss(loss)\nloss.backward()\n"),
        (
            "scaler.scale((a + b)).backward()",
            "loss = a + b\nvalidate_loss(loss)\nscaler.scale(loss).backward()\n",
        ),
        (
            "fabric.backward(a[b + 1], model=c)",
            "loss = a[b + 1]\nvalidate_loss(loss)\nfabric.backward(loss, model=c)\n",
        ),
        (
            "scaler.scale(\n        a\n        + b\n    ).backward()",
            "loss = (a\n    + b)\nvalidate_loss(loss)\nscaler.scale(\n    loss\n).backward()\n",
        ),
        (
            "crit(\n        a,\n        b,\n    ).backward()  # why",
            "loss = crit(\n    a,\n    b,\n)\nvalidate_loss(loss)\nloss.backward()  # why\n",
        ),
        ("g(a, loss).backward()", "total_loss = g(a, loss)\nvalidate_loss(total_loss)\n"
         "total_loss.backward()\n"),
        ("a.backward(); b.step()", "validate_loss(a)\na.backward(); b.step()\n"),
        ("b.zero_grad(); a.backward()", "validate_loss(a)\nb.zero_grad(); a.backward()\n"),
        ("return a", "validate_loss(a)\nreturn a\n"),
        ("return {'loss': a, 'b': b}", "validate_loss(a)\nreturn {'loss': a, 'b': b}\n"),
        ("return (a, b) if b else a", "validate_loss(a)\nreturn (a, b) if b else a\n"),
        ("return F.mse(a, b)", "loss = F.mse(a, b)\nvalidate_loss(loss)\nreturn loss\n"),
        # None of these can be checked on a line of its own above.
        ("if a: a.backward()", None),
        ("a = g(b); a.backward()", None),
        ("b.zero_grad(); crit(a).backward()", None),
        ("g(lambda: a.backward())", None),
        ("[x.backward() for x in a]", None),
        ("a.backward() if a else None", None),
        ("a and a.backward()", None),
        ("(c := crit(a)).backward()", None),
        ("g().scale(a + b).backward()", None),
        ("return None if a else crit(b)", None),
        ("g(loss, total_loss).backward()", None),
        ("(  # why\n        a + b\n    ).backward()", None),
        ("with torch.cuda.graph(g):\n        a.backward()", None),
    ],
)  # fmt: skip
def test_the_call_stands_above_the_statement(line: str, after: str | None) -> None:
    assert statement(line) == (after or line.replace("\n    ", "\n") + "\n")


@pytest.mark.parametrize("opening", ["with autocast():", "try:", "with acc.accumulate(model):"])
def test_the_call_stays_in_the_block_of_its_statement(opening: str) -> None:
    tail = "\n    finally:\n        pass" if opening == "try:" else ""
    after = statement(f"{opening}\n        a.backward(){tail}")
    assert after.startswith(f"{opening}\n    validate_loss(a)\n    a.backward()\n")


def test_an_expression_over_several_lines_stays_one() -> None:
    after = fixed("import torch\n\nscaler.scale(\na\n- b\n).backward()\n")
    assert "\nloss = (a\n- b)\nvalidate_loss(loss)\nscaler.scale(\nloss\n).backward()\n" in after


def test_comments_stay_with_their_statement() -> None:
    comment = "    x = 1\n\n    # scaled,\n    # for fp16\n"
    after = fixed(f"import torch\n\n\ndef f(a):\n{comment}    a.backward()\n")
    assert (
        "    x = 1\n\n    validate_loss(a)\n    # scaled,\n    # for fp16\n    a.backward()\n"
        in after
    )


def test_components_are_named_and_a_long_call_is_broken() -> None:
    two = statement("a.backward()", components=(Component("ce"), Component("dice")))
    assert two.startswith("validate_loss(a)\n")
    for width, after in {
        1: 'validate_loss(a, components={"ce": L, "dice": b}, non_negative=True)\n',
        40: 'validate_loss(\n    a, components={"ce": L, "dice": b}, non_negative=True\n)\n',
        60: 'validate_loss(\n    a,\n    components={"ce": L, "dice": b},\n    non_negative=True,\n)\n',
        79: "validate_loss(\n    a,\n    components={\n"
        '        "ce": L,\n        "dice": b,\n    },\n    non_negative=True,\n)\n',
    }.items():
        name = "x" * width
        text = f"import torch\n\n\ndef f(a, b):\n    {name}, b\n    a.backward()\n"
        module = module_of(text)
        (backward,) = backwards(module, non_negative=True)
        both = (Component("ce", name), Component("dice", "b"))
        told = Backward(
            backward.place, backward.loss, backward.statement, None, None, both, non_negative=True
        )
        edits = validated(module, told)
        assert edits is not None
        expected = "".join(f"    {x}\n" for x in after.replace("L", name).splitlines())
        assert edits[-1].text == expected


PLACES = {
    "unsorted imports": (
        "import os\nimport math\nimport argparse\nfrom x import y\n\nimport torch\n",
        "import os\nimport math\nimport argparse\nimport warnings\nfrom x import y\n\nimport torch\n",
    ),
    "sorted imports": (
        "import abc\nimport os\nfrom contextlib import nullcontext\n\nimport torch\n",
        "import abc\nimport math\nimport os\nimport warnings\nfrom contextlib import nullcontext\n"
        "\nimport torch\n",
    ),
    "sorted by module": (
        "import abc\nfrom os import path\nimport sys\n\nimport torch\n",
        "import abc\nimport math\nfrom os import path\nimport sys\nimport warnings\n\nimport torch\n",
    ),
    "the order that other imports are in": (
        "import abc\nfrom pathlib import Path\n\nfrom apex import amp\nimport torch\n",
        "import abc\nimport math\nfrom pathlib import Path\nimport warnings\n\n"
        "from apex import amp\nimport torch\n",
    ),
    "one block": (
        "import os\nimport numpy\nimport torch\n",
        "import math\nimport os\nimport warnings\nimport numpy\nimport torch\n",
    ),
    "one sorted block": (
        "import numpy\nimport os\nimport torch\n",
        "import math\nimport numpy\nimport os\nimport torch\nimport warnings\n",
    ),
    "only from": (
        "from os import path\n\nimport torch\n",
        "import math\nimport warnings\nfrom os import path\n\nimport torch\n",
    ),
    "the future": (
        '#!/usr/bin/env python\n# coding: utf-8\n"""Doc."""\n\nfrom __future__ import print_function\n'
        "\nimport torch\n",
        '#!/usr/bin/env python\n# coding: utf-8\n"""Doc."""\n\nfrom __future__ import print_function\n'
        "\nimport math\nimport warnings\n\nimport torch\n",
    ),
    "a licence": (
        "# (c) Someone\n# All rights.\nimport torch\n",
        "# (c) Someone\n# All rights.\nimport math\nimport warnings\n\nimport torch\n",
    ),
    "a headed block": (
        '"""Doc."""\n\n# deep learning\nimport torch\n',
        '"""Doc."""\n\nimport math\nimport warnings\n\n# deep learning\nimport torch\n',
    ),
    "a try": (
        '"""Doc."""\n\ntry:\n    import torch\nexcept ImportError:\n    torch = None\n',
        '"""Doc."""\n\nimport math\nimport warnings\n\ntry:\n    import torch\n'
        "except ImportError:\n    torch = None\n",
    ),
    "type checking": (
        "from typing import TYPE_CHECKING\n\nimport torch\n\nif TYPE_CHECKING:\n    import math\n",
        "import math\nimport warnings\nfrom typing import TYPE_CHECKING\n\nimport torch\n\n"
        "if TYPE_CHECKING:\n    import math\n",
    ),
    "in the middle": (
        "print('hello')\n\nimport torch\n",
        "print('hello')\n\nimport math\nimport warnings\n\nimport torch\n",
    ),
}


@pytest.mark.parametrize("before", PLACES)
def test_imports_go_where_a_person_would_put_them(before: str) -> None:
    imports, expected = PLACES[before]
    after = fixed(f"{imports}\n\ndef f(loss):\n    loss.backward()\n")
    assert after.partition("\n\n\ndef validate_loss")[0] == expected.rstrip("\n")


@pytest.mark.parametrize(
    ("imports", "isfinite", "warn"),
    [
        ("import math as m\nimport warnings\n", "m.isfinite", "warnings.warn"),
        ("from math import isfinite\nfrom warnings import warn\n", "isfinite", "warn"),
    ],
)
def test_what_is_imported_is_used(imports: str, isfinite: str, warn: str) -> None:
    after = fixed(f"{imports}\n\ndef f(loss):\n    loss.backward()\n")
    assert after.startswith(f"{imports}\n\ndef validate_loss")
    assert f" not {isfinite}(value)" in after
    assert f" {warn}(message" in after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("validate_loss = 3\n", "check_loss_is_finite"),
        ("def validate_loss(loss):\n    pass\n", "check_loss_is_finite"),
        ("self.validate_loss(1)\n", "validate_loss"),
        ("validate_loss = check_loss_is_finite = 3\n", None),
        ("math = 3\n", None),
    ],
)
def test_a_name_that_is_taken_is_not_taken_twice(before: str, after: str | None) -> None:
    text = f"import torch\n\n{before}\n\ndef f(loss):\n    loss.backward()\n"
    if after is None:
        assert fixed(text) == text
    else:
        assert f"def {after}(loss, step=None" in fixed(text)
        assert f"    {after}(loss)\n    loss.backward()" in fixed(text)
        assert fixed(fixed(text)).count(f"def {after}(") == 1


FUNCTION_PLACES = {
    "above the comment of the first definition": (
        "import torch\n\nx = 1\n\n\n# Training\n@cache\ndef f(loss):\n    loss.backward()\n",
        f"x = 1\n\n\n{FUNCTION}\n\n# Training\n@cache\n",
    ),
    "above a heading": (
        "import torch\n\n# ----\n# Losses\n# ----\n\n\ndef f(loss):\n    loss.backward()\n",
        f"import torch\n\n\n{FUNCTION}\n\n# ----\n# Losses\n# ----\n\n\ndef f",
    ),
    "above what stands close to it": (
        "import torch\n\n# data\nx = 1\ndef f(loss):\n    loss.backward()\n",
        f"import torch\n\n\n{FUNCTION}\n\n# data\nx = 1\ndef f",
    ),
    "with one blank line where the file has one": (
        "import torch\n\ndef f(loss):\n    loss.backward()\n\ndef g():\n    pass\n",
        f"import torch\n\n{FUNCTION}\ndef f",
    ),
    "below the imports of a script": (
        "import torch\nx = 1\nfor i in range(9):\n    loss.backward()\n",
        f"import torch\n\n\n{FUNCTION}\n\nx = 1\n",
    ),
    "below the imports of a script that defines things later": (
        "import torch\n\nfor i in range(9):\n    loss.backward()\n\n\ndef f():\n    pass\n",
        f"import torch\n\n\n{FUNCTION}\n\nfor i in range(9):\n",
    ),
}


@pytest.mark.parametrize("place", FUNCTION_PLACES)
def test_the_function_stands_before_all_that_calls_it(place: str) -> None:
    before, part = FUNCTION_PLACES[place]
    assert part in fixed(before)


@pytest.mark.parametrize("unit", ["\t", "  "])
def test_the_file_s_own_indentation_and_quotes_are_kept(unit: str) -> None:
    text = f"import torch\n\n\ndef f(loss):\n{unit}print('a')\n{unit}loss.backward()\n"
    after = fixed(text)
    function = FUNCTION.replace('"""', "\0").replace('"', "'").replace("\0", '"""')
    assert function.replace("    ", unit) in after
    assert f"\n{unit}validate_loss(loss)\n{unit}loss.backward()\n" in after


def test_line_ends_are_those_of_the_file() -> None:
    text = "import torch\n\n\ndef f(a):\n    crit(\n        a,\n    ).backward()\n"
    assert fixed(text.replace("\n", "\r\n")) == fixed(text).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("head", "step", "components"),
    [
        (
            "from __future__ import annotations\n\nimport torch\n",
            "int | None",
            "dict[str, torch.Tensor] | None",
        ),
        (
            "import torch\nfrom typing import Optional\nfrom torch import Tensor\n",
            "Optional[int]",
            "Optional[dict]",
        ),
        ("import torch\n", '"int | None"', '"dict[str, torch.Tensor] | None"'),
    ],
)
def test_hints_are_those_of_the_module(head: str, step: str, components: str) -> None:
    after = fixed(f"{head}\n\ndef f(loss: torch.Tensor) -> None:\n    loss.backward()\n")
    tensor = "Tensor" if "import Tensor" in head else "torch.Tensor"
    assert (
        f"def validate_loss(\n    loss: {tensor},\n    step: {step} = None,\n"
        f"    components: {components} = None,\n    non_negative: bool = False,\n) -> None:\n"
    ) in after
    unchecked = after.replace("    validate_loss(loss)\n", "")
    assert fixed(unchecked) == after


def test_a_module_with_few_hints_gets_none() -> None:
    text = "import torch\n\n\ndef f(loss, name: str):\n    loss.backward()\n"
    assert "def validate_loss(loss, step=None" in fixed(text)


@pytest.mark.parametrize(
    ("imports", "after", "call"),
    [
        ("import torch\n", "import torch\n\nfrom lib.checks import finite\n", "finite"),
        (
            "import torch\n\nfrom lib.data import load\nfrom other import x\n",
            "import torch\n\nfrom lib.checks import finite\nfrom lib.data import load\n"
            "from other import x\n",
            "finite",
        ),
        ("import torch\n\nfrom . import x\n", None, "finite"),
        ("import torch\nfrom lib.checks import finite as ok\n", "", "ok"),
        ("import torch\nimport lib.checks as checks\n", "", "checks.finite"),
    ],
)
def test_the_project_s_own_validator_is_called(imports: str, after: str | None, call: str) -> None:
    settings = Settings(loss_validator="lib.checks:finite")
    text = f"{imports}\n\ndef f(a):\n    a.backward()\n"
    expected = "import torch\n\nfrom lib.checks import finite\n\nfrom . import x\n"
    head = expected if after is None else after or imports
    result = fixed(text, settings)
    assert result == f"{head}\n\ndef f(a):\n    {call}(a)\n    a.backward()\n"
    assert "import" not in fixed(result, settings).removeprefix(head)


def test_the_project_s_validator_needs_no_import_where_it_is_defined() -> None:
    settings = Settings(loss_validator="lib.checks:finite")
    text = "def finite(loss): ...\n\n\ndef f(a):\n    a.backward()\n"
    for name, edits in {"src/lib/checks.py": 1, "src/lib/other.py": None}.items():
        module = module_of(text, settings, name)
        found = validated(module, backwards(module)[0])
        assert (found and len(found)) == edits


def test_an_interval_checks_every_so_many_steps() -> None:
    settings = Settings(loss_check_interval=10)
    text = LOOP.format(target="i, (x, y)", iterable="enumerate(loader)")
    assert (
        "        if i % 10 == 0:\n            validate_loss(loss, step=i)\n        loss.backward()\n"
    ) in fixed(text, settings)
    uncounted = LOOP.format(target="x, y", iterable="loader")
    assert fixed(uncounted, settings) == uncounted


TRAINING = """\
import torch
from torch import nn


def train(batches, scaler, bad=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters())
    for i, (x, y) in enumerate(batches):
        mse = nn.functional.mse_loss(model(x), y)
        l1 = nn.functional.l1_loss(model(x), y)
        if bad is not None and i == 2:
            l1 = l1 * bad
        loss = (mse + l1) / 2
        scaler.scale(loss).backward()
        if i % 2:
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    return model.state_dict()
"""


def run(text: str, *arguments: Any) -> Any:
    """What `train` returns."""
    names: dict[str, Any] = {"__name__": "training"}
    exec(compile(text, "training.py", "exec"), names)
    return names["train"](*arguments)


@pytest.fixture(scope="module")
def checked() -> str:
    """The training, with all its components in the check."""
    module = module_of(TRAINING)
    (backward,) = [b for b in backwards(module) if isinstance(b.place, cst.Call)]
    both = tuple(Component(name, name) for name in ("mse", "l1"))
    edits = validated(
        module,
        Backward(
            backward.place,
            backward.loss,
            backward.statement,
            backward.function,
            backward.loop,
            both,
            non_negative=True,
        ),
    )
    assert edits is not None
    return apply_edits(module.source, edits).text


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def batches(torch: Any, count: int = 6) -> list[Any]:
    torch.manual_seed(1)
    return [(torch.randn(4, 3), torch.randn(4, 1)) for _ in range(count)]


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_what_is_not_finite_stops_the_training(torch: Any, checked: str, bad: str) -> None:
    scaler = torch.amp.GradScaler("cpu")
    with pytest.raises(ValueError, match="not finite") as caught:
        run(checked, batches(torch), scaler, float(bad))
    message = str(caught.value)
    assert message.startswith(f"The loss is not finite: loss={bad}, step=2, mse=")
    assert message.endswith(f", l1={bad}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(TRAINING, batches(torch), torch.amp.GradScaler("cpu"), float(bad))  # goes on unseen


def test_a_healthy_training_is_the_same_bit_for_bit(torch: Any, checked: str) -> None:
    before = run(TRAINING, batches(torch), torch.amp.GradScaler("cpu"))
    after = run(checked, batches(torch), torch.amp.GradScaler("cpu"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_negative_loss_warns_once(torch: Any, checked: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        run(checked.replace("i == 2", "True"), batches(torch), torch.amp.GradScaler("cpu"), -50.0)
    assert [w.category for w in caught] == [RuntimeWarning]
    assert "negative" in str(caught[0].message)
    line = checked.splitlines()[caught[0].lineno - 1]
    assert "validate_loss(" in line


@pytest.fixture(scope="module")
def validate_loss() -> Any:
    names: dict[str, Any] = {}
    exec("import math\nimport warnings\n" + FUNCTION, names)
    return names["validate_loss"]


def test_rounding_below_0_is_no_negative_loss(torch: Any, validate_loss: Any) -> None:
    one = torch.tensor(1.0)
    rounded = one.to(torch.bfloat16) - torch.tensor(1.0078125, dtype=torch.bfloat16)
    for loss in (torch.tensor(-0.0), torch.tensor(-1e-8), rounded):
        validate_loss(loss, non_negative=True)
    with pytest.warns(RuntimeWarning, match="negative"):
        validate_loss(-one, non_negative=True)
    validate_loss(-one)


def test_the_largest_half_is_finite_and_any_device_s_loss_counts(
    torch: Any, validate_loss: Any
) -> None:
    validate_loss(torch.full((4,), 65504.0, dtype=torch.float16))
    validate_loss(torch.tensor(65504.0, dtype=torch.float16))
    for bad in ("nan", "inf", "-inf"):
        with pytest.raises(ValueError, match="not finite: loss="):
            validate_loss(torch.tensor([1.0, float(bad)], requires_grad=True))


def test_any_component_can_be_shown(torch: Any, validate_loss: Any) -> None:
    bad = torch.tensor(float("nan"), requires_grad=True)
    components = {
        "loss": bad * 2,
        "many": torch.ones(2, 2, requires_grad=True),
        "half": torch.tensor(0.5, dtype=torch.float16),
        "number": 0.25,
        "none": None,
        "empty": torch.zeros(0),
    }
    with pytest.raises(ValueError, match="not finite") as caught:
        validate_loss(bad, 7, components)
    message = str(caught.value)
    assert message.startswith("The loss is not finite: loss=nan, step=7, loss=nan, many=tensor([[")
    assert ", half=0.5, number=0.25, empty=tensor([])" in message
