"""One pass over the syntax tree of a file, from which all its facts come."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from losslint.findings import Span
from losslint.model.facts import Built, FileFacts, Flow, Node, Optimizer, Site
from losslint.project.comments import stopped
from losslint.project.context import Context, anew, inside
from losslint.project.definitions import defined
from losslint.project.flows import EVERYWHERE, Around, arguments, every, part, spelled
from losslint.project.optimizers import decay_of, given_to, roots
from losslint.source.text import Source
from losslint.training.places import is_test_file

# Methods by which the object that they are called on comes to hold what they are given.
GROWING = frozenset(
    "append extend insert update add setdefault add_module register_module add_param_group".split()
)
# Whose classes are none of the project.
FOREIGN = ("torch.", "numpy.", "torchvision.", "collections.", "typing.", "pathlib.", "datetime.")

WORD = re.compile(r"[A-Za-z_][\w.]{1,120}\Z")


def gathered(tree: ast.Module, source: Source) -> FileFacts:
    """The facts of one file. `tree` is what its text parses to."""
    return _Gathering(tree, source).facts()


@dataclass
class _Gathering:
    """The walk over one file, and what it has gathered so far."""

    tree: ast.Module
    source: Source
    imported: dict[str, str] = field(default_factory=dict)
    imports: dict[tuple[str, str], None] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)
    optimizers: list[Optimizer] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    searched: dict[str, None] = field(default_factory=dict)
    targets: dict[ast.AST, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)

    def facts(self) -> FileFacts:
        """Everything that the file has to say."""
        for node in ast.walk(self.tree):
            self._imports(node)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                self.own.add(node.name)
        stack: list[tuple[ast.AST, Context]] = [(self.tree, Context())]
        while stack:
            node, context = stack.pop()
            if isinstance(node, ast.stmt):
                context = replace(context, statement=node)
                self._statement(node, context)
            elif isinstance(node, ast.Call):
                self._call(node, context)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._word(node.value)
            stack += [(child, inside(node, child, context)) for child in _children(node)]
        definitions = defined(self.tree, self.qualified, self._definition)
        return FileFacts(
            self.source.name,
            tuple(self.imports),
            tuple(definitions),
            tuple(self.built),
            tuple(dict.fromkeys(self.flows)),
            tuple(self.optimizers),
            own=frozenset(self.own),
            words=frozenset(self.words),
            searched=tuple(self.searched),
            stopped=tuple(stopped(self.source)),
            is_test=is_test_file(self.source.name),
        )

    # --- names ------------------------------------------------------------------------

    def _imports(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self.imports.setdefault((alias.asname or top, alias.name))
                self.imported[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                name = f"{origin}.{alias.name}" if node.module else f"{origin}{alias.name}"
                self.imports.setdefault((alias.asname or alias.name, name))
                self.imported[alias.asname or alias.name] = name

    def qualified(self, node: ast.AST) -> str:
        """The qualified name of a chain of attributes, as far as the imports tell."""
        spelling = spelled(node)
        first, dot, rest = spelling.partition(".")
        return self.imported.get(first, first) + dot + rest

    def _around(self, context: Context) -> Around:
        return Around(self.source.name, context.cls, self.imported)

    def _closed(self, values: list[ast.expr], around: Around, found: set[Node]) -> tuple[Node, ...]:
        """What of the sources of some expressions gives nothing but its parameters."""
        return tuple(sorted(found - every(values, replace(around, is_open=True))))

    def _definition(self, node: ast.stmt) -> tuple[Site, Span]:
        return self._site(node, node), self._span(node)

    def _span(self, node: ast.expr | ast.stmt) -> Span:
        start = self.source.line_start(node.lineno) + node.col_offset
        end = self.source.line_start(node.end_lineno or node.lineno) + (node.end_col_offset or 0)
        return Span(start, end)

    def _site(self, node: ast.expr | ast.stmt, statement: ast.stmt) -> Site:
        span = self._span(node)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            # the name behind `class`, `def` or `async def`, and not what decorates it
            at = self.source.data.find(node.name.encode(), span.start + 3)
            span = Span(at, at + len(node.name.encode()))
        rows = {node.lineno}
        if not hasattr(statement, "body"):
            rows |= {statement.lineno, statement.end_lineno or statement.lineno}
        return Site(span, self.source.place(span.start), tuple(sorted(rows)))

    def _word(self, text: str) -> None:
        if WORD.match(text):
            self.words.add(text.rpartition(".")[2])

    # --- statements -------------------------------------------------------------------

    def _statement(self, node: ast.stmt, context: Context) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.targets.update(dict.fromkeys(_wrapped(value), spelled(target)))
                    self._assign(target, value, context)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.targets.update(dict.fromkeys(_wrapped(value), spelled(target)))
                self._assign(target, value, context)
            case ast.AugAssign(target=target, value=value):
                self._assign(target, value, context)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._assign(target, value, context)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, context)
            case ast.Return(value=ast.expr() as value):
                self._return(value, context)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._parameters(node, context)
            case ast.ClassDef():
                for base in node.bases:
                    name = self.qualified(base).rpartition(".")[2]
                    self._flow(("of", node.name), {("of", name)})

    def _return(self, value: ast.expr, context: Context) -> None:
        """What a function returns, as a whole and each part by itself."""
        around, whole = self._around(context), ("from", context.function)
        self._flow_of([value], whole, around)
        if isinstance(value, ast.Tuple):
            for n, item in enumerate(value.elts):
                self._flow_of([item], (*whole, f"{n} of {len(value.elts)}"), around)
        else:
            self._flow_of([value], (*whole, "any"), around)

    def _flow(self, into: Node, found: set[Node], closed: tuple[Node, ...] = ()) -> None:
        if found - {into}:
            self.flows.append(Flow(into, tuple(sorted(found - {into})), closed))

    def _flow_of(self, values: list[ast.expr], into: Node, around: Around) -> None:
        """A flow of what some expressions hold."""
        found = every(values, around)
        self._flow(into, found, self._closed(values, around, found))

    def _assign(
        self,
        target: ast.expr,
        value: ast.expr,
        context: Context,
        part_of: tuple[int, int] | None = None,
    ) -> None:
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
                            self._assign(one, other, context)
                    case _:
                        for n, one in enumerate(targets):
                            self._assign(one, value, context, (n, len(targets)))
            case ast.Starred(value=inner):
                self._assign(inner, value, context)
            case _:
                self._hold(target, [value], context, part_of)

    def _hold(
        self,
        target: ast.expr,
        values: list[ast.expr],
        context: Context,
        part_of: tuple[int, int] | None = None,
    ) -> None:
        """What a name, and the object that it is an attribute of, come to hold."""
        around = self._around(context)
        found = every(values, around)
        closed = self._closed(values, around, found)
        found = part(found, *part_of) if part_of else found
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            if target.id == "self" and context.cls:
                self._flow(("of", context.cls), found, closed)
                return
            self._flow(("value", self.source.name, target.id), found, closed)
            if not context.function and not context.cls:  # others may import it
                self._flow(("value", EVERYWHERE, target.id), found, closed)
        elif isinstance(target, ast.Attribute):
            self._flow(("value", EVERYWHERE, target.attr), found, closed)
            self._hold(target.value, values, context, part_of)

    def _parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef, context: Context) -> None:
        """What a function is given flows into the names of its parameters."""
        every_arg = [*node.args.posonlyargs, *node.args.args]
        called = context.cls if context.cls and node.name == "__init__" else node.name
        if context.cls and every_arg and every_arg[0].arg in ("self", "cls"):
            every_arg = every_arg[1:]
        any_of: Node = ("into", called, "*")
        for n, arg in enumerate(every_arg):
            given = {("into", called, str(n)), ("into", called, arg.arg), any_of}
            self._flow(("value", self.source.name, arg.arg), given)
        for arg in node.args.kwonlyargs:
            given = {("into", called, arg.arg), any_of}
            self._flow(("value", self.source.name, arg.arg), given)
        rest = {("into", called, "**"), any_of}
        for extra in (node.args.vararg, node.args.kwarg):
            if extra is not None:
                self._flow(("value", self.source.name, extra.arg), rest)

    # --- calls ------------------------------------------------------------------------

    def _call(self, node: ast.Call, context: Context) -> None:
        around = self._around(context)
        called = around.original(spelled(node.func).rpartition(".")[2]) or _last(node.func)
        optimizer = given_to(node, self.qualified(node.func), called)
        if optimizer is not None:
            self._optimizer(node, called, optimizer, context)
        if called in GROWING and isinstance(node.func, ast.Attribute):
            self._hold(node.func.value, arguments(node), context)
        if isinstance(node.func, ast.Name) and node.func.id == "setattr" and len(node.args) == 3:
            self._hold(node.args[0], [node.args[2]], context)
        match node:
            case ast.Call(func=ast.Name(id="getattr" | "vars" | "dir"), args=[module, *rest]):
                if not (rest and isinstance(rest[0], ast.Constant)):
                    self.searched.setdefault(self.qualified(module))
            case ast.Call(func=ast.Name(id="globals" | "eval")):
                self.searched.setdefault("")
        if called == "__init__" and context.cls:
            called = context.cls  # super().__init__(...): into the bases as well
        self._given(node, called, around)
        self._build(node, context)

    def _given(self, node: ast.Call, called: str, around: Around) -> None:
        placed = [
            ("*" if isinstance(arg, ast.Starred) else str(n), arg)
            for n, arg in enumerate(node.args)
        ]
        placed += [(keyword.arg or "*", keyword.value) for keyword in node.keywords]
        for place, arg in placed:
            for into in (("into", called, place), ("into", called, "**"), ("beyond", called)):
                self._flow_of([arg], into, around)

    def _build(self, node: ast.Call, context: Context) -> None:
        qualified = self.qualified(node.func)
        last = qualified.rpartition(".")[2]
        if not last[:1].isupper() or qualified.startswith(FOREIGN) or context.statement is None:
            return
        first = qualified.lstrip(".").partition(".")[0]
        origins = {name.lstrip(".").partition(".")[0] for _, name in self.imports}
        if last not in self.own and first not in origins:
            return
        target = self.targets.get(node, "")
        self.built.append(
            Built(
                qualified,
                self._site(node, context.statement),
                context.cls,
                context.function,
                target,
                anew(context, target),
            )
        )

    def _optimizer(
        self, node: ast.Call, called: str, given: list[ast.expr], context: Context
    ) -> None:
        assert context.statement is not None
        around, found = self._around(context), every(given, self._around(context))
        first = given[0] if len(given) == 1 else None
        site = self._site(first, context.statement) if first is not None else None
        span = site.span if site else None
        data = self.source.data
        self.optimizers.append(
            Optimizer(
                called,
                self._site(node, context.statement),
                context.cls,
                context.function,
                tuple(sorted(found)),
                self._closed(given, around, found),
                span,
                data[span.start : span.end].decode() if span else "",
                tuple(roots(first)) if first is not None else (),
                decay_of(node, called),
            )
        )


def _children(node: ast.AST) -> list[ast.AST]:
    """From the last to the first, as the walk takes them from the end."""
    return list(ast.iter_child_nodes(node))[::-1]


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else ""


def _wrapped(value: ast.expr) -> Iterator[ast.AST]:
    """A call, and the calls that it is made around: `Loss(2)` of `Loss(2).to(device)`."""
    while isinstance(value, ast.Call):
        yield value
        if not isinstance(value.func, ast.Attribute):
            if len(value.args) != 1:
                return
            value = value.args[0]
        else:
            value = value.func.value
