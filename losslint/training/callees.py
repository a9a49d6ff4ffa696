"""Which function, class or loss a call is a call of, in this file or in another of the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts, lineage
from losslint.model.elsewhere import Elsewhere, definition, syntax_elsewhere
from losslint.model.module import Module
from losslint.model.names import dotted, statements
from losslint.model.outline import identifiers
from losslint.model.parents import nodes
from losslint.model.remembering import remembered
from losslint.ranges.losses import is_loss_like, lower_bound
from losslint.training.state import Frame, Scope, path_of
from losslint.training.values import Value


@dataclass(frozen=True)
class Made:
    """A class: of torch by its name, or of the project with the module that it stands in."""

    qualified: str
    scope: Scope | None = None
    facts: ClassFacts | None = None

    def method(self, name: str) -> tuple[Scope, ClassFacts, cst.FunctionDef] | None:
        """A method of the class, or of a base in its module."""
        if self.scope is None or self.facts is None:
            return None
        for facts in lineage(self.facts, self.scope.classes):
            if name in facts.methods:
                return self.scope, self.facts, facts.methods[name]
        return None


Found = tuple[Scope, ClassFacts | None, cst.FunctionDef | cst.Lambda]

# What a function that has to do with losses calls, other than losses.
TELLING = frozenset("backward isfinite isnan isinf nan_to_num".split())

# Classes whose objects are told losses, and may keep them.
METERS = re.compile(r"Meter|Average|Tracker|Running")

# Networks that no gradient is meant for.
FIXED = re.compile(r"teacher|ema|frozen|fixed|target|(^|_)old(_|$)", re.I)

# Calls that hand on the module that they are given.
WRAPPERS = frozenset("to cuda cpu double float half train eval compile DataParallel script".split())


@remembered(64)
def scope_of(module: Module) -> Scope:
    """The names of a module, worked out once."""
    return Scope(module)


def function_of(
    name: str, qualified: str | None, frame: Frame, *, is_given_losses: bool
) -> Found | None:
    """The function that a name stands for; one of another file only if it is worth following."""
    scope = frame.scope
    if name in scope.functions:
        return scope, None, scope.functions[name]
    if not qualified or not _may_matter(scope, qualified, is_given_losses):
        return None
    found = _elsewhere(scope, qualified)
    if found is not None and isinstance(found.node, cst.FunctionDef):
        return scope_of(found.module), None, found.node
    return None


@remembered(512)
def _elsewhere(scope: Scope, qualified: str) -> Elsewhere | None:
    return definition(scope.module, qualified)


@remembered(512)
def matters(function: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a function has anything to do with losses, and is worth following."""
    return any(
        isinstance(node, cst.Name) and (node.value in TELLING or is_loss_like(node.value))
        for node in nodes(function)
    )


@remembered(512)
def _may_matter(scope: Scope, qualified: str, is_given_losses: bool) -> bool:
    """The same of a function of another file, before libcst is asked for it."""
    written = syntax_elsewhere(scope.module, qualified)
    return isinstance(written, ast.FunctionDef) and (
        is_given_losses
        or any(name in TELLING or is_loss_like(name) for name in identifiers(written))
    )


def class_of(node: cst.BaseExpression, frame: Frame) -> Made | None:
    """The class that an expression stands for."""
    name = dotted(node)
    if name is None:
        return None
    scope = frame.scope
    if name in scope.classes:
        return Made(name, scope, scope.classes[name])
    qualified = scope.names.qualified(node)
    if qualified is None:
        return None
    if qualified.startswith("torch."):
        last = qualified.rpartition(".")[2]
        made = last[:1].isupper() and not last.endswith("Tensor") and last != "Variable"
        return Made(qualified) if made else None
    last = qualified.rpartition(".")[2]
    found = _elsewhere(scope, qualified) if is_loss_like(last) or METERS.search(last) else None
    if found is not None and isinstance(found.node, cst.ClassDef):
        other = scope_of(found.module)
        facts = other.classes.get(found.node.name.value)
        return Made(qualified, other, facts) if facts is not None else None
    return None


def instance(path: str, frame: Frame) -> Value | None:
    """An object of a known class, by the attribute or the global that holds it."""
    made = _made(path, frame)
    return Value(made=made) if made is not None else None


def _made(path: str, frame: Frame) -> Made | None:
    first, _, attribute = path.partition(".")
    if first == "self" and frame.owner is not None and attribute and "." not in attribute:
        for facts in lineage(frame.owner, frame.scope.classes):
            value = _attributes(facts).get(attribute)
            if value is not None:
                return made_by(value, frame)
        return None
    value = frame.scope.globals.get(path)
    return made_by(value, frame) if value is not None else None


@remembered(256)
def _attributes(facts: ClassFacts) -> dict[str, cst.BaseExpression]:
    """What the methods of a class assign to attributes of its objects; the first counts."""
    found: dict[str, cst.BaseExpression] = {}
    for method in facts.methods.values():
        for statement in statements(method.body):
            if not isinstance(statement, cst.SimpleStatementLine):
                continue
            for small in statement.body:
                if isinstance(small, cst.Assign):
                    path = path_of(small.targets[0].target) or ""
                    owner, _, attribute = path.partition(".")
                    if owner == "self" and attribute:
                        found.setdefault(attribute, small.value)
    return found


def made_by(node: cst.BaseExpression, frame: Frame) -> Made | None:
    """The class of what a call makes: `Loss(2)`, `Loss(2).to(device)`, `nn.DataParallel(Loss())`."""
    match node:
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(name))) if name in WRAPPERS:
            found = made_by(inner, frame)
            if found is not None:
                return found
    match node:
        case cst.Call(func=func, args=args):
            last = (dotted(func) or "").rpartition(".")[2]
            if last in WRAPPERS and args:
                return made_by(args[0].value, frame)
            return class_of(func, frame)
        case cst.IfExp(body=body):
            return made_by(body, frame)
    return None


def torch_bound(func: cst.BaseExpression, value: Value, frame: Frame) -> float | None:
    """The lower bound of the loss of torch that is called; None if it is none."""
    qualified = frame.scope.names.qualified(func) or ""
    if isinstance(value.made, Made):
        qualified = value.made.qualified
    return lower_bound(qualified)


def learns(values: Iterable[Value]) -> bool:
    """Whether a network that is trained is in one of several values: a call yielded it."""
    return any(
        source.learns or (isinstance(source.node, cst.Call) and _may_be_network(source.node.func))
        for value in values
        if value.graph
        for source in value.sources
    )


def _may_be_network(func: cst.BaseExpression) -> bool:
    path = path_of(func) or ""
    return path not in ("next", "iter") and not FIXED.search(path)


def is_named_loss(func: cst.BaseExpression, value: Value) -> bool:
    """Whether the name of what is called, or of its class, says that it yields a loss."""
    made = value.made.qualified if isinstance(value.made, Made) else ""
    spelled = path_of(func) or ""
    return any(is_loss_like(name.rpartition(".")[2]) for name in (spelled, made))
