"""Following a call into a function of the project: what it yields for the arguments at hand."""

from __future__ import annotations

import libcst as cst

from losslint.frozen import replace
from losslint.model.classes import parameters, runs_without_gradients
from losslint.training.callees import Found
from losslint.training.run import MAX_DEPTH, Run
from losslint.training.state import Frame, PathEnd, State, name_of
from losslint.training.values import UNKNOWN, Value, is_named_as_loss, some


def follow(
    run: Run,
    node: cst.Call,
    found: Found,
    values: list[Value],
    frame: Frame,
    state: State,
) -> Value | None:
    """What a function of the project yields for these arguments; None if it is not to be followed.

    Raises:
        PathEnd: no path through the function leaves it.
    """
    scope, owner, function = found
    if frame.runs(function) or frame.depth >= MAX_DEPTH:
        return None
    inner = Frame(scope, function, owner, caller=frame, call=node)
    decorated = isinstance(function, cst.FunctionDef) and runs_without_gradients(function)
    inner.no_grad = frame.no_grad + decorated
    start = _entered(function, node, values, frame, state, inner)
    if isinstance(function, cst.Lambda):
        return run.evaluate(function.body, inner, start)
    before = len(run.events.ended)
    left = run.block(run, function.body, inner, start)
    inner.returns += [(UNKNOWN, path) for path in left]
    if not inner.returns:
        last = run.events.ended[-1] if len(run.events.ended) > before else None
        raise PathEnd(last.kind if last else "raise", last.node if last else node)
    value = some(value for value, _ in inner.returns)
    if any(path.decisions != start.decisions for _, path in inner.returns):
        value = replace(value, tested=True)
    for _, path in inner.returns:
        state.decisions = tuple(dict.fromkeys((*state.decisions, *path.decisions)))
        state.hidden = tuple(dict.fromkeys((*state.hidden, *path.hidden)))
    value = _left(_called(value, node))
    if owner is frame.owner:
        last_state = inner.returns[-1][1]
        state.names.update(_attributes(last_state))
    run.events.followed[function] = scope.module
    return value


def _left(value: Value) -> Value:
    """What leaves a function: its own accumulators end with it."""
    items = tuple((key, _left(item)) for key, item in value.items)
    kept = frozenset(path for path in value.kept if path.startswith("self."))
    return replace(value, items=items, kept=kept)


def _called(value: Value, node: cst.Call) -> Value:
    """A single loss that a function returns is called by the name of that function."""
    name = name_of(node.func)
    if len(value.terms) != 1 or not name:
        return value
    (term,) = value.terms
    is_loss = is_named_as_loss(name)
    named = frozenset(replace(s, label=name, is_loss=s.is_loss or is_loss) for s in term)
    return replace(value, terms=frozenset((named,)))


def _entered(
    function: cst.FunctionDef | cst.Lambda,
    node: cst.Call,
    values: list[Value],
    frame: Frame,
    state: State,
    inner: Frame,
) -> State:
    """The names that a function begins with."""
    nested = isinstance(function, cst.Lambda) or function not in inner.scope.functions.values()
    closure = nested and inner.owner is frame.owner and inner.scope is frame.scope
    start = State(
        dict(state.names) if closure else _attributes(state), {}, decisions=state.decisions
    )
    names = parameters(function)
    method = inner.owner is not None and names[:1] == ["self"]
    names = names[1:] if method else names
    for name in (*names, *(p.name.value for p in function.params.kwonly_params)):
        start.names.pop(name, None)
    for n, (arg, value) in enumerate(zip(node.args, values, strict=False)):
        if arg.keyword is not None:
            start.names[arg.keyword.value] = value
        elif not arg.star and n < len(names):
            start.names[names[n]] = value
    return start


def _attributes(state: State) -> dict[str, Value]:
    return {path: value for path, value in state.names.items() if path.startswith("self.")}
