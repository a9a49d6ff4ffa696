"""The core of a program: what is learned on its way to the total, and no way of the data.

An expression program still computes each task loss as the code does, from
predictions that nobody has. Nothing of that depends on what is learned. Here each
such value is one stand-in, so that only arithmetic with what is learned is left to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from losslint.verify.programs import CannotSlice, Program
from losslint.verify.slicing.learned import FUNCTIONS, Function, Learned, Scope, bound_in
from losslint.verify.slicing.reached import keep_reached

# What is asked for a value that is computed from data: a task loss, where it meets arithmetic.
COMPUTED = "computed"

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
    entry = _entry(tree, program)
    learned = Learned(tree, leaves)
    for function in learned.functions:
        if function is entry or (learned.reaches(function) and function.name != "__init__"):
            scope = learned.scope(function)
            body = [one for node in function.body for one in _reduced(node, scope)]
            function.body = body or [ast.Pass()]
    keep_reached(tree, program.entry, entry)
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return replace(program, text=text)


def _entry(tree: ast.Module, program: Program) -> Function:
    """The function or method that returns the total."""
    home, wanted = tree.body, [program.entry]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == program.entry:
            home = node.body
            wanted = [program.method] if program.method else ["forward", "__call__"]
    for node in home:
        if isinstance(node, FUNCTIONS) and node.name in wanted:
            return node
    raise CannotSlice(f"`{wanted[0]}` is no function of its own")


def _reduced(node: ast.stmt, learned: Scope) -> Iterator[ast.stmt]:
    """A statement, with stand-ins for what owes nothing to what is learned."""
    bound = set(bound_in(node))
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
    for field, part in ast.iter_fields(node):
        if isinstance(part, ast.expr):
            setattr(node, field, _Cut(learned).visit(part))
    yield node


def _stood_in(node: ast.stmt, bound: set[str], learned: Scope) -> Iterator[ast.stmt]:
    """What a statement binds, each as a stand-in; it stays as it is where it only makes a start."""
    value = getattr(node, "value", None)
    plain = isinstance(node, (ast.Assign, ast.AnnAssign)) and (
        value is not None and _is_plain(value) and not _unpacks(node)
    )
    if plain or isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)):
        yield node
        return
    if isinstance(node, ast.AugAssign) and _is_plain(node.value):
        yield node
        return
    yield from (_bind(name, learned, node) for name in sorted(bound))


def _bind(name: str, learned: Scope, node: ast.stmt) -> ast.Assign:
    """A name or an attribute, bound to its stand-in."""
    target = ast.parse(name, mode="eval").body
    assert isinstance(target, (ast.Name, ast.Attribute))
    target.ctx = ast.Store()
    maker = "stand_in" if name in learned.leaves else COMPUTED
    return ast.Assign([target], _made(maker, name), lineno=node.lineno)


class _Cut(ast.NodeTransformer):
    """Puts a stand-in in the place of each call that owes nothing to what is learned."""

    def __init__(self, learned: Scope) -> None:
        self.learned = learned

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A call, or its stand-in."""
        if not self.learned.is_in(node) and not _is_plain(node):
            return _made(COMPUTED, ast.unparse(node))
        return self.generic_visit(node)


def _made(maker: str, name: str) -> ast.Call:
    return ast.Call(ast.Name(maker, ast.Load()), [ast.Constant(name[:160])], [])


def _unpacks(node: ast.Assign | ast.AnnAssign) -> bool:
    """Whether something of unknown length is taken apart."""
    displays = (ast.Tuple, ast.List)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(one, displays) for one in targets) and not isinstance(
        node.value, displays
    )


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
