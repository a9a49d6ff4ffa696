"""The state of one evaluation: what names mean where, and which totals were reached."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts, classes, decorators, lineage
from losslint.model.module import Module
from losslint.model.names import Names, dotted
from losslint.ranges import arithmetic
from losslint.ranges.losses import is_loss_like
from losslint.ranges.merging import join as join_values
from losslint.ranges.objects import (
    ClassObject,
    Dictionary,
    Function,
    Instance,
    Object,
    Sequence,
)
from losslint.ranges.value import Factor, Origin, Value, factor_value

MAX_NODES = 40_000  # evaluated nodes a function, calls included
MAX_CALLS = 4  # calls within calls
MAX_PATHS = 6  # paths through a function that are followed apart

# What only an nn.Module, or a wrapper of one, is asked for. A chain of names is read once, from its start.
OF_MODULES = (
    r"\.(?:named_parameters|parameters|train|eval|state_dict|load_state_dict|named_modules|modules"
    r"|module)\b"
)
USED_AS_MODULE = re.compile(r"(?<!\w)(?<!\w\.)([A-Za-z_][\w.]*)" + OF_MODULES)
ASKED = re.compile(OF_MODULES + ".*")  # to the end of its line


# Functions that set parameters to what they start with.
STARTS = re.compile(r"init|reset|load|build|setup", re.IGNORECASE)


class Exhausted(Exception):
    """This function takes too long to follow."""


@dataclass(frozen=True, eq=False)
class Unfollowed:
    """A function, or the module's own statements, that was given up on."""

    name: str
    node: cst.CSTNode


@dataclass(eq=False)
class Frame:
    """One function being run."""

    scope: str
    instance: Instance | None = None
    self_name: str | None = None
    function: str = ""
    closure: Mapping[str, Object] = field(default_factory=dict)
    returns: list[Object] = field(default_factory=list)
    without_gradient: int = 0
    lineage: tuple[ClassFacts, ...] = ()
    max_paths: int = MAX_PATHS


@dataclass(eq=False)
class Env:
    """The names of one path through a function."""

    frame: Frame
    names: dict[str, Object] = field(default_factory=dict)

    def copy(self) -> Env:
        """The same names, to be changed on another path."""
        return Env(self.frame, dict(self.names))


@dataclass(frozen=True, eq=False)
class Sink:
    """A value that leaves the function: returned, back-propagated, handed on."""

    value: Value
    node: cst.BaseExpression
    how: str
    scope: str


Handler = Callable[["Run", Any, Env], Object]


class Run(ABC):
    """Follows the values of one module. See `evaluate.py` for where it begins."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.names = Names(module.tree)
        self.classes = classes(module.tree, self.names)
        functions = module.settings.loss_functions
        self.loss_functions = frozenset(name.rpartition(".")[2] for name in functions)
        self.globals: dict[str, Object] = {}
        self.sinks: list[Sink] = []
        self.rectified: list[tuple[Value, cst.BaseExpression, str]] = []
        self.pending: list[tuple[Function, Frame]] = []
        self.manual: set[str] = set()  # parameters, or gradients, that are set by hand
        self.registered: set[cst.CSTNode] = set()  # what made the parameters that a module knows
        self.instances: list[Instance] = []
        self.naming: str | None = None
        self.depth = 0
        self.max_calls = MAX_CALLS
        self.max_paths = MAX_PATHS
        self.running: list[cst.FunctionDef] = []
        self.spent = 0
        self.expressions: Mapping[type[cst.CSTNode], Handler] = {}

    def evaluate(self, node: cst.BaseExpression, env: Env) -> Object:
        """What an expression stands for.

        Raises:
            Exhausted: the budget of this function is used up.
        """
        self.spent += 1
        if self.spent > MAX_NODES:
            raise Exhausted
        handler = self.expressions.get(type(node))
        return handler(self, node, env) if handler else unknown(node)

    def tensor(self, node: cst.BaseExpression, env: Env) -> Value:
        """What an expression is worth as a tensor or a number."""
        return as_value(self.evaluate(node, env), node)

    def lookup(self, name: str, env: Env) -> Object | None:
        """What a plain name stands for, from the inside out."""
        for names in (env.names, env.frame.closure, self.globals):
            if name in names:
                return names[name]
        if name in self.classes:
            return ClassObject(self.classes[name])
        return None

    def external(self, node: cst.BaseExpression, env: Env) -> str | None:
        """The qualified name of an import, unless something local hides it."""
        spelling = dotted(node)
        if spelling is None or self.lookup(spelling.partition(".")[0], env) is not None:
            return None
        return self.names.origin(spelling)

    def reach(self, value: Object, node: cst.BaseExpression, how: str, env: Env) -> None:
        """Remember a value that leaves the function, and each part of it."""
        if env.frame.without_gradient:
            return
        for part in parts(value):
            if has_leaves(part):
                self.sinks.append(Sink(part, node, how, env.frame.scope))

    def projected(self, node: cst.BaseExpression, env: Env) -> None:
        """Remember a parameter that is moved by hand, other than to initialise it."""
        path = dotted(node)
        if path is not None and not STARTS.search(env.frame.function):
            self.manual.add(path.removesuffix(".data"))

    def note_rectified(self, value: Value, node: cst.BaseExpression, how: str) -> None:
        """Remember a total that is folded or cut where it is negative."""
        weighted = any(t.factors and (t.growth or t.simplex) for t in value.terms)
        if weighted and not self.depth and value.interval.lo < 0:
            self.rectified.append((value, node, how))

    def method(self, instance: Instance, name: str) -> cst.FunctionDef | None:
        """The method that an instance runs, its own or an inherited one."""
        for facts in lineage(instance.facts, self.classes):
            if name in facts.methods:
                return facts.methods[name]
        return None

    def decorated(self, function: cst.FunctionDef) -> set[str]:
        """The spelling of each decorator of a function."""
        return decorators(function)

    @abstractmethod
    def instance(
        self, facts: ClassFacts, name: str, handed: dict[str, Object] | None = None
    ) -> Instance:
        """An object of a class of this module, with what its methods set."""

    @abstractmethod
    def function(
        self,
        node: cst.FunctionDef,
        bound: dict[str, Object],
        owner: Instance | None,
        caller: Frame | None,
        of_class: str | None = None,
        closure: Function | None = None,
    ) -> list[Object]:
        """What the function returns, path by path, for these arguments."""

    @abstractmethod
    def returned(self, value: Object, node: cst.BaseExpression, env: Env) -> None:
        """Take note of what a function returns, unless it was called from another."""

    @abstractmethod
    def turns(self, loops: cst.CompFor, env: Env) -> list[Env]:
        """The turns of a comprehension, each with its names bound."""

    @cached_property
    def modules(self) -> frozenset[str]:
        """The spellings of what this file uses as a module: `model`, `self.net` …"""
        text = self.module.source.text
        lines = (text[text.rfind("\n", 0, a.start()) + 1 : a.end()] for a in ASKED.finditer(text))
        return frozenset(spelled for line in lines for spelled in USED_AS_MODULE.findall(line))

    def is_module(self, spelling: str) -> bool:
        """Whether this file treats what is spelled so as a network or a loss module."""
        return spelling in self.modules or (
            spelling.endswith(".module") and spelling[: -len(".module")] in self.modules
        )


def parts(value: Object) -> list[Value]:
    """The tensors of a value: the items of a tuple or dict, or the value itself."""
    if isinstance(value, Value):
        return [value]
    if isinstance(value, Sequence):
        return [part for item in value.items for part in parts(item)]
    if isinstance(value, Dictionary):
        inside = [*value.entries.values(), *([value.other] if value.other else [])]
        return [part for item in inside for part in parts(item)]
    return []


def unknown(node: cst.BaseExpression, origin: Origin = Origin.UNKNOWN) -> Value:
    """A value that nothing is known of but how it is spelled."""
    return factor_value(_unknown(spelling(node), origin))


@lru_cache(maxsize=8192)
def _unknown(name: str, origin: Origin) -> Factor:
    if origin is Origin.UNKNOWN and name.rpartition(".")[2].isupper() and len(name) > 1:
        origin = Origin.SETTING  # an imported constant
    return Factor(name, origin, hint=is_loss_like(name))


def spelling(node: cst.CSTNode) -> str:
    """A short name for an expression, for people and to tell factors apart."""
    found = dotted(node)
    if found is not None:
        return found
    if isinstance(node, cst.Call):
        return f"{spelling(node.func)}()"
    if isinstance(node, cst.Subscript):
        return f"{spelling(node.value)}[]"
    if isinstance(node, cst.Attribute):
        return f"{spelling(node.value)}.{node.attr.value}"
    return f"{type(node).__name__}#{id(node)}"


def as_value(thing: Object, node: cst.BaseExpression) -> Value:
    """A thing where a tensor is wanted: the elements of a list count as one tensor."""
    if isinstance(thing, Value):
        return thing
    if isinstance(thing, (Sequence, Dictionary)):
        inside = parts(thing)
        return arithmetic.total(inside) if inside else unknown(node)
    return unknown(node)


def has_leaves(thing: Object) -> bool:
    """Whether anything learnable reaches this value."""
    if isinstance(thing, Value):
        for term in thing.terms:  # noqa: SIM110 -- asked of all things, most of one term
            if term.growth or term.simplex or term.cut:
                return True
        return False
    return isinstance(thing, (Sequence, Dictionary)) and any(map(has_leaves, parts(thing)))


def join(a: Object, b: Object, node: cst.BaseExpression | None = None) -> Object:
    """Either of two things, after two branches have met."""
    if a is b:
        return a
    if isinstance(a, Value) and isinstance(b, Value):
        return join_values(a, b)
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        if len(a.items) == len(b.items):
            items = tuple(join(x, y) for x, y in zip(a.items, b.items, strict=True))
            return Sequence(items, a.open or b.open)
        return a if len(a.items) > len(b.items) else b
    if isinstance(a, Dictionary) and isinstance(b, Dictionary):
        keys = dict.fromkeys([*a.entries, *b.entries])
        entries = {
            k: join(a.entries[k], b.entries[k])
            if k in a.entries and k in b.entries
            else a.entries.get(k) or b.entries[k]
            for k in keys
        }
        return Dictionary(entries, a.other or b.other)
    if isinstance(a, (Sequence, Dictionary)) or not isinstance(b, (Sequence, Dictionary)):
        return a if has_leaves(a) or not has_leaves(b) else b
    return b
