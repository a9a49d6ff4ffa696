"""LL108 in torch: what is not registered stays where it starts; registered, it learns and is saved."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from losslint import Finding, Settings, Severity, check_source, fix_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "unregistered_loss_parameters"
STEPS = 50
ALONE = Settings(select=("LL108",))

FIXED = [
    "PlainTensor",
    "SwitchedOn",
    "SwitchedOnAtOnce",
    "ListOfParameters",
    "ListOfTensors",
    "DictOfParameters",
    "FilledList",
    "CopyOfParameter",
]
UNFIXED = ["StackedList", "OfTheClass", "MadeInForward", "SetInForward"]


def made(file: str, name: str) -> Any:
    torch.manual_seed(0)
    return runpy.run_path(str(FIXTURES / file))[name]


def leaves(value: Any) -> Iterator[Tensor]:
    """Every tensor that an object holds, in whatever it is kept."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, nn.ParameterList)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, (dict, nn.ParameterDict)):
        yield from leaves([value[key] for key in value])


def scales(criterion: nn.Module) -> list[Tensor]:
    """The learned weights of a criterion, registered or not, as they are now."""
    names = {*vars(criterion), *criterion._parameters, *criterion._modules, *vars(type(criterion))}
    kept = [getattr(criterion, n) for n in sorted(names) if n.endswith(("scales", "scale"))]
    return [leaf.detach().clone() for leaf in leaves(kept)]


def trained(criterion: Callable[..., Tensor], parameters: Iterator[nn.Parameter]) -> None:
    """50 steps of Adam on two tasks, over a network and what the criterion registers."""
    network = nn.Linear(3, 2)
    optimizer = torch.optim.Adam([*network.parameters(), *parameters], lr=0.05)
    for _ in range(STEPS):
        inputs = torch.randn(8, 3)
        outputs = network(inputs)
        label_loss = (outputs[:, 0] - inputs.sum(1)).square().mean()
        depth_loss = (outputs[:, 1] - inputs[:, 0]).abs().mean()
        optimizer.zero_grad()
        torch.autograd.backward(criterion(label_loss, depth_loss))
        optimizer.step()


@pytest.mark.parametrize("name", FIXED + UNFIXED)
def test_what_is_not_registered_is_neither_learned_nor_saved(name: str) -> None:
    criterion = made("bad.py", name)()
    before = scales(criterion)
    registered = list(criterion.parameters())
    trained(criterion, criterion.parameters())

    assert registered == []
    assert name == "SetInForward" or criterion.state_dict() == {}
    if name == "SetInForward":  # made by the last call, and not moved since
        before = [torch.zeros(2)]
    assert [s.tolist() for s in scales(criterion)] == [s.tolist() for s in before]


@pytest.mark.parametrize("name", FIXED)
def test_what_is_registered_is_learned_and_saved(name: str) -> None:
    criterion = made("fixed.py", name)()
    before = scales(criterion)
    trained(criterion, criterion.parameters())
    after = scales(criterion)

    assert len(list(criterion.parameters())) == len(criterion.state_dict()) == len(before) > 0
    assert all((one != other).all() for one, other in zip(before, after, strict=True))


def test_a_dict_that_is_filled_becomes_one_that_registers() -> None:
    before, after = made("bad.py", "FilledDict")(), made("fixed.py", "FilledDict")()

    assert list(before.parameters()) == []
    assert sorted(after.state_dict()) == ["scales.depth_scale", "scales.label_scale"]


def test_the_move_to_another_device_comes_before_the_parameter() -> None:
    moved = made("fixed.py", "MovedParameter")("meta")

    assert {p.device.type for p in moved.parameters()} == {"meta"}
    assert len(list(moved.parameters())) == 2
    assert list(made("bad.py", "MovedParameter")("meta").parameters()) == []


def test_made_anew_the_weights_are_after_50_steps_what_they_were() -> None:
    criterion = made("bad.py", "weighed_by_function")
    before = criterion(torch.tensor(1.0), torch.tensor(2.0))
    trained(criterion, iter(()))

    assert torch.equal(criterion(torch.tensor(1.0), torch.tensor(2.0)), before)


def test_an_optimizer_takes_no_copy() -> None:
    with pytest.raises(ValueError, match="non-leaf"):
        torch.optim.Adam([torch.zeros(2, requires_grad=True).double()])


TRAIN = """
import torch
import torch.nn.functional as F

def train(model, loader, optimizer, {given}):
{before}
    for inputs, labels, depths in loader:
        {start}
        first, second = model(inputs)
        label_loss, depth_loss = F.l1_loss(first, labels), F.mse_loss(second, depths)
        loss = torch.exp(-s[0]) * label_loss + s[0] + torch.exp(-s[1]) * depth_loss + s[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        {end}
    {after}
"""
MAKES = "s = torch.zeros(2, requires_grad=True)"


def found(text: str) -> list[Finding]:
    return check_source(text, "train.py", ALONE)


def loop(
    before: str = "    pass",
    start: str = "pass",
    end: str = "pass",
    after: str = "pass",
    given: str = "path",
) -> list[Finding]:
    return found(TRAIN.format(before=before, start=start, end=end, after=after, given=given))


def test_made_in_the_loop_it_is_never_learned() -> None:
    (finding,) = loop(start=MAKES)

    assert finding.severity is Severity.ERROR
    assert "every turn of this loop makes `s` anew" in finding.message


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (MAKES, "model.step_weights(torch.autograd.grad(loss, [s]))"),
        (MAKES, "print(s.grad)"),
        (MAKES + "; optimizer.add_param_group({'params': [s]})", "pass"),
        (MAKES + "; optimizer = torch.optim.Adam([s])", "pass"),
        (MAKES + "; optimizer = make_optimizer(options(model, s))", "pass"),
        (MAKES + "; every = [s]; optimizer = torch.optim.SGD(every, lr=0.1)", "pass"),
        ("s = model.scales", "pass"),
        ("s = torch.zeros(2)", "pass"),
    ],
)
def test_in_the_loop_a_leaf_may_be_moved_by_hand(start: str, end: str) -> None:
    assert loop(start=start, end=end) == []


def test_a_loop_over_trials_has_optimizers_of_its_own() -> None:
    head, loops = TRAIN.split("{before}\n")
    body = loops.replace("\n    ", "\n        ").removeprefix("    ")
    outer = f"    for trial in range(5):\n        {MAKES}\n        {{optimizer}}\n        {body}"
    text = (head + outer).format(
        given="path", start="pass", end="pass", after="pass", optimizer="{optimizer}"
    )
    own = text.replace("{optimizer}", "optimizer = torch.optim.Adam([s])")
    (finding,) = found(text.replace("{optimizer}", "pass"))

    assert finding.severity is Severity.ERROR
    assert found(own) == []


BY_HAND = "    " + MAKES + "\n    optimizer = torch.optim.Adam(list(model.parameters()) + [s])"


@pytest.mark.parametrize(
    ("after", "severity"),
    [
        ("pass", Severity.NOTE),
        ("torch.save(model.state_dict(), path)", Severity.WARNING),
        ("save_checkpoint({'model': model.state_dict()}, path)", Severity.WARNING),
        ("torch.save({'model': model.state_dict(), 's': s}, path)", Severity.NOTE),
        ("state = {'model': model.state_dict(), 's': s}; torch.save(state, path)", Severity.NOTE),
        ("best = model.state_dict()", Severity.NOTE),
    ],
)
def test_outside_of_a_module_it_matters_what_is_saved(after: str, severity: Severity) -> None:
    (finding,) = loop(before=BY_HAND, after=after)

    assert finding.severity is severity
    assert finding.evidence[0].startswith("it trains: an optimizer gets it by hand at ")
    assert finding.fix is None


def test_a_file_of_tests_is_left_alone_but_for_the_errors() -> None:
    text = TRAIN.format(before=BY_HAND, start="pass", end="pass", after="pass", given="path")
    everything = Settings(select=("LL1",))
    codes = {one.code for one in check_source(text, "tests/test_train.py", everything)}

    assert "LL108" not in codes
    assert "LL108" in {one.code for one in check_source(text, "train.py", everything)}


@pytest.mark.parametrize(
    ("made", "severities"),
    [
        ("torch.zeros(2, requires_grad=True)", [Severity.ERROR]),
        ("torch.nn.Parameter(torch.zeros(2))", []),
        ("torch.nn.Parameter(torch.zeros(2)).cuda()", [Severity.ERROR]),
        ("torch.nn.Parameter(torch.zeros(2)).to('cuda')", [Severity.ERROR]),
        ("torch.nn.Parameter(torch.zeros(2)).to('cpu')", []),
        ("torch.nn.Parameter(torch.zeros(2)).to(torch.float32)", []),
        ("torch.nn.Parameter(torch.zeros(2)).float()", []),
        ("torch.nn.Parameter(torch.zeros(2, device='cuda')).cuda()", []),
    ],
)
def test_what_is_set_on_a_model_from_outside_must_be_a_parameter(
    made: str, severities: list[Severity]
) -> None:
    lines = [
        "model.train()",
        f"model.scales = {made}",
        "optimizer = torch.optim.Adam(model.parameters())",
    ]
    before = "\n".join("    " + line for line in lines)

    assert [one.severity for one in loop(before=before, start="s = model.scales")] == severities


@pytest.mark.parametrize(
    ("made", "severity"),
    [("cuda()", Severity.ERROR), ("to(device)", Severity.WARNING), ("half()", Severity.ERROR)],
)
def test_what_is_computed_from_a_leaf_is_none(made: str, severity: Severity) -> None:
    (finding,) = loop(before=BY_HAND.replace("True)\n", f"True).{made}\n", 1), given="device")

    assert finding.severity is severity
    assert "no optimizer takes it" in finding.message


MODULE = """
import torch
import torch.nn as nn
import torch.nn.functional as F
{imports}

class Loss({base}):
    def __init__(self):
        super().__init__()
        self.s = {made}

    def forward(self, label_loss, depth_loss):
        s, t = F.softplus(self.s[0]), F.softplus(self.s[1])
        return torch.exp(-s) * label_loss + s + torch.exp(-t) * depth_loss + t

{more}
"""


def module(made: str, base: str = "nn.Module", imports: str = "", more: str = "") -> list[Finding]:
    return found(MODULE.format(made=made, base=base, imports=imports, more=more))


@pytest.mark.parametrize(
    ("base", "imports", "count"),
    [
        ("nn.Module", "", 1),
        ("nn.modules.loss._Loss", "", 1),
        ("pl.LightningModule", "import pytorch_lightning as pl", 1),
        ("Base", "class Base(nn.Module): pass", 1),
        ("Base", "from nowhere import Base", 0),
        ("object", "", 0),
    ],
)
def test_only_what_is_known_to_be_a_module_must_register(
    base: str, imports: str, count: int
) -> None:
    assert len(module("torch.zeros(2, requires_grad=True)", base, imports)) == count


def test_a_base_is_looked_up_in_the_project(tmp_path: Path) -> None:
    text = MODULE.format(
        made="torch.zeros(2, requires_grad=True)",
        base="Base",
        imports="from bases import Base",
        more="",
    )
    train, bases = tmp_path / "train.py", tmp_path / "bases.py"
    train.write_text(text)
    bases.write_text("from torch import nn\nclass Root(nn.Module): pass\nclass Base(Root): pass\n")
    (finding,) = check_source(text, str(train), ALONE)
    bases.write_text("class Base: pass\n")

    assert finding.severity is Severity.ERROR
    assert check_source(text, str(train), ALONE) == []


ACCOUNT = """
    def parameters(self):
        return [self.s]
"""
ASKED = """
def optimizer(model, loss):
    return torch.optim.Adam([*model.parameters(), *loss.parameters()])
"""


@pytest.mark.parametrize("base", ["nn.Module", "object"])
def test_a_class_may_give_an_account_of_its_own(base: str) -> None:
    made = "torch.zeros(2, requires_grad=True)"

    assert len(module(made, base, more=ASKED)) == 1
    assert module(made, base, more=ACCOUNT + ASKED) == []


GATHERED = """
import torch
import torch.nn as nn

class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, outputs, labels, depth_loss):
        {start}
        {gather}
"""


@pytest.mark.parametrize(
    ("start", "gather"),
    [
        ("rest = torch.zeros(1, requires_grad=True)", "return depth_loss * rest"),
        (
            "rest = torch.tensor(0.0, requires_grad=True).to(labels.device)",
            "return depth_loss + self.criterion(outputs, labels) * rest",
        ),
        (
            "loss = torch.tensor(labels.new_tensor(0.0), requires_grad=True)",
            "return self.criterion(outputs, labels) * (loss + depth_loss)",
        ),
        (
            "terms = [torch.zeros(1, requires_grad=True), self.criterion(outputs, labels)]",
            "return sum(depth_loss * term for term in terms)",
        ),
    ],
)
def test_what_stands_for_a_loss_is_no_weight_of_one(start: str, gather: str) -> None:
    one = GATHERED.format(start=start.replace("zeros", "ones").replace("0.0", "0.3"), gather=gather)

    assert found(GATHERED.format(start=start, gather=gather)) == []
    assert "new_tensor" in start or [f.severity for f in found(one)] == [Severity.WARNING]


OPTIMIZER = """
def optimizer(model, loss):
    return torch.optim.Adam([{'params': model.parameters()}, {'params': [loss.s]}])
"""


def test_what_the_optimizer_gets_by_hand_is_not_registered_as_well() -> None:
    (alone,) = module("torch.zeros(2, requires_grad=True)")
    (by_hand,) = module("torch.zeros(2, requires_grad=True)", more=OPTIMIZER)

    assert alone.fix is not None
    assert by_hand.fix is None
    assert by_hand.severity is Severity.ERROR
    assert any(
        line.startswith("it trains: an optimizer gets it by hand") for line in by_hand.evidence
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("torch.zeros(2, requires_grad=True)", "nn.Parameter(torch.zeros(2))"),
        ("torch.zeros(2).requires_grad_()", "nn.Parameter(torch.zeros(2))"),
        ("torch.zeros(2).requires_grad_().to('cpu')", "nn.Parameter(torch.zeros(2).to('cpu'))"),
        (
            "torch.zeros(2).to('cpu').requires_grad_(True)",
            "nn.Parameter(torch.zeros(2).to('cpu'))",
        ),
        (
            "torch.tensor(data=[0., 0.], requires_grad=True)",
            "nn.Parameter(torch.tensor(data=[0., 0.]))",
        ),
        (
            "torch.full(requires_grad=True, size=(2,), fill_value=1.)",
            "nn.Parameter(torch.full(size=(2,), fill_value=1.))",
        ),
        ("nn.Parameter(torch.zeros(2)).cuda()", "nn.Parameter(torch.zeros(2).cuda())"),
        (
            "(nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(())))",
            "nn.ParameterList((nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))))",
        ),
        (
            "nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))",
            None,
        ),
        ("nn.Parameter(torch.zeros(2) + 1).cuda()", None),
        ("torch.zeros(2, requires_grad=self.training)", None),
        ("torch.zeros(2).requires_grad_(self.training)", None),
    ],
)
def test_the_fix_changes_no_more_than_it_must(made: str, expected: str | None) -> None:
    text = MODULE.format(made=made, base="nn.Module", imports="", more="")
    fixed = fix_source(text, "loss.py", ALONE, unsafe=True).text

    assert len(found(text)) == 1
    assert fixed == (text if expected is None else text.replace(f"= {made}\n", f"= {expected}\n"))


def test_before_the_module_is_set_up_nothing_can_be_registered() -> None:
    text = MODULE.format(
        made="torch.zeros(2, requires_grad=True)", base="nn.Module", imports="", more=""
    )
    lines = text.splitlines(keepends=True)
    place = lines.index("        super().__init__()\n")
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    (finding,) = found("".join(lines))

    assert finding.fix is None
