"""Which calls make an optimizer, or give one more to train, and what they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losslint.model.trees import children, walk
from losslint.project.flows import PARAMETERS, arguments, spelled

# Classes of optimizers, those of other libraries too, by their names.
FAMILIES = re.compile(
    r"\A(?:\w*[A-Z])?\w*(?:Adam|SGD|RMS[Pp]rop|Adagrad|Adadelta|LBFGS|Lamb|LAMB|LARS|Lion|Ranger"
    r"|AdaBelief|Adafactor|NovoGrad|Muon|Shampoo|Sophia|Prodigy|Lookahead)\w*\Z"
)
# Functions that make one, of whatever library: they may take parameters of all they are given.
MAKERS = re.compile(r"(?:create|get|build|make|init|set|configure|prepare)_?optim", re.IGNORECASE)
# Optimizers of torch that add the decay to the gradient. AdamW's is decoupled, and moves a
# log-variance by next to nothing: see the page of LL109.
COUPLED = frozenset("Adam SGD RMSprop Adagrad Adadelta Adamax NAdam RAdam ASGD".split())


def given_to(node: ast.Call, qualified: str, called: str) -> list[ast.expr] | None:
    """The expressions that an optimizer gets its parameters by; None if this makes none."""
    if called == "add_param_group":
        return arguments(node)
    if MAKERS.search(called) and not called.startswith("__"):
        return arguments(node) or None
    if qualified == "deepspeed.initialize":
        return arguments(node)
    is_class = called[:1].isupper() and (
        qualified.startswith("torch.optim.") or FAMILIES.match(called) is not None
    )
    scheduled = "lr_scheduler" in qualified or called in ("Optimizer", "SWALR", "SequentialLR")
    if (is_class and not scheduled) or _is_chosen(node.func):
        return _parameters_of(node)
    if "optim" in called.lower() and any(_asks(arg) for arg in arguments(node)):
        return _parameters_of(node)
    return None


def _parameters_of(node: ast.Call) -> list[ast.expr] | None:
    named = [k.value for k in node.keywords if k.arg in ("params", "parameters")]
    if named:
        return named
    if node.args:
        return node.args[:1]
    return [k.value for k in node.keywords if k.arg is None] or None


def _is_chosen(func: ast.expr) -> bool:
    """`getattr(torch.optim, name)(...)`, `optim.__dict__[name](...)`."""
    match func:
        case ast.Call(func=ast.Name(id="getattr"), args=[base, *_]):
            return spelled(base).rpartition(".")[2] == "optim"
        case ast.Subscript(value=value):
            return "optim" in spelled(value).lower()
    return False


def _asks(node: ast.expr) -> bool:
    """Whether an expression asks some module for its parameters."""
    return any(isinstance(n, ast.Attribute) and n.attr in PARAMETERS for n in walk(node))


def roots(node: ast.expr) -> Iterator[str]:
    """The spellings of what an expression takes parameters of, all of it alike.

    Groups that set a weight decay of their own are left out.
    """
    stack: list[ast.AST] = [node]
    while stack:
        inner = stack.pop()
        match inner:
            case ast.Dict(keys=keys) if any(
                isinstance(k, ast.Constant) and k.value == "weight_decay" for k in keys
            ):
                continue
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in PARAMETERS:
                yield spelled(value)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                for item in items:
                    if isinstance(item, (ast.Name, ast.Attribute)):
                        yield spelled(item)
        stack += children(inner)


def decay_of(node: ast.Call, called: str) -> float | None:
    """The weight decay that an optimizer adds to its gradients; None if it is not known."""
    asked = next((k.value for k in node.keywords if k.arg == "weight_decay"), None)
    if asked is None or called not in COUPLED:
        return None
    try:
        value = ast.literal_eval(asked)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) else None
