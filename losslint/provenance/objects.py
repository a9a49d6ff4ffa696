"""What an expression may stand for, other than a tensor: modules, functions, constants; and where it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts, parameters
from losslint.model.elsewhere import (
    FOREIGN,
    Ancestor,
    Elsewhere,
    ancestors_elsewhere,
    definition,
)
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import ancestors
from losslint.model.remembering import remembered
from losslint.provenance.binders import Function
from losslint.provenance.kinds import Place, Tensor
from losslint.training.callees import scope_of
from losslint.training.state import Scope


@dataclass(frozen=True)
class Class:
    """A class of the project, with the module that it stands in."""

    scope: Scope
    facts: ClassFacts

    def lineage(self, name: str) -> Iterator[Class]:
        """The class and its bases, nearest first; of those in other files those that may give it a name."""
        for one in _lineage(self):
            if isinstance(one, Class):
                yield one
            elif one.may_give(name) and (found := _parsed(one)) is not None:
                yield found

    def method(self, name: str) -> tuple[Class, cst.FunctionDef] | None:
        """A method with the class that defines it."""
        for one in self.lineage(name):
            if name in one.facts.methods:
                return one, one.facts.methods[name]
        return None


@remembered(1024)
def _lineage(first: Class) -> tuple[Class | Ancestor, ...]:
    """A class and its bases, nearest first."""
    found: list[Class | Ancestor] = []
    waiting: list[Class | Ancestor] = [first]
    seen: set[object] = set()
    while waiting:
        current = waiting.pop(0)
        known = current if isinstance(current, Class) else current.found
        if known in seen:
            continue
        seen.add(known)
        found.append(current)
        if isinstance(current, Ancestor):
            waiting += current.bases()
            continue
        scope = current.scope
        for base in current.facts.bases:
            if base in scope.classes:
                waiting.append(Class(scope, scope.classes[base]))
            else:
                waiting += ancestors_elsewhere(scope.module, base)
    return tuple(found)


@remembered(1024)
def _parsed(ancestor: Ancestor) -> Class | None:
    found = ancestor.parsed()
    return None if found is None else class_at(found)


@dataclass(eq=False)
class Frame:
    """One function, called with what is known; None as the function is the module itself.

    `given` holds the arguments of the call, None where nobody knows who calls.
    """

    scope: Scope
    function: Function | None = None
    this: Instance | None = None
    owner: Class | None = None
    given: dict[str, Given | None] | None = None
    outer: Frame | None = None
    caller: Frame | None = None
    called: dict[tuple[cst.CSTNode, Callable], Frame] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """How many calls it is away from where the question was asked."""
        return 0 if self.caller is None else self.caller.depth + 1

    def runs(self, function: Function) -> bool:
        """Whether the function is being called already."""
        return self.function is function or (self.caller is not None and self.caller.runs(function))


@dataclass(frozen=True, eq=False)
class Given:
    """An argument, to be evaluated where the call stands, or what it is already known to be."""

    value: cst.BaseExpression | None
    frame: Frame
    known: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Instance:
    """An object of a class of the project; `call` made it, where that is known."""

    made_of: Class
    call: cst.Call | None = None
    frame: Frame | None = None

    def entry(self) -> Callable | None:
        """What a call of the object enters."""
        found = self.made_of.method("__call__") or self.made_of.method("forward")
        if found is None:
            return None
        owner, function = found
        return Callable(function, frame_of(owner.scope, None), self, owner)


@dataclass(frozen=True)
class Layer:
    """An object of a class of torch.nn: `call` made it, in `frame`."""

    name: str  # qualified
    call: cst.Call
    frame: Frame

    @property
    def place(self) -> Place:
        """Where it is made."""
        return Place(self.frame.scope.module, self.call)


@dataclass(frozen=True)
class Chain:
    """An nn.Sequential: what each of its modules may be."""

    links: tuple[tuple[Value, ...], ...]
    starred: bool = False  # whether some of its modules are not known one by one


@dataclass(frozen=True)
class Callable:
    """A function or method of the project."""

    function: Function
    frame: Frame  # in which it is defined
    this: Instance | None = None
    owner: Class | None = None


@dataclass(frozen=True)
class External:
    """Something by its qualified name that is in no file of the project."""

    name: str


@dataclass(frozen=True)
class Method:
    """A method of something that may be a tensor."""

    base: tuple[Value, ...]
    name: str


@dataclass(frozen=True)
class Constant:
    """A number, a string, True, False."""

    value: int | float | str | bool


Value = Tensor | Instance | Layer | Chain | Callable | External | Method | Constant | Class


def class_at(found: Elsewhere) -> Class | None:
    """The class that was found in another file."""
    other = scope_of(found.module)
    facts = other.classes.get(found.node.name.value)
    return None if facts is None or facts.node is not found.node else Class(other, facts)


@remembered(1024)
def elsewhere(module: Module, qualified: str) -> Elsewhere | None:
    """A class or function of the project by its qualified name; nothing of torch."""
    if qualified.partition(".")[0] in FOREIGN:
        return None
    return definition(module, qualified)


@remembered(256)
def frame_of(scope: Scope, function: Function | None) -> Frame:
    """The frame of a function that is called by nobody knows whom."""
    if function is None:
        return Frame(scope)
    around = list(ancestors(scope.module.tree, function))
    outer = next((a for a in around if isinstance(a, (cst.FunctionDef, cst.Lambda))), None)
    owner = _owner(scope, function)
    if owner is None:
        return Frame(scope, function, outer=frame_of(scope, outer))
    return Frame(scope, function, Instance(owner), owner, outer=frame_of(scope, outer))


def _owner(scope: Scope, function: Function) -> Class | None:
    """The class of a method that is called on an object."""
    if not isinstance(function, cst.FunctionDef) or not parameters(function):
        return None
    facts = scope.owners.get(function)
    plain = {dotted(d.decorator) for d in function.decorators}
    if facts is None or plain & {"staticmethod", "classmethod"}:
        return None
    return Class(scope, facts)


def frame_at(scope: Scope, node: cst.CSTNode) -> Frame:
    """The frame that an expression stands in, of whose callers nothing is known."""
    around = ancestors(scope.module.tree, node)
    function = next((a for a in around if isinstance(a, (cst.FunctionDef, cst.Lambda))), None)
    return frame_of(scope, function)
