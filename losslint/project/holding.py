"""Which names come to hold what, by the assignments, definitions and calls of one file."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from losslint.frozen import replace
from losslint.model.facts import Flow, Node
from losslint.project.context import Context
from losslint.project.flows import EVERYWHERE, Around, every, part, sources


@dataclass
class Holding:
    """The flows of one file, as far as they have been gathered.

    `asking` are the rows on which some `parameters()` stands: elsewhere no source is closed.
    """

    path: str
    imported: Mapping[str, str]
    asking: set[int]
    found: dict[tuple[Node, tuple[Node, ...], tuple[Node, ...]], None] = field(default_factory=dict)
    arounds: dict[str, Around] = field(default_factory=dict)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows."""
        return tuple(Flow(*flow) for flow in self.found)

    def around(self, context: Context) -> Around:
        """What an expression in some place stands in."""
        around = self.arounds.get(context.cls)
        if around is None:
            around = self.arounds[context.cls] = Around(self.path, context.cls, self.imported)
        return around

    def closed(self, values: list[ast.expr], around: Around, found: set[Node]) -> tuple[Node, ...]:
        """What of the sources of some expressions gives nothing but its parameters."""
        if not (found and self.asking and any(map(self._asks, values))):
            return ()
        return tuple(sorted(found - every(values, replace(around, is_open=True))))

    def _asks(self, value: ast.expr) -> bool:
        rows = range(value.lineno, (value.end_lineno or value.lineno) + 1)
        return not self.asking.isdisjoint(rows)

    def returned(self, value: ast.expr, context: Context) -> None:
        """What a function returns, as a whole and each part by itself."""
        around, whole = self.around(context), ("from", context.function)
        self.of_values([value], whole, around)
        if isinstance(value, ast.Tuple):
            for n, item in enumerate(value.elts):
                self.of_values([item], (*whole, f"{n} of {len(value.elts)}"), around)
        else:
            self.of_values([value], (*whole, "any"), around)

    def add(self, into: Node, found: set[Node], closed: tuple[Node, ...] = ()) -> None:
        """A flow, unless nothing flows."""
        if into in found:
            found = found - {into}
        if found:
            self.found.setdefault((into, tuple(sorted(found)), closed))

    def of_values(self, values: list[ast.expr], into: Node, around: Around) -> None:
        """A flow of what some expressions hold."""
        found = every(values, around)
        self.add(into, found, self.closed(values, around, found))

    def assign(
        self,
        target: ast.expr,
        value: ast.expr,
        context: Context,
        part_of: tuple[int, int] | None = None,
    ) -> None:
        """What the targets of an assignment come to hold; `part_of` says which part of how many."""
        match target:
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                match value:
                    # `model, loss = accelerator.prepare(model, loss)` gives each back
                    case (
                        ast.Tuple(elts=values)
                        | ast.List(elts=values)
                        | ast.Call(func=ast.Attribute(attr="prepare"), args=values)
                    ) if len(values) == len(targets):
                        for one, other in zip(targets, values, strict=True):
                            self.assign(one, other, context)
                    case _:
                        for n, one in enumerate(targets):
                            self.assign(one, value, context, (n, len(targets)))
            case ast.Starred(value=inner):
                self.assign(inner, value, context)
            case _:
                self.hold(target, [value], context, part_of)

    def hold(
        self,
        target: ast.expr,
        values: list[ast.expr],
        context: Context,
        part_of: tuple[int, int] | None = None,
    ) -> None:
        """What a name, and the object that it is an attribute of, come to hold."""
        around = self.around(context)
        found = every(values, around)
        closed = self.closed(values, around, found)
        found = part(found, *part_of) if part_of else found
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            if isinstance(target, ast.Attribute):
                self.add(("value", EVERYWHERE, target.attr), found, closed)
            target = target.value
        if isinstance(target, ast.Name):
            if target.id == "self" and context.cls:
                self.add(("of", context.cls), found, closed)
                return
            self.add(("value", self.path, target.id), found, closed)
            if not context.function and not context.cls:  # others may import it
                self.add(("value", EVERYWHERE, target.id), found, closed)

    def parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef, context: Context) -> None:
        """What a function is given flows into the names of its parameters."""
        every_arg = [*node.args.posonlyargs, *node.args.args]
        called = context.cls if context.cls and node.name == "__init__" else node.name
        if context.cls and every_arg and every_arg[0].arg in ("self", "cls"):
            every_arg = every_arg[1:]
        any_of: Node = ("into", called, "*")
        for n, arg in enumerate(every_arg):
            given = {("into", called, str(n)), ("into", called, arg.arg), any_of}
            self.add(("value", self.path, arg.arg), given)
        for arg in node.args.kwonlyargs:
            given = {("into", called, arg.arg), any_of}
            self.add(("value", self.path, arg.arg), given)
        rest = {("into", called, "**"), any_of}
        for extra in (node.args.vararg, node.args.kwarg):
            if extra is not None:
                self.add(("value", self.path, extra.arg), rest)

    def given(self, node: ast.Call, called: str, context: Context) -> None:
        """What a call gives to what it calls."""
        around = self.around(context)
        placed = [
            ("*" if isinstance(arg, ast.Starred) else str(n), arg)
            for n, arg in enumerate(node.args)
        ]
        placed += [(keyword.arg or "*", keyword.value) for keyword in node.keywords]
        for place, arg in placed:
            found = sources(arg, around)
            if found:
                closed = self.closed([arg], around, found)
                for into in (("into", called, place), ("into", called, "**"), ("beyond", called)):
                    self.add(into, found, closed)
