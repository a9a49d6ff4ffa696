"""Constructors, cut down to the attributes that are read, and made to go on where they fail."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from losslint.verify.slicing.collapsing import collapsed
from losslint.verify.slicing.effects import own_attributes
from losslint.verify.slicing.family import Family, self_name
from losslint.verify.slicing.lenient import lenient, unbound
from losslint.verify.slicing.liveness import Slicer, closures
from losslint.verify.slicing.needs import local_names
from losslint.verify.slicing.places import Function
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.signatures import bare
from losslint.verify.slicing.supers import INIT, constructed, is_super_init, without_unknown_supers


@dataclass
class Constructors:
    """Makes the constructors of a family for the attributes that are read of its object."""

    family: Family
    attributes: frozenset[str]
    called: set[str] = field(default_factory=set)  # methods that they set something up with

    def of(self, owner: ast.ClassDef, also: Sequence[str] = ()) -> ast.FunctionDef | None:
        """The constructor of a class, calling methods besides that set up the rest."""
        found = self.family.own_method(owner, INIT)
        stands_in = not self.family.bases(owner)
        if found is None and not also:
            return None
        init = found or _default(stands_in=stands_in)
        calls = [self._call(name, self_name(init), init) for name in also]
        return self._cut(init, owner, calls, stands_in=stands_in)

    def method(self, function: Function, owner: ast.ClassDef) -> ast.FunctionDef:
        """A method that a constructor sets something up with."""
        return self._cut(function, owner, [], stands_in=None)

    def _cut(
        self,
        function: Function,
        owner: ast.ClassDef,
        also: Sequence[ast.stmt],
        *,
        stands_in: bool | None,
    ) -> ast.FunctionDef:
        scope = self.family.scope(function)
        local = local_names(function)
        body = portable([*function.body, *also], self.family.around, local)
        body = collapsed(body, self.family.around, scope.own, local)
        if stands_in is not None:
            body = constructed(body, stands_in=stands_in)
        always = frozenset(id(node) for node in body if is_super_init(node))
        slicer = Slicer(scope, closures(body, scope), always)
        kept, before = slicer.slice(body, {f"{scope.own}.{name}" for name in self.attributes})
        statements = lenient(kept, scope)
        read = own_attributes(statements, scope.own)
        self.called |= {name for name in read if self.family.method(name) is not None}
        made = bare(function, self.family.around)
        made.body = [*unbound(before, statements, made.args), *statements] or [ast.Pass()]
        return without_unknown_supers(made, self.family, owner)

    def _call(self, name: str, own: str, place: Function) -> ast.stmt:
        """A call of a method with stand-ins for its arguments."""
        method = self.family.method(name)
        assert method is not None
        plain = [*method.args.posonlyargs, *method.args.args]
        required = plain[1 : len(plain) - len(method.args.defaults)]
        handed = ", ".join(f"stand_in({argument.arg!r})" for argument in required)
        made = ast.parse(f"{own}.{name}({handed})").body[0]
        for node in ast.walk(made):
            ast.copy_location(node, place)
        return made


def only_called(name: str, functions: Iterable[ast.FunctionDef]) -> bool:
    """Whether nothing that a method gives back is used in these functions."""
    called = {
        id(node.value.func)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    return not any(
        isinstance(node, ast.Attribute) and node.attr == name and id(node) not in called
        for function in functions
        for node in ast.walk(function)
    )


def _default(*, stands_in: bool) -> ast.FunctionDef:
    taken = "" if stands_in else ", *args, **kwargs"
    text = f"def __init__(self{taken}):\n    super().__init__({taken[2:]})"
    (made,) = ast.parse(text).body
    assert isinstance(made, ast.FunctionDef)
    return made
