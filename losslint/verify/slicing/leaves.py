"""Where learned leaves are made."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.slicing.needs import bound
from losslint.verify.slicing.spelling import last_name
from losslint.verify.slicing.surroundings import Surroundings

CONTAINERS = frozenset(("Parameter", "ParameterDict", "ParameterList", "requires_grad_"))
# Functions of torch that make a tensor.
FACTORIES = frozenset(
    "as_tensor empty from_numpy full linspace ones rand randn tensor zeros".split()
)


def roots(leaves: Iterable[str]) -> frozenset[str]:
    """The names that spellings of leaves begin with."""
    return frozenset(leaf.partition(".")[0].partition("[")[0] for leaf in leaves)


def makes_leaf(node: ast.stmt, names: frozenset[str], around: Surroundings) -> bool:
    """Whether a statement makes a learned leaf, or an object that may hold one.

    `names` are those that the leaves' spellings begin with.
    """
    own = bool(bound([node]) & names)
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any(_makes(call, around) or (own and _may_make(call)) for call in calls)


def _makes(call: ast.Call, around: Surroundings) -> bool:
    name = last_name(call)
    if name in CONTAINERS:
        return True
    return isinstance(call.func, ast.Name) and around.class_named(name) is not None


def _may_make(call: ast.Call) -> bool:
    """Whether a call is of a class, or of what makes tensors."""
    name = last_name(call)
    learns = any(k.arg == "requires_grad" for k in call.keywords)
    return learns or name in FACTORIES or name[:1].isupper()
