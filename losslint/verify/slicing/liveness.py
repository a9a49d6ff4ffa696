"""Which statements matter for what is read after them.

A statement is kept if and only if it binds, or changes in place, something that is
read later on the way. What would leave the function early is not on the way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from losslint.frozen import dataclass
from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.needs import bound
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.places import FUNCTIONS


@dataclass(frozen=True)
class Kept:
    """A statement that matters, and the paths that are read after it."""

    node: ast.stmt
    later: frozenset[str]


@dataclass
class _Loop:
    """What is read where a loop that is being looked at goes on, and after it."""

    head: set[str]
    after: set[str]
    kept: bool
    endless: bool  # it may go on for ever unless it is left


@dataclass
class Slicer:
    """Slices the statements of one function from the end to its beginning."""

    scope: Scope
    closures: Mapping[str, set[str]] = field(default_factory=dict)
    always: frozenset[int] = frozenset()  # ids of statements that are kept whatever is read
    leaving: frozenset[str] | None = None  # what is read after a `return`; None: it is no way

    def slice(self, body: Sequence[ast.stmt], live: Iterable[str]) -> tuple[list[Kept], set[str]]:
        """The statements that matter for `live`, and what is read before them."""
        return self._block(body, self._with_closures(live), None)

    def _with_closures(self, names: Iterable[str]) -> set[str]:
        """Names, and what the functions among them read when they are called."""
        found: set[str] = set()
        waiting = sorted(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.closures.get(name, ())
        return found

    def _reads(self, nodes: ast.AST | Iterable[ast.AST]) -> set[str]:
        return self._with_closures(self.scope.paths(nodes))

    def _block(
        self, body: Sequence[ast.stmt], live: set[str], loop: _Loop | None
    ) -> tuple[list[Kept], set[str]]:
        found: list[Kept] = []
        for node in reversed(body):
            later = frozenset(live)
            kept, live = self._statement(node, live, loop)
            if kept is not None:
                found.insert(0, Kept(kept, later))
        return found, live

    def _inner(
        self, body: Sequence[ast.stmt], live: set[str], loop: _Loop | None
    ) -> tuple[list[ast.stmt], set[str]]:
        found, before = self._block(body, set(live), loop)
        return [kept.node for kept in found], before

    def _statement(
        self, node: ast.stmt, live: set[str], loop: _Loop | None
    ) -> tuple[ast.stmt | None, set[str]]:
        match node:
            case ast.If():
                return self._if(node, live, loop)
            case ast.For() | ast.While():
                return self._loop(node, live)
            case ast.With():
                return self._with(node, live, loop)
            case ast.Try():
                return self._try(node, live, loop)
            case ast.Match():
                return self._match(node, live, loop)
            case ast.Break() if loop is not None and loop.kept:
                return node, set(loop.after)
            case ast.Continue() if loop is not None and loop.kept:
                return node, set(loop.head)
            case ast.Return() if self.leaving is not None:
                return node, self._with_closures(self.leaving) | self._reads(node)
            case ast.Return() | ast.Raise() if loop is not None and loop.kept and loop.endless:
                return in_place_of(ast.Break(), node), set(loop.after)
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue() | ast.Pass():
                return None, live
        done = self.scope.effects(node)
        if not done.all & live and id(node) not in self.always:
            return None, live
        return node, (live - done.binds) | self._with_closures(done.reads)

    def _if(
        self, node: ast.If, live: set[str], loop: _Loop | None
    ) -> tuple[ast.stmt | None, set[str]]:
        body, first = self._inner(node.body, live, loop)
        orelse, second = self._inner(node.orelse, live, loop)
        named = bound([ast.Expr(node.test)]) & live
        if not body and not orelse and not named:
            return None, live
        made = ast.If(node.test, body or [ast.Pass()], orelse)
        return in_place_of(made, node), first | second | self._reads(node.test)

    def _loop(self, node: ast.For | ast.While, live: set[str]) -> tuple[ast.stmt | None, set[str]]:
        header = node.iter if isinstance(node, ast.For) else node.test
        targets = self._targets(node)
        state = _Loop(set(live), set(live), bool(targets & live), isinstance(node, ast.While))
        while True:
            if state.kept:
                state.head |= self._reads(header)
            body, before = self._inner(node.body, state.head, state)
            entered = before - targets | state.head
            if entered == state.head and bool(body) <= state.kept:
                break
            state.head, state.kept = entered, state.kept or bool(body)
        orelse, _ = self._inner(node.orelse, live, None)
        if not body and not orelse and not state.kept:
            return None, live
        if isinstance(node, ast.For):
            made: ast.stmt = ast.For(node.target, node.iter, body or [ast.Pass()], orelse)
        else:
            made = ast.While(node.test, body or [ast.Break()], orelse)
        return in_place_of(made, node), state.head | self._reads(header)

    def _targets(self, node: ast.For | ast.While) -> set[str]:
        if isinstance(node, ast.While):
            return set()
        assign = ast.Assign([node.target], ast.Constant(None))
        return self.scope.effects(ast.fix_missing_locations(ast.copy_location(assign, node))).binds

    def _with(
        self, node: ast.With, live: set[str], loop: _Loop | None
    ) -> tuple[ast.stmt | None, set[str]]:
        body, before = self._inner(node.body, live, loop)
        if not body:
            return None, live
        return in_place_of(ast.With(node.items, body), node), before | self._reads(node.items)

    def _try(
        self, node: ast.Try, live: set[str], loop: _Loop | None
    ) -> tuple[ast.stmt | None, set[str]]:
        final, after = self._inner(node.finalbody, live, loop)
        orelse, before_else = self._inner(node.orelse, after, loop)
        handlers: list[ast.ExceptHandler] = []
        caught = set(after)
        for handler in node.handlers:
            part, before = self._inner(handler.body, after, loop)
            caught |= before - {handler.name or ""}
            kind = ast.Name("Exception", ast.Load())
            made = ast.ExceptHandler(kind, handler.name, part or [ast.Pass()])
            handlers.append(in_place_of(made, handler))
        body, before_body = self._inner(node.body, before_else | caught, loop)
        if not body and not orelse and not final and not any(_does(h) for h in handlers):
            return None, live
        if not handlers and not final:
            final = [in_place_of(ast.Pass(), node)]
        kept = ast.Try(body or [in_place_of(ast.Pass(), node)], handlers[:1], orelse, final)
        # It may end anywhere inside, so nothing that its body binds is certain.
        return in_place_of(kept, node), before_body | caught | before_else | after

    def _match(
        self, node: ast.Match, live: set[str], loop: _Loop | None
    ) -> tuple[ast.stmt | None, set[str]]:
        cases: list[ast.match_case] = []
        before = set(live)
        any_kept = bool(bound([node]) & live)
        for case in node.cases:
            part, first = self._inner(case.body, live, loop)
            any_kept = any_kept or bool(part)
            before |= (first - bound([case.pattern])) | (
                self._reads(case.guard) if case.guard else set()
            )
            body = part or [in_place_of(ast.Pass(), node)]
            cases.append(ast.match_case(case.pattern, case.guard, body))
        if not any_kept:
            return None, live
        return in_place_of(ast.Match(node.subject, cases), node), before | self._reads(node.subject)


def closures(statements: Iterable[ast.stmt], scope: Scope) -> dict[str, set[str]]:
    """What each function that is defined among these statements reads from around it."""
    return {
        inner.name: scope.paths(inner)
        for node in statements
        for inner in ast.walk(node)
        if isinstance(inner, FUNCTIONS)
    }


def _does(handler: ast.ExceptHandler) -> bool:
    return not all(isinstance(node, ast.Pass) for node in handler.body)
