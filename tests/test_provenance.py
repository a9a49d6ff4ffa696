"""What the tensor that reaches a loss stands for: each form that is followed, and each that looks alike."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from losslint.model.module import Module, deep_recursion
from losslint.provenance.kinds import Kind
from losslint.provenance.loss_calls import LossCall, loss_calls
from losslint.provenance.objects import Constant
from losslint.provenance.paths import Path as Spelled
from losslint.provenance.paths import Some, path
from losslint.source.text import Source

HEAD = """\
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import OrderedDict
from torch.autograd import Variable

"""

L, P, S = Kind.LOGITS, Kind.SOFTMAX, Kind.SIGMOID
LP, LS, U = Kind.LOG_SOFTMAX, Kind.LOG_SIGMOID, Kind.UNKNOWN


def calls(text: str, name: str = "train.py") -> list[LossCall]:
    """The calls of losses in a module, from top to bottom."""
    module = Module(Source.from_text(name, text))
    return sorted(loss_calls(module), key=lambda call: module.span(call.node))


def kinds(text: str, name: str = "train.py") -> list[Kind]:
    """What goes into each loss."""
    with deep_recursion():
        return [call.traced("input").kind for call in calls(text, name)]


def in_function(body: str) -> list[Kind]:
    """The same for the body of a function of a layer, of tensors and of a criterion."""
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    return kinds(f"{HEAD}lin = nn.Linear(3, 5)\n\ndef step(x, a, b, y, flag):\n{lines}\n")


def loss_of(expression: str) -> Kind:
    (kind,) = in_function(f"return F.cross_entropy({expression}, y)")
    return kind


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("x", U),
        ("lin(x)", L),
        ("F.linear(x, a)", L),
        ("F.softmax(x, dim=1)", P),
        ("torch.softmax(x, 1)", P),
        ("x.softmax(-1)", P),
        ("F.softmax(lin(x), 1)", P),
        ("nn.Softmax(dim=1)(x)", P),
        ("nn.Softmax2d()(x)", P),
        ("F.softmin(x, 1)", P),
        ("torch.sigmoid(x)", S),
        ("x.sigmoid()", S),
        ("x.sigmoid_()", S),
        ("torch.special.expit(x)", S),
        ("nn.Sigmoid()(x)", S),
        ("F.log_softmax(x, 1)", LP),
        ("x.log_softmax(dim=1)", LP),
        ("nn.LogSoftmax(1)(x)", LP),
        ("F.logsigmoid(x)", LS),
        ("torch.log(F.softmax(x, 1))", LP),
        ("F.softmax(x, 1).log()", LP),
        ("torch.log(F.softmax(x, 1) + 1e-8)", LP),
        ("torch.log(F.softmax(x, 1).clamp(min=1e-8))", LP),
        ("torch.log(torch.sigmoid(x))", LS),
        ("torch.log(1 - torch.sigmoid(x))", LS),
        ("torch.exp(F.log_softmax(x, 1))", P),
        ("F.gumbel_softmax(x, 1)", U),  # a sample, not the probabilities
        ("F.softmax(x, 1) + F.softmax(a, 1)", U),  # a mixture
        ("F.softmax(x, 1) * 10", U),
        ("F.softmax(x, 1) * a", U),
        ("1 - F.softmax(x, 1)", U),
        ("1 + torch.sigmoid(x)", U),
        ("torch.sigmoid(x) - 1", U),
        ("F.softmax(x, 1) @ a", U),  # attention
        ("lin(F.softmax(x, 1) * a)", L),
        ("F.relu(lin(x))", U),
        ("torch.tanh(lin(x))", U),
        ("lin(x).clamp(0, 1)", U),
        ("lin(x) / 0.5", L),
        ("lin(x) * math.pi", L),
        ("-lin(x)", L),
        ("lin(x) + 1", L),
        ("lin(x) + lin(a)", L),
        ("lin(x) + a", U),
        ("lin(x) ** 2", U),
        ("a / lin(x)", U),
        ("torch.log(lin(x))", U),
        ("self.softmax(x)", U),  # who knows what that is
        ("a.softmax(x)", U),
    ],
)
def test_what_makes_a_kind(expression: str, kind: Kind) -> None:
    assert loss_of(expression) is kind


@pytest.mark.parametrize(
    "form",
    [
        "{}.view(-1, 5)",
        "{}.reshape(-1, 5).contiguous()",
        "{}.permute(0, 2, 1)",
        "torch.transpose({}, 1, 2)",
        "{}.squeeze(1).unsqueeze(0)",
        "torch.flatten({}, 1)",
        "{}[0]",
        "{}[:, 1]",
        "{}[a]",
        "{}[..., None]",
        "{}.to(a.device).float()",
        "{}.cuda().double().half().cpu()",
        "{}.detach().clone()",
        "{}.data",
        "{}.T",
        "Variable({})",
        "torch.cat([{0}, {0}], dim=0)",
        "torch.stack([{0}, {0}])",
        "torch.stack([{} for _ in range(3)])",
        "nn.Identity()({})",
        "nn.Dropout(0.1)({})",
        "nn.Sequential(nn.Flatten(), nn.Identity())({})",
        "{}.gather(1, a)",
        "{}.index_select(0, a)",
        "torch.chunk({}, 2, dim=0)[0]",
        "({} if flag else {})",
        "(lambda z: z.view(-1))({})",
    ],
)
@pytest.mark.parametrize(
    "made", ["F.softmax(x, 1)", "torch.sigmoid(x)", "F.log_softmax(x, 1)", "lin(x)"]
)
def test_what_keeps_a_kind(form: str, made: str) -> None:
    expression = form.format(made, made)

    assert loss_of(expression) is loss_of(made)


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        ("F.interpolate({}, a)", True),
        ("F.dropout({}, 0.1)", True),
        ("{}.mean(1)", True),
        ("nn.AvgPool2d(2)({})", True),
        ("{}.clamp(1e-7, 1)", True),
        ("{}.sum(1)", False),
        ("{}.max(1)[0]", False),
        ("torch.where(flag, {}, a)", False),
        ("{}.masked_fill(a, -1e9)", False),
        ("({} if flag else a)", False),
        ("({} or a)", False),
        ("a.forward({})", False),
        ("torch.cat([{}, a])", False),
        ("{}.foo", False),
        ("{}.foo.bar()", False),
    ],
)
def test_what_is_still_a_probability(form: str, kept: bool) -> None:
    assert loss_of(form.format("F.softmax(x, 1)")) is (P if kept else U)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("p = F.softmax(x, 1)\nF.cross_entropy(p, y)", P),
        ("p = q = F.softmax(x, 1)\nF.cross_entropy(q, y)", P),
        ("x = lin(x)\nx = F.softmax(x, 1)\nF.cross_entropy(x, y)", P),
        ("x = lin(x)\nF.cross_entropy(x, y)\nx = F.softmax(x, 1)", L),
        ("o = lin(x)\np = F.softmax(o, 1)\nF.cross_entropy(o, y)", L),
        ("p: torch.Tensor = F.softmax(x, 1)\nF.cross_entropy(p, y)", P),
        ("p, q = F.softmax(x, 1), lin(x)\nF.cross_entropy(p, y)", P),
        ("p, q = F.softmax(x, 1), lin(x)\nF.cross_entropy(q, y)", L),
        ("(p, [q, r]) = lin(x), [a, F.softmax(x, 1)]\nF.cross_entropy(r, y)", P),
        ("*p, q = lin(x), F.softmax(x, 1)\nF.cross_entropy(q, y)", U),
        ("x.sigmoid_()\nF.cross_entropy(x, y)", S),
        ("x = lin(x)\nx /= 2\nF.cross_entropy(x, y)", L),
        ("x = F.softmax(x, 1)\nx *= 2\nF.cross_entropy(x, y)", U),
        ("x = F.softmax(x, 1)\nx[a] = 0\nF.cross_entropy(x, y)", U),
        ("x = F.softmax(x, 1)\nx[0, a] += 1\nF.cross_entropy(x, y)", U),
        ("x = F.softmax(x, 1)\nif flag:\n    x = a\nF.cross_entropy(x, y)", U),
        ("x = F.softmax(x, 1)\nif flag:\n    x = x.view(-1)\nF.cross_entropy(x, y)", P),
        ("if flag:\n    x = F.softmax(x, 1)\nF.cross_entropy(x, y)", U),
        ("if flag:\n    p = F.softmax(x, 1)\nelse:\n    p = x.softmax(1)\nF.cross_entropy(p, y)", P),
        ("if flag:\n    p = F.softmax(x, 1)\nelse:\n    p = lin(x)\nF.cross_entropy(p, y)", U),
        ("if flag:\n    p = lin(x)\n    return p\np = F.softmax(x, 1)\nF.cross_entropy(p, y)", P),
        ("p = F.softmax(x, 1)\nif flag:\n    p = lin(x)\n    return p\nF.cross_entropy(p, y)", P),
        ("if flag:\n    p = F.softmax(x, 1)\nelse:\n    raise E\nF.cross_entropy(p, y)", P),
        ("for z in a:\n    p = F.softmax(z, 1)\n    F.cross_entropy(p, y)", P),
        ("for z in a:\n    F.cross_entropy(x, y)\n    x = F.softmax(x, 1)", U),
        ("x = F.softmax(x, 1)\nfor z in a:\n    F.cross_entropy(x, y)\n    x = x.view(1)", P),
        ("x = F.softmax(x, 1)\nfor x in a:\n    F.cross_entropy(x, y)", U),
        ("for z in a:\n    p = F.softmax(z, 1)\nF.cross_entropy(p, y)", P),
        ("p = a\nwhile flag:\n    p = F.softmax(x, 1)\nF.cross_entropy(p, y)", U),
        ("with torch.no_grad():\n    p = F.softmax(x, 1)\nF.cross_entropy(p, y)", P),
        ("p = F.softmax(x, 1)\nwith a as p:\n    F.cross_entropy(p, y)", U),
        ("try:\n    p = F.softmax(x, 1)\nexcept E:\n    p = a\nF.cross_entropy(p, y)", U),
        ("try:\n    p = F.softmax(x, 1)\nexcept E:\n    raise\nF.cross_entropy(p, y)", P),
        ("p = F.softmax(x, 1)\ndef p(): pass\nF.cross_entropy(p, y)", U),
        ("p = lin(x); p = F.softmax(p, 1); F.cross_entropy(p, y)", P),
        ("p = None\nif flag:\n    p = F.softmax(x, 1)\nF.cross_entropy(p, y)", P),
        ("d = {'p': F.softmax(x, 1), 'o': lin(x)}\nF.cross_entropy(d['p'], y)", P),
        ("d = {'p': F.softmax(x, 1), 'o': lin(x)}\nF.cross_entropy(d['o'], y)", L),
        ("d = {'p': F.softmax(x, 1), **a}\nF.cross_entropy(d['p'], y)", U),
        ("d = dict(p=F.softmax(x, 1))\nF.cross_entropy(d['p'], y)", P),
        ("d = {}\nd['p'] = F.softmax(x, 1)\nF.cross_entropy(d['p'], y)", P),
        ("d = {}\nd['p'] = F.softmax(x, 1)\nd[a] = x\nF.cross_entropy(d['p'], y)", U),
        ("d = {'p': F.softmax(x, 1)}\nfor v in d.values():\n    F.cross_entropy(v, y)", P),
        ("d = {'p': F.softmax(x, 1)}\nfor k, v in d.items():\n    F.cross_entropy(v, y)", P),
        ("t = (lin(x), F.softmax(x, 1))\nF.cross_entropy(t[-1], y)", P),
        ("t = [F.softmax(z, 1) for z in a]\nF.cross_entropy(t[0], y)", P),
        ("t = []\nfor z in a:\n    t.append(F.softmax(z, 1))\nF.cross_entropy(torch.stack(t), y)", P),
        ("t = []\nfor z in a:\n    t.append(z)\nF.cross_entropy(torch.stack(t), y)", U),
        ("for p, q in zip([F.softmax(x, 1)], y):\n    F.cross_entropy(p, q)", P),
        ("for p, q in zip(y, [F.softmax(x, 1)]):\n    F.cross_entropy(p, q)", U),
        ("for i, p in enumerate([F.softmax(x, 1)]):\n    F.cross_entropy(p, y)", P),
        ("[F.cross_entropy(p, y) for p in (F.softmax(x, 1), x.softmax(1))]", P),
        ("p = F.softmax(x, 1)\n[F.cross_entropy(p, y) for p in a]", U),
        ("def inner():\n    return F.cross_entropy(p, y)\np = F.softmax(x, 1)\ninner()", P),
        ("def act(z):\n    return F.softmax(z, 1)\nF.cross_entropy(act(x), y)", P),
        ("act = torch.sigmoid\nF.cross_entropy(act(x), y)", S),
        ("act = torch.sigmoid if flag else torch.relu\nF.cross_entropy(act(x), y)", U),
        ("act = nn.Softmax(1)\nF.cross_entropy(act(x), y)", P),
        ("out = model(x)\nF.cross_entropy(out, y)", U),
    ],
)  # fmt: skip
def test_which_assignment_reaches_the_loss(body: str, kind: Kind) -> None:
    assert in_function(body) == [kind]


NET = """
class Net(nn.Module):
    def __init__(self, classes=4, act=None):
        super().__init__()
        {init}

    def forward(self, x, probs=False):
        {forward}

"""
USE = """
def train(loader):
    model = Net().to("cuda")
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
"""


def of_net(init: str, forward: str, use: str = USE, base: str = "") -> list[Kind]:
    net = NET.format(
        init=init.replace("\n", "\n        "), forward=forward.replace("\n", "\n        ")
    )
    return kinds(HEAD + base + net + use)


FC = "self.fc = nn.Linear(3, classes)"


@pytest.mark.parametrize(
    ("init", "forward", "kind"),
    [
        (FC, "return self.fc(x)", L),
        (FC, "return F.softmax(self.fc(x), dim=1)", P),
        (FC, "x = self.fc(x)\nreturn F.log_softmax(x, dim=1)", LP),
        (f"{FC}\nself.out = nn.Softmax(1)", "return self.out(self.fc(x))", P),
        (f"{FC}\nself.softmax = nn.LogSoftmax(1)", "return self.softmax(self.fc(x))", LP),
        (f"{FC}\nself.softmax = act", "return self.softmax(self.fc(x))", U),
        (f"{FC}\nself.softmax = act or nn.Softmax(1)", "return self.softmax(self.fc(x))", U),
        (f"{FC}\nif act:\n    self.out = nn.Softmax(1)\nelse:\n    self.out = nn.Identity()", "return self.out(self.fc(x))", U),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.Softmax(1))", "return self.net(x)", P),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4))", "return self.net(x)", L),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())", "return self.net(x)", U),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Dropout(), nn.Sigmoid()))", "return self.net(x)", S),
        ("self.net = nn.Sequential(*act, nn.Sigmoid())", "return self.net(x)", S),
        ("self.net = nn.Sequential(nn.Sigmoid(), *act)", "return self.net(x)", U),
        ("self.net = nn.Sequential(OrderedDict([('a', nn.Linear(3, 4)), ('b', nn.Softmax(1))]))", "return self.net(x)", P),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.Softmax(1))\nself.net.add_module('c', nn.Linear(4, 4))", "return self.net(x)", U),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.Softmax(1))", "return self.net[0](x)", L),
        ("self.net = nn.Sequential(nn.Linear(3, 4), nn.Softmax(1))", "return self.net[-1](x)", P),
        ("self.net = nn.ModuleList([nn.Linear(3, 4), nn.Softmax(1)])", "return self.net[-1](x)", P),
        ("self.net = nn.ModuleList([nn.Linear(3, 4), nn.Softmax(1)])", "for f in self.net:\n    x = f(x)\nreturn x", U),
        (FC, "if self.training:\n    return self.fc(x)\nreturn F.softmax(self.fc(x), 1)", U),
        (FC, "x = self.fc(x)\nif not self.training:\n    x = F.softmax(x, 1)\nreturn x", U),
        (FC, "x = self.fc(x)\nif probs:\n    x = F.softmax(x, 1)\nreturn x", U),
        (FC, "w = F.softmax(self.fc(x), 1)\nreturn self.fc(w * x)", L),
        (FC, "return self.head(x)\n\ndef head(self, x):\n    return torch.sigmoid(self.fc(x))", S),
        (FC, "return self.head(x)\n\n@staticmethod\ndef head(x):\n    return torch.sigmoid(x)", S),
        (FC, "return self.head\n\n@property\ndef head(self):\n    return torch.sigmoid(self.fc(x))", S),
        (FC, "return self.head(x)\n\n@wrapped\ndef head(self, x):\n    return torch.sigmoid(x)", U),
        (FC, "yield F.softmax(self.fc(x), 1)", U),
        (FC, "self.p = F.softmax(self.fc(x), 1)\nreturn self.p", P),
        (FC, "setattr(self, 'p', x)\nreturn self.p", U),
        (FC, "return self.forward(x)", U),
    ],
)  # fmt: skip
def test_what_a_network_returns(init: str, forward: str, kind: Kind) -> None:
    assert of_net(init, forward) == [kind]


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        ("model = Net()\nF.cross_entropy(model(x), y)", P),
        ("model = nn.DataParallel(Net()).cuda()\nF.cross_entropy(model(x), y)", P),
        ("model = Net()\nmodel = model.to('cuda')\nmodel.train()\nF.cross_entropy(model(x), y)", P),
        ("model = torch.compile(Net())\nF.cross_entropy(model.forward(x), y)", P),
        ("model = Net()\nmodel.fc = nn.Linear(2, 2)\nF.cross_entropy(model(x), y)", P),
        ("model = Net()\nmodel.out = nn.Identity()\nF.cross_entropy(model(x), y)", U),
        ("model = Net() if y else Other()\nF.cross_entropy(model(x), y)", U),
        ("a, b = Net(), Net()\nF.cross_entropy(b(x), y)", P),
        ("nets = {'a': Net()}\nF.cross_entropy(nets['a'](x), y)", P),
        ("def run(m, z):\n    return m(z)\nF.cross_entropy(run(Net(), x), y)", P),
        ("def run(m):\n    F.cross_entropy(m(x), y)\nrun(Net())", P),
        ("def run(m):\n    F.cross_entropy(m(x), y)\nrun(Net())\nrun(Other())", U),
        ("def run(m):\n    F.cross_entropy(m(x), y)\nstart(run)\nrun(Net())", U),
        ("def run(m=Net()):\n    F.cross_entropy(m(x), y)", U),
        ("def run(m=Net()):\n    F.cross_entropy(m(x), y)\nrun()", P),
        ("class T:\n    def __init__(self, net): self.net = net\n    def run(self, x, y): F.cross_entropy(self.net(x), y)\nT(Net())", U),
        ("class T:\n    def __init__(self): self.net = Net()\n    def run(self, x, y): F.cross_entropy(self.net(x), y)", P),
        ("class T:\n    net = None\n    def __init__(self): self.build()\n    def build(self): self.net = Net()\n    def run(self, x, y): F.cross_entropy(self.net(x), y)", P),
        ("class Sub(Net):\n    def forward(self, x): return torch.log(super().forward(x))\nF.cross_entropy(Sub()(x), y)", LP),
        ("class Sub(Net):\n    pass\nF.cross_entropy(Sub()(x), y)", P),
        ("class Sub(Net):\n    def __init__(self):\n        super().__init__()\n        self.out = nn.Identity()\nF.cross_entropy(Sub()(x), y)", L),
        ("class Top(nn.Module):\n    def __init__(self, net):\n        self.net = net\n    def forward(self, x): return self.net(x)\nF.cross_entropy(Top(Net())(x), y)", P),
        ("F.cross_entropy(nn.Sequential(Net(), nn.Flatten())(x), y)", P),
    ],
)  # fmt: skip
def test_which_network_is_called(use: str, kind: Kind) -> None:
    init, forward = f"{FC}\nself.out = nn.Softmax(1)", "return self.out(self.fc(x))"

    assert of_net(init, forward, use) == [kind]


def test_results_with_several_parts() -> None:
    init, forward = FC, "x = self.fc(x)\nreturn {'o': x, 'p': F.softmax(x, 1)}, (x.sigmoid(), x)"
    use = "o, (s, z) = Net()(x)\nF.cross_entropy(o['o'], y) + F.cross_entropy(o['p'], y) + F.cross_entropy(s, y)"

    assert of_net(init, forward, use) == [L, P, S]


def test_the_number_of_classes_comes_from_the_layer() -> None:
    init, forward = f"{FC}\nself.out = nn.Softmax(dim=-1)", "return self.out(self.fc(x))"
    use = "def f(n):\n" + "".join(
        f"    F.cross_entropy({net}(x), y)\n"
        for net in ("Net()", "Net(7)", "Net(classes=9)", "Net(n)")
    )
    net = NET.format(init=init.replace("\n", "\n        "), forward=forward)
    found = [call.traced("input") for call in calls(HEAD + net + use)]

    assert [one.size for one in found] == [4, 7, 9, None]
    assert {one.dim for one in found} == {-1}


def test_a_network_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("from .small import Net\n")
    net = NET.format(init=FC, forward="return torch.sigmoid(self.fc(x))")
    (tmp_path / "nets" / "base.py").write_text(HEAD + net)
    (tmp_path / "nets" / "small.py").write_text(
        "from .base import Net as Base\nclass Net(Base):\n    pass\n"
    )
    text = f"{HEAD}from nets import Net\nimport nets.small\n{USE}\nF.cross_entropy(nets.small.Net()(x), y)\n"
    file = tmp_path / "train.py"
    file.write_text(text)
    found = [call.traced("input") for call in calls(text, str(file))]

    assert [one.kind for one in found] == [S, S]
    assert {Path(p.module.source.name).name for one in found for p in one.made} == {"base.py"}


LEARNER = """
class Learner(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Softmax(1)

    def set_loss(self, loss_op):
        self.loss_op = loss_op

    def forward(self, x):
        return self.out(x)

    def fit(self, x, y):
        return self.loss_op(self.__call__(x), y)

def train(model, x, y):
    return F.cross_entropy(model(x), y)
"""


@pytest.mark.parametrize(
    ("use", "found"),
    [
        ("m = Learner()\nm.set_loss(nn.NLLLoss())", [("cross_entropy", U), ("nll_loss", P)]),
        ("m = Learner()\ntrain(m, 1, 2)", [("cross_entropy", P)]),
        ("m = Learner()\ntrain(m, 1, 2)\ntrain(other(), 1, 2)", [("cross_entropy", U)]),
        ("other().set_loss(nn.NLLLoss())", [("cross_entropy", U)]),
        ("def train(m, x, y): pass\ntrain(Learner(), 1, 2)", [("cross_entropy", U)]),
    ],
)
def test_callers_in_the_same_folder(
    use: str, found: list[tuple[str, Kind]], tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text(f"{HEAD}from learner import Learner, train\n{use}\n")
    (tmp_path / "other.py").write_text("import learner  # that neither trains nor sets a loss\n")
    (tmp_path / "folder.py").mkdir()
    file = tmp_path / "learner.py"
    file.write_text(HEAD + LEARNER)
    calls_there = calls(HEAD + LEARNER, str(file))

    assert sorted(((c.loss, c.traced("input").kind) for c in calls_there), key=str) == found


@pytest.mark.parametrize(
    ("text", "losses"),
    [
        ("F.cross_entropy(x, y)", ["cross_entropy"]),
        ("torch.nn.functional.nll_loss(x, y)", ["nll_loss"]),
        ("from torch.nn.functional import kl_div as kl\nkl(x, y)", ["kl_div"]),
        ("nn.CrossEntropyLoss()(x, y)", ["cross_entropy"]),
        ("criterion = nn.BCELoss().cuda()\ncriterion(x, y)", ["binary_cross_entropy"]),
        ("ce = nn.BCEWithLogitsLoss()\nce(x, y)", ["binary_cross_entropy_with_logits"]),
        ("loss = F.cross_entropy\nloss(x, y)", ["cross_entropy"]),
        ("criterion = make()\ncriterion(x, y)", []),
        ("criterion = nn.CrossEntropyLoss()\ncriterion = nn.NLLLoss()\ncriterion(x, y)", ["nll_loss"]),
        ("criterion = nn.CrossEntropyLoss() if y else nn.NLLLoss()\ncriterion(x, y)", ["cross_entropy", "nll_loss"]),
        ("criterion = nn.NLLLoss() if y else nn.MSELoss()\ncriterion(x, y)", ["nll_loss"]),
        ("criterion = nn.NLLLoss() if y else make()\ncriterion(x, y)", []),
        ("criterion = nn.NLLLoss(a) if y else nn.NLLLoss()\ncriterion(x, y)", ["nll_loss"]),
        ("losses = {'a': nn.NLLLoss(), 'b': nn.MSELoss()}\nlosses['a'](x, y)", ["nll_loss"]),
        ("losses = [nn.NLLLoss(), nn.NLLLoss()]\nfor loss in losses:\n    loss(x, y)", ["nll_loss"]),
        ("def f(criterion):\n    criterion(x, y)\nf(nn.NLLLoss())", ["nll_loss"]),
        ("def f(criterion):\n    criterion(x, y)\nf(nn.NLLLoss())\nf(nn.MSELoss())", ["nll_loss"]),
        ("def f(criterion):\n    criterion(x, y)\nf(nn.NLLLoss())\nf(make())", []),
        ("class T:\n    def __init__(self): self.loss = nn.NLLLoss()\n    def f(self): self.loss(x, y)", ["nll_loss"]),
        ("criterion = nn.NLLLoss()\ndef f():\n    criterion(x, y)", ["nll_loss"]),
        ("def main():\n    global criterion\n    criterion = nn.NLLLoss()\ndef f():\n    criterion(x, y)", ["nll_loss"]),
        ("def cross_entropy(a, b): pass\ncross_entropy(x, y)", []),
        ("class CrossEntropyLoss: pass\nCrossEntropyLoss()(x, y)", []),
        ("import tensorflow as tf\ntf.nn.cross_entropy(x, y)", []),
    ],
)  # fmt: skip
def test_which_loss_is_called(text: str, losses: list[str]) -> None:
    assert [call.loss for call in calls(f"{HEAD}{text}\n")] == losses


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("F.kl_div(x, y, reduction='sum')", "reduction", (Constant("sum"),)),
        ("F.kl_div(x, y, None, None, 'sum')", "reduction", (Constant("sum"),)),
        ("F.kl_div(x, y)", "reduction", None),
        ("nn.KLDivLoss()(x, y)", "reduction", None),
        ("nn.KLDivLoss(reduction='batchmean', log_target=True)(x, y)", "log_target", (Constant(True),)),
        ("r = 'sum'\nnn.KLDivLoss(reduction=r)(x, y)", "reduction", (Constant("sum"),)),
        ("def f(r):\n    nn.KLDivLoss(reduction=r)(x, y)", "reduction", "unknown"),
        ("def f(**more):\n    F.kl_div(x, y, **more)", "reduction", "unknown"),
        ("def f(*more):\n    nn.KLDivLoss(*more)(x, y)", "reduction", "unknown"),
        ("nn.CrossEntropyLoss(None, None, 255)(x, y)", "ignore_index", (Constant(255),)),
    ],
)  # fmt: skip
def test_how_a_loss_is_set(text: str, name: str, values: object) -> None:
    (call,) = calls(f"{HEAD}{text}\n")
    found = call.setting(name)

    assert ("unknown" if found and not isinstance(found[0], Constant) else found) == values


def test_input_and_target_by_keyword() -> None:
    (call,) = calls(f"{HEAD}F.cross_entropy(target=x.sigmoid(), input=x.softmax(1))\n")

    assert (call.traced("input").kind, call.traced("target").kind) == (P, S)


@pytest.mark.parametrize(
    ("expression", "altered"),
    [
        ("F.softmax(x, 1)", False),
        ("F.softmax(x, 1)[:, 0].detach()", False),
        ("1 - torch.sigmoid(x)", False),
        ("F.softmax(x, 1) + 1e-8", True),
        ("F.softmax(x, 1) - 1e-8", True),
        ("1e-8 + F.softmax(x, 1)[:, 0]", True),
        ("torch.sigmoid(x).clamp(1e-6, 1)", True),
        ("torch.clamp(torch.sigmoid(x), min=1e-6).log()", True),
        ("F.softmax(x, 1).mean(0)", True),
        ("nn.AvgPool2d(2)(F.softmax(x, 1))", True),
        ("F.softmax(x, 1).mean(0).softmax(0)", False),
    ],
)
def test_whether_the_numbers_are_those_that_were_made(expression: str, altered: bool) -> None:
    (call,) = calls(f"{HEAD}F.nll_loss({expression}, y)\n")

    assert call.traced("input").altered is altered


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("a", ("a", ())),
        ("a['k']", ("a", ("k",))),
        ("a[-1]", ("a", (-1,))),
        ("a[i]", ("a", (Some.ANY,))),
        ("a[1:]", ("a", (Some.ANY,))),
        ("f()", None),
    ],
)
def test_paths(text: str, spelled: Spelled | None) -> None:
    statement = Module(Source.from_text("a.py", text)).tree.body[0]

    assert path(statement.body[0].value) == spelled  # type: ignore[union-attr,index]


def test_what_leads_back_to_itself_ends() -> None:
    text = "def f(x):\n    return f(x)\ndef g(x, y):\n    x = f(x)\n    while y:\n        x = x.view(1)\n    F.cross_entropy(x, y)\n"

    assert kinds(HEAD + text) == [U]


def test_long_chains_end() -> None:
    lines = "".join(f"    x{n + 1} = x{n}.view(1) if y else x{n}.view(2)\n" for n in range(400))
    text = f"{HEAD}def f(x0, y):\n{lines}    F.cross_entropy(x400, y)\n"

    assert kinds(text) == [U]
