"""A class and its bases of the same file, cut down to what one method comes to."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from losslint.verify.programs import Total
from losslint.verify.slicing.constructing import Constructors, only_called
from losslint.verify.slicing.effects import Scope, own_attributes
from losslint.verify.slicing.family import (
    Family,
    class_values,
    self_name,
    set_attributes,
    super_methods,
)
from losslint.verify.slicing.lenient import lenient
from losslint.verify.slicing.liveness import Slicer
from losslint.verify.slicing.places import FUNCTIONS, Function
from losslint.verify.slicing.portable import portable
from losslint.verify.slicing.returning import returning
from losslint.verify.slicing.signatures import with_type_parameters
from losslint.verify.slicing.spelling import last_name
from losslint.verify.slicing.supers import INIT, without_unknown_supers

Key = tuple[str, str]  # of a class and a method of it


class Cut:
    """What is left of a family for `method`, the one that returns the total."""

    def __init__(self, family: Family, method: ast.FunctionDef, total: Total) -> None:
        self.family = family
        self.owner = family.classes[0]
        self.method = method
        own = f"{self_name(method) or 'self'}."
        spelled = [leaf.removeprefix(own) for leaf in total.leaves if leaf.startswith(own)]
        self.leaves = [leaf.partition(".")[0].partition("[")[0] for leaf in spelled]
        self.members: dict[Key, tuple[ast.ClassDef, Function]] = {}

    def classes(self) -> list[ast.stmt]:
        """The classes, a base before what inherits from it."""
        self._reach(self.owner, self.method)
        made, inits = self._constructors()
        parts: dict[str, list[ast.FunctionDef]] = {c.name: [] for c in self.family.classes}
        for name, init in inits.items():
            parts[name].append(init)
        attributes = self._attributes()
        setting_up = self._setting_up(made, list(inits.values()))
        for (name, method), (owner, function) in self.members.items():
            if method in setting_up:
                parts[name].append(made.method(function, owner))
            else:
                parts[name].append(self._whole(function, owner, attributes))
        parts[self.owner.name].append(self.method)
        attributes |= self._read(function for made_of in parts.values() for function in made_of)
        ordered = sorted(self.family.classes, key=lambda one: one.lineno)
        return [self._class(owner, parts[owner.name], attributes) for owner in ordered]

    # --- which methods and attributes ---------------------------------------------------

    def _reach(self, owner: ast.ClassDef, function: Function) -> None:
        """Keep the methods that a function comes to."""
        own = self_name(function)
        for name in sorted(own_attributes([function], own)) if own else ():
            self._keep(name, None)
        for name in super_methods(function):
            self._keep(name, owner)

    def _keep(self, name: str, behind: ast.ClassDef | None) -> None:
        holder = self.family.holder(name, behind)
        if holder is None or name == INIT or (holder, name) == (self.owner, self.method.name):
            return
        if (holder.name, name) in self.members:
            return
        function = self.family.own_method(holder, name)
        assert function is not None
        self.members[holder.name, name] = holder, function
        self._reach(holder, function)

    def _attributes(self) -> frozenset[str]:
        """The attributes that the kept methods read."""
        functions = [self.method, *(function for _, function in self.members.values())]
        found = set(self._read(functions))
        for function in functions:
            if self.family.hands_itself_on(function):
                for one in self.family.classes:
                    init = self.family.own_method(one, INIT)
                    found |= set(set_attributes(init)) if init else set()
        return frozenset(found)

    def _read(self, functions: Iterable[Function]) -> frozenset[str]:
        read = [own_attributes([f], own) for f in functions if (own := self_name(f))]
        return frozenset().union(*read)

    def _constructors(self) -> tuple[Constructors, dict[str, ast.FunctionDef]]:
        """The constructors, once everything that they come to is known."""
        also: list[str] = []
        while True:
            attributes, known = self._attributes(), len(self.members)
            made = Constructors(self.family, attributes)
            found = {c.name: made.of(c, also * (c is self.owner)) for c in self.family.classes}
            for name in sorted(made.called):
                self._keep(name, None)
            if not also:
                also = self._set_elsewhere(made)
            elif len(self.members) == known and attributes == self._attributes():
                break
            if not also and len(self.members) == known and attributes == self._attributes():
                break
        return made, {name: init for name, init in found.items() if init is not None}

    def _set_elsewhere(self, made: Constructors) -> list[str]:
        """Methods that make leaves which no constructor makes."""
        inits = [self.family.own_method(c, INIT) for c in self.family.classes]
        known = {name for init in inits if init for name in set_attributes(init)}
        known |= {name for c in self.family.classes for name, _ in class_values(c)}
        known = known.union(*(self.family.writes.get(name, ()) for name in made.called))
        found: dict[str, None] = {}
        for leaf in self.leaves:
            if leaf not in known:
                setting = [name for name, written in self.family.writes.items() if leaf in written]
                candidates = [n for n in setting if n not in (INIT, self.method.name)]
                found.update(dict.fromkeys(candidates[:1]))
        return list(found)

    def _setting_up(self, made: Constructors, inits: list[ast.FunctionDef]) -> set[str]:
        """The methods that only set something up for the constructors."""
        names = {name for name in made.called if only_called(name, inits)}
        while True:
            rest: list[Function] = [f for (_, n), (_, f) in self.members.items() if n not in names]
            fewer = {name for name in names if not _mentioned(name, [self.method, *rest])}
            if fewer == names:
                return names
            names = fewer

    # --- the classes --------------------------------------------------------------------

    def _whole(
        self, function: Function, owner: ast.ClassDef, attributes: frozenset[str]
    ) -> ast.FunctionDef:
        (made,) = portable([function], self.family.around)
        assert isinstance(made, ast.FunctionDef)
        made = returning(made, self.family.scope(function), attributes)
        return without_unknown_supers(made, self.family, owner)

    def _class(
        self, owner: ast.ClassDef, methods: list[ast.FunctionDef], attributes: frozenset[str]
    ) -> ast.ClassDef:
        bases = [ast.Name(base.name, ast.Load()) for base in self.family.bases(owner)]
        (empty,) = portable([_without_methods(owner)], self.family.around)
        assert isinstance(empty, ast.ClassDef)
        decorators = [d for d in empty.decorator_list if last_name(d) == "dataclass"]
        values = empty.body
        if not decorators:
            scope = Scope()
            kept, _ = Slicer(scope).slice(empty.body, attributes)
            values = lenient(kept, scope)
        body = [*values, *sorted(methods, key=lambda method: method.lineno)]
        empty.bases = [*bases] or [ast.Name("StandInModule", ast.Load())]
        empty.keywords = []
        empty.decorator_list = decorators
        empty.body = body or [ast.Pass()]
        return ast.fix_missing_locations(empty)


def _without_methods(owner: ast.ClassDef) -> ast.ClassDef:
    made = ast.ClassDef(
        name=owner.name,
        bases=[],
        keywords=[],
        body=[n for n in owner.body if not isinstance(n, FUNCTIONS)] or [ast.Pass()],
        decorator_list=owner.decorator_list,
    )
    made = with_type_parameters(made)
    return ast.fix_missing_locations(ast.copy_location(made, owner))


def _mentioned(name: str, functions: list[Function]) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == name
        for function in functions
        for node in ast.walk(function)
    )
