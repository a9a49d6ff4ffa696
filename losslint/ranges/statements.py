"""What a block of statements does to the names in it, path by path.

Branches whose outcomes differ in what is learnable are followed apart, up to
`MAX_PATHS`; beyond that, and where nothing learnable differs, they are joined.
A loop over a known list is unrolled; any other is followed for one turn, whose
terms stand for as many as there are turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import libcst as cst

from losslint.frozen import replace
from losslint.model.classes import WITHOUT_GRADIENTS
from losslint.model.names import dotted
from losslint.ranges import arithmetic as ar
from losslint.ranges.binding import bind, target_name
from losslint.ranges.collections import store
from losslint.ranges.growth import Growth
from losslint.ranges.indexing import turns_of
from losslint.ranges.interval import ANYTHING, Interval
from losslint.ranges.objects import Function, Object, Sequence
from losslint.ranges.operators import binary
from losslint.ranges.run import (
    Env,
    Run,
    has_leaves,
    join,
)
from losslint.ranges.value import (
    Term,
    Value,
    number,
)

LEFT = "#left"  # marks a path whose turn of the loop has ended


Paths = list[Env]


def block(run: Run, body: cst.BaseSuite | cst.Module, env: Env) -> Paths:
    """Every path through a block; those that return or raise are not among them."""
    if isinstance(body, cst.SimpleStatementSuite):  # on the line of its colon
        return [env] if LEFT in env.names else _line(run, body, env)
    paths = [env]
    for statement in body.body:
        found: Paths = []
        for path in paths:
            found += [path] if LEFT in path.names else execute(run, statement, path)
        paths = fewer(found)
        if not paths:
            return []
    return paths


def fewer(paths: Paths) -> Paths:
    """The same paths, joined until there are no more than can be followed."""
    if len(paths) < 2:
        return paths
    kept: Paths = []
    for path in paths:
        twin = next((k for k in kept if _alike(k, path)), None)
        if twin is None:
            kept.append(path)
        else:
            kept[kept.index(twin)] = merged(twin, path)
    while kept and len(kept) > kept[0].frame.max_paths:
        last = kept.pop()
        kept[-1] = merged(kept[-1], last)
    return kept


def _alike(a: Env, b: Env) -> bool:
    """Whether two paths agree on everything learnable."""
    if (LEFT in a.names) != (LEFT in b.names):
        return False
    for names, others in ((a.names, b.names), (b.names, a.names)):
        for name, thing in names.items():
            if others.get(name) is not thing and has_leaves(thing):
                return False
    return True


def merged(a: Env, b: Env) -> Env:
    """One path in which each name is what it is on either."""
    names = dict(a.names)
    for name, value in b.names.items():
        held = names.get(name)
        if held is not value:
            names[name] = value if held is None else join(held, value)
    return Env(a.frame, names)


def execute(run: Run, statement: cst.CSTNode, env: Env) -> Paths:
    """The paths that go on after one statement."""
    handler = STATEMENTS.get(type(statement))
    return handler(run, statement, env) if handler else [env]


def _line(run: Run, node: cst.SimpleStatementLine | cst.SimpleStatementSuite, env: Env) -> Paths:
    for small in node.body:
        handler = SMALL.get(type(small))
        if handler:
            handler(run, small, env)
        elif isinstance(small, (cst.Raise, cst.Break, cst.Continue)):
            return _leave(run, small, env)
        elif isinstance(small, cst.Return):
            if small.value is not None:
                value = run.evaluate(small.value, env)
                if env.frame.without_gradient:
                    value = _detached(value)
                env.frame.returns.append(value)
                run.returned(value, small.value, env)
            return []
    return [env]


def _leave(run: Run, small: cst.BaseSmallStatement, env: Env) -> Paths:
    if isinstance(small, cst.Raise):
        return []
    env.names[LEFT] = number(1)
    return [env]


def _assign(run: Run, node: cst.Assign, env: Env) -> None:
    first = node.targets[0].target
    value = _evaluate_for(run, node.value, first, env)
    for target in node.targets:
        bind(run, target.target, value, env)


def _annotated(run: Run, node: cst.AnnAssign, env: Env) -> None:
    if node.value is not None:
        bind(run, node.target, _evaluate_for(run, node.value, node.target, env), env)


def _evaluate_for(
    run: Run, node: cst.BaseExpression, target: cst.BaseExpression, env: Env
) -> Object:
    """The value of an assignment, named after where it goes."""
    before, run.naming = run.naming, target_name(target)
    value = run.evaluate(node, env)
    run.naming = before
    if env.frame.without_gradient:
        value = _detached(value)
    return value


def _detached(value: Object) -> Object:
    if isinstance(value, Value):
        return ar.detach(value) if value.learned else value
    if isinstance(value, Sequence):
        return Sequence(tuple(_detached(i) for i in value.items), value.open)
    return value


def _augmented(run: Run, node: cst.AugAssign, env: Env) -> None:
    left = run.evaluate(node.target, env)
    right = run.evaluate(node.value, env)
    if isinstance(left, Sequence) and isinstance(node.operator, cst.AddAssign):
        items = right.items if isinstance(right, Sequence) else (right,)
        store(node.target, Sequence(left.items + items, left.open), env)
        return
    value = binary(node.operator, left, right, node.value, node.target, node.value)
    bind(run, node.target, value, env)


def _expression(run: Run, node: cst.Expr, env: Env) -> None:
    run.evaluate(node.value, env)


def _delete(run: Run, node: cst.Del, env: Env) -> None:
    if isinstance(node.target, cst.Name):
        env.names.pop(node.target.value, None)


def _assert(run: Run, node: cst.Assert, env: Env) -> None:
    run.evaluate(node.test, env)


def _if(run: Run, node: cst.If, env: Env) -> Paths:
    test = run.evaluate(node.test, env)
    value = test.number if isinstance(test, Value) else None
    paths: Paths = []
    if value != 0:
        paths += block(run, node.body, env.copy())
    if isinstance(node.orelse, cst.If):
        paths += _if(run, node.orelse, env.copy())
    elif isinstance(node.orelse, cst.Else):
        paths += block(run, node.orelse.body, env.copy())
    elif value is None or value == 0 or isinstance(node.test, cst.Name):
        paths.append(env.copy())
    return fewer(paths)


def _for(run: Run, node: cst.For, env: Env) -> Paths:
    iterable = run.evaluate(node.iter, env)
    before = dict(env.names)
    paths = [env]
    turns = turns_of(iterable, node.iter)
    for item in turns:
        going: Paths = []
        for path in paths:
            bind(run, node.target, item, path)
            going += block(run, node.body, path)
        for path in going:
            path.names.pop(LEFT, None)
        paths = fewer(going) or paths
    if len(turns) == 1:
        for path in paths:
            widen(before, path)
    if node.orelse is not None:
        paths = [p for path in paths for p in block(run, node.orelse.body, path)]
    return paths


def widen(before: dict[str, Object], path: Env) -> None:
    """What one turn of a loop added to a sum, it may add again: as often as there are turns."""
    for name, value in path.names.items():
        old = before.get(name)
        if old is value:
            continue
        if isinstance(old, Sequence) and isinstance(value, Sequence):
            path.names[name] = Sequence(value.items, open=True)
        elif isinstance(old, Value) and isinstance(value, Value):
            path.names[name] = _turned(old, value)


def _turned(old: Value, value: Value) -> Value:
    """What `old` may be after any number of turns, the first of which makes `value` of it."""
    kept = {id(term) for term in old.terms}
    if old.number == 0 or any(id(term) in kept for term in value.terms):
        return Value(tuple(t if id(t) in kept else replace(t, repeated=True) for t in value.terms))
    before, after = old.interval, value.interval
    stays = before.lo <= after.lo and after.hi <= before.hi and after.nan <= before.nan
    if stays and math.isfinite(before.lo) and math.isfinite(before.hi):
        drift = Interval(before.lo - after.lo, before.hi - after.hi)
    else:
        drift = ANYTHING
    return Value((*value.terms, Term(drift, scale=Growth(sign=0))))


def _while(run: Run, node: cst.While, env: Env) -> Paths:
    run.evaluate(node.test, env)
    before = dict(env.names)
    paths = fewer(block(run, node.body, env.copy()))
    for path in paths:
        path.names.pop(LEFT, None)
        widen(before, path)
    return paths or [env]


def _with(run: Run, node: cst.With, env: Env) -> Paths:
    quiet = False
    for item in node.items:
        value = run.evaluate(item.item, env)
        spelled = dotted(item.item.func) if isinstance(item.item, cst.Call) else dotted(item.item)
        quiet = quiet or (spelled or "").rpartition(".")[2] in WITHOUT_GRADIENTS
        if item.asname is not None and isinstance(item.asname.name, cst.BaseExpression):
            bind(run, item.asname.name, value, env)
    env.frame.without_gradient += quiet
    paths = block(run, node.body, env)
    env.frame.without_gradient -= quiet
    return paths


def _try(run: Run, node: cst.Try | cst.TryStar, env: Env) -> Paths:
    paths = block(run, node.body, env)
    if node.orelse is not None:
        paths = [p for path in paths for p in block(run, node.orelse.body, path)]
    for handler in node.handlers:
        paths += block(run, handler.body, env.copy())
    paths = fewer(paths)
    if node.finalbody is not None:
        paths = [p for path in paths for p in block(run, node.finalbody.body, path)]
    return paths


def _match(run: Run, node: cst.Match, env: Env) -> Paths:
    run.evaluate(node.subject, env)
    paths = [p for case in node.cases for p in block(run, case.body, env.copy())]
    return fewer([*paths, env])


def _function(run: Run, node: cst.FunctionDef, env: Env) -> Paths:
    function = Function(node, env.names, env.frame.instance)
    if env.frame.closure:
        function = replace(function, closure={**env.frame.closure, **env.names})
    env.names[node.name.value] = function
    run.pending.append((replace(function, closure=env.names), env.frame))
    return [env]


def _class(run: Run, node: cst.ClassDef, env: Env) -> Paths:
    return [env]


STATEMENTS: dict[type[cst.CSTNode], Callable[[Run, Any, Env], Paths]] = {
    cst.SimpleStatementLine: _line,
    cst.SimpleStatementSuite: _line,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
}


SMALL: dict[type[cst.CSTNode], Callable[[Run, Any, Env], None]] = {
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Expr: _expression,
    cst.Del: _delete,
    cst.Assert: _assert,
}
