"""Where a walk stands: what its names hold, which decisions brought it there, how a path ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from functools import cached_property

import libcst as cst

from losslint.frozen import dataclass, replace
from losslint.model.classes import ClassFacts, classes
from losslint.model.module import Module
from losslint.model.names import Names, dotted, every_statement, string_value
from losslint.training.values import Value, either

Loop = cst.For | cst.While

NOWHERE = cst.Name("_")  # of what is given a value on some path that is not known


@dataclass(frozen=True)
class Decision:
    """A branch that was taken because of the value that was injected.

    `explicit` says that a test for NaN or inf decided, and not any comparison.
    """

    node: cst.CSTNode
    truth: bool
    explicit: bool


@dataclass(eq=False)
class Scope:
    """One module that a walk has come to."""

    module: Module
    names: Names = field(init=False)
    classes: dict[str, ClassFacts] = field(init=False)
    functions: dict[str, cst.FunctionDef] = field(init=False)
    globals: dict[str, cst.BaseExpression] = field(init=False)

    def __post_init__(self) -> None:
        tree = self.module.tree
        self.names = Names(tree)
        self.classes = classes(tree, self.names)
        self.functions, self.globals = {}, {}
        for definition in tree.body:
            if isinstance(definition, cst.FunctionDef):
                self.functions[definition.name.value] = definition
        for statement in every_statement(tree):
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    if isinstance(small, cst.Assign):
                        path = dotted(small.targets[0].target)
                        self.globals.setdefault(path or "", small.value)

    @cached_property
    def owners(self) -> dict[cst.FunctionDef, ClassFacts]:
        """The class of each method."""
        return {method: c for c in self.classes.values() for method in c.methods.values()}


@dataclass(eq=False)
class Frame:
    """One function being walked through; None is the module itself."""

    scope: Scope
    function: cst.FunctionDef | cst.Lambda | None = None
    owner: ClassFacts | None = None
    caller: Frame | None = None
    call: cst.Call | None = None  # by which the caller came here
    loops: list[Loop] = field(default_factory=list)
    returns: list[tuple[Value, State]] = field(default_factory=list)
    left: list[State] = field(default_factory=list)  # by break or continue, in this turn
    no_grad: int = 0

    @property
    def depth(self) -> int:
        """How many calls lie between this function and the one that the walk began with."""
        return 0 if self.caller is None else self.caller.depth + 1

    def every_call(self) -> tuple[cst.CSTNode, ...]:
        """The calls by which the walk came here, the outermost first."""
        if self.caller is None or self.call is None:
            return ()
        return (*self.caller.every_call(), self.call)

    def every_loop(self) -> tuple[Loop, ...]:
        """The loops around, those of the callers too; the outermost first."""
        above = () if self.caller is None else self.caller.every_loop()
        return (*above, *self.loops)

    def runs(self, function: cst.CSTNode) -> bool:
        """Whether the function is being walked through already."""
        return self.function is function or (self.caller is not None and self.caller.runs(function))


@dataclass(eq=False)
class State:
    """One path through a function, or several of which the same is known.

    `names` holds values by the spelling of what holds them (`loss`, `self.loss`,
    `losses["total"]`), `places` where each was given, `fresh` what was given in this turn of
    the innermost loop.
    """

    names: dict[str, Value] = field(default_factory=dict)
    places: dict[str, cst.BaseExpression] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()  # names that some path here has given nothing
    decisions: tuple[Decision, ...] = ()
    hidden: tuple[cst.CSTNode, ...] = ()  # what replaced the value that was injected

    def copy(self) -> State:
        """The same, to be changed on another path."""
        return replace(self, names=dict(self.names), places=dict(self.places))

    def bind(self, path: str, value: Value, place: cst.BaseExpression) -> None:
        """Give a name a value; what was known of its parts is gone."""
        parts, key = (f"{path}.", f"{path}["), f"[{path}]"
        for known in [k for k in self.names if k.startswith(parts) or key in k]:
            del self.names[known]
        self.names[path] = value
        self.places[path] = place
        self.fresh |= {path}
        self.loose -= {path}


@dataclass(frozen=True, eq=False)
class Called:
    """A call that a walk has come to: the last name of what is called, and what it is given.

    `base` is what a method is called on, `naming` the name that the result is given.
    """

    node: cst.Call
    name: str
    base: Value
    values: list[Value]
    naming: str
    frame: Frame
    state: State


@dataclass(frozen=True, eq=False)
class Ended:
    """A path that ends before its function does, or leaves a turn of its loop."""

    kind: str  # raise, exit, assert, return, continue, break, debugger
    node: cst.CSTNode
    decisions: tuple[Decision, ...]


class PathEnd(Exception):
    """Whatever is being evaluated ends this path."""

    def __init__(self, kind: str, node: cst.CSTNode) -> None:
        super().__init__(kind)
        self.kind = kind
        self.node = node


def merged(states: Iterable[State]) -> list[State]:
    """The states of which different things were decided; those that do not differ as one."""
    groups: dict[object, list[State]] = {}
    for state in states:
        special = frozenset((k, str(v.number)) for k, v in state.names.items() if v.special)
        groups.setdefault((state.decisions, state.hidden, special), []).append(state)
    return [_join(group) for group in groups.values()]


def _join(states: list[State]) -> State:
    first, *others = states
    if not others:
        return first
    found = first.copy()
    for state in others:
        found.loose |= state.loose | _unlike(found, state)
        for path, value in state.names.items():
            known = found.names.get(path)
            found.names[path] = value if known is None else either((known, value))
            found.places.setdefault(path, state.places.get(path, NOWHERE))
        found.fresh &= state.fresh
    return found


def _unlike(one: State, other: State) -> frozenset[str]:
    """The names, and the entries of dictionaries, that only one of two paths has given."""
    found = one.names.keys() ^ other.names.keys()
    for path in one.names.keys() & other.names.keys():
        keys = {key for key, _ in one.names[path].items} ^ {k for k, _ in other.names[path].items}
        found |= {f"{path}[{key!r}]" for key in keys if isinstance(key, str)}
    return frozenset(found)


def path_of(node: cst.CSTNode | None) -> str | None:
    """How to spell what holds a value: a name, an attribute, an entry with a known key."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = path_of(node.value)
        return None if base is None else f"{base}.{node.attr.value}"
    match node:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            base, spelled = path_of(node.value), _key(key)
            return None if base is None or spelled is None else f"{base}[{spelled}]"
    return None


def name_of(node: cst.CSTNode | None) -> str:
    """The last part of what `path_of` spells; empty for anything else."""
    return (path_of(node) or "").rpartition(".")[2]


def _key(node: cst.BaseExpression) -> str | None:
    match node:
        case cst.SimpleString():
            return repr(string_value(node))
        case cst.Integer() | cst.Name():
            return node.value
    return None
