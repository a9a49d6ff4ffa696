"""Which calls are cross-entropies, and what says that their classes have an order."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from losslint.model.classes import WITHOUT_GRADIENTS
from losslint.model.facts import CrossEntropy, Site
from losslint.model.trees import walk
from losslint.project.context import Context
from losslint.project.flows import spelled
from losslint.ranges.losses import is_loss_like

Qualify = Callable[[ast.AST], str]
Locate = Callable[[ast.Call, ast.stmt], Site]

# Functions that say which of some ordered bins a number falls in.
BINNING = frozenset(("bucketize", "digitize", "searchsorted", "cut", "qcut"))
# Methods and functions that make whole numbers.
WHOLE = frozenset("long int int64 astype round floor trunc".split())
WITHOUT = tuple(sorted(WITHOUT_GRADIENTS))
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Words that name no quantity, in names of losses and of what goes into them.
GENERIC = frozenset(
    "loss losses criterion criteria crit ce cross entropy logits logit output outputs pred preds"
    " prediction predictions target targets label labels true gt y x self fn func ordinal ordered"
    " distance penalized weighted weight class classes the of with module net batch data for".split()
)


def words(name: str) -> frozenset[str]:
    """The words of a name that may name a quantity: `snr` of `OrdinalSNRLoss`."""
    return frozenset(word.lower() for word in WORD.findall(name)) - GENERIC


def makes_cross_entropy(value: ast.expr, qualify: Qualify) -> bool:
    """Whether an expression makes an `nn.CrossEntropyLoss`, moved to a device or not."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if qualify(value.func) == "torch.nn.CrossEntropyLoss":
            return True
        value = value.func.value
    return isinstance(value, ast.Call) and qualify(value.func) == "torch.nn.CrossEntropyLoss"


def cross_entropy(
    node: ast.Call, qualified: str, context: Context, locate: Locate
) -> CrossEntropy | None:
    """A call of `cross_entropy`, or of a criterion that may be one, in what may train."""
    if len(node.args) < 2:
        return None
    name = qualified.rpartition(".")[2]
    is_function = qualified == "torch.nn.functional.cross_entropy"
    if not (is_function or (name[:1].islower() and is_loss_like(name))):
        return None
    function, statement = context.scope, context.statement
    if statement is None or any(spelled(d).endswith(WITHOUT) for d in _decorators(function)):
        return None  # it measures, and trains nothing
    target = node.args[1]
    names = [spelled(n) for n in (node.func, *node.args[:2]) if spelled(n)]
    found = frozenset().union(*(words(name.rpartition(".")[2]) for name in names))
    order = _order(target) or _order_of_name(spelled(target), statement, function)
    criterion = "" if is_function else name
    return CrossEntropy(criterion, spelled(target), found, locate(node, statement), order)


def _decorators(function: ast.AST | None) -> Iterator[ast.expr]:
    for decorator in getattr(function, "decorator_list", ()):
        yield decorator.func if isinstance(decorator, ast.Call) else decorator


def _order_of_name(name: str, before: ast.stmt, function: ast.AST | None) -> str:
    """What says that a name holds ordered classes: every assignment of it in the function."""
    given = [
        statement.value
        for statement in _own(function)
        if isinstance(statement, ast.Assign) and statement.lineno < before.lineno
        if any(spelled(target) == name for target in statement.targets)
    ]
    found = [_order(value) for value in given if not _is_moved(value, name)]
    return found[0] if found and all(found) else ""


def _is_moved(value: ast.expr, name: str) -> bool:
    """`labels.to(device)`: the same labels."""
    return isinstance(value, ast.Call) and spelled(value.func).rpartition(".")[0] == name


def _order(value: ast.expr) -> str:
    """How a number becomes a class in an expression; empty if it does not."""
    for node in walk(value):
        match node:
            case ast.BinOp(op=ast.FloorDiv()):
                return "floor division"
            case ast.Call(func=func) if spelled(func).rpartition(".")[2] in BINNING:
                return f"`{spelled(func)}`"
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in WHOLE:
                if any(isinstance(n, ast.BinOp) and _divides(n) for n in walk(inner)):
                    return "a quotient that is rounded"
            case ast.Call(func=func, args=[inner, *_]) if spelled(func).rpartition(".")[2] in WHOLE:
                if any(isinstance(n, ast.BinOp) and _divides(n) for n in walk(inner)):
                    return "a quotient that is rounded"
    return ""


def _divides(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.Div)


def _own(function: ast.AST | None) -> Iterator[ast.stmt]:
    """The statements of a function or module, without those of functions and classes in it."""
    stack: list[ast.AST] = [*getattr(function, "body", ())]
    while stack:
        node = stack.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            stack += getattr(node, name, ())
