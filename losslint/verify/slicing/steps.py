"""The expression program of a function, or of code outside of any: a set-up and one step."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from losslint.verify.programs import Program, Total
from losslint.verify.slicing.assembling import Assembly
from losslint.verify.slicing.carrying import Carried, carry
from losslint.verify.slicing.collapsing import collapsed
from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.leaves import makes_leaf, roots
from losslint.verify.slicing.lenient import bound_at_last, lenient, stood_in
from losslint.verify.slicing.liveness import Kept, Slicer, closures
from losslint.verify.slicing.needs import bound, defaults, local_names, needs, parameters
from losslint.verify.slicing.notes import Notes
from losslint.verify.slicing.paths import Way, way
from losslint.verify.slicing.places import Place
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.signatures import add_parameters, bare, chosen, made_function
from losslint.verify.slicing.surroundings import Surroundings
from losslint.verify.slicing.unpacking import unpacked
from losslint.verify.verdict import Slice

NONE = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def of_function(place: Place, around: Surroundings, total: Total) -> Program:
    """What is set up before the loop or the making of a leaf, and one turn after that."""
    return _Stepping(place, around, total).program()


class _Stepping:
    """Cuts the way to one total in two: what is set up once, and the step."""

    def __init__(self, place: Place, around: Surroundings, total: Total) -> None:
        self.place = place
        self.around = around
        self.names = roots(total.leaves)
        self.notes = Notes()
        self.functions = place.functions
        self.handed = {a.arg for f in self.functions for a in parameters(f.args)}

    def program(self) -> Program:
        """The program, with a function `step` that returns the total."""
        before, step, last, scope, read = self._halves()
        taken = self.handed & needs([one.node for one in before]).keys()
        set_up = bound([one.node for one in before]) | taken
        read = {name for name in read if name not in self.handed or name in set_up}
        made = carry(before, step, read, scope, self._is_known, self._makes_leaf)
        nodes = [one.node for one in made.before]
        _, first = Slicer(scope, closures(nodes, scope)).slice(nodes, read | set_up)
        open_names = sorted((first & bound(nodes) & self._read_later(made, step, last)) - taken)
        at_last = [bound_at_last(name) for name in open_names]
        prepared = [*lenient(made.before, scope), *at_last, *made.ending]
        body = [*made.renamed, *lenient(made.again, scope), *step, last]
        given = [self._given(name) for name in needs(prepared) if name in taken]
        free = set(needs(body)) - taken - bound([*prepared, *made.renamed])
        arguments = self._arguments(free & self.handed)
        used = {*needs(prepared), *bound(prepared), *(set(needs(body)) - bound(body))}
        entry = "step" if "step" not in used else "step_"
        local = bound(body) | {argument.arg for argument in parameters(arguments)}
        function = made_function(entry, arguments, _unnested(body, local))
        outside = [*given, *_unnested(prepared, set()), function]
        for node in outside:
            ast.fix_missing_locations(node)
        assembly = Assembly(self.around, self.notes, strict=False, kept=self.names)
        text = assembly.text(outside)
        return Program(Slice.EXPRESSION, text, entry, "", self.notes.sentences())

    def _read_later(self, made: Carried, step: list[ast.stmt], last: ast.stmt) -> set[str]:
        """The names that are read once the set-up is done."""
        again = [one.node for one in made.again]
        return set(needs([*made.ending, *made.renamed, *again, *step, last]))

    def _halves(self) -> tuple[list[Kept], list[ast.stmt], ast.stmt, Scope, set[str]]:
        """The set-up, the step, the return that ends it, and what the step reads at its start."""
        start = self.place.route.index(self.functions[0]) if self.functions else 0
        found = way(self.place.route[start:], self.notes)
        ends = [at for at in (found.loop, found.entry) if at is not None]
        at = min(ends, default=0)
        set_up = self._portable(found.statements[:at], found)
        ending = ast.copy_location(ast.Return(self.place.expression), self.place.expression)
        *step, last = self._portable([*found.statements[at:], ending], found)
        set_up, step = unpacked(set_up, self.handed), unpacked(step, self.handed - bound(set_up))
        scope = Scope(functions=self.around.functions | bound([*set_up, *step]))
        slicer = Slicer(scope, closures([*set_up, *step], scope))
        turn, read = slicer.slice(step, scope.paths(last))
        if not ends:
            turned = [one.node for one in turn]
            set_up, step = self._parted(turned, slicer)
            turn, read = slicer.slice(step, scope.paths(last))
        local = self.handed | bound(set_up)
        before, _ = slicer.slice(collapsed(set_up, self.around, "", local), read)
        return before, [one.node for one in turn], last, scope, read

    def _parted(
        self, body: Sequence[ast.stmt], slicer: Slicer
    ) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """What makes leaves, with what that needs, and the rest."""
        making = [k for k, node in enumerate(body) if self._makes_leaf(node)]
        if not making:
            return [], list(body)
        made = set().union(*(slicer.scope.effects(body[k]).all for k in making))
        first, _ = slicer.slice(body[: making[-1] + 1], made | bound([body[k] for k in making]))
        known = {id(one.node) for one in first}
        return [one.node for one in first], [node for node in body if id(node) not in known]

    def _portable(self, statements: Sequence[ast.stmt], found: Way) -> list[ast.stmt]:
        local = self.handed | bound(found.statements)
        local = local.union(*(local_names(function) for function in self.functions))
        return portable(statements, self.around, local)

    def _makes_leaf(self, node: ast.stmt) -> bool:
        return makes_leaf(node, self.names - self.handed, self.around)

    def _is_known(self, name: str) -> bool:
        return name in self.around.bindings or name in self.handed

    def _given(self, name: str) -> ast.stmt:
        """An argument that the set-up reads: its default, or a stand-in."""
        for function in self.functions:
            default = defaults(function.args).get(name)
            if default is not None:
                made = ast.Assign([ast.Name(name, ast.Store())], default)
                placed = ast.fix_missing_locations(ast.copy_location(made, default))
                (found,) = portable([placed], self.around)
                return found
        return stood_in(name)

    def _arguments(self, names: set[str]) -> ast.arguments:
        """The parameters of the step: those of the innermost function as they are written."""
        signatures = [bare(f, self.around).args for f in reversed(self.functions)]
        arguments = chosen(signatures[0], names) if signatures else chosen(NONE, names)
        for others in signatures[1:]:
            add_parameters(arguments, chosen(others, names))
        return arguments


class _Unnested(ast.NodeTransformer):
    """What was a name of the function around may be one of the program now."""

    def __init__(self, local: set[str]) -> None:
        self.local = local

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST | list[ast.stmt]:
        inner = [name for name in node.names if name in self.local]
        outer = [name for name in node.names if name not in self.local]
        made: list[ast.stmt] = [ast.Nonlocal(inner)] if inner else []
        return [*made, ast.Global(outer)] if outer else made


def _unnested(body: Iterable[ast.stmt], local: set[str]) -> list[ast.stmt]:
    """Statements whose functions find the names that are not `local` outside of everything."""
    unnest = _Unnested(local)
    return [found for node in body if isinstance(found := unnest.visit(node), ast.stmt)]
