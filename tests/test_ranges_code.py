"""The law of the operations, of the code that applies them: what torch computes lies in what is said.

Every function, method, operator, builtin, layer, loss, kind of expression and kind of
statement that the evaluator knows has its rows here, found by the evaluator's own tables:
whatever is added to one of them and has no row fails the test.
"""

from __future__ import annotations

import ast
import math
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import libcst as cst
import pytest
import torch
from test_ranges_growth import along, check, normal
from test_ranges_ops import ROUNDING, lies_in
from torch import Tensor

from losslint.model.module import Module
from losslint.ranges import builtin, expressions, functions, losses, ops, statements, tensors
from losslint.ranges.evaluate import Evaluator
from losslint.ranges.growth import End, Growth, Known
from losslint.ranges.interval import Interval, point
from losslint.ranges.objects import Object
from losslint.ranges.run import parts
from losslint.ranges.value import (
    Factor,
    Leaf,
    Origin,
    Term,
    Value,
    factor_value,
    leaf_value,
    number,
)
from losslint.source.text import Source

torch.set_num_threads(1)

IMPORTS = """\
import contextlib, math, torch
from torch import nn
import torch.nn.functional as F
"""

# What a function is handed beside `x`, or the whole call; without a row, `x` alone.
# `y` is another tensor of its kind, `i` are places in the first dimension.
ROWS: dict[str, list[str]] = {
    "softplus": ["F.softplus(x)", "F.softplus(x, 2.0)", "F.softplus(x, beta=0.5)", "nn.Softplus(beta=3)(x)"],
    "elu": ["F.elu(x)", "F.elu(x, 2.0)", "F.elu(x, alpha=0.1)", "nn.ELU(alpha=3.0)(x)"],
    "log": ["torch.log(x)", "x.log()", "math.log(z, 2)", "math.log(z, 0.5)"],
    "fabs": ["math.fabs(z)"],
    "expit": ["torch.special.expit(x)"],
    "special_expit": ["torch.special.expit(x)"],
    "softmax": ["x.softmax(0)", "F.softmax(x, dim=-1)", "torch.softmax(x, 0)"],
    "log_softmax": ["x.log_softmax(0)", "F.log_softmax(x, dim=-1)"],
    "softmin": ["F.softmin(x, dim=0)"],
    "nan_to_num": ["x.nan_to_num()", "torch.nan_to_num(x, nan=-3.0)", "x.nan_to_num(1.0, 2.0, -2.0)"],
    "view": ["x.view(-1)"], "reshape": ["x.reshape(-1)", "torch.reshape(x, (-1,))"],
    "unsqueeze": ["x.unsqueeze(0)"], "to": ["x.to('cpu')", "x.to(torch.float32)"],
    "cuda": ["x"], "expand": ["x.expand(2, *x.shape)"], "expand_as": ["x.expand_as(y)"],
    "type": ["x.type(torch.float32)"], "type_as": ["x.type_as(y)"], "permute": ["x.permute(1, 0)"],
    "transpose": ["x.transpose(0, 1)"], "repeat": ["x.repeat(2, 1)"], "index_select": ["x.index_select(0, i)"],
    "gather": ["x.gather(0, i.expand(1, 2))" , "torch.gather(x, 0, i[:, None])"], "narrow": ["x.narrow(0, 0, 1)"],
    "view_as": ["x.view_as(y)"], "reshape_as": ["x.reshape_as(y)"], "movedim": ["x.movedim(0, 1)"],
    "broadcast_to": ["x.broadcast_to(2, *x.shape)"], "tile": ["x.tile((2,))"],
    "repeat_interleave": ["x.repeat_interleave(2)"], "flip": ["x.flip(0)"],
    "item": ["x[0, 0].item()"], "numpy": ["x.tolist()"],
    "clamp": ["x.clamp(0)", "x.clamp(-0.5, 0.5)", "torch.clamp(x, min=1.0)", "torch.clamp(x, max=-1.0)", "x.clamp(2.0, 1.0)", "x.clamp(min=y)", "x.clamp(None, 1.0)"],
    "clip": ["x.clip(-1, 1)"], "clamp_min": ["x.clamp_min(0.5)", "torch.clamp_min(x, min=-0.5)"],
    "clamp_max": ["x.clamp_max(0.5)"], "hardtanh": ["F.hardtanh(x)", "F.hardtanh(x, -2.0, 0.5)", "F.hardtanh(x, max_val=3.0)"],
    "max": ["x.max()", "torch.max(x, 0)", "x.max(1)[0]", "torch.max(x, y)", "torch.max(x, other=y)", "x.max(dim=0)", "x.max(-1)", "torch.max(x, torch.tensor(0.0))"],
    "min": ["x.min()", "torch.min(x, 0)", "x.min(1)[0]", "torch.min(x, y)", "x.min(dim=0)"],
    "maximum": ["torch.maximum(x, y)", "torch.maximum(x, torch.zeros(1))"], "minimum": ["torch.minimum(x, y)"],
    "fmax": ["torch.fmax(x, y)", "torch.fmax(x, torch.ones(1))"], "fmin": ["torch.fmin(x, y)", "torch.fmin(x, torch.zeros(1))"],
    "add": ["x.add(y)", "torch.add(x, y, alpha=-2.0)", "x.add(1.5)", "x.add(y, alpha=3)"],
    "sub": ["x.sub(y)", "torch.sub(x, y, alpha=2.0)"], "subtract": ["x.subtract(y)"],
    "mul": ["x.mul(y)", "torch.mul(x, -2.0)", "x.mul(other=y)"], "multiply": ["torch.multiply(x, y)"],
    "div": ["x.div(y)", "torch.div(x, 2)", "torch.div(x, y, rounding_mode='floor')"],
    "true_divide": ["x.true_divide(y)"], "divide": ["x.divide(y)"],
    "pow": ["x.pow(2)", "torch.pow(x, 0.5)", "x.pow(y)", "torch.pow(2.0, x)", "x.pow(-1)", "torch.pow(0.5, x)"],
    "dot": ["torch.dot(x.view(-1), y.view(-1))"], "matmul": ["x.matmul(y)"], "mm": ["torch.mm(x, y)"],
    "bmm": ["torch.bmm(x[None], y[None])"], "inner": ["torch.inner(x, y)"], "vdot": ["torch.vdot(x[0], y[0])"],
    "einsum": ["torch.einsum('ij,ij->i', x, y)"], "tensordot": ["torch.tensordot(x, y)"], "mv": ["torch.mv(x, y[0])"],
    "where": ["torch.where(x > 0, x, y)", "x.where(x > 0, y)", "torch.where(x > 0, x, 0.0)"],
    "stack": ["torch.stack([x, y])", "torch.stack([x, y])[0]", "torch.stack([x, y]).exp()", "torch.stack((x + 1, y + 1)).mean()", "torch.stack([x, y, x - y]).min()"],
    "cat": ["torch.cat([x, y])"], "hstack": ["torch.hstack([x, y])"], "vstack": ["torch.vstack((x, y))"],
    "concat": ["torch.concat([x, y])"], "concatenate": ["torch.concatenate([x, y])"], "column_stack": ["torch.column_stack([x, y])"],
    "unbind": ["x.unbind(0)[0]"], "chunk": ["x.chunk(2)[0]"], "split": ["x.split(1)[0]"],
    "sum": ["x.sum()", "torch.sum(x, dim=0)", "x.sum(-1)", "x.sum().exp()"], "nansum": ["x.nansum()"],
    "mean": ["x.mean()", "torch.mean(x, dim=0)", "x.mean(-1)"], "nanmean": ["x.nanmean()"],
    "fsum": ["math.fsum([1.0, 2.0])"], "sum_to_size": ["x.sum_to_size(1, 1)"],
    "cumsum": ["x.cumsum(0)"], "norm": ["x.norm()", "torch.norm(x, p=1)"], "vector_norm": ["torch.linalg.vector_norm(x)"],
    "prod": ["x.prod()", "x.prod(0)"], "var": ["x.var()", "x.var(0)", "torch.var(x)"], "std": ["x.std()", "x.std(1)"],
    "sort": ["x.sort()", "torch.sort(x, 0)"], "diag": ["torch.diag(x[0])", "x.diag()"],
    "cosine_similarity": ["F.cosine_similarity(x, y)"], "normalize": ["F.normalize(x)"],
    "squeeze": ["x.squeeze()"], "t": ["x.t()"],
}  # fmt: skip
LAYERS = {"Softmax": ["nn.Softmax(dim=-1)(x)"], "LogSoftmax": ["nn.LogSoftmax(0)(x)"]}
FACTORIES = {
    "full": ["torch.full((2,), -1.5)", "torch.full((2,), fill_value=2.0)"], "empty": ["torch.empty(0)"],
    "tensor": ["torch.tensor([1.0, -2.0])", "torch.tensor([3.0, 3.0])", "torch.tensor([1.0, 2.0])[0]", "torch.tensor([3.0, 3.0]).sum()"],
    "as_tensor": ["torch.as_tensor([1.0, 2.0])"], "Tensor": ["torch.Tensor([1.0, 2.0])", "torch.Tensor([-1.0, -1.0])"],
    "FloatTensor": ["torch.FloatTensor([2.0])"], "zeros_like": ["torch.zeros_like(x)"],
    "ones_like": ["torch.ones_like(x)"], "full_like": ["torch.full_like(x, 2.0)"],
    "ones": ["torch.ones(3)", "torch.ones(3).sum()", "-torch.ones(3).sum()", "torch.ones(2, 2).prod()"],
    "arange": ["torch.arange(3)", "torch.arange(-2, 2)"], "linspace": ["torch.linspace(-1, 1, 3)"],
}  # fmt: skip
BUILTINS = {
    "sum": ["sum(x)", "sum([x, y])", "sum([x, y], 1.0)", "sum(v - 1 for v in x)", "sum([v.exp() for v in x], y)"],
    "list": ["list(x)[0]"], "tuple": ["tuple([x, y])[1]"], "sorted": ["sorted([z, 0.5])[0]"],
    "reversed": ["list(reversed([x, y]))[0]"], "iter": ["next(iter([x, y]))"], "set": ["list({z})[0]"],
    "dict": ["dict(a=x, b=y)['a']"], "OrderedDict": [], "defaultdict": [],
    "zip": ["[a + b for a, b in zip([x, y], [y, 1.0])][0]", "sum(a * b for a, b in zip(x, y))"],
    "enumerate": ["[n for n, v in enumerate([x, y])][0]", "sum(n * v for n, v in enumerate([x, y]))"],
    "range": ["[k for k in range(3)][0]"], "bool": ["bool(0.0)"], "len": ["len([x, y])"],
    "float": ["float(x[0, 0])"], "round": ["round(z + 0.4)"], "int": ["int(z + 0.4)"],
    "abs": ["abs(x)"], "pow": ["pow(x, 2)"],
    "max": ["max(z, 0)", "max(z, 1.0)", "max(z, 0.5, 2)", "max([z, 0.25])", "max(0.0, z)"],
    "min": ["min(z, 0)", "min(0.5, z)", "min([z, 0.25])"],
    "getattr": [], "setattr": [],
}  # fmt: skip
OPERATORS = [
    "x + y", "x - y", "x * y", "x / y", "x // y", "x % y", "x ** y", "x ** 2", "x ** -1", "x ** 0.5", "2 ** x",
    "x @ y", "-x", "+x", "x - x", "x * x", "1 / x", "x / x.sum()", "2 * (x + 1)", "x - 2 * y", "(x + y) * (x - y)",
    "0 * x", "x / 0.5", "7 // 2 * x", "(x + 1).exp()", "(x - y).abs()", "math.inf * x", "x - math.nan", "0.5 ** x", "1 ** x",
]  # fmt: skip
EXPRESSIONS = {
    cst.Integer: ["3"], cst.Float: ["-0.5"], cst.Name: ["x", "True", "z"],
    cst.Attribute: ["x.T", "x.mT", "x.data", "x.real", "math.pi", "math.inf", "math.nan", "x.ndim"],
    cst.Subscript: ["x[0]", "x[0, 1]", "x[-1]", "[x, y][1]", "{'a': x, 'b': y}['b']", "[1.0, -2.0][k]", "[x + 1, y + 1][k]", "x[:1]"],
    cst.UnaryOperation: ["-x", "+x", "not z"], cst.BinaryOperation: OPERATORS, cst.Call: ["abs(x)"],
    cst.Tuple: ["(x, y)"], cst.List: ["[x, *[y, z]]"], cst.Set: ["list({z})[0]"], cst.Dict: ["{'a': x, **{'b': y}}['a']"],
    cst.ListComp: ["[v * 2 for v in x][0]", "[a - b for a in x for b in y][0]"], cst.GeneratorExp: ["sum(v for v in [x, y])"],
    cst.SetComp: ["list({v + 1 for v in [z, 0.5]})[0]"], cst.DictComp: ["{k: v for k, v in [('a', x), ('b', y)]}['a']"],
    cst.IfExp: ["x if k else y", "x + 1 if k else y + 1", "x + 1 if k else 2 + x"],
    cst.BooleanOperation: ["z or 0.5", "z and 2.0"], cst.Comparison: ["(x > y) * 1.0", "z < 0.5"],
    cst.Lambda: ["(lambda v: v + 1)(x)"], cst.NamedExpr: ["(w := x) + w"],
}  # fmt: skip
# An expression that a function alone can hold, which runs on its own.
OF_FUNCTIONS = {cst.Await, cst.Yield}

STATEMENTS: dict[type[cst.CSTNode], list[str]] = {
    cst.SimpleStatementLine: ["a = x; a = a + 1; return a", "x.abs_()\nreturn x", "w = x.clone()\nw.fill_(-3.0)\nreturn w", "w = x * 1\nw.zero_()\nreturn w"],
    cst.SimpleStatementSuite: ["if k: return x + 1\nreturn y"],
    cst.If: ["if k:\n    t = x + 1\nelse:\n    t = y + 1\nreturn t", "t = x + 1\nif k:\n    t = t + y\nreturn t", "t = 2.0\nif k:\n    t = x + 5\nelif z:\n    t = y\nreturn t * 2"],
    cst.For: ["t = 0\nfor v in x:\n    t = t + v\nreturn t", "t = 1.0\nfor v in x:\n    t = t * v\nreturn t", "t = 1.0\nfor v in x:\n    t = t - 2\nreturn t", "t = y\nfor v in [x, y]:\n    t = v - t\nreturn t", "t = 1.0\nfor v in x:\n    t -= v\n    if k: break\nreturn t", "t = 0.0\nfor v in x:\n    t = 1.0\nelse:\n    t = t + 1\nreturn t", "t = 5.0\nfor v in x:\n    t = v + 1\nreturn t", "t = 3.0\nfor v in x:\n    t = 1 - t\nreturn t", "t = u = 1.0\nfor v in x:\n    t, u = u - 2, t\nreturn t", "t = []\nfor v in x:\n    t.append(v + 1)\nreturn sum(t)", "t = 0.0\nfor v in x:\n    for w in [1.0, -2.0]:\n        t = t + w * v\nreturn t"],
    cst.While: ["t, n = x, 0\nwhile n < 3:\n    t, n = t - 1, n + 1\nreturn t", "t = 1.0\nwhile z > 5:\n    t = t * 2\nreturn t"],
    cst.With: ["with torch.no_grad():\n    t = x + 1\nreturn t", "with contextlib.nullcontext(x) as t:\n    pass\nreturn t"],
    cst.Try: ["try:\n    t = x + 1\nexcept ValueError:\n    t = y\nelse:\n    t = t - 1\nfinally:\n    t = t * 2\nreturn t"],
    cst.TryStar: [],  # a SyntaxError before Python 3.11
    cst.Match: ["match k:\n    case 1:\n        t = x\n    case _:\n        t = y + 1\nreturn t"],
    cst.FunctionDef: ["def inner(v, w=2.0):\n    return v + w\nreturn inner(x)", "def inner(*v):\n    return v[0] - v[1]\nreturn inner(x, y)"],
    cst.ClassDef: ["class C:\n    pass\nreturn x"],
    cst.Assign: ["a = b = x\nreturn a + b", "a, b = x, y\nreturn a - b", "a, *b = [x, y, x]\nreturn b[0]", "t = [x, y]\nt[0] = y + 1\nreturn t[0]", "t = {}\nt['a'] = x\nt['a'] = y\nreturn t['a']", "a, b = x.sort()\nreturn b"],
    cst.AnnAssign: ["a: float = x\nreturn a"],
    cst.AugAssign: ["a = x + 0\na += y\nreturn a", "a = x + 0\na -= y\nreturn a", "a = x + 0\na *= y\nreturn a", "a = x + 0\na /= 2\nreturn a", "a = [x]\na += [y]\nreturn a[1]", "a = x + 0\na **= 2\nreturn a", "a = z\na //= 2\nreturn a"],
    cst.Expr: ["t = [x]\nt.append(y)\nreturn t[-1]", "t = [x]\nt.insert(0, y)\nreturn t[0]", "t = [x]\nt.extend([y, x])\nreturn t[1]", "t = {'a': x}\nt.update(b=y)\nreturn t['b']", "t = [x, y]\nreturn t.pop()"],
    cst.Del: ["a = x\ndel a\nreturn y"],
    cst.Assert: ["assert k is not None\nreturn x"],
}  # fmt: skip


def rows_of(name: str) -> list[str]:
    """The calls of one function of torch: as it stands in each place that has it, if no row says more."""
    if name in ROWS:
        return ROWS[name]
    x = torch.rand(2, 2)
    spelled = [f"torch.{name}(x)", f"F.{name}(x)", f"x.{name}()", f"x.{name}_()"]
    return [text for text in spelled if runs(text, x)]


def runs(text: str, x: Tensor) -> bool:
    try:
        eval(text, {"torch": torch, "F": torch.nn.functional, "x": x.clone()})
    except (AttributeError, TypeError):
        return False
    return True


def bodies() -> Iterator[tuple[str, str]]:
    """Every row, by what it is a row of, as the body of a function."""
    tables: list[tuple[str, dict[str, list[str]]]] = [
        ("function", {name: rows_of(name) for name in functions.FUNCTIONS}),
        ("layer", {name: LAYERS.get(name, [f"nn.{name}()(x)"]) for name in ops.LAYERS}),
        (
            "factory",
            {name: FACTORIES.get(name, [f"torch.{name}(2)"]) for name in tensors.FACTORIES},
        ),
        ("builtin", BUILTINS),
        ("expression", {kind.__name__: rows for kind, rows in EXPRESSIONS.items()}),
    ]
    for table, rows in tables:
        for name, texts in rows.items():
            yield from ((f"{table} {name}: {text}", f"return {text}") for text in texts)
    for kind, texts in STATEMENTS.items():
        yield from ((f"statement {kind.__name__}: {text}", text) for text in texts)


BODIES = dict(bodies())


# --- the law ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Code:
    """A function of x, y (tensors), z (a number), i (places) and k (whether), run in both ways."""

    text: str

    @property
    def source(self) -> str:
        return f"{IMPORTS}\ndef f(x, y, z, i, k):\n{textwrap.indent(self.text, '    ')}\n"

    def said(self, **bound: Object) -> list[Object]:
        """What the evaluator makes of it, path by path."""
        run, node = abstract(self.source)
        run.spent = 0
        return run.function(node, bound, None, None)

    def done(self, x: Tensor, y: Tensor, k: int = 0) -> object:
        """What Python and torch make of it."""
        names = concrete(self.source)
        i = torch.zeros(1, dtype=torch.long)
        return names["f"](x.clone(), y.clone(), x.view(-1)[0].item(), i, k)


@cache
def abstract(source: str) -> tuple[Evaluator, cst.FunctionDef]:
    run = Evaluator(Module(Source.decode("code.py", source.encode())))
    (node,) = (n for n in run.module.tree.body if isinstance(n, cst.FunctionDef))
    return run, node


@cache
def concrete(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(ast.parse(source), "code.py", "exec"), names)
    return names


RANGES = [
    (Interval(lo, hi), [lo, hi, *inside])
    for lo, hi, inside in [
        (-math.inf, math.inf, [-2.0, 0.0, 3.0]),
        (-3.0, 2.0, [-0.5, 0.0, 1.0]),
        (0.0, math.inf, [0.5, 1.0, 40.0]),
        (0.25, 0.75, [0.5]),
        (2.0, 5.0, [2.5]),
        (-5.0, -2.0, [-3.5]),
        (1.0, 1.0, []),
        (-math.inf, -1.0, [-1.5]),
    ]
]
RANGES.append((Interval(-3.0, 2.0, nan=True), [-3.0, math.nan, 2.0, 0.5]))
# torch rounds to what these tell it to.
COARSE = {torch.float16: 1e-3, torch.bfloat16: 1e-2, torch.float32: 1e-6, torch.float64: 1e-9}


def constant(interval: Interval) -> Value:
    """A tensor that nothing is known of but its range."""
    bare = interval.lo == interval.hi and not interval.nan
    return number(interval.lo) if bare else Value((Term(interval, scale=Growth(sign=0)),))


def data(name: str, interval: Interval) -> Value:
    """A tensor that came from outside."""
    lower = None if interval.lo == -math.inf else interval.lo
    made = factor_value(Factor(name, Origin.DATA, lower))
    return made.map({"interval": interval})


def learned(name: str, interval: Interval) -> Value:
    """A parameter that something keeps in this range."""
    return leaf_value(Leaf(name)).map({"interval": interval})


def leaves_of(done: object) -> Iterator[tuple[float, float]]:
    """Every number of what torch made, with how coarse it is."""
    if isinstance(done, Tensor):
        rounding = COARSE.get(done.dtype, ROUNDING)
        yield from ((value, rounding) for value in done.double().flatten().tolist())
    elif isinstance(done, (list, tuple)):
        for part in done:
            yield from leaves_of(part)
    else:
        assert isinstance(done, (float, int, bool)), done
        yield float(done), 1e-9


def violations(code: Code) -> Iterator[str]:
    for (x, xs), (y, ys) in product(RANGES, RANGES[::2]):
        if ys is not RANGES[0][1] and "y" not in names_in(code.text):
            continue
        square = torch.tensor([(xs * 4)[n] for n in range(4)], dtype=torch.float64).view(2, 2)
        other = torch.tensor(
            [(ys * 4)[(n * 3 + 1) % len(ys)] for n in range(4)], dtype=torch.float64
        )
        for k in (0, 1) if "k" in names_in(code.text) else (0,):
            try:
                done = code.done(square, other.view(2, 2), k)
            except (RuntimeError, OverflowError, ValueError, ZeroDivisionError):
                continue  # nothing came out
            for made in (constant, lambda v: data("d", v), lambda v: learned("p", v)):
                second = made(y) if made is constant else data("e", y)
                bound = {"x": made(x), "y": second, "z": made(x)}
                yield from (
                    f"{x}, {y}, k={k}: {wrong}" for wrong in outside(done, code.said(**bound))
                )


@cache
def names_in(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def outside(done: object, said: list[Object]) -> Iterator[str]:
    """The numbers of torch that no path allows."""
    several = isinstance(done, (list, tuple))
    for path in said:
        inside = parts(path)
        if several and len(inside) == len(done):  # type: ignore[arg-type]
            pairs = [*zip(done, inside, strict=True)]  # type: ignore[call-overload]
        else:
            pairs = [(done, each) for each in inside]
        wrong = [
            f"{value} is not in {each.interval}"
            for part, each in pairs
            for value, rounding in leaves_of(part)
            if not lies_in(value, each.interval, rounding)
        ]
        if not wrong:
            return
    yield from wrong[:1] if said else ["no path"]


@pytest.mark.parametrize("row", BODIES)
def test_what_torch_makes_lies_in_what_is_said(row: str) -> None:
    found = list(violations(Code(BODIES[row])))
    assert not found, f"{row}\n" + "\n".join(found[:5])


# --- growth -------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in BODIES if row.startswith(("function", "layer"))])
def test_what_a_function_makes_grows_as_is_said(row: str) -> None:
    """Of a tensor of one element, which runs to each of its ends; `y` is 2.

    What is detached runs along, but not for a gradient; a share is one of several elements.
    """
    if re.search("soft(max|min)", row, re.IGNORECASE):
        return  # tests/test_ranges_growth.py
    code = Code(BODIES[row])
    bound: dict[str, Object] = {
        "x": leaf_value(Leaf("p")),
        "z": leaf_value(Leaf("p")),
        "y": constant(point(2.0)),
    }
    said = [value for path in code.said(**bound) for value in parts(path)]
    if any(term.cut for value in said for term in value.terms):
        return
    leads = [(value, leaf) for value in said for leaf in value.leaves()]
    if len(leads) != 1:
        return
    ((value, leaf),) = leads
    for end in End:
        claim = value.lead(leaf, end)
        if value.factors() or "mean" in row:  # of which the coefficient says nothing
            claim = replace(claim, coefficient=None)
        found = [] if claim.known is Known.NOTHING else [*ladder(code, end)]
        if found:
            check(claim, normal(torch.tensor(found, dtype=torch.float64)))


def ladder(code: Code, end: End) -> Iterator[float]:
    """The one number that comes out, for each that goes in; nothing where more do, or coarse ones."""
    for x in along(end):
        try:
            done = code.done(x.view(1, 1), torch.full((1, 1), 2.0, dtype=torch.float64))
        except (RuntimeError, OverflowError, ValueError):
            return
        found = [*leaves_of(done)]
        if len(found) != 1 or found[0][1] > 1e-9:
            return
        yield found[0][0]


# --- losses -------------------------------------------------------------------------------


def drawn(seed: int) -> dict[str, tuple[Tensor, ...]]:
    """Legal arguments of each loss of torch, some of which solve their task."""
    torch.manual_seed(seed)
    size = 10.0 ** (seed % 5 - 2)
    x, y, z = (size * torch.randn(4, 3, dtype=torch.float64) for _ in range(3))
    x = torch.where(torch.rand(4, 3) < 0.3, y, x)
    classes, signs = torch.randint(3, (4,)), torch.randn(4).sign()
    shares = torch.rand(4, 3, dtype=torch.float64)
    several = torch.tensor([[2, 0, -1], [1, -1, -1], [0, 1, 2], [-1, -1, -1]])
    log_shares = y.softmax(1).log()
    alike = torch.where(torch.rand(4, 1) < 0.5, log_shares, x.log_softmax(1))
    timed = torch.randn(5, 2, 4, dtype=torch.float64).log_softmax(2)
    ctc = (timed, torch.tensor([[1, 2], [3, 1]]), torch.tensor([5, 5]), torch.tensor([2, 1]))
    return {
        "cross_entropy": (size * x, classes),
        "nll_loss": (x.log_softmax(1), classes),
        "kl_div": (alike, log_shares.exp()),
        "binary_cross_entropy": (shares, shares.round()),
        "binary_cross_entropy_with_logits": (x, shares),
        "margin_ranking_loss": (x[:, 0], y[:, 0], signs),
        "triplet_margin_loss": (x, y, z),
        "triplet_margin_with_distance_loss": (x, y, z),
        "multi_margin_loss": (x, classes),
        "multilabel_margin_loss": (x, several),
        "multilabel_soft_margin_loss": (x, shares.round()),
        "soft_margin_loss": (x, y.sign()),
        "cosine_embedding_loss": (x, y, signs),
        "hinge_embedding_loss": (x.abs(), y.sign()),
        "ctc_loss": ctc,
        "gaussian_nll_loss": (x, y, torch.full((4, 3), 1e-3)),
        "poisson_nll_loss": (x, y.abs()),
        **dict.fromkeys(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"), (x, y)),
    }


# Of torchvision, of which `binary_cross_entropy_with_logits` with weights of at least 0 is made.
ELSEWHERE = {"sigmoid_focal_loss"}


@pytest.mark.parametrize("name", sorted(set(losses.LOWER_BOUNDS) - ELSEWHERE))
def test_a_loss_is_never_below_its_bound(name: str) -> None:
    least = math.inf
    function = getattr(torch.nn.functional, name)
    whole = ("sum", "batchmean")
    every = (
        whole
        if losses.is_signed_by_element(f"torch.nn.functional.{name}")
        else ("mean", "sum", "none")
    )
    for seed, reduction in product(range(40), every):
        least = min(least, float(function(*drawn(seed)[name], reduction=reduction).min()))
    bound = losses.LOWER_BOUNDS[name]
    assert least >= bound - 1e-12
    assert bound == 0 or least < 0, "negative by its meaning"


@pytest.mark.parametrize(("layer", "name"), losses._CLASSES.items())
def test_a_criterion_is_the_function_that_it_is_named_for(layer: str, name: str) -> None:
    if layer == "NLLLoss2d":
        return  # which torch has no more
    arguments = drawn(7)[name]
    made = getattr(torch.nn, layer)(reduction="sum")(*arguments)
    assert torch.equal(made, getattr(torch.nn.functional, name)(*arguments, reduction="sum"))


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        (set(functions.FUNCTIONS), {name for name in functions.FUNCTIONS if rows_of(name)}),
        (set(builtin.BUILTINS) - {"super"}, set(BUILTINS)),
        (set(expressions.EXPRESSIONS) - OF_FUNCTIONS, set(EXPRESSIONS)),
        ({*statements.STATEMENTS, *statements.SMALL}, set(STATEMENTS)),
        (set(losses.LOWER_BOUNDS) - ELSEWHERE, set(drawn(0))),
    ],
    ids=["functions", "builtins", "expressions", "statements", "losses"],
)
def test_whatever_the_evaluator_knows_has_its_rows(known: set[object], rows: set[object]) -> None:
    assert rows == known
