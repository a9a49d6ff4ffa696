"""The core of a program: what is learned on its way to the total, and no way of the data.

An expression program still computes each task loss as the code does, from
predictions that nobody has. Nothing of that depends on what is learned. Here each
such value is one stand-in, so that only arithmetic with what is learned is left to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from losslint.verify.programs import CannotSlice, Program

# What is asked for a value that is computed from data: a task loss, where it meets arithmetic.
COMPUTED = "computed"

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
# What makes no loss: numbers, sizes, and the walk through collections.
PLAIN = frozenset(
    "torch nn F math np numpy float int len range zip enumerate sum list tuple dict set str"
    " reversed sorted max min abs round isinstance stand_in missing bool".split()
)


def core(program: Program, leaves: Iterable[str]) -> Program:
    """An expression program with a stand-in for each value that owes nothing to its leaves.

    Raises:
        CannotSlice: there is no function in it to be reduced.
    """
    tree = ast.parse(program.text)
    function = _entry(tree, program)
    learned = _Learned(tree, leaves)
    learned.spread(function.body)
    function.body = [one for node in function.body for one in _reduced(node, learned)]
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return replace(program, text=text)


def _entry(tree: ast.Module, program: Program) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The function or method that returns the total."""
    home, wanted = tree.body, [program.entry]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == program.entry:
            home, wanted = (
                node.body,
                [program.method] if program.method else ["forward", "__call__"],
            )
    for node in home:
        if isinstance(node, FUNCTIONS) and node.name in wanted:
            return node
    raise CannotSlice(f"`{wanted[0]}` is no function of its own")


class _Learned:
    """Which names depend on what is learned: read from it, or from a method that does."""

    def __init__(self, tree: ast.Module, leaves: Iterable[str]) -> None:
        self.leaves = frozenset(leaf.partition("[")[0] for leaf in leaves)
        self.names = set(self.leaves)
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
        # A function that reads what is learned hands it on, by whatever name it is called.
        while True:
            known = len(self.names)
            for node in functions:
                if self.is_in(node):
                    self.names |= {node.name, f"self.{node.name}"}
            if len(self.names) == known:
                break
        for statement in tree.body:
            if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)) and self.is_in(statement):
                self.names |= set(_bound(statement))

    def spread(self, body: Sequence[ast.stmt]) -> None:
        """Follow it through the statements of a function, until nothing is added."""
        while True:
            known = len(self.names)
            for node in body:
                self._spread(node)
            if len(self.names) == known:
                return

    def _spread(self, node: ast.stmt) -> None:
        for inner in _blocks(node):
            self._spread(inner)
        parts = list(_own(node))
        if any(self.is_in(part) for part in parts):
            self.names |= set(_bound(node, inside=False))

    def is_in(self, node: ast.AST) -> bool:
        """Whether something that is learned is read in a node."""
        return any(_spelled(inner) in self.names for inner in ast.walk(node))


def _reduced(node: ast.stmt, learned: _Learned) -> Iterator[ast.stmt]:
    """A statement, with stand-ins for what owes nothing to what is learned."""
    bound = set(_bound(node))
    value = getattr(node, "value", node)
    made = bound & learned.leaves and isinstance(node, ast.Assign)
    if made and not learned.is_in(value) and not _is_plain(value):
        # What is learned comes out of what is not known.
        yield from (_bind(name, learned, node) for name in sorted(bound))
        return
    if not bound & learned.names and not learned.is_in(node) and not isinstance(node, ast.Return):
        yield from _stood_in(node, bound, learned)
        return
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            reduced = [one for inner in block for one in _reduced(inner, learned)]
            setattr(node, field, reduced or ([ast.Pass()] if field == "body" else []))
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr):
            setattr(node, field, _Cut(learned).visit(value))
    yield node


def _stood_in(node: ast.stmt, bound: set[str], learned: _Learned) -> Iterator[ast.stmt]:
    """What a statement binds, each as a stand-in; it stays as it is where it only makes a start."""
    value = getattr(node, "value", None)
    plain = isinstance(node, (ast.Assign, ast.AnnAssign)) and (
        value is not None and _is_plain(value)
    )
    if plain or isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)):
        yield node
        return
    if isinstance(node, ast.AugAssign) and _is_plain(node.value):
        yield node
        return
    yield from (_bind(name, learned, node) for name in sorted(bound))


def _bind(name: str, learned: _Learned, node: ast.stmt) -> ast.Assign:
    """A name or an attribute, bound to its stand-in."""
    target = ast.parse(name, mode="eval").body
    assert isinstance(target, (ast.Name, ast.Attribute))
    target.ctx = ast.Store()
    maker = "stand_in" if name in learned.leaves else COMPUTED
    return ast.Assign([target], _made(maker, name), lineno=node.lineno)


class _Cut(ast.NodeTransformer):
    """Puts a stand-in in the place of each call that owes nothing to what is learned."""

    def __init__(self, learned: _Learned) -> None:
        self.learned = learned

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A call, or its stand-in."""
        if not self.learned.is_in(node) and not _is_plain(node):
            return _made(COMPUTED, ast.unparse(node))
        return self.generic_visit(node)


def _made(maker: str, name: str) -> ast.Call:
    return ast.Call(ast.Name(maker, ast.Load()), [ast.Constant(name[:160])], [])


def _is_plain(node: ast.AST) -> bool:
    """Whether a value is made of numbers, texts, names and collections, by nothing unknown."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and _root(inner.func) not in PLAIN:
            return False
    return True


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _blocks(node: ast.stmt) -> Iterator[ast.stmt]:
    """The statements below a compound one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from child.body


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are no statements."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield child


def _bound(node: ast.stmt, *, inside: bool = True) -> Iterator[str]:
    """What a statement binds or changes: names, and attributes as they are spelled."""
    parts: Iterable[ast.AST] = ast.walk(node) if inside else _walked(_own(node))
    for part in parts:
        if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            yield _spelled(part)
        elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
            yield _spelled(part.value)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            owner = part.func.value
            if isinstance(node, ast.Expr) or inside:
                changes = part.func.attr in CHANGING or part.func.attr.endswith("_")
                if changes and isinstance(owner, (ast.Name, ast.Attribute)):
                    yield _spelled(owner)


CHANGING = frozenset("append extend update insert setdefault add".split())


def _walked(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)


def _spelled(node: ast.AST) -> str:
    """A name, or attributes of one, as they are written; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _spelled(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""
