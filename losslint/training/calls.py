"""What a call does with a loss: yields it, tests it, shows it, back-propagates it, hands it on."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite, isinf, isnan

import libcst as cst

from losslint.frozen import replace
from losslint.model.names import called, dotted, string_value
from losslint.ranges.losses import is_loss_like
from losslint.training.backpropagation import back_propagated
from losslint.training.callees import (
    WRAPPERS,
    Found,
    Made,
    class_of,
    function_of,
    is_named_loss,
    learns,
    matters,
    torch_bound,
)
from losslint.training.displays import display
from losslint.training.events import Escaped
from losslint.training.following import follow
from losslint.training.propagation import SAME, propagated
from losslint.training.run import Run
from losslint.training.state import Called, Ended, Frame, PathEnd, State, name_of, path_of
from losslint.training.values import (
    UNKNOWN,
    Source,
    Value,
    either,
    forgiven,
    is_named_as_loss,
    plus,
)

EXITS = frozenset(("sys.exit", "os._exit", "exit", "quit", "os.abort"))
DEBUGGERS = frozenset(("set_trace", "breakpoint", "embed"))
ASSERTS = frozenset(("torch._assert", "torch._assert_async", "torch._check"))

# By the last part of the name, of torch, numpy and math, and as methods of a tensor.
TESTS: dict[str, Callable[[float], bool]] = {
    "isfinite": isfinite,
    "isnan": isnan,
    "isinf": isinf,
    "isposinf": lambda x: x == float("inf"),
    "isneginf": lambda x: x == float("-inf"),
}
SIZES = frozenset(
    "len size dim numel range isinstance hasattr getattr str repr type id time format join ones zeros is_tensor split"
    " ones_like zeros_like full full_like rand randn arange".split()
)
COUNTS = frozenset(("len", "numel"))
COUNT = Value(floored=True)
GROWING = frozenset("append extend insert add update add_ push put".split())

LIBRARIES = ("torch.", "numpy.", "math.")

# What calls itself a check may be one, where its definition is not at hand.
CHECK = re.compile(r"check|valid|verif|assert|ensure|finite|nan|guard|sane|sanit|abort", re.I)


def call(run: Run, node: cst.Call, frame: Frame, state: State) -> Value:
    """What a call does, and yields."""
    naming, run.naming = run.naming, ""
    try:
        return _call(run, node, frame, state, naming)
    finally:
        run.naming = naming


def _call(run: Run, node: cst.Call, frame: Frame, state: State, naming: str) -> Value:
    func = node.func
    qualified = frame.scope.names.qualified(func)
    spelled = qualified or dotted(func) or ""
    name = qualified.rpartition(".")[2] if qualified else called(node)
    if spelled in EXITS:
        raise PathEnd("exit", node)
    if name in DEBUGGERS:
        run.events.ended.append(Ended("debugger", node, state.decisions))
        return UNKNOWN
    if name in ("set_detect_anomaly", "detect_anomaly") and not _is_off(node):
        run.events.anomaly = True
        return UNKNOWN
    base = UNKNOWN
    if isinstance(func, cst.Attribute) and qualified is None:
        base = run.evaluate(func.value, frame, state)
    if "backward" in name and back_propagated(run, node, name, base, frame, state):
        return UNKNOWN
    if display(run, node, frame, state):
        return UNKNOWN
    values = [run.evaluate(arg.value, frame, state) for arg in node.args]
    if name in TESTS:
        tested = (values[0] if values else base).whole()
        run.events.finite.append(tested)
        run.tells_apart |= tested.special
        return _test(name, tested)
    if spelled in ASSERTS or name in run.validators:
        _assert(run, node, values, spelled in ASSERTS)
        return values[0] if values and spelled not in ASSERTS else UNKNOWN
    if name in SIZES and not base.made:
        return COUNT if name in COUNTS else UNKNOWN
    is_given_losses = any(value.is_loss for value in values)
    near = qualified is None or is_given_losses
    if not (near or is_loss_like(name) or CHECK.search(name) or name[:1].isupper()):
        qualified = ""  # what stands in another file and gets no loss is left there
    if isinstance(base.made, Made) and name in WRAPPERS:
        return base
    followed = _callee(run, func, base, frame, state, qualified, is_given_losses)
    if isinstance(followed, Value):
        return followed
    this = Called(node, name, base, values, naming, frame, state)
    if followed is not None and (is_given_losses or matters(followed[2])):
        found = follow(run, node, followed, values, frame, state)
        return found if found is not None else _opaque(run, replace(this, base=UNKNOWN, naming=""))
    if name == "step":
        for value in values:
            if value.function is not None:
                follow(run, node, (frame.scope, frame.owner, value.function), [], frame, state)
    known = propagated(run, this)
    return known if known is not None else _unknown(run, this)


def _is_off(node: cst.Call) -> bool:
    return bool(node.args) and path_of(node.args[0].value) == "False"


def _test(name: str, value: Value) -> Value:
    if isinstance(value.number, str) or not (value.sources or value.number is not None):
        return UNKNOWN
    number = 0.0 if value.number is None else float(value.number)
    return Value(bool(TESTS[name](number)), tested=value.tested, explicit=True)


def _assert(run: Run, node: cst.Call, values: list[Value], condition: bool) -> None:
    """A call that raises: where its condition is false, or where what it gets is not finite."""
    if condition:
        if values and values[0].number is not None and not values[0].number:
            raise PathEnd("raise", node)
    elif any(value.whole().special for value in values):
        raise PathEnd("raise", node)


def _callee(
    run: Run,
    func: cst.BaseExpression,
    base: Value,
    frame: Frame,
    state: State,
    qualified: str | None,
    is_given_losses: bool,
) -> Found | Value | None:
    """What is called: a function to follow, or an object that is made."""
    path = path_of(func) or ""
    made = class_of(func, frame)
    if made is not None:
        return Value(made=made)
    known = state.names.get(path)
    if known is not None and known.function is not None:
        return frame.scope, frame.owner, known.function
    if isinstance(func, cst.Name) and known is None:
        found = function_of(func.value, qualified, frame, is_given_losses=is_given_losses)
        if found is not None:
            return found
    value = run.evaluate(func, frame, state) if known is None else known
    if (isinstance(value.made, Made) and not isinstance(func, cst.Attribute)) or path.startswith(
        "self."
    ):
        found = value.made.method("forward") if isinstance(value.made, Made) else None
        if found is not None:
            return found
    if isinstance(func, cst.Attribute):
        if qualified is not None:
            return function_of("", qualified, frame, is_given_losses=is_given_losses)
        owner = frame.owner
        if isinstance(base.made, Made):
            return base.made.method(func.attr.value)
        if path == f"self.{func.attr.value}" and owner is not None:
            return Made(owner.name, frame.scope, owner).method(func.attr.value)
    return None


def _unknown(run: Run, this: Called) -> Value:
    """A call of something that is not at hand."""
    node, frame = this.node, this.frame
    if CHECK.search(this.name) and any(value.whole().special for value in this.values):
        run.events.unsure = True
    function = run.evaluate(node.func, frame, this.state) if path_of(node.func) else this.base
    bound = torch_bound(node.func, function, frame)
    if bound is not None:
        learned, calls = learns(this.values), frame.every_call()
        source = Source(node, (), _spoken(run, this), True, learns=learned, calls=calls)
        found = run.of(source, frame, floored=bound >= 0)
        graph = found.graph and not _is_detached(this.values)
        return replace(found, graph=graph, scalar=_is_reduced(node))
    if (frame.scope.names.qualified(node.func) or "").startswith(LIBRARIES):
        found = either([this.base, *this.values])  # an operation, and no loss by itself
        return found if len(node.args) == 1 else forgiven(found)
    if isinstance(node.func, cst.Attribute) and this.name in SAME and not this.base.sources:
        return this.base
    return UNKNOWN if _grows(run, this) else _opaque(run, this)


def _opaque(run: Run, this: Called) -> Value:
    """A call of which nothing but its name is known: what losses go in may come out."""
    node, frame, values = this.node, this.frame, [this.base, *this.values]
    given = [value for value in values if value.is_loss]
    run.events.escaped += [Escaped(node, value) for value in given]
    if given:
        found = given[0].whole()
        for value in given[1:]:
            found = plus(found, value.whole())
        return replace(forgiven(found), through=found.through | {node})
    named = is_named_loss(node.func, UNKNOWN) or name_of(node.func) in run.losses
    is_loss = is_named_as_loss(this.naming) or named
    learned = is_loss and learns(values)
    calls = frame.every_call()
    source = Source(node, (), _spoken(run, this), is_loss, learns=learned, calls=calls)
    found = run.of(source, frame)
    return replace(found, graph=found.graph and not (named and _is_detached(values)))


def _is_reduced(node: cst.Call) -> bool:
    """Whether a loss of torch yields one number, as far as the call itself tells."""
    words = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    if "reduce" in words:
        return False
    given = words.get("reduction")
    return given is None or (
        isinstance(given, cst.SimpleString) and string_value(given) in ("mean", "sum")
    )


def _is_detached(values: list[Value]) -> bool:
    """Whether a loss is worked out from nothing that can be back-propagated."""
    known = [value for value in values if value.sources]
    return bool(known) and not any(value.graph for value in known)


def _spoken(run: Run, this: Called) -> str:
    """How a person calls what a call yields: by the name that it is given, if it is given one."""
    callee = name_of(this.node.func)
    if this.naming and (this.node is run.assigned or not is_loss_like(callee)):
        return this.naming
    return callee or this.naming


def _grows(run: Run, this: Called) -> bool:
    """Whether a call adds a loss to an object: `losses.append(loss)`, `meter.update(loss)`."""
    node, state = this.node, this.state
    given = [value for value in this.values if value.is_loss or value.special]
    path = path_of(node.func.value) if isinstance(node.func, cst.Attribute) else None
    if this.name not in GROWING or not given or path is None:
        return False
    known = state.names.get(path, UNKNOWN)
    total = known
    for value in given:
        total = plus(total, value.whole())
    items: tuple[tuple[object, Value], ...] = ()
    if this.name == "append":
        items = (*known.items, (len(known.items), given[0]))
    elif this.name == "update" and given[0].items:
        items = tuple(dict((*known.items, *given[0].items)).items())
    kept = total.kept | {path}
    state.names[path] = replace(Value(items=items) if items else total, kept=kept)
    if path not in state.places or path.startswith("self."):
        run.events.escaped += [Escaped(node, value) for value in given]
    pairs = zip(node.args, this.values, strict=True)
    expression = next(arg.value for arg, value in pairs if value is given[0])
    run.keep(node, path, expression, given[0], this.frame, state)
    return True
