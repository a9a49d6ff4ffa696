"""What a parameter holds: the argument of the call, its default, or what every caller in the module gives."""

from __future__ import annotations

from os.path import realpath
from typing import TYPE_CHECKING

import libcst as cst

from losslint.frozen import replace
from losslint.model.classes import parameters
from losslint.model.elsewhere import beside
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.model.remembering import remembered
from losslint.provenance.binders import Function, parameter
from losslint.provenance.kinds import UNKNOWN, Tensor
from losslint.provenance.mentions import calls_named, mentions
from losslint.provenance.objects import Callable, Frame, Given, Method, Value, frame_at, frame_of
from losslint.provenance.paths import Key
from losslint.training.callees import scope_of
from losslint.training.state import Scope

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer

MAX_CALLERS = 8


def argument(
    tracer: Tracer, param: cst.Param, keys: tuple[Key, ...], home: Frame
) -> tuple[Value, ...]:
    """What a parameter of the function of `home` may hold."""
    function, name = home.function, param.name.value
    unknown = tracer.take((UNKNOWN,), keys)
    if function is None:
        return unknown
    if home.this is not None and parameters(function)[:1] == [name]:
        return tracer.take((home.this,), keys)
    if home.given is not None:
        return _given(tracer, param, home.given, keys, home)
    if not isinstance(function, cst.FunctionDef):
        return unknown
    found: list[Value] = []
    for call, scope in _callers(tracer, function, home):
        if call is None:
            return unknown
        bound = bind(call, function, frame_at(scope, call), is_method=home.owner is not None)
        found += _given(tracer, param, bound, keys, home)
    return tuple(map(_handed, found)) or unknown


def _callers(
    tracer: Tracer, function: cst.FunctionDef, home: Frame
) -> list[tuple[cst.Call | None, Scope]]:
    """The calls of a function in its module and in those beside it; None for one that is not clear."""
    name, scope = function.name.value, home.scope
    if name == "forward" or name.startswith("__"):
        return [(None, scope)]
    own = _calls_of(scope.module, function, home)
    if own is None:
        return [(None, scope)]
    found: list[tuple[cst.Call | None, Scope]] = [(call, scope) for call in own]
    for other in _beside(scope.module, name):
        for call in calls_named(other, name):
            there = scope_of(other)
            met = {
                _is(one, function, home)
                for one in tracer.values(call.func, (), frame_at(there, call))
            }
            if met != {False}:
                found.append((call if met == {True} else None, there))
    return found if len(found) <= MAX_CALLERS else [(None, scope)]


def _is(value: Value, function: cst.FunctionDef, home: Frame) -> bool | None:
    """Whether a value is a function, which another module has read from its file anew; None if unclear."""
    if isinstance(value, Tensor) or (isinstance(value, Method) and UNKNOWN in value.base):
        return None
    if not isinstance(value, Callable) or not isinstance(value.function, cst.FunctionDef):
        return False
    there, here = value.frame.scope.module.source.name, home.scope.module.source.name
    owners = [one.facts.name if one is not None else "" for one in (value.owner, home.owner)]
    same = value.function.name.value == function.name.value and owners[0] == owners[1]
    return same and realpath(there) == realpath(here)


@remembered(64)
def _beside(module: Module, name: str) -> tuple[Module, ...]:
    return tuple(beside(module, name))


def _handed(value: Value) -> Value:
    return replace(value, handed=True) if isinstance(value, Tensor) and value != UNKNOWN else value


def _given(
    tracer: Tracer,
    param: cst.Param,
    given: dict[str, Given | None],
    keys: tuple[Key, ...],
    home: Frame,
) -> tuple[Value, ...]:
    if param.name.value not in given:
        if param.default is None:
            return tracer.take((UNKNOWN,), keys)
        return tracer.values(param.default, keys, home.outer or frame_of(home.scope, None))
    one = given[param.name.value]
    if one is None:
        return tracer.take((UNKNOWN,), keys)
    if one.value is None:
        return tracer.take(one.known, keys)
    return tracer.values(one.value, keys, one.frame)


def bind(
    call: cst.Call, function: Function, frame: Frame, *, is_method: bool
) -> dict[str, Given | None]:
    """Which parameter gets which argument of a call; None for what a star may give it."""
    names = parameters(function)[1 if is_method else 0 :]
    found: dict[str, Given | None] = {}
    for n, arg in enumerate(call.args):
        if arg.star:
            rest = names[n:] if arg.star == "*" else names
            keyword_only = [p.name.value for p in function.params.kwonly_params]
            for name in (*rest, *keyword_only):
                found.setdefault(name, None)
        elif arg.keyword is not None:
            if parameter(function, arg.keyword.value) is not None:
                found[arg.keyword.value] = Given(arg.value, frame)
        elif n < len(names):
            found.setdefault(names[n], Given(arg.value, frame))
    return found


def _calls_of(module: Module, function: cst.FunctionDef, home: Frame) -> list[cst.Call] | None:
    """Every call of a function in its module; None if it may be called from elsewhere, unseen."""
    name = function.name.value
    found: list[cst.Call] = []
    for node in mentions(module).names.get(name, ()):
        around = parent(module.tree, node)
        if isinstance(around, cst.FunctionDef) and around.name is node:
            if around is not function:
                return None  # two of one name
            continue
        mention: cst.CSTNode = node
        if isinstance(around, cst.Attribute) and around.attr is node:
            mention, around = around, parent(module.tree, around)
            if home.owner is None:
                continue  # of something else
        elif home.owner is not None:
            continue
        if isinstance(around, cst.Call) and around.func is mention:
            found.append(around)
        elif not isinstance(around, (cst.ImportAlias, cst.Arg)) or _is_value(around, mention):
            return None
    return found if len(found) <= MAX_CALLERS else None


def _is_value(around: cst.CSTNode | None, node: cst.CSTNode) -> bool:
    """Whether a name is handed on, rather than being that of a keyword."""
    return not (isinstance(around, cst.Arg) and around.keyword is node)
