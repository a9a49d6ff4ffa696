"""Code made to run by itself: on the CPU, without what only tells, and without foreign decorators.

What it takes from the code for granted is noted in sentences.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from typing import TypeVar

from losslint.verify.slicing.devices import WithoutDevices
from losslint.verify.slicing.importable import imported
from losslint.verify.slicing.needs import local_names, needs, parameters
from losslint.verify.slicing.notes import say
from losslint.verify.slicing.places import Function
from losslint.verify.slicing.spelling import last_name, root_name
from losslint.verify.slicing.surroundings import BUILTINS, Surroundings

Node = TypeVar("Node", bound=ast.AST)

# Calls that only tell something to someone.
TELLING = frozenset(("print", "breakpoint", "exit", "quit", "help"))
# What a context or a decorator of this name changes: no gradients, which matters.
GRADIENT_MODES = frozenset(("no_grad", "enable_grad", "set_grad_enabled", "inference_mode"))
# What changes precision, speed or reports, and not what is computed.
BESIDE = frozenset(
    (
        "autocast compile custom_bwd custom_fwd detect_anomaly device device_of fork_rng "
        "ignore no_sync profile record_function script script_method sdp_kernel sdpa_kernel "
        "set_detect_anomaly unused export nvtx final"
    ).split()
)
# Decorators of methods that mean the same without their module.
PLAIN_DECORATORS = frozenset(("staticmethod", "classmethod", "property"))


def portable(
    nodes: Iterable[ast.stmt],
    around: Surroundings,
    local: Iterable[str] = (),
) -> list[ast.stmt]:
    """Copies of statements that can run by themselves, as far as their syntax goes.

    `local` are names of the scope that they stand in. What they take for granted
    is noted with them.
    """
    copies = copy.deepcopy(list(nodes))
    cleaner = _Cleaner(around, set(local))
    cleaner.grown = {
        inner.target.id
        for node in copies
        for inner in ast.walk(node)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name)
    }
    found = cleaner.block(copies)
    return [ast.fix_missing_locations(node) for node in found]


class _Cleaner(WithoutDevices):
    """Rewrites copies in place."""

    def __init__(self, around: Surroundings, local: set[str]) -> None:
        super().__init__(around, local)
        self.left_out: list[str] = []  # what is to be said of statements that are gone
        self.depth = 0
        self.in_class = False
        self.in_dataclass = False

    # --- blocks -----------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        """The statements that are left of a block; it may be none."""
        found: list[ast.stmt] = []
        for node in body:
            outer, self.sentences = self.sentences, []
            result = self.visit(node)
            made = result if isinstance(result, list) else [result] if result else []
            for one in made:
                say(one, self.sentences)
            self.left_out += [] if made else self.sentences
            self.sentences = outer
            found += made
        return found

    def _blocks(self, node: Node) -> Node:
        """A compound statement with every block of it rewritten."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                rest = self.block(value)
                empty = [ast.copy_location(ast.Pass(), value[0])] if name == "body" else []
                setattr(node, name, rest or empty)
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        if isinstance(node, ast.Try) and not node.handlers and not node.finalbody:
            node.finalbody = [ast.Pass()]
        return node

    visit_If = visit_While = visit_Try = visit_ExceptHandler = visit_Match = _blocks
    visit_match_case = visit_For = visit_TryStar = _blocks

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.visit_For(_recast(node, ast.For))

    def visit_With(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        kept: list[ast.withitem] = []
        named: list[ast.stmt] = []
        for item in node.items:
            if self._is_kept_context(item.context_expr):
                kept.append(item)
            elif item.optional_vars is not None:
                assign = ast.Assign([item.optional_vars], item.context_expr)
                named.append(ast.copy_location(assign, node))
        body = self.block([*named, *node.body])
        if not kept or not body:
            return body
        for item in kept:
            self.generic_visit(item)
        return [ast.copy_location(ast.With(kept, body), node)]

    visit_AsyncWith = visit_With

    def _is_kept_context(self, context: ast.expr) -> bool:
        name = last_name(context)
        if name in GRADIENT_MODES:
            return True
        if name == "autocast" or "amp" in needs(context):
            self.note("autocast is left out: everything has full precision")
        elif name not in BESIDE:
            line = context.lineno
            self.note(f"the context `{_short(context)}` (line {line}) is left out")
        return False

    # --- definitions ------------------------------------------------------------------

    def visit_FunctionDef(self, node: Function) -> ast.FunctionDef:
        function = _recast(node, ast.FunctionDef)
        function.decorator_list = self._decorators(node.decorator_list)
        outer = self.local, self.in_class, self.in_dataclass, self.depth, self.left_out
        self._signature(function)
        self.local = self.local | local_names(function)
        self.in_class = self.in_dataclass = False
        self.depth, self.left_out = self.depth + 1, []
        self._blocks_of_body(function)
        say(function, self.left_out)
        self.local, self.in_class, self.in_dataclass, self.depth, self.left_out = outer
        return function

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        outer = self.local, self.in_class, self.in_dataclass
        node.decorator_list = self._decorators(node.decorator_list)
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        self.in_class = True
        self.in_dataclass = any(last_name(d) == "dataclass" for d in node.decorator_list)
        self._blocks_of_body(node)
        self.local, self.in_class, self.in_dataclass = outer
        return node

    def _blocks_of_body(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        node.body = self.block(node.body) or [ast.copy_location(ast.Pass(), node)]

    def _signature(self, function: ast.FunctionDef) -> None:
        function.returns = None
        function.type_comment = None
        for argument in parameters(function.args):
            argument.type_comment = None
            if argument.annotation is not None and not self._can_have(argument.annotation):
                argument.annotation = None
        arguments = function.args
        arguments.defaults = [self.visit(default) for default in arguments.defaults]
        arguments.kw_defaults = [d and self.visit(d) for d in arguments.kw_defaults]

    def _can_have(self, node: ast.expr) -> bool:
        return all(self.around.is_available(n) for n in needs(node) if n not in self.local)

    def _decorators(self, decorators: list[ast.expr]) -> list[ast.expr]:
        return [d for d in decorators if self._is_kept_decorator(d)]

    def _is_kept_decorator(self, decorator: ast.expr) -> bool:
        name = last_name(decorator)
        if name in PLAIN_DECORATORS or name in GRADIENT_MODES:
            return True
        if name in ("setter", "getter", "deleter"):
            return True
        if name in BESIDE or name in ("abstractmethod", "override", "overload"):
            return False
        if self._can_have(decorator):
            return True
        line = decorator.lineno
        self.note(f"the decorator `@{_short(decorator)}` (line {line}) is left out")
        return False

    # --- simple statements ------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        value = node.value
        if isinstance(value, ast.Constant):
            return None
        if isinstance(value, ast.Call) and self._only_tells(value):
            return None
        node.value = self.visit(value)
        return node

    def _only_tells(self, call: ast.Call) -> bool:
        """Whether a call whose result nobody reads is to something that is not there."""
        root = root_name(call.func)
        if root is None or root in self.local:
            return False
        if root in TELLING:
            return root not in self.around.bindings
        spelled = ast.unparse(call.func)
        if spelled.startswith(("torch.cuda.", "torch.distributed.", "torch.backends.")):
            return True
        if root in BUILTINS and root not in self.around.bindings:
            return False
        if self.around.is_available(root):
            return False
        self.note(f"calls of `{root}` are left out")
        return True

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        keeps = self.in_class and self._can_have(node.annotation)
        if node.value is not None:
            node.value = self.visit(node.value)
        if keeps or self.in_dataclass:
            if not keeps:
                node.annotation = ast.copy_location(ast.Name("object", ast.Load()), node)
            return node
        if node.value is None:
            return None
        node.target = self.visit(node.target)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        allowed = [alias for alias, _, allowed in imported(node) if allowed and alias.name != "*"]
        if not allowed:
            return None
        node.names = allowed
        return node

    visit_ImportFrom = visit_Import

    # --- expressions ------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`iterator.next()` is as old as Python 2; torch's loaders had it long after."""
        match node:
            case ast.Call(func=ast.Attribute(value=iterator, attr="next"), args=[], keywords=[]):
                call = ast.Call(ast.Name("next", ast.Load()), [self._seen(iterator)], [])
                return ast.fix_missing_locations(ast.copy_location(call, node))
        return super().visit_Call(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self._seen(node.value)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        node.value = self._seen(node.value)
        return node if self.depth else node.value

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        if self.depth:
            self.generic_visit(node)
            return node
        if node.value is None:
            return ast.copy_location(ast.Constant(None), node)
        return self._seen(node.value)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        self.generic_visit(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        outer = self.local
        self.local = self.local | local_names(node)
        self.generic_visit(node)
        self.local = outer
        return node


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:37] + "..."


def _recast(node: ast.AST, kind: type[Node]) -> Node:
    """The same node as the kind of it that is not asynchronous."""
    if isinstance(node, kind):
        return node
    return ast.copy_location(kind(**dict(ast.iter_fields(node))), node)
