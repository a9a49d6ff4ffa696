"""What is cut out of a module for a total: a table of sources and the programs they become."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from losslint.config import Settings
from losslint.engine.reading import parsed
from losslint.model.module import deep_recursion
from losslint.ranges import evaluate
from losslint.ranges.weights import LearnedWeight
from losslint.source.text import Source
from losslint.verify.programs import CannotSlice, Program, Total
from losslint.verify.sandbox.allowed import refusal
from losslint.verify.slicing import expression, qualname, whole

FIXTURES = Path(__file__).parents[1] / "fixtures"
# How many of the fixtures' losses cannot be run whole, as things are: they hand their
# total to nobody, or rest on other projects.
NOT_WHOLE = 11


@dataclass(frozen=True)
class Case:
    """A source in which the total stands between « and », and the program made of it."""

    name: str
    source: str
    program: str
    leaves: tuple[str, ...] = ("self.s",)
    assumes: tuple[str, ...] = ()
    entry: str = ""
    method: str = ""


def cut(source: str, how: Callable[[ast.Module, Total], Program], *leaves: str) -> Program:
    """The program made of a source with its total between « and »."""
    tree, total = marked(source, *leaves)
    return how(tree, total)


def marked(source: str, *leaves: str) -> tuple[ast.Module, Total]:
    text = dedent(source)
    before, inside, _ = re.split("[«»]", text)
    row, column = place(before)
    end_row, end_column = place(before + inside)
    total = Total(row, column, end_row, end_column, leaves or ("self.s",))
    return ast.parse(text.replace("«", "").replace("»", "")), total


def place(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text.rpartition("\n")[2].encode())


def plain(text: str) -> str:
    return ast.unparse(ast.parse(dedent(text)))


WHOLE = [
    Case(
        "a class with what it needs of its module, in the module's order",
        '''
        """A module."""
        import math
        import os
        import torch
        from torch import nn
        from .models import Net

        START = 0.0

        class Base(nn.Module):
            def scaled(self, x):
                return x * half()

        def half():
            return 0.5

        def unused():
            return os.getcwd()

        class Loss(Base):
            """Weighs losses."""

            def __init__(self, tasks: int = 2):
                super().__init__()
                self.s = nn.Parameter(torch.full((tasks,), START))  # the log-variances

            def forward(self, losses):
                return «self.scaled((torch.exp(-self.s) * losses + self.s).sum())»

            def plot(self):
                return Net(self.s)
        ''',
        """
        import torch
        from torch import nn
        START = 0.0
        class Base(nn.Module):
            def scaled(self, x):
                return x * half()
        def half():
            return 0.5
        class Loss(Base):
            def __init__(self, tasks: int = 2):
                super().__init__()
                self.s = nn.Parameter(torch.full((tasks,), START))
            def forward(self, losses):
                return self.scaled((torch.exp(-self.s) * losses + self.s).sum())
        """,
        entry="Loss",
    ),
    Case(
        "devices are nothing, logs are silent, foreign decorators and annotations go",
        """
        import logging
        import torch
        import torch.nn as nn
        from registry import LOSSES
        from settings import Config

        logger = logging.getLogger(__name__)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

        @LOSSES.register_module()
        class Loss(nn.Module):
            def __init__(self, config: Config, device="cuda:0"):
                super().__init__()
                self.s = nn.Parameter(torch.zeros(2, device=device).cuda())

            def forward(self, losses: torch.Tensor) -> torch.Tensor:
                logger.info("losses %s", losses)
                print(losses)
                s = self.s.to(device, torch.float32)
                return «(torch.exp(-s) * losses.to(device) + s).sum()»
        """,
        """
        import torch
        import torch.nn as nn
        class Loss(nn.Module):
            def __init__(self, config, device="cpu"):
                super().__init__()
                self.s = nn.Parameter(torch.zeros(2))
            def forward(self, losses: torch.Tensor):
                s = self.s.to(torch.float32)
                return (torch.exp(-s) * losses + s).sum()
        """,
        assumes=(
            "the decorator `@LOSSES.register_module()` (line 11) is left out",
            "devices are left out: everything is on the CPU",
            "calls of `logger` are left out",
        ),
        entry="Loss",
    ),
    Case(
        "a function that is handed its losses and its leaf",
        """
        import torch

        def weighted(loss, s, scale=1.0):
            return «torch.exp(-s) * loss * scale + s»
        """,
        """
        import torch
        def weighted(loss, s, scale=1.0):
            return torch.exp(-s) * loss * scale + s
        """,
        ("s",),
        entry="weighted",
    ),
    Case(
        "a method that is not the call of its class",
        """
        import torch

        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.s = torch.nn.Parameter(torch.zeros(()))

            def forward(self, x):
                return x

            async def loss(self, x):
                return «torch.exp(-self.s) * await self.error(x) + self.s»

            def error(self, x):
                return x
        """,
        """
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.s = torch.nn.Parameter(torch.zeros(()))
            def forward(self, x):
                return x
            def loss(self, x):
                return torch.exp(-self.s) * self.error(x) + self.s
            def error(self, x):
                return x
        """,
        entry="Model",
        method="loss",
    ),
]

HEAD = """
import torch
from torch import nn
from project import Net, build, crop, settings
"""
TORCH = """
import torch
from torch import nn
"""


def method(body: str, rest: str = "") -> str:
    """A class whose forward has this body."""
    lines = dedent(body).strip().replace("\n", "\n        ")
    return f"""{HEAD}
class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(2))

    def forward(self, a, b):
        {lines}
{rest}"""


def sliced(body: str, *names: str, rest: str = "") -> str:
    """What becomes of it: the names that are stood in for, and the body."""
    lines = dedent(body).strip().replace("\n", "\n        ")
    stand_ins = "\n".join(f"{name} = stand_in({name!r})" for name in names)
    return f"""{TORCH}{stand_ins}
class Loss(StandInModule):
    def __init__(self):
        super().__init__()
        try:
            self.s = nn.Parameter(torch.zeros(2))
        except Exception as problem:
            self.s = missing(problem, 'self.s')
    def forward(self, a, b):
        {lines}
{rest}"""


def in_method(
    name: str, body: str, expected: str, *names: str, assumes: tuple[str, ...] = ()
) -> Case:
    return Case(name, method(body), sliced(expected, *names), assumes=assumes, entry="Loss")


METHODS = [
    in_method(
        "only what the total is computed from is kept",
        """
        log = {"a": a}
        log["b"] = b
        x = torch.exp(-self.s[0]) * a + self.s[0]
        log.update(x=x)
        x += torch.exp(-self.s[1]) * b + self.s[1]
        self.last = x
        total = «x.sum()»
        total.backward()
        """,
        """
        x = torch.exp(-self.s[0]) * a + self.s[0]
        x += torch.exp(-self.s[1]) * b + self.s[1]
        return x.sum()
        """,
    ),
    in_method(
        "what is collected in place is kept, with what it is collected from",
        """
        parts, seen = [], []
        named = {}
        for s, loss in zip(self.s, (a, b)):
            seen.append(loss)
            if loss is None:
                continue
            parts.append(torch.exp(-s) * loss + s)
        named["all"] = sum(parts)
        named["all"].mul_(0.5)
        return «named["all"]»
        """,
        """
        parts, seen = ([], [])
        named = {}
        for s, loss in zip(self.s, (a, b)):
            if loss is None:
                continue
            parts.append(torch.exp(-s) * loss + s)
        named["all"] = sum(parts)
        named["all"].mul_(0.5)
        return named["all"]
        """,
    ),
    in_method(
        "what would leave early is not the way that is looked at",
        """
        if not self.training:
            return a
        for loss in (a, b):
            if loss < 0:
                raise ValueError(loss)
        assert len(a) > 0
        return «(torch.exp(-self.s) * a + self.s).sum()»
        """,
        "return (torch.exp(-self.s) * a + self.s).sum()",
    ),
    in_method(
        "the branches, loops and contexts that hold the total are entered",
        """
        scale = 1.0
        if self.training:
            scale = 2.0
            with torch.autocast("cuda"), settings.timer() as timer:
                for index, loss in enumerate(a):
                    try:
                        total = torch.exp(-self.s[index]) * loss * scale + self.s[index]
                        settings.log(timer, «total»)
                    finally:
                        scale = 3.0
        """,
        """
        scale = 2.0
        index = 0
        loss = next(iter(a))
        total = torch.exp(-self.s[index]) * loss * scale + self.s[index]
        return total
        """,
        assumes=("the branch at line 13 is taken", "the loop at line 16 is run once"),
    ),
    in_method(
        "an else, an elif and a case",
        """
        if a is None:
            x = b
        elif b is None:
            match a:
                case [x, *_]:
                    return «torch.exp(-self.s) * x + self.s»
        """,
        """
        x = stand_in("x")
        return torch.exp(-self.s) * x + self.s
        """,
        assumes=(
            "the branch at line 14 is taken",
            "the case at line 16 is taken",
        ),
    ),
    in_method(
        "names from elsewhere are stood in for in the order of their use",
        """
        x = crop(build(a), settings.size)
        return «torch.exp(-self.s) * x + undefined»
        """,
        """
        x = crop(build(a), settings.size)
        return torch.exp(-self.s) * x + undefined
        """,
        "crop",
        "build",
        "settings",
        "undefined",
    ),
    in_method(
        "what was moved to a device is no leaf, and is added to in place",
        """
        total = torch.tensor(0.0, requires_grad=True).to(a.device)
        total += (torch.exp(-self.s) * a + self.s).sum()
        return «total»
        """,
        """
        total = torch.tensor(0.0, requires_grad=True).clone()
        total += (torch.exp(-self.s) * a + self.s).sum()
        return total
        """,
        assumes=("devices are left out: everything is on the CPU",),
    ),
    in_method(
        "an argument that is unpacked has as many parts as it is asked for",
        """
        x, (y, z) = a
        first, *rest = b
        return «(torch.exp(-self.s) * (x + y + z + first) + self.s).sum()»
        """,
        """
        x, (y, z) = (a[0], a[1])
        first, *rest = b
        return (torch.exp(-self.s) * (x + y + z + first) + self.s).sum()
        """,
    ),
    Case(
        "a total that is handed to a function inside of the method",
        method(
            """
            x = a + b
            def closure(scale, *, shift=0.0):
                nonlocal x
                x = x * scale
                return «(torch.exp(-self.s) * x + self.s).sum() + shift»
            return closure
            """
        ),
        sliced(
            """
            x = a + b
            x = x * scale
            return (torch.exp(-self.s) * x + self.s).sum() + shift
            """
        ).replace("(self, a, b)", "(self, a, b, scale, *, shift=0.0)"),
        entry="Loss",
    ),
    in_method(
        "tuples, walrus and names that a branch may leave unbound",
        """
        (first, *rest), c = a, (d := b)
        if d is not None:
            extra = first
        while (n := next(rest)) is not None:
            first = first + n
        return «(torch.exp(-self.s) * first + self.s).sum() + extra, d»
        """,
        """
        d = stand_in("d")
        extra = stand_in("extra")
        n = stand_in("n")
        (first, *rest), c = (a, (d := b))
        if d is not None:
            extra = first
        while (n := next(rest)) is not None:
            first = first + n
        return ((torch.exp(-self.s) * first + self.s).sum() + extra, d)
        """,
    ),
    Case(
        "a constructor keeps what is read, and goes on where it fails",
        f"""{HEAD}
from lightning import LightningModule

class Model(LightningModule):
    heads = 2
    unread = settings.unread

    def __init__(self, config, *names, rate=0.1, **rest):
        super().__init__(config)
        self.save_hyperparameters()
        self.config = config
        self.rate = rate
        self.net = Net(config).cuda()
        width = config.width + self.heads
        self.size, self.scale = width * 2, 1.0
        self.parts = nn.ModuleDict()
        self.parts["net"] = build(width)
        if config.learned:
            self.s = nn.Parameter(torch.zeros(width))
            self.other = width
        self.register_buffer("mask", torch.ones(width))
        self.build()
        self.reset()

    def build(self):
        if self.config.flat:
            return
        self.t = nn.Parameter(torch.zeros(self.size))

    def reset(self):
        self.rate = 0.0

    @property
    def weight(self):
        return torch.exp(-self.s) * self.mask

    def training_step(self, batch, index):
        loss = self.step(batch)
        self.log("loss", loss)
        return «loss»

    def step(self, batch):
        out = self.net(batch)
        self.log("out", out)
        return (self.weight * self.parts["net"](out) + self.s + self.t).sum() * self.scale
        """,
        f"""{TORCH}
build = stand_in('build')
class Model(StandInModule):
    heads = 2
    def __init__(self, config, *names, rate=0.1, **rest):
        super().__init__()
        self.config = config
        self.net = stand_in('self.net')
        try:
            width = config.width + self.heads
        except Exception as problem:
            width = missing(problem, 'width')
        try:
            self.size, self.scale = (width * 2, 1.0)
        except Exception as problem:
            self.size = missing(problem, 'self.size')
            self.scale = missing(problem, 'self.scale')
        try:
            self.parts = nn.ModuleDict()
        except Exception as problem:
            self.parts = missing(problem, 'self.parts')
        try:
            self.parts['net'] = build(width)
        except Exception as problem:
            self.parts = missing(problem, 'self.parts')
        try:
            if config.learned:
                try:
                    self.s = nn.Parameter(torch.zeros(width))
                except Exception as problem:
                    self.s = missing(problem, 'self.s')
        except Exception as problem:
            self.s = missing(problem, 'self.s')
        try:
            self.register_buffer('mask', torch.ones(width))
        except Exception as problem:
            self.mask = missing(problem, 'self.mask')
        try:
            self.build()
        except Exception as problem:
            missing(problem, 'self.t')
    def build(self):
        try:
            self.t = nn.Parameter(torch.zeros(self.size))
        except Exception as problem:
            self.t = missing(problem, 'self.t')
    @property
    def weight(self):
        return torch.exp(-self.s) * self.mask
    def training_step(self, batch, index):
        loss = self.step(batch)
        return loss
    def step(self, batch):
        out = self.net(batch)
        return (self.weight * self.parts['net'](out) + self.s + self.t).sum() * self.scale
        """,
        entry="Model",
        method="training_step",
        assumes=("devices are left out: everything is on the CPU",),
    ),
    Case(
        "bases of the file are cut as well, what others have of theirs is stood in for",
        f"""{HEAD}
class Base(Net):
    def __init__(this, tasks):
        Net.__init__(this, tasks)
        this.s = nn.Parameter(torch.zeros(tasks))
        this.unread = 0

    def weighted(this, loss):
        return super().weighted(loss) * torch.exp(-this.s) + this.s

    def forward(this, loss):
        return this.weighted(loss)

class Loss(Base):
    def forward(self, loss):
        return «super().forward(loss).sum()»
        """,
        f"""{TORCH}
class Base(StandInModule):
    def __init__(this, tasks):
        super().__init__()
        try:
            this.s = nn.Parameter(torch.zeros(tasks))
        except Exception as problem:
            this.s = missing(problem, 'this.s')
    def weighted(this, loss):
        return stand_in('super().weighted')(loss) * torch.exp(-this.s) + this.s
    def forward(this, loss):
        return this.weighted(loss)
class Loss(Base):
    def forward(self, loss):
        return super().forward(loss).sum()
        """,
        entry="Loss",
    ),
    Case(
        "leaves that no constructor makes are made by the method that does",
        f"""{HEAD}
class Loss(nn.Module):
    def set_up(self, tasks, start=0.0):
        self.s = nn.Parameter(torch.full((tasks,), start))

    def forward(self, losses):
        return «(torch.exp(-self.s) * losses + self.s).sum()»
        """,
        f"""{TORCH}
class Loss(StandInModule):
    def __init__(self):
        super().__init__()
        try:
            self.set_up(stand_in('tasks'))
        except Exception as problem:
            missing(problem, 'self.s')
    def set_up(self, tasks, start=0.0):
        try:
            self.s = nn.Parameter(torch.full((tasks,), start))
        except Exception as problem:
            self.s = missing(problem, 'self.s')
    def forward(self, losses):
        return (torch.exp(-self.s) * losses + self.s).sum()
        """,
        entry="Loss",
    ),
]

METHODS += [
    Case(
        "a class inside of a function has what that set up before it",
        f"""{HEAD}
def train(config, tasks=2):
    width = config.width
    unread = tasks
    net = Net(width)
    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.s = nn.Parameter(torch.zeros(width))

        def forward(self, x):
            return «(torch.exp(-self.s) * net(x) + self.s).sum()»
        """,
        f"""{TORCH}
config = stand_in('config')
try:
    width = config.width
except Exception as problem:
    width = missing(problem, 'width')
net = stand_in('net')
class Loss(StandInModule):
    def __init__(self):
        super().__init__()
        try:
            self.s = nn.Parameter(torch.zeros(width))
        except Exception as problem:
            self.s = missing(problem, 'self.s')
    def forward(self, x):
        return (torch.exp(-self.s) * net(x) + self.s).sum()
        """,
        entry="Loss",
    ),
    Case(
        "a loop that is left by a return or a raise is still left",
        method(
            """
            x = a
            while True:
                x = x * 0.5
                if x < b:
                    return x
            return «torch.exp(-self.s) * x + self.s»
            """
        ),
        sliced(
            """
            x = a
            while True:
                x = x * 0.5
                if x < b:
                    break
            return torch.exp(-self.s) * x + self.s
            """
        ),
        entry="Loss",
    ),
]

STEPS = [
    Case(
        "what stands before the loop is set up, a turn of the loop is the step",
        f"""{HEAD}
def train(loader, rate=0.1, epochs=2):
    model = Net().cuda()
    log_vars = nn.Parameter(torch.zeros(2) * rate)
    optimizer = torch.optim.Adam([log_vars], lr=rate)
    running = 0.0
    history = []
    for epoch in range(epochs):
        for index, (x, y) in enumerate(loader):
            losses = build(model(x), y)
            total = sum(torch.exp(-s) * loss + s for s, loss in zip(log_vars, losses))
            history.append(total)
            running += history[-1]
            optimizer.zero_grad()
            «running».backward()
        """,
        f"""{TORCH}
build = stand_in('build')
rate = 0.1
model = stand_in('model')
try:
    log_vars = nn.Parameter(torch.zeros(2) * rate)
except Exception as problem:
    log_vars = missing(problem, 'log_vars')
def step(loader):
    running = 0.0
    history = []
    x, y = next(iter(loader))
    losses = build(model(x), y)
    total = sum((torch.exp(-s) * loss + s for s, loss in zip(log_vars, losses)))
    history.append(total)
    running += history[-1]
    return running
        """,
        ("log_vars",),
        (
            "the loop at line 12 is run once",
            "the loop at line 13 is run once",
            "devices are left out: everything is on the CPU",
        ),
        "step",
    ),
    Case(
        "without a loop, what makes the leaf is set up",
        f"""{HEAD}
def main(a, *, b=1.0):
    a = a * 2
    log_var = torch.zeros(1, requires_grad=True)
    loss = torch.exp(-log_var) * a + log_var
    return «loss.mean() + b»
        """,
        """
import torch
try:
    log_var = torch.zeros(1, requires_grad=True)
except Exception as problem:
    log_var = missing(problem, 'log_var')
def step(a, *, b=1.0):
    a = a * 2
    loss = torch.exp(-log_var) * a + log_var
    return loss.mean() + b
        """,
        ("log_var",),
        entry="step",
    ),
    Case(
        "code of the module itself, with a class of its own that weighs",
        f"""{HEAD}
class Loss(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses):
        return (torch.exp(-self.s) * losses + self.s).sum()

if __name__ == "__main__":
    criterion = Loss(2)
    pairs = crop(settings)
    smooth = 0.0
    for step in pairs:
        loss = criterion(step)
        smooth = smooth * 0.9 + loss
        «smooth».backward()
        """,
        f"""{TORCH}
class Loss(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(tasks))
    def forward(self, losses):
        return (torch.exp(-self.s) * losses + self.s).sum()
try:
    criterion = Loss(2)
except Exception as problem:
    criterion = missing(problem, 'criterion')
pairs = stand_in('pairs')
def step():
    smooth = 0.0
    step = next(iter(pairs))
    loss = criterion(step)
    smooth = smooth * 0.9 + loss
    return smooth
        """,
        ("self.s",),
        ("the loop at line 18 is run once",),
        "step",
    ),
    Case(
        "what is set up in more than one way is handed to the step by another name",
        f"""{HEAD}
def train(loader):
    s = nn.Parameter(torch.zeros(2))
    best = build(loader)
    if best is None:
        best = 0.0
    for x in loader:
        best = best + (torch.exp(-s) * x + s).sum()
        «best».backward()
        """,
        f"""{TORCH}
try:
    s = nn.Parameter(torch.zeros(2))
except Exception as problem:
    s = missing(problem, 's')
best = stand_in('best')
try:
    if best is None:
        best = 0.0
except Exception as problem:
    best = missing(problem, 'best')
best_before = best
def step(loader):
    best = best_before
    x = next(iter(loader))
    best = best + (torch.exp(-s) * x + s).sum()
    return best
        """,
        ("s",),
        ("the loop at line 11 is run once",),
        "step",
    ),
    Case(
        "what a set-up may leave unbound is bound at last",
        f"""{HEAD}
def train(loader, config):
    if config.learned:
        s = nn.Parameter(torch.zeros(2))
    for x in loader:
        «(torch.exp(-s) * x + s).sum()».backward()
        """,
        f"""{TORCH}
config = stand_in('config')
try:
    if config.learned:
        try:
            s = nn.Parameter(torch.zeros(2))
        except Exception as problem:
            s = missing(problem, 's')
except Exception as problem:
    s = missing(problem, 's')
try:
    s
except Exception as problem:
    s = missing(problem, 's')
def step(loader):
    x = next(iter(loader))
    return (torch.exp(-s) * x + s).sum()
        """,
        ("s",),
        ("the loop at line 9 is run once",),
        "step",
    ),
    Case(
        "a function inside of a function is the step, its names are the program's",
        f"""{HEAD}
def train(a, b):
    s = nn.Parameter(torch.zeros(2))
    count = 0
    def weight(loss):
        return torch.exp(-s) * loss
    def closure(scale=1.0):
        nonlocal count
        count = count + 1
        return «(weight(a) * scale + s).sum() + count»
    return closure
        """,
        f"""{TORCH}
try:
    s = nn.Parameter(torch.zeros(2))
except Exception as problem:
    s = missing(problem, 's')
def weight(loss):
    return torch.exp(-s) * loss
def step(a, scale=1.0):
    count = 0
    count = count + 1
    return (weight(a) * scale + s).sum() + count
        """,
        ("s",),
        entry="step",
    ),
    Case(
        "helpers keep what they return, constants what they need, and leaves stay leaves",
        f"""{HEAD}
import logging

log = logging.getLogger("losses")
SCALE = 0.5
SIZE = int(SCALE * 4)
LIMIT = settings.limit
s = torch.zeros(settings.tasks, requires_grad=True)

def checked(loss):
    log.debug("loss %s", loss)
    shape = loss.shape
    if loss.dim() > LIMIT:
        return loss.mean()
    return loss * SIZE

def weighted(loss):
    return «torch.exp(-s) * checked(loss) + s»
        """,
        """
import torch
settings = stand_in('settings')
LIMIT = stand_in('LIMIT')
SCALE = 0.5
try:
    SIZE = int(SCALE * 4)
except Exception as problem:
    SIZE = missing(problem, 'SIZE')
try:
    s = torch.zeros(settings.tasks, requires_grad=True)
except Exception as problem:
    s = missing(problem, 's')
def checked(loss):
    if loss.dim() > LIMIT:
        return loss.mean()
    return loss * SIZE
def step(loss):
    return torch.exp(-s) * checked(loss) + s
        """,
        ("s",),
        assumes=("calls of `log` are left out",),
        entry="step",
    ),
    Case(
        "what is not permitted is stood in for",
        f"""{HEAD}
import torch.distributed as dist

def weighted(loss, s, *rest, path=open("losses.txt")):
    loss = loss * torch.load("scale.pt") + len(path.read())
    loss = loss / dist.get_world_size() + getattr(torch, settings.name)(loss)
    return «torch.exp(-s) * loss + s + sum(rest)»
        """,
        """
import torch
dist = stand_in('dist')
def step(loss, s, *rest, path=stand_in('open')('losses.txt')):
    loss = loss * stand_in('torch.load')('scale.pt') + len(path.read())
    loss = loss / dist.get_world_size() + stand_in('getattr(torch, settings.name)')(loss)
    return torch.exp(-s) * loss + s + sum(rest)
        """,
        ("s",),
        entry="step",
    ),
    Case(
        "names of a foreign star are what they usually are",
        """
from project import *

def weighted(loss, s):
    return «torch.exp(-s) * scaled(loss) + s»
        """,
        """
import torch
scaled = stand_in('scaled')
def step(loss, s):
    return torch.exp(-s) * scaled(loss) + s
        """,
        ("s",),
        ("`torch` of `from project import *` is taken for what it usually is",),
        "step",
    ),
]


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.name)
def test_the_whole_of_it(case: Case) -> None:
    check(case, cut(case.source, whole, *case.leaves))


@pytest.mark.parametrize("case", METHODS + STEPS, ids=lambda case: case.name)
def test_the_statements_that_compute_it(case: Case) -> None:
    check(case, cut(case.source, expression, *case.leaves))


def check(case: Case, program: Program) -> None:
    assert program.text.strip() == plain(case.program)
    assert (program.entry, program.method) == (case.entry, case.method)
    assert program.assumes == case.assumes
    assert refusal(program.text) is None


REASONS = [
    (
        "from .losses import FocalLoss\nimport torch\n\n"
        "class Loss(torch.nn.Module):\n    def forward(self, x):\n"
        "        return «FocalLoss()(x) * torch.exp(-self.s)»\n",
        "needs `FocalLoss`, an import of `.losses` (line 1)",
    ),
    (
        "import torch\nfrom lightning import LightningModule as Base\n\n"
        "class Loss(Base):\n    def forward(self, x):\n        return «x * self.s»\n",
        "needs `Base`, an import of `lightning` (line 2)",
    ),
    (
        "def loss(x, s):\n    return «x * s * scale»\n",
        "needs `scale`, which nothing in this file defines (line 2)",
    ),
    (
        "from project import *\n\ndef loss(x, s):\n    return «x * s * scale»\n",
        "needs `scale`, which may come from `from project import *` (line 1)",
    ),
    (
        "import json\n\nWEIGHTS = json.loads('[1]')\n\ndef loss(x, s):\n"
        "    return «x * s * WEIGHTS[0]»\n",
        "needs `json`, an import of `json` (line 1)",
    ),
    (
        "def train(scale):\n    class Loss:\n        def forward(self, x):\n"
        "            return «x * self.s * scale»\n    return Loss()\n",
        "needs `scale` of `train` (line 4)",
    ),
    (
        "import torch\n\ns = torch.zeros(1, requires_grad=True)\n«(s * 2)».backward()\n",
        "the total is computed outside of any function (line 4)",
    ),
    (
        "def train(x, s):\n    loss = x * s\n    «loss».backward()\n",
        "`train` does not return the total (line 3)",
    ),
    (
        "import torch\n\ndef train(x):\n    s = torch.zeros(1, requires_grad=True)\n"
        "    return «x * s»\n",
        "`train` makes what it learns itself (line 4)",
    ),
]


@pytest.mark.parametrize(("source", "why"), REASONS, ids=[why for _, why in REASONS])
def test_why_something_cannot_be_run_whole_is_said(source: str, why: str) -> None:
    leaf = "self.s" if "self.s" in source else "s"
    with pytest.raises(CannotSlice) as problem:
        cut(source, whole, leaf)
    assert str(problem.value) == why


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("class A:\n    def f(self):\n        def g():\n            return «1»\n", "A"),
        ("class A:\n    class B:\n        def f(self):\n            return «1»\n", "A.B"),
        ("def f():\n    class A:\n        def g(self):\n            return «1»\n", "A"),
        ("def f():\n    def g():\n        return «1»\n", "f"),
        ("async def f():\n    return «1»\n", "f"),
        ("if True:\n    x = «1»\n", "<module>"),
        ("class A:\n    x = «1»\n", "<module>"),
    ],
)
def test_the_name_of_a_total_is_what_a_user_would_type(source: str, name: str) -> None:
    assert qualname(*marked(source)) == name


class Anything:
    """Whatever is asked of it is itself."""

    def __getattr__(self, name: str) -> Anything:
        return self

    def __call__(self, *_args: object) -> Anything:
        return self

    def __iter__(self) -> Iterator[Anything]:
        return iter([self, self])

    def __neg__(self) -> Anything:
        return self

    def __add__(self, other: object) -> Anything:
        return self

    __radd__ = __mul__ = __rmul__ = __add__


def test_a_program_goes_on_where_its_set_up_fails() -> None:
    source = STEPS[3].source.replace("torch.zeros(2)", "len(1)")
    program = cut(source, expression, "s")
    missed: list[str] = []

    def missing(problem: Exception, name: str) -> Anything:
        missed.append(f"{name}: {problem}")
        return something

    something = Anything()
    names = {"stand_in": something, "missing": missing, "torch": something, "nn": something}
    text = program.text.replace("import torch\n", "").replace("from torch import nn\n", "")
    exec(compile(text, "<program>", "exec"), names)
    step = names["step"]
    assert callable(step)
    assert step(something) is something
    assert missed == ["s: object of type 'int' has no len()"]


def test_the_same_total_makes_the_same_program() -> None:
    for case in METHODS + STEPS:
        assert cut(case.source, expression, *case.leaves) == cut(
            case.source, expression, *case.leaves
        )


def losses(path: Path) -> Iterator[tuple[ast.Module, Total]]:
    """Every total of learned weights in a file."""
    with deep_recursion():
        module, _ = parsed(Source.decode(str(path), path.read_bytes()), Settings())
        groups: dict[object, list[LearnedWeight]] = {}
        for weight in evaluate.subjects(module)[LearnedWeight]:
            groups.setdefault(weight.sink.node, []).append(weight)
        for weights in groups.values():
            span = module.span(weights[0].sink.node)
            before = [module.source.data[:offset].decode() for offset in (span.start, span.end)]
            (row, column), (end_row, end_column) = map(place, before)
            leaves = tuple(weight.leaf.name for weight in weights)
            assert module.syntax is not None
            yield module.syntax, Total(row, column, end_row, end_column, leaves)


def test_every_loss_of_the_fixtures_becomes_programs_that_may_run() -> None:
    not_whole = 0
    for path in sorted(FIXTURES.rglob("bad.py")):
        if b"Parameter(" not in path.read_bytes():
            continue
        for tree, total in losses(path):
            before = ast.dump(tree)
            program = expression(tree, total)
            compile(program.text, str(path), "exec")
            assert refusal(program.text) is None, f"{path}:{total.row}: {refusal(program.text)}"
            try:
                compile(whole(tree, total).text, str(path), "exec")
            except CannotSlice:
                not_whole += 1
            assert ast.dump(tree) == before
    assert not_whole == NOT_WHOLE
