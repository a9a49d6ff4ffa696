"""Walks through a function, on every path, with or without a loss that is NaN.

Nothing is known of most values. A walk follows the losses: from the calls that yield
them to where they are added up, tested, shown, kept and back-propagated. A walk that injects
NaN or inf in place of a loss shows which branches a run with such a loss takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import libcst as cst

from losslint.frozen import replace
from losslint.model.classes import WITHOUT_GRADIENTS, runs_without_gradients
from losslint.training.assignments import assign
from losslint.training.displays import display
from losslint.training.expressions import EXPRESSIONS
from losslint.training.logic import INTERVAL, truth
from losslint.training.run import Run
from losslint.training.state import Decision, Ended, Frame, PathEnd, State, merged, name_of, path_of
from losslint.training.turns import bind, iterated
from losslint.training.values import UNKNOWN, Value

MAX_STATES = 24

Paths = list[State]
LEAVING = {cst.Break: "break", cst.Continue: "continue"}


def block(run: Run, body: cst.BaseSuite | cst.Module, frame: Frame, start: State) -> Paths:
    """Every path through a block that goes on behind it."""
    if isinstance(body, cst.SimpleStatementSuite):
        return execute(run, body, frame, start)
    paths = [start]
    for statement in body.body:
        found: Paths = []
        for path in paths:
            found += execute(run, statement, frame, path)
        paths = merged(found)[:MAX_STATES]
        if not paths:
            return []
    return paths


def execute(run: Run, statement: cst.CSTNode, frame: Frame, state: State) -> Paths:
    """The paths that go on after one statement."""
    handler = STATEMENTS.get(type(statement))
    if handler is None:
        return [state]
    try:
        return handler(run, statement, frame, state)
    except PathEnd as end:
        return _end(run, end.kind, end.node, state)


def _end(run: Run, kind: str, node: cst.CSTNode, state: State) -> Paths:
    run.events.ended.append(Ended(kind, node, state.decisions))
    return []


def _line(
    run: Run, node: cst.SimpleStatementLine | cst.SimpleStatementSuite, frame: Frame, state: State
) -> Paths:
    for small in node.body:
        match small:
            case cst.Expr():
                run.evaluate(small.value, frame, state)
            case cst.Assign() | cst.AnnAssign() | cst.AugAssign():
                if not display(run, small, frame, state):
                    assign(run, small, frame, state)
            case cst.Return():
                return _return(run, small, frame, state)
            case cst.Raise():
                return _end(run, "raise", small, state)
            case cst.Break() | cst.Continue():
                frame.left.append(state)
                return _end(run, LEAVING[type(small)], small, state)
            case cst.Assert() if run.asserts:
                test = run.evaluate(small.test, frame, state)
                if test.tested:
                    run.events.tested.append((small, test))
                if truth(test) is False and test.tested:
                    decided = replace(state, decisions=(*state.decisions, _decision(small, test)))
                    return _end(run, "assert", small, decided)
            case cst.Del(target=target):
                state.names.pop(path_of(target) or "", None)
    return [state]


def _decision(node: cst.CSTNode, test: Value) -> Decision:
    return Decision(node, bool(test.number), test.explicit)


def _return(run: Run, node: cst.Return, frame: Frame, state: State) -> Paths:
    value = UNKNOWN if node.value is None else run.evaluate(node.value, frame, state)
    if frame.caller is None:
        run.events.returned.append((node, value, state))
    frame.returns.append((_marked(value, node), state))
    run.events.ended.append(Ended("return", node, state.decisions))
    return []


def _marked(value: Value, node: cst.Return) -> Value:
    """What is returned, each item of it with the expression that it is returned by."""
    match node.value:
        case cst.Tuple(elements=elements) | cst.Dict(elements=elements) if len(elements) == len(
            value.items
        ):
            items = [
                (key, replace(item, through=item.through | {element}))
                for (key, item), element in zip(value.items, elements, strict=True)
            ]
            return replace(value, items=tuple(items))
    return replace(value, through=value.through | {node})


def _if(run: Run, node: cst.If, frame: Frame, state: State) -> Paths:
    test = run.evaluate(node.test, frame, state)
    if test.tested:
        run.events.tested.append((node, test))
    decided = truth(test)
    if test.made is INTERVAL and run.injected and node.orelse is None:
        return _every_so_often(run, node, frame, state)
    if decided is not None and (test.tested or test.explicit or _is_constant(node.test)):
        if not test.tested:
            return _branch(run, node, decided, frame, state)
        state.decisions += (_decision(node, test),)
        run.substituting += 1
        try:
            return _branch(run, node, decided, frame, state)
        finally:
            run.substituting -= 1
    return _branch(run, node, True, frame, state.copy()) + _branch(run, node, False, frame, state)


def _every_so_often(run: Run, node: cst.If, frame: Frame, state: State) -> Paths:
    """A branch that is taken every n steps: a check in it counts, if it comes late."""
    before = len(run.events.ended)
    paths = block(run, node.body, frame, state.copy())
    ended = run.events.ended[before:]
    if not paths and any(e.decisions != state.decisions or e.kind == "raise" for e in ended):
        return []
    return [*paths, state]


def _is_constant(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value in ("True", "False")


def _branch(run: Run, node: cst.If, taken: bool, frame: Frame, state: State) -> Paths:
    if taken:
        return block(run, node.body, frame, state)
    match node.orelse:
        case cst.If():
            return execute(run, node.orelse, frame, state)
        case cst.Else(body=body):
            return block(run, body, frame, state)
    return [state]


def _for(run: Run, node: cst.For, frame: Frame, state: State) -> Paths:
    values = iterated(run, node.iter, frame, state)
    return _loop(run, node, frame, state, [(node.target, value) for value in values])


def _while(run: Run, node: cst.While, frame: Frame, state: State) -> Paths:
    run.evaluate(node.test, frame, state)
    return _loop(run, node, frame, state, [None])


def _loop(
    run: Run,
    node: cst.For | cst.While,
    frame: Frame,
    state: State,
    given: Sequence[tuple[cst.BaseExpression, Value] | None],
) -> Paths:
    """One turn for each item that is known, and a single one where none is."""
    before, fresh = frame.left, state.fresh
    frame.loops.append(node)
    known = len(given) > 1
    paths = [state]
    try:
        for turn in given:
            frame.left = []
            started: Paths = []
            for path in paths:
                if not known:  # the items of a short list are one step together
                    path.fresh = frozenset()
                if turn is not None:
                    bind(run, *turn, frame, path)
                started += block(run, node.body, frame, path)
            paths = merged([*started, *frame.left])[:MAX_STATES]
    finally:
        frame.loops.pop()
        frame.left = before
    for path in paths:
        path.fresh |= fresh
    if node.orelse is not None:
        paths = [end for path in paths for end in block(run, node.orelse.body, frame, path)]
    return paths


def _with(run: Run, node: cst.With, frame: Frame, state: State) -> Paths:
    without = 0
    for item in node.items:
        value = run.evaluate(item.item, frame, state)
        without += stops_gradients(item.item)
        if item.asname is not None and isinstance(item.asname.name, cst.BaseExpression):
            bind(run, item.asname.name, value, frame, state)
    frame.no_grad += without
    try:
        return block(run, node.body, frame, state)
    finally:
        frame.no_grad -= without


def stops_gradients(node: cst.BaseExpression) -> bool:
    """Whether a context turns gradients off."""
    match node:
        case cst.Call(func=func, args=args):
            name = name_of(func)
            off = bool(args) and path_of(args[0].value) == "False"
            return name in WITHOUT_GRADIENTS or (name == "set_grad_enabled" and off)
    return False


def _try(run: Run, node: cst.Try | cst.TryStar, frame: Frame, state: State) -> Paths:
    before = len(run.events.ended)
    start = state.copy()
    paths = block(run, node.body, frame, state)
    raised = [e for e in run.events.ended[before:] if e.kind in ("raise", "assert")]
    if node.orelse is not None:
        paths = [end for path in paths for end in block(run, node.orelse.body, frame, path)]
    for handler in node.handlers:
        caught = start.copy()
        if raised:
            caught.decisions = raised[-1].decisions
        paths += block(run, handler.body, frame, caught)
    if node.finalbody is not None:
        paths = [end for path in paths for end in block(run, node.finalbody.body, frame, path)]
    return merged(paths)


def _match(run: Run, node: cst.Match, frame: Frame, state: State) -> Paths:
    run.evaluate(node.subject, frame, state)
    paths = [state.copy()]
    for case in node.cases:
        paths += block(run, case.body, frame, state.copy())
    return merged(paths)


def _definition(run: Run, node: cst.FunctionDef, frame: Frame, state: State) -> Paths:
    state.names[node.name.value] = Value(function=node)
    return [state]


STATEMENTS: dict[type[cst.CSTNode], Callable[[Run, Any, Frame, State], Paths]] = {
    cst.SimpleStatementLine: _line,
    cst.SimpleStatementSuite: _line,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
    cst.FunctionDef: _definition,
}


Kind = TypeVar("Kind", bound=Run)


def walked(kind: type[Kind], frame: Frame, start: State, **options: Any) -> Kind:
    """One walk of a kind through the function of `frame`, or through its module.

    Raises:
        Exhausted: it takes too long to follow.
    """
    settings = frame.scope.module.settings
    validator = settings.loss_validator.rpartition(":")[2]
    run = kind(
        EXPRESSIONS,
        block,
        monitors=settings.monitor_functions,
        validators=(validator,) if validator else (),
        losses=frozenset(name.rpartition(".")[2] for name in settings.loss_functions),
        **options,
    )
    function = frame.function
    body: Any = frame.scope.module.tree if function is None else function.body
    if isinstance(function, cst.FunctionDef):
        frame.no_grad = int(runs_without_gradients(function))
    block(run, body, frame, start)
    return run
