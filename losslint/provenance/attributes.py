"""What an attribute of an object holds: a method, or what the methods of its class assign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from losslint.model.classes import decorators, parameters
from losslint.model.module import Module
from losslint.model.names import every_statement
from losslint.model.remembering import remembered
from losslint.provenance import callers, calls
from losslint.provenance.kinds import UNKNOWN
from losslint.provenance.objects import Callable, Class, Frame, Instance, Method, Value, frame_of
from losslint.provenance.paths import Attr, Key, path
from losslint.provenance.reaching import Binding, bound_at_end

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer


def attribute(
    tracer: Tracer, this: Instance, name: str, rest: tuple[Key, ...]
) -> tuple[Value, ...]:
    """What an attribute of an object may hold."""
    method = this.made_of.method(name)
    if method is not None:
        return _method(tracer, this, method, rest)
    modules = [one.scope.module for one in this.made_of.lineage(name)]
    if this.frame is not None:
        modules.append(this.frame.scope.module)
    if any(name in _set_from_outside(module) for module in modules):
        return tracer.take((UNKNOWN,), rest)
    found: list[Value] = []
    for owner, function, binding in _assigned(this.made_of, name, rest):
        frame = _frame(this, owner, function)
        if isinstance(binding.value, cst.Param):
            found += callers.argument(tracer, binding.value, binding.keys, frame)
        elif isinstance(binding.value, cst.BaseExpression):
            found += tracer.values(binding.value, binding.keys, frame)
        else:
            found += tracer.take((UNKNOWN,), rest)
    if not found and not rest:
        return (Method((this,), name),)  # one of every nn.Module, maybe
    return tuple(found) or tracer.take((UNKNOWN,), rest)


def _method(
    tracer: Tracer,
    this: Instance,
    method: tuple[Class, cst.FunctionDef],
    rest: tuple[Key, ...],
) -> tuple[Value, ...]:
    owner, function = method
    bound = Callable(function, frame_of(owner.scope, None), this, owner)
    plain = decorators(function)
    if plain & {"property", "cached_property", "functools.cached_property"}:
        return calls.entered(tracer, bound, {}, frame_of(owner.scope, None), None, rest)
    if "staticmethod" in plain:
        bound = Callable(function, frame_of(owner.scope, None))
    return tracer.take((bound,), rest)


@remembered(512)
def _assigned(
    made_of: Class, name: str, rest: tuple[Key, ...]
) -> tuple[tuple[Class, cst.FunctionDef, Binding], ...]:
    """What methods leave in an attribute, those of the nearest class first.

    A class that sets it in `__init__` overrides what the bases set in theirs.
    """
    found: list[tuple[Class, cst.FunctionDef, Binding]] = []
    initialised = False
    for owner in made_of.lineage(name):
        for method, function in owner.facts.methods.items():
            first = parameters(function)[:1]
            if not first or (initialised and method == "__init__"):
                continue
            bindings = bound_at_end(owner.scope.module, function, (first[0], (Attr(name), *rest)))
            found += [(owner, function, binding) for binding in bindings]
            if method == "__init__" and bindings:
                initialised = True
    return tuple(found)


@remembered(512)
def _frame(this: Instance, owner: Class, function: cst.FunctionDef) -> Frame:
    """A method of the object; its constructor with the arguments that it was given."""
    given = None
    first = this.made_of.method("__init__")
    if this.call is not None and this.frame is not None and first == (owner, function):
        given = callers.bind(this.call, function, this.frame, is_method=True)
    return Frame(owner.scope, function, this, owner, given, frame_of(owner.scope, None))


@remembered(64)
def _set_from_outside(module: Module) -> frozenset[str]:
    """The attributes that code sets on something other than `self`."""
    found: set[str] = set()
    for statement in every_statement(module.tree):
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                if isinstance(small, cst.Assign):
                    for target in small.targets:
                        spelled = path(target.target)
                        if spelled is not None and spelled[0] != "self" and spelled[1]:
                            found |= {k.name for k in spelled[1] if isinstance(k, Attr)}
    return frozenset(found)
