"""What a call yields: of a class, a layer, a network, a function of the project, of torch, a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from losslint.model.classes import decorators, parameters
from losslint.model.parents import children
from losslint.model.remembering import remembered
from losslint.provenance import callers, layers, tensors
from losslint.provenance.binders import within
from losslint.provenance.kinds import UNKNOWN, Place, Tensor
from losslint.provenance.objects import (
    Callable,
    Chain,
    Class,
    External,
    Frame,
    Given,
    Instance,
    Layer,
    Method,
    Value,
    frame_of,
)
from losslint.provenance.operations import WRAPPERS, is_function
from losslint.provenance.paths import Attr, Key, Path, Some, path

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer

MAX_CALLS = 8  # one inside the other

# Decorators that leave what a function returns as it is.
PLAIN = frozenset(
    "staticmethod classmethod property cached_property no_grad inference_mode enable_grad autocast"
    " custom_fwd script compile jit override typechecked profile abstractmethod script_method"
    " auto_fp16 force_fp32 export ignore".split()
)
# Functions that hand on the module, or the tensor, that they are given first.
HANDING_ON = frozenset("DataParallel DistributedDataParallel script compile Variable".split())


def called(
    tracer: Tracer, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    """What `keys` of the result of a call may be."""
    found: tuple[Value, ...] = ()
    for target in tracer.values(call.func, (), frame):
        if target == UNKNOWN and isinstance(call.func, cst.Attribute):
            target = Method((UNKNOWN,), call.func.attr.value)
        found += _result(tracer, target, call, keys, frame)
    return found


def _result(
    tracer: Tracer, target: Value, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    match target:
        case External(name=name) if name.startswith("builtins."):
            return _builtin(tracer, name.rpartition(".")[2], call, keys, frame)
        case External(name=name):
            return tracer.take(_external(tracer, name, call, keys, frame), keys)
        case Class():
            return tracer.take((Instance(target, call, frame),), keys)
        case Instance():
            entry = target.entry()
            if entry is not None:
                return _entered(tracer, entry, call, keys, frame)
        case Callable():
            return _entered(tracer, target, call, keys, frame)
        case Layer() | Chain() if len(call.args) == 1 and not call.args[0].star:
            inputs = tracer.values(call.args[0].value, (), frame)
            place = Place(frame.scope.module, call)
            return tracer.take(applied(tracer, target, inputs, place, frame), keys)
        case Method():
            return _method(tracer, target, call, keys, frame)
    return tracer.take((UNKNOWN,), keys)


def _external(
    tracer: Tracer, name: str, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    """What a class or function that is not of the project yields."""
    last = name.rpartition(".")[2]
    if last in HANDING_ON and call.args:
        return tracer.values(call.args[0].value, (), frame)
    if name.startswith("torch.nn.") and last[:1].isupper():
        return (layers.built(tracer, name, call, frame),)
    if is_function(name):
        return tensors.computed(tracer, last, call, keys, frame)
    return (UNKNOWN,)


def _builtin(
    tracer: Tracer, name: str, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    args = [arg.value for arg in call.args if not arg.star and arg.keyword is None]
    match name, keys:
        case "zip", (Some.EACH, int(n), *rest) if n < len(args) == len(call.args):
            return tracer.values(args[n], (Some.EACH, *rest), frame)
        case "enumerate", (Some.EACH, 1, *rest) if args:
            return tracer.values(args[0], (Some.EACH, *rest), frame)
        case "list" | "tuple" | "reversed" | "iter", (int() | Some(), *_) if len(args) == 1:
            return tracer.values(args[0], keys, frame)
        case "dict", (str(key), *rest):
            for arg in call.args:
                if arg.keyword is not None and arg.keyword.value == key:
                    return tracer.values(arg.value, tuple(rest), frame)
        case "super", (Attr(name=method), *rest) if frame.this is not None and frame.owner:
            for owner in _above(frame.this, frame.owner, method):
                if method in owner.facts.methods:
                    function = owner.facts.methods[method]
                    bound = Callable(function, frame_of(owner.scope, None), frame.this, owner)
                    return tracer.take((bound,), tuple(rest))
    return tracer.take((UNKNOWN,), keys)


def _above(this: Instance, owner: Class, name: str) -> Iterator[Class]:
    lineage = list(this.made_of.lineage(name))
    if owner in lineage:
        yield from lineage[lineage.index(owner) + 1 :]


def _method(
    tracer: Tracer, method: Method, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    """A method of a tensor, of a module of torch, or of a dictionary."""
    func = call.func
    if isinstance(func, cst.Attribute) and not call.args and keys[:1] == (Some.EACH,):
        if method.name == "values":
            return tracer.values(func.value, (Some.ANY, *keys[1:]), frame)
        if method.name == "items" and keys[1:2] == (1,):
            return tracer.values(func.value, (Some.ANY, *keys[2:]), frame)
    found: list[Value] = []
    for base in method.base:
        if isinstance(base, Tensor):
            found += tracer.take((tensors.method(tracer, base, method.name, call, frame),), keys)
        elif method.name == "__call__" and isinstance(base, Instance):
            found += _result(tracer, base, call, keys, frame)
        elif method.name in WRAPPERS:
            found += tracer.take((base,), keys)
        elif method.name == "forward" and isinstance(base, (Layer, Chain)):
            found += _result(tracer, base, call, keys, frame)
        else:
            found += tracer.take((UNKNOWN,), keys)
    return tuple(found)


def applied(
    tracer: Tracer, target: Value, inputs: tuple[Value, ...], place: Place, frame: Frame
) -> tuple[Value, ...]:
    """What a module makes of what it is given; `place` is the call."""
    match target:
        case Layer():
            return (layers.applied(tracer, target, inputs, place),)
        case Chain():
            current = inputs
            for link in target.links:
                current = tuple(
                    dict.fromkeys(
                        value
                        for one in link
                        for value in applied(tracer, one, current, _own(one, place), frame)
                    )
                )
            return current
        case Instance():
            entry = target.entry()
            if entry is not None:
                names = parameters(entry.function)[1:2]
                given: dict[str, Given | None] = {n: Given(None, frame, inputs) for n in names}
                return entered(tracer, entry, given, frame, place, ())
    return (UNKNOWN,)


def _own(link: Value, place: Place) -> Place:
    """Where a module in a chain stands."""
    return link.place if isinstance(link, Layer) else place


def _entered(
    tracer: Tracer, target: Callable, call: cst.Call, keys: tuple[Key, ...], frame: Frame
) -> tuple[Value, ...]:
    given = _bound(target, call, frame)
    return entered(tracer, target, given, frame, Place(frame.scope.module, call), keys)


def _bound(target: Callable, call: cst.Call, frame: Frame) -> dict[str, Given | None]:
    return callers.bind(call, target.function, frame, is_method=target.this is not None)


def frame_of_call(target: Callable, call: cst.Call, frame: Frame) -> Frame:
    """The frame of a function for one call of it."""
    given = _bound(target, call, frame)
    inner = _frame(target, given, frame)
    return frame.called.setdefault((call, target), inner)


def _frame(target: Callable, given: dict[str, Given | None], frame: Frame) -> Frame:
    scope = target.frame.scope
    return Frame(scope, target.function, target.this, target.owner, given, target.frame, frame)


def entered(
    tracer: Tracer,
    target: Callable,
    given: dict[str, Given | None],
    frame: Frame,
    place: Place | None,
    keys: tuple[Key, ...],
) -> tuple[Value, ...]:
    """What a function of the project returns for the arguments that it is given."""
    function = target.function
    if frame.runs(function):
        return ()  # by itself it comes to nothing else than its other returns do
    if frame.depth >= MAX_CALLS or not is_plain(function):
        return tracer.take((UNKNOWN,), keys)
    inner = _frame(target, given, frame)
    if place is not None:
        inner = frame.called.setdefault((place.node, target), inner)
    found: list[Value] = []
    for returned in _returned(function):
        found += tracer.values(returned, keys, inner)
    if place is None:
        return tuple(found)
    return tuple(
        one.through(place) if isinstance(one, Tensor) and one != UNKNOWN else one for one in found
    )


@remembered(512)
def _returned(function: cst.FunctionDef | cst.Lambda) -> tuple[cst.BaseExpression, ...]:
    if isinstance(function, cst.Lambda):
        return (function.body,)
    return tuple(
        small.value
        for statement in within(function)
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
        if isinstance(small, cst.Return) and small.value is not None
    )


@remembered(512)
def is_plain(function: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether what a function returns is what its calls yield."""
    if isinstance(function, cst.Lambda):
        return True
    if function.asynchronous is not None:
        return False
    if any(name.rpartition(".")[2] not in PLAIN for name in decorators(function)):
        return False
    return not any(_yields(child) for child in children(function.body))


def _yields(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Yield):
        return True
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return False
    return any(_yields(child) for child in children(node))


def appended(body: Iterable[cst.BaseStatement], wanted: Path) -> Iterator[cst.BaseExpression]:
    """What is appended to the list at a path."""
    for statement in body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for small in statement.body:
            match small:
                case cst.Expr(
                    value=cst.Call(
                        func=cst.Attribute(value=base, attr=cst.Name("append")),
                        args=[cst.Arg(value=added)],
                    )
                ) if path(base) == wanted:
                    yield added
