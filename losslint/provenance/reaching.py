"""Which assignments reach a name at a place: asked for one name, walked backwards from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import ancestors
from losslint.provenance.binders import (
    Function,
    binders,
    block_of,
    bound_names,
    declaring,
    parameter,
    starred,
)
from losslint.provenance.paths import Attr, Key, Path, Some, path

ENDS = (cst.Return, cst.Raise)
SEQUENCES = (cst.IndentedBlock, cst.SimpleStatementLine, cst.SimpleStatementSuite, cst.If)


@dataclass(frozen=True, eq=False)
class Binding:
    """One thing that a name may stand for.

    `value` is an expression, the definition of a function or class, a parameter, or the whole
    of `x += y`; None where it cannot be told. `keys` is what of it is meant, `function` the
    function that it is evaluated in, None for the module.
    """

    value: cst.CSTNode | None
    keys: tuple[Key, ...] = ()
    function: Function | None = None


def reaching(module: Module, wanted: Path, use: cst.CSTNode) -> list[Binding]:
    """What may have bound a path where `use` stands; nothing for names of imports and built-ins."""
    return list(_Walk(module, wanted).backwards(use))


def bound_at_end(module: Module, function: cst.FunctionDef, wanted: Path) -> list[Binding]:
    """What a path holds when a function is left at its end."""
    found, _ = _Walk(module, wanted).block(block_of(function.body), function)
    return found


@dataclass(frozen=True)
class _Walk:
    """The search for one path in one module."""

    module: Module
    wanted: Path

    def backwards(self, use: cst.CSTNode) -> Iterator[Binding]:
        """From a place upwards, to the binding that every path has passed."""
        inner = use
        around = list(ancestors(self.module.tree, use))
        home = next((a for a in around if isinstance(a, cst.FunctionDef)), None)
        body = self.module.tree if home is None else home.body
        is_bound = self.wanted[0] in binders(body)
        for n, node in enumerate(around):
            if not is_bound and isinstance(node, SEQUENCES):
                inner = node
                continue
            function = _function(around[n:])
            found, is_open = self._before(inner, node, function)
            yield from found
            if not is_open:
                return
            if isinstance(node, cst.FunctionDef) and inner is node.body:
                yield from self._from_function(node, around[n + 1 :])
                return
            inner = node

    def _before(
        self, inner: cst.CSTNode, node: cst.CSTNode, function: Function | None
    ) -> tuple[list[Binding], bool]:
        """What binds the path on the way from the start of `node` to its part `inner`."""
        match node:
            case (
                cst.IndentedBlock()
                | cst.Module()
                | cst.SimpleStatementSuite()
                | cst.SimpleStatementLine()
            ):
                place = next((i for i, s in enumerate(node.body) if s is inner), 0)
                return self.block(node.body[:place], function)
            case cst.For() | cst.While() if inner is node.body:
                return self._into_loop(node, function)
            case cst.For() | cst.While() if inner is node.orelse:
                return self._all(node.body, function), True
            case cst.With() if inner is node.body:
                return self._items(node, function)
            case cst.Try() | cst.TryStar() if inner is not node.body:
                return self._all(node.body, function), True
            case cst.Lambda() if inner is node.body and parameter(node, self.wanted[0]):
                return [Binding(parameter(node, self.wanted[0]), self.wanted[1], node)], False
            case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
                if inner is not node.for_in:
                    return self._comprehension(node.for_in, function)
            case cst.CompFor() if inner is not node.iter:
                return self._comprehension(node, function, nested=False)
        return [], True

    def _into_loop(
        self, node: cst.For | cst.While, function: Function | None
    ) -> tuple[list[Binding], bool]:
        if isinstance(node, cst.For):
            found = self._target(node.target, node.iter, (Some.EACH,), function)
            if found is not None and not found[1]:
                return found
        return self._all(node.body, function), True

    def _comprehension(
        self, node: cst.CompFor, function: Function | None, nested: bool = True
    ) -> tuple[list[Binding], bool]:
        inner: cst.CompFor | None = node
        while inner is not None:
            found = self._target(inner.target, inner.iter, (Some.EACH,), function)
            if found is not None:
                return found
            inner = inner.inner_for_in if nested else None
        return [], True

    def _items(self, node: cst.With, function: Function | None) -> tuple[list[Binding], bool]:
        for item in node.items:
            if item.asname is not None:
                found = self._target(item.asname.name, None, (), function)
                if found is not None:
                    return found
        return [], True

    def _from_function(
        self, function: cst.FunctionDef, around: Sequence[cst.CSTNode]
    ) -> Iterator[Binding]:
        """What the path holds when a function is entered."""
        name, keys = self.wanted
        param = parameter(function, name)
        if param is not None:
            yield Binding(param, keys, function)
            return
        if name in starred(function):
            yield Binding(None, keys)
            return
        names = bound_names(function)
        if name in names.own and name not in names.outer:
            return
        outer = next((a for a in around if isinstance(a, cst.FunctionDef)), None)
        if outer is None:
            yield from self._global()
        elif name in bound_names(outer).own:
            yield from self._all(outer.body, outer)
        else:
            rest = list(around)
            yield from self._from_function(outer, rest[rest.index(outer) + 1 :])

    def _global(self) -> Iterator[Binding]:
        """What the module, and functions that declare the name global, give the path."""
        yield from self._all(self.module.tree, None)
        for function in declaring(self.module).get(self.wanted[0], ()):
            yield from self._all(function.body, function)

    def _all(self, body: cst.BaseSuite | cst.Module, function: Function | None) -> list[Binding]:
        """Everything that a block binds the path to, in whatever order."""
        found: list[Binding] = []
        for statement in binders(body).get(self.wanted[0], ()):
            if isinstance(statement, cst.BaseSmallStatement):
                found += self._small(statement, function)[0]
            else:
                found += self._head(statement, function)
        return found

    def _head(self, statement: cst.BaseStatement, function: Function | None) -> list[Binding]:
        """What a compound statement binds by itself, without its blocks."""
        match statement:
            case cst.FunctionDef() | cst.ClassDef():
                return self._definition(statement, function)[0]
            case cst.For():
                found = self._target(statement.target, statement.iter, (Some.EACH,), function)
                return found[0] if found else []
            case cst.With():
                return self._items(statement, function)[0]
        return []

    def block(
        self,
        body: Sequence[cst.BaseStatement | cst.BaseSmallStatement],
        function: Function | None,
    ) -> tuple[list[Binding], bool]:
        """What holds at the end of a block, and whether what held before may still do."""
        found: list[Binding] = []
        for statement in reversed(body):
            some, is_open = self._statement(statement, function)
            found += some
            if not is_open:
                return found, False
        return found, True

    def _statement(
        self, node: cst.BaseStatement | cst.BaseSmallStatement, function: Function | None
    ) -> tuple[list[Binding], bool]:
        match node:
            case cst.SimpleStatementLine():
                return self.block(node.body, function)
            case cst.If():
                return self._either(_branches(node), function)
            case cst.For() | cst.While():
                found = [*self._head(node, function), *self._all(node.body, function)]
                if node.orelse is not None:
                    found += self._all(node.orelse.body, function)
                return found, True
            case cst.With():
                found, is_open = self.block(block_of(node.body), function)
                if not is_open:
                    return found, False
                some, is_open = self._items(node, function)
                return [*found, *some], is_open
            case cst.Try() | cst.TryStar():
                return self._try(node, function)
            case cst.Match():
                return self._either([case.body for case in node.cases] + [None], function)
            case cst.FunctionDef() | cst.ClassDef():
                return self._definition(node, function)
        return self._small(node, function)

    def _either(
        self, branches: Iterable[cst.BaseSuite | None], function: Function | None
    ) -> tuple[list[Binding], bool]:
        found: list[Binding] = []
        is_open = False
        for branch in branches:
            some, passes = ([], True) if branch is None else self.block(block_of(branch), function)
            found += some
            is_open |= passes
        return found, is_open

    def _try(
        self, node: cst.Try | cst.TryStar, function: Function | None
    ) -> tuple[list[Binding], bool]:
        final: list[Binding] = []
        if node.finalbody is not None:
            final, is_open = self.block(block_of(node.finalbody.body), function)
            if not is_open:
                return final, False
        body = [*block_of(node.body), *(block_of(node.orelse.body) if node.orelse else ())]
        found, is_open = self.block(body, function)
        for handler in node.handlers:
            some, passes = self.block(block_of(handler.body), function)
            found += some
            if passes:  # whatever the body had bound when it was interrupted
                found += self._all(node.body, function)
                is_open = True
        return [*final, *found], is_open

    def _definition(
        self, node: cst.FunctionDef | cst.ClassDef, function: Function | None
    ) -> tuple[list[Binding], bool]:
        name, keys = self.wanted
        if node.name.value != name:
            return [], True
        return [Binding(node, keys, function)], False

    def _small(
        self, node: cst.BaseStatement | cst.BaseSmallStatement, function: Function | None
    ) -> tuple[list[Binding], bool]:
        match node:
            case cst.Assign():
                for target in node.targets:
                    found = self._target(target.target, node.value, (), function)
                    if found is not None:
                        return found
            case cst.AnnAssign(value=cst.BaseExpression() as value):
                return self._target(node.target, value, (), function) or ([], True)
            case cst.AugAssign():
                if path(node.target) == self.wanted:
                    return [Binding(node, (), function)], False
                return self._target(node.target, None, (), function) or ([], True)
            case cst.Expr(value=cst.Call(func=cst.Attribute(value=base, attr=attr)) as call):
                changes = attr.value.endswith("_") and not attr.value.endswith("__")
                if changes and path(base) == self.wanted:
                    return [Binding(call, (), function)], False
            case cst.Del() | cst.Return() | cst.Raise():
                return [], not isinstance(node, ENDS)
        return [], True

    def _target(
        self,
        target: cst.CSTNode,
        value: cst.BaseExpression | None,
        taken: tuple[Key, ...],
        function: Function | None,
    ) -> tuple[list[Binding], bool] | None:
        """What a target binds the path to; None if it has nothing to do with it."""
        if isinstance(target, (cst.Tuple, cst.List)):
            for n, element in enumerate(target.elements):
                starred = isinstance(element, cst.StarredElement)
                inner = (*taken, n)
                found = self._target(element.value, None if starred else value, inner, function)
                if found is not None:
                    return found
                if starred:
                    value = None  # what comes behind a star is counted from the other end
            return None
        given = path(target)
        name, keys = self.wanted
        if given is None or given[0] != name:
            return None
        common = min(len(given[1]), len(keys))
        for one, other in zip(given[1][:common], keys[:common], strict=True):
            if one != other:
                unclear = isinstance(one, Some) or isinstance(other, Some)
                return (
                    ([Binding(None, keys)], True) if unclear and not isinstance(one, Attr) else None
                )
        if len(given[1]) <= len(keys):
            if value is None:
                return [Binding(None, keys)], False
            return [Binding(value, (*taken, *keys[common:]), function)], False
        if isinstance(given[1][common], (Attr, str)):
            return None  # a part of an object or a dictionary is another path
        return [Binding(None, keys)], False


def _function(around: Sequence[cst.CSTNode]) -> Function | None:
    return next((a for a in around if isinstance(a, (cst.FunctionDef, cst.Lambda))), None)


def _branches(node: cst.If) -> list[cst.BaseSuite | None]:
    found: list[cst.BaseSuite | None] = [node.body]
    rest = node.orelse
    while isinstance(rest, cst.If):
        found.append(rest.body)
        rest = rest.orelse
    found.append(rest.body if rest is not None else None)
    return found
