"""The expression program of a method: its class, cut down to what the total needs."""

from __future__ import annotations

import ast

from losslint.verify.programs import Program, Total
from losslint.verify.slicing.assembling import Assembly
from losslint.verify.slicing.collapsing import collapsed
from losslint.verify.slicing.cutting import Cut
from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.family import Family
from losslint.verify.slicing.leaves import roots
from losslint.verify.slicing.lenient import lenient, stood_in, unbound
from losslint.verify.slicing.liveness import Slicer, closures
from losslint.verify.slicing.needs import bound, local_names, needs, parameters
from losslint.verify.slicing.notes import Notes
from losslint.verify.slicing.paths import way
from losslint.verify.slicing.places import FUNCTIONS, Place
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.signatures import add_parameters, bare
from losslint.verify.slicing.spelling import last_name
from losslint.verify.slicing.supers import without_unknown_supers
from losslint.verify.slicing.surroundings import Surroundings
from losslint.verify.slicing.unpacking import unpacked
from losslint.verify.slicing.whole import CALLS
from losslint.verify.verdict import Slice


def of_method(place: Place, around: Surroundings, total: Total) -> Program:
    """The class of a method with what the total reads of it."""
    assert place.owner is not None
    notes = Notes()
    family = Family(place.owner, around)
    method = _trimmed(place, family, notes)
    body = Cut(family, method, total).classes()
    body = [*_around(place, body, around, notes), *body]
    text = Assembly(around, notes, strict=False, kept=roots(total.leaves)).text(body)
    entry = "" if method.name in CALLS else method.name
    return Program(Slice.EXPRESSION, text, place.owner.name, entry, notes.sentences())


def _around(
    place: Place, body: list[ast.stmt], around: Surroundings, notes: Notes
) -> list[ast.stmt]:
    """What a class needs of the functions that it is defined in, as a set-up."""
    outer = place.route[: place.route.index(place.owner) + 1]
    functions = [node for node in outer if isinstance(node, FUNCTIONS)]
    if not functions:
        return []
    found = way(outer[outer.index(functions[0]) :], notes)
    local = bound(found.statements).union(*(local_names(function) for function in functions))
    statements = portable(found.statements, around, local)
    scope = Scope(functions=around.functions | bound(statements))
    needed = set(needs(body)) - bound(body)
    slicer = Slicer(scope, closures(statements, scope))
    kept, before = slicer.slice(collapsed(statements, around, "", local), needed & local)
    return [*(stood_in(name) for name in sorted(before & local)), *lenient(kept, scope)]


def _trimmed(place: Place, family: Family, notes: Notes) -> ast.FunctionDef:
    """The method with the statements that compute the total, which it returns."""
    assert place.owner is not None
    method = place.functions[0]
    scope = family.scope(method)
    found = way(place.inner[place.inner.index(method) :], notes)
    local = local_names(method).union(*(local_names(inner) for inner in found.inner))
    ending = ast.copy_location(ast.Return(place.expression), place.expression)
    *body, last = portable([*found.statements, ending], family.around, local)
    body = unpacked(body, (argument.arg for argument in parameters(method.args)))
    kept, before = Slicer(scope, closures(body, scope)).slice(body, scope.paths(last))
    made = bare(method, family.around)
    made.decorator_list = [d for d in made.decorator_list if "property" not in last_name(d)]
    for inner in found.inner:
        add_parameters(made.args, bare(inner, family.around).args)
    statements = [one.node for one in kept]
    made.body = [*unbound(before, statements, made.args), *statements, last]
    return without_unknown_supers(made, family, place.owner)
