"""What an expression stands for, followed back from where it is used, and only then."""

from __future__ import annotations

import builtins
from collections.abc import Iterable

import libcst as cst

from losslint.model.elsewhere import Elsewhere
from losslint.model.module import Module
from losslint.model.names import number_value, string_value
from losslint.model.remembering import remembered
from losslint.provenance import attributes, callers, calls, operators
from losslint.provenance.binders import Function, within
from losslint.provenance.kinds import UNKNOWN, Tensor, agreed
from losslint.provenance.objects import (
    Callable,
    Chain,
    Class,
    Constant,
    External,
    Frame,
    Instance,
    Layer,
    Method,
    Value,
    class_at,
    elsewhere,
    frame_at,
    frame_of,
)
from losslint.provenance.paths import Attr, Key, Some, key
from losslint.provenance.reaching import Binding, reaching
from losslint.training.callees import scope_of

MAX_STEPS = 3_000  # expressions looked at for one question
MAX_VALUES = 12  # that one expression may stand for
MAX_DEPTH = 120  # expressions waiting for each other

Values = tuple[Value, ...]
NOTHING_KNOWN: Values = (UNKNOWN,)
SAME_NUMBERS = frozenset(("data", "T", "mT"))


def traced(expression: cst.BaseExpression, module: Module) -> Tensor:
    """The tensor that an expression of a module stands for; its kind is UNKNOWN where in doubt."""
    return tensor(values(expression, module))


def values(expression: cst.BaseExpression, module: Module) -> Values:
    """Everything that an expression of a module may stand for."""
    return tracer(module).ask(expression)


def tensor(found: Iterable[Value]) -> Tensor:
    """The tensor that values stand for, if they are tensors of one kind."""
    return agreed(one if isinstance(one, Tensor) else UNKNOWN for one in found)


@remembered(4)
def tracer(module: Module) -> Tracer:
    """The one that knows what was found out about a module already."""
    return Tracer(module)


class Tracer:
    """Follows expressions of one module, and from there into others."""

    def __init__(self, module: Module) -> None:
        self.scope = scope_of(module)
        self._known: dict[tuple[cst.CSTNode, tuple[Key, ...], Frame], Values] = {}
        self._active: set[tuple[cst.CSTNode, tuple[Key, ...], Frame]] = set()
        self._cuts = 0  # how often an expression led back to itself
        self._steps = 0

    def ask(self, expression: cst.BaseExpression) -> Values:
        """What an expression stands for, looked at with all steps at hand."""
        self._steps = 0
        return self.values(expression, (), frame_at(self.scope, expression))

    def values(self, node: cst.BaseExpression, keys: tuple[Key, ...], frame: Frame) -> Values:
        """What `keys` of an expression may be. Nothing for what leads back to itself."""
        step = (node, keys, frame)
        if step in self._known:
            return self._known[step]
        if step in self._active:
            self._cuts += 1
            return ()
        self._steps += 1
        if self._steps > MAX_STEPS or len(self._active) > MAX_DEPTH or len(keys) > 8:
            self._cuts += 1  # another question may have more steps left
            return unknown(keys)
        before = self._cuts
        self._active.add(step)
        found = tuple(dict.fromkeys(self._expression(node, keys, frame)))
        self._active.remove(step)
        if len(found) > MAX_VALUES:
            found = unknown(keys)
        if self._cuts == before:
            self._known[step] = found
        return found

    def tensor(self, node: cst.BaseExpression, frame: Frame) -> Tensor:
        """The tensor that an expression is."""
        return tensor(self.values(node, (), frame))

    def _expression(self, node: cst.BaseExpression, keys: tuple[Key, ...], frame: Frame) -> Values:
        match node:
            case cst.Name(value="None"):
                return ()  # nobody computes with it
            case cst.Name(value="True" | "False"):
                return (Constant(node.value == "True"),)
            case cst.Name():
                return self._name(node, keys, frame)
            case cst.Attribute():
                return self.values(node.value, (Attr(node.attr.value), *keys), frame)
            case cst.Subscript():
                return self.values(node.value, (key(node), *keys), frame)
            case cst.Call():
                return calls.called(self, node, keys, frame)
            case cst.Tuple() | cst.List():
                return self._elements(node, keys, frame)
            case cst.Dict():
                return self._entries(node, keys, frame)
            case cst.ListComp() | cst.GeneratorExp() if keys and not _is_name(keys[0]):
                return self.values(node.elt, keys[1:], frame)
            case cst.IfExp():
                return self.values(node.body, keys, frame) + self.values(node.orelse, keys, frame)
            case cst.NamedExpr():
                return self.values(node.value, keys, frame)
            case cst.Lambda() if not keys:
                return (Callable(node, frame),)
            case cst.BinaryOperation() | cst.UnaryOperation():
                return self.take(operators.operated(self, node, frame), keys)
            case cst.Integer() | cst.Float() if not keys:
                return (Constant(number_value(node)),)
            case cst.SimpleString() if not keys:
                text = string_value(node)
                return NOTHING_KNOWN if text is None else (Constant(text),)
        return unknown(keys)

    def _elements(self, node: cst.Tuple | cst.List, keys: tuple[Key, ...], frame: Frame) -> Values:
        if not keys or _is_name(keys[0]):
            return unknown(keys)
        first, rest = keys[0], keys[1:]
        if any(isinstance(e, cst.StarredElement) for e in node.elements):
            return unknown(rest)
        if isinstance(first, int):
            if not -len(node.elements) <= first < len(node.elements):
                return unknown(rest)
            return self.values(node.elements[first].value, rest, frame)
        return tuple(v for e in node.elements for v in self.values(e.value, rest, frame))

    def _entries(self, node: cst.Dict, keys: tuple[Key, ...], frame: Frame) -> Values:
        if not keys or not (isinstance(keys[0], str) or keys[0] is Some.ANY):
            return unknown(keys)
        found: Values = ()
        for element in node.elements:
            if not isinstance(element, cst.DictElement):
                return unknown(keys)
            name = element.key
            text = string_value(name) if isinstance(name, cst.SimpleString) else None
            if keys[0] is Some.ANY or text == keys[0]:
                found += self.values(element.value, keys[1:], frame)
            elif text is None:
                return unknown(keys)
        return found or unknown(keys)

    def _name(self, node: cst.Name, keys: tuple[Key, ...], frame: Frame) -> Values:
        bindings = reaching(frame.scope.module, (node.value, keys), node)
        if not bindings:
            return self._imported(node, keys, frame)
        found: Values = ()
        for binding in bindings:
            path = (node.value, keys[: len(keys) - len(binding.keys)])
            found += self._bound(binding, path, frame)
        return found

    def _bound(self, binding: Binding, path: tuple[str, tuple[Key, ...]], frame: Frame) -> Values:
        home = self.home(binding.function, frame)
        match binding.value:
            case None:
                return unknown(binding.keys)
            case cst.Param() as param:
                return callers.argument(self, param, binding.keys, home)
            case cst.FunctionDef() as function:
                return self.take((Callable(function, home),), binding.keys)
            case cst.ClassDef(name=cst.Name(name)):
                facts = home.scope.classes.get(name)
                if facts is None or facts.node is not binding.value:
                    return unknown(binding.keys)
                return self.take((Class(home.scope, facts),), binding.keys)
            case cst.AugAssign() as statement:
                return self.take(operators.augmented(self, statement, home), binding.keys)
            case cst.List(elements=[]) if binding.keys and not _is_name(binding.keys[0]):
                return self._appended(path, binding.keys[1:], home)
            case cst.BaseExpression() as value:
                return self.values(value, binding.keys, home)
        return unknown(binding.keys)

    def _appended(
        self, path: tuple[str, tuple[Key, ...]], rest: tuple[Key, ...], home: Frame
    ) -> Values:
        """What is appended to a list that starts empty, all of it."""
        body = within(home.function) if home.function is not None else ()
        found: Values = ()
        for added in calls.appended(body, path):
            found += self.values(added, rest, home)
        return found or unknown(rest)

    def home(self, function: Function | None, frame: Frame) -> Frame:
        """The frame of the function that something stands in, seen from a frame in it."""
        around: Frame | None = frame
        while around is not None:
            if around.function is function and around.scope is frame.scope:
                return around
            around = around.outer
        return frame_of(frame.scope, function)

    def _imported(self, node: cst.Name, keys: tuple[Key, ...], frame: Frame) -> Values:
        """What an import brings, or a built-in."""
        scope = frame.scope
        origin = scope.names.qualified(node)
        if origin is None and hasattr(builtins, node.value):
            return unknown(keys) if keys else (External(f"builtins.{node.value}"),)
        if origin is None:
            found = elsewhere(scope.module, node.value)  # by a star
            return unknown(keys) if found is None else self.take(_defined(found), keys)
        name, rest = origin, keys
        while True:
            definition = elsewhere(scope.module, name)
            if definition is not None:
                return self.take(_defined(definition), rest)
            if not rest or not isinstance(rest[0], Attr):
                return (External(name),) if not rest else unknown(rest)
            name, rest = f"{name}.{rest[0].name}", rest[1:]

    def take(self, found: Values, keys: tuple[Key, ...]) -> Values:
        """What `keys` of values are."""
        if not keys:
            return found
        return tuple(part for one in found for part in self._part(one, keys))

    def _part(self, value: Value, keys: tuple[Key, ...]) -> Values:
        first, rest = keys[0], keys[1:]
        match value:
            case Tensor() if value.kind is UNKNOWN.kind:
                return unknown(keys)
            case Tensor() if isinstance(first, Attr):
                if first.name in SAME_NUMBERS:
                    return self.take((value,), rest)
                return (Method((value,), first.name),) if not rest else unknown(rest)
            case Tensor() if not isinstance(first, str):
                return self.take((value.resized(),), rest)
            case Instance() if isinstance(first, Attr):
                return attributes.attribute(self, value, first.name, rest)
            case Layer(name="torch.nn.ModuleList" | "torch.nn.ModuleDict", call=call):
                if len(call.args) == 1 and not isinstance(first, Attr):
                    return self.values(call.args[0].value, keys, value.frame)
            case Chain() if isinstance(first, int) and not value.starred:
                if -len(value.links) <= first < len(value.links):
                    return self.take(value.links[first], rest)
                return unknown(rest)
        if isinstance(first, Attr) and not rest:
            return (Method((value,), first.name),)
        return unknown(keys)


def _defined(found: Elsewhere) -> Values:
    """The function or class of another file."""
    node = found.node
    scope = scope_of(found.module)
    if isinstance(node, cst.FunctionDef):
        return (Callable(node, frame_of(scope, None)),)
    made = class_at(found)
    return (made,) if made is not None else NOTHING_KNOWN


def unknown(keys: tuple[Key, ...]) -> Values:
    """Something unknown; its methods are known by their names at least."""
    if keys and isinstance(keys[-1], Attr):
        return (Method((UNKNOWN,), keys[-1].name),)
    return NOTHING_KNOWN


def _is_name(key: Key) -> bool:
    return isinstance(key, (Attr, str))
