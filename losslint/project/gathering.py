"""One pass over the syntax tree of a file, from which all its facts come."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from losslint.findings import Span
from losslint.model.facts import Built, CrossEntropy, FileFacts, Optimizer, Site
from losslint.model.trees import PARTS, SUITES, children, statements
from losslint.project.comments import stopped
from losslint.project.context import Context, anew, inside
from losslint.project.cross_entropies import cross_entropy, makes_cross_entropy
from losslint.project.definitions import defined
from losslint.project.flows import arguments, every, spelled
from losslint.project.headers import last_row
from losslint.project.holding import Holding
from losslint.project.optimizers import decay_of, given_to, roots
from losslint.source.text import Source
from losslint.training.words import is_test_file

# Methods by which the object that they are called on comes to hold what they are given.
GROWING = frozenset(
    "append extend insert update add setdefault add_module register_module add_param_group".split()
)
# Whose classes are none of the project.
FOREIGN = ("torch.", "numpy.", "torchvision.", "collections.", "typing.", "pathlib.", "datetime.")

# What parts of stand in something else than the whole, and what holds nothing that is looked for.
BLOCKS = frozenset(kind for kind, names in SUITES.items() if names)
LEAVES = frozenset((ast.Name, str, type(None)))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ASKING = re.compile(rb"parameters\s*\(")
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
    holding: Holding = field(init=False)
    built: list[Built] = field(default_factory=list)
    optimizers: list[Optimizer] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    searched: dict[str, None] = field(default_factory=dict)
    targets: dict[ast.AST, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    cross_entropies: list[CrossEntropy] = field(default_factory=list)
    criteria: dict[str, None] = field(default_factory=dict)
    origins: set[str] = field(init=False)

    def __post_init__(self) -> None:
        for node in statements(self.tree):
            self._imports(node)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                self.own.add(node.name)
        self.origins = {name.lstrip(".").partition(".")[0] for _, name in self.imports}
        asking = {self.source.row(found.start()) for found in ASKING.finditer(self.source.data)}
        self.holding = Holding(self.source.name, self.imported, asking)

    def facts(self) -> FileFacts:
        """Everything that the file has to say."""
        context = Context(scope=self.tree)
        waiting: list[Any] = [self.tree]
        while waiting:
            node = waiting.pop()
            kind = type(node)
            if kind in LEAVES:
                continue
            if kind is ast.Attribute:
                waiting.append(node.value)
            elif kind is ast.Constant:
                if type(node.value) is str:
                    self._word(node.value)
            elif kind is Context:
                context = node
            else:
                if kind is ast.Call:
                    self._call(node, context)
                elif isinstance(node, ast.stmt):
                    context = context.at(node)
                    self._statement(node, context)
                waiting += _parts(node, context) if kind in BLOCKS else children(node)
        definitions = defined(self.tree, self.qualified, self._definition, self._mentions)
        return FileFacts(
            self.source.name,
            tuple(self.imports),
            tuple(definitions),
            tuple(self.built),
            self.holding.flows,
            tuple(self.optimizers),
            own=frozenset(self.own),
            words=frozenset(self.words),
            searched=tuple(self.searched),
            cross_entropies=tuple(self.cross_entropies),
            criteria=tuple(self.criteria),
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
        return self._imported(spelled(node))

    def _imported(self, spelling: str) -> str:
        first, dot, rest = spelling.partition(".")
        return self.imported.get(first, first) + dot + rest

    def _definition(self, node: ast.stmt) -> tuple[Site, Span]:
        return self._site(node, node), self._span(node)

    def _mentions(self, span: Span, names: Iterable[str]) -> bool:
        data = self.source.data
        return any(data.find(name.encode(), span.start, span.end) >= 0 for name in names)

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
        rows = {node.lineno, statement.lineno, last_row(statement, self.source)}
        return Site(span, self.source.place(span.start), tuple(sorted(rows)))

    def _word(self, text: str) -> None:
        if WORD.match(text):
            self.words.add(text.rpartition(".")[2])

    # --- statements -------------------------------------------------------------------

    def _statement(self, node: ast.stmt, context: Context) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                if makes_cross_entropy(value, self.qualified):
                    self.criteria.update((spelled(t).rpartition(".")[2], None) for t in targets)
                for target in targets:
                    self._assign(target, value, context)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value, context)
            case ast.AugAssign(target=target, value=value):
                self.holding.assign(target, value, context)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self.holding.assign(target, value, context)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self.holding.assign(item.optional_vars, item.context_expr, context)
            case ast.Return(value=ast.expr() as value):
                self.holding.returned(value, context)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.holding.parameters(node, context)

    def _assign(self, target: ast.expr, value: ast.expr, context: Context) -> None:
        if isinstance(value, ast.Call):
            self.targets.update(dict.fromkeys(_wrapped(value), spelled(target)))
        self.holding.assign(target, value, context)

    # --- calls ------------------------------------------------------------------------

    def _call(self, node: ast.Call, context: Context) -> None:
        func, spelling = node.func, spelled(node.func)
        called = self.holding.around(context).original(spelling.rpartition(".")[2]) or _last(func)
        qualified = self._imported(spelling)
        measured = cross_entropy(node, qualified, context, self._site)
        if measured is not None:
            self.cross_entropies.append(measured)
        optimizer = given_to(node, qualified, called)
        if optimizer is not None:
            self._optimizer(node, called, optimizer, context)
        if called in GROWING and isinstance(func, ast.Attribute):
            self.holding.hold(func.value, arguments(node), context)
        if isinstance(func, ast.Name):
            self._by_name(func.id, node.args, context)
        if called == "__init__" and context.cls:
            called = context.cls  # super().__init__(...): into the bases as well
        if not qualified.startswith(FOREIGN):
            self.holding.given(node, called, context)
            self._build(node, qualified, context)

    def _by_name(self, function: str, args: list[ast.expr], context: Context) -> None:
        """What a function of Python's own does with the names that it is given."""
        match function, args:
            case "setattr", [whole, _, value]:
                self.holding.hold(whole, [value], context)
            case (("getattr" | "vars" | "dir"), [module, *rest]):
                if not (rest and isinstance(rest[0], ast.Constant)):
                    self.searched.setdefault(self.qualified(module))
            case (("globals" | "eval"), _):
                self.searched.setdefault("")

    def _build(self, node: ast.Call, qualified: str, context: Context) -> None:
        last = qualified.rpartition(".")[2]
        if not last[:1].isupper() or context.statement is None:
            return
        first = qualified.lstrip(".").partition(".")[0]
        starred = ("*" in self.imported) and qualified == last
        if last not in self.own and first not in self.origins and not starred:
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
        around = self.holding.around(context)
        found = every(given, around)
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
                self.holding.closed(given, around, found),
                span,
                data[span.start : span.end].decode() if span else "",
                tuple(roots(first)) if first is not None else (),
                decay_of(node, called),
            )
        )


def _parts(block: ast.AST, context: Context) -> list[Any]:
    """As `children`: the parts of a block, behind each what it stands in, and at first what comes after."""
    found: list[Any] = [context]
    for name in PARTS[type(block)]:
        value = getattr(block, name)
        if value:
            found += reversed(value) if type(value) is list else (value,)
            found.append(inside(block, name, context))
    return found


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
