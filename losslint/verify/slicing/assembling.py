"""The text of a program: its own statements, and before them what they need from the module."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from losslint.verify.programs import CannotSlice
from losslint.verify.sandbox.permitted import PROVIDED
from losslint.verify.slicing.collapsing import collapsed
from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.lenient import lenient, stood_in
from losslint.verify.slicing.liveness import Kept
from losslint.verify.slicing.needs import bound, needs
from losslint.verify.slicing.notes import Notes, said
from losslint.verify.slicing.permitting import permitted_only
from losslint.verify.slicing.places import FUNCTIONS
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.pruning import mentions, pruned
from losslint.verify.slicing.returning import returning
from losslint.verify.slicing.spelling import root_name
from losslint.verify.slicing.surroundings import BUILTINS, Surroundings

FUTURE = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)


class Assembly:
    """Collects what a program needs, transitively.

    A strict one cannot have what is not there; another has stand-ins for it. `kept`
    are names whose values are taken as they are whatever they need: learned leaves.
    """

    def __init__(
        self, around: Surroundings, notes: Notes, *, strict: bool, kept: Iterable[str] = ()
    ) -> None:
        self.around = around
        self.notes = notes
        self.strict = strict
        self.kept = frozenset(kept)
        self._mentioned: set[str] = set()
        self._imports: dict[str, ast.stmt] = {}
        self._stood_in: dict[str, ast.stmt] = {}
        self._taken: dict[int, tuple[int, list[ast.stmt]]] = {}  # line and copies, by node

    def text(self, body: Sequence[ast.stmt]) -> str:
        """The program whose own statements are `body`.

        Raises:
            CannotSlice: it is strict, and needs something that is not there.
        """
        if not self.strict:
            body = [permitted_only(node, self.around) for node in body]
        mentioned = set().union(*(mentions(node) for node in body))
        while True:  # until no definition that was taken mentions another method
            self._imports, self._stood_in, self._taken = {}, {}, {}
            self._mentioned = mentioned
            self._need(body)
            taken = [n for _, nodes in self._taken.values() for n in nodes]
            more = mentioned.union(*(mentions(node) for node in taken))
            if more == mentioned:
                break
            mentioned = more
        everything = self._ordered(body)
        for sentence in said(everything):
            self.notes.add(sentence)
        return ast.unparse(ast.Module(everything, [])) + "\n"

    def _ordered(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        future = [FUTURE] if self.around.delayed_annotations else []
        imports = sorted(self._imports.values(), key=lambda node: node.lineno)
        in_order = sorted(self._taken.values(), key=lambda item: item[0])
        taken = [node for _, nodes in in_order for node in nodes]
        return [*future, *imports, *self._stood_in.values(), *taken, *body]

    def _need(self, body: Sequence[ast.stmt]) -> None:
        """Take what statements need, and what that needs."""
        waiting = needs(body)
        seen = bound(body) | PROVIDED
        while waiting:
            name = next(iter(waiting))
            line = waiting.pop(name)
            if name not in seen:
                seen.add(name)
                made = self._provide(name, line)
                own = bound(made)
                for needed, row in needs(made).items():
                    if needed not in own:
                        waiting.setdefault(needed, row)

    def _provide(self, name: str, line: int) -> list[ast.stmt]:
        """Take what a name stands for into the program; what was taken is given back."""
        binding = self.around.bindings.get(name)
        reason = self.around.reason(name, line)
        if binding is None and name in BUILTINS:
            return []
        if binding is not None and binding.imports:
            self._imports[name] = binding.imports[-1]
            if name in self.around.taken_for:
                star = f"from {self.around.taken_for[name]} import *"
                self.notes.add(f"`{name}` of `{star}` is taken for what it usually is")
            return []
        if reason is not None and self.strict:
            raise CannotSlice(reason)
        if binding is not None and binding.definition is not None:
            return self._take([binding.definition])
        if binding is not None and binding.values and (reason is None or name in self.kept):
            return self._take(binding.values)
        self._stood_in[name] = stood_in(name)
        return []

    def _take(self, nodes: Sequence[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for node in nodes:
            if id(node) in self._taken:
                continue
            made = self._made(node)
            self._taken[id(node)] = (node.lineno, made)
            found += made
        return found

    def _made(self, node: ast.stmt) -> list[ast.stmt]:
        made = self._copied(node)
        return made if self.strict else [permitted_only(one, self.around) for one in made]

    def _copied(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.ClassDef):
            node = pruned(node, self._mentioned)
        made = portable([node], self.around)
        if self.strict:
            return made
        if isinstance(node, ast.ClassDef):
            return [with_bases(one, self.around) for one in made]
        if isinstance(node, FUNCTIONS):
            scope = Scope(functions=self.around.functions)
            return [returning(f, scope, ()) for f in made if isinstance(f, ast.FunctionDef)]
        made = collapsed(made, self.around)
        later = frozenset(bound([node]))
        calls = any(isinstance(n, ast.Call) for one in made for n in ast.walk(one))
        return lenient([Kept(one, later) for one in made], Scope()) if calls else made


def with_bases(node: ast.stmt, around: Surroundings) -> ast.stmt:
    """A class whose bases from elsewhere are stood in for."""
    assert isinstance(node, ast.ClassDef)
    bases: list[ast.expr] = []
    for base in node.bases:
        root = root_name(base)
        own = root is not None and around.class_named(root) is not None
        bases.append(base if own or _is_there(root, around) else _name("StandInModule"))
    unique = {ast.unparse(base): base for base in bases}
    ordered = sorted(unique.items(), key=lambda item: item[0] == "StandInModule")
    stand_in = [base for name, base in ordered]
    if len(stand_in) > 1:  # what is derived from a module that stands in is one already
        stand_in = [base for name, base in ordered if name != "StandInModule"]
    node.bases = stand_in
    node.keywords = [k for k in node.keywords if k.arg == "metaclass" and _known(k.value, around)]
    return node


def _known(node: ast.expr, around: Surroundings) -> bool:
    return all(around.is_available(name) for name in needs(node))


def _is_there(root: str | None, around: Surroundings) -> bool:
    if root is None:
        return False
    binding = around.bindings.get(root)
    if binding is None:
        return root in BUILTINS
    return bool(binding.imports)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
