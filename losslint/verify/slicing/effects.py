"""What a simple statement reads, binds anew and changes in place.

Names are paths: `x`, or `self.x` for an attribute of the method's own object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import field

from losslint.frozen import dataclass
from losslint.verify.slicing.needs import bound, needs

# Methods that change what they are called on.
CHANGING = frozenset(
    (
        "add add_module append appendleft clear discard extend insert pop popitem remove "
        "reverse setdefault sort update"
    ).split()
)
# Methods of a module that give it an attribute.
REGISTERING = frozenset(("add_module", "register_buffer", "register_module", "register_parameter"))


@dataclass
class Effects:
    """`reads`, `binds` (nothing of what was there is left) and `changes`."""

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)

    @property
    def all(self) -> set[str]:
        """Every path that is something else afterwards."""
        return self.binds | self.changes


@dataclass(frozen=True)
class Scope:
    """What names mean in one function: its `self`, and what calls do to attributes and arguments.

    `methods` says of each method of the own class which attributes it reads and which
    it sets; `functions` are those of this file, which may change what they are handed.
    """

    own: str = ""
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    writes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()

    def paths(self, nodes: ast.AST | Iterable[ast.AST]) -> set[str]:
        """The paths that are read, with what the methods among them read."""
        nodes = [nodes] if isinstance(nodes, ast.AST) else list(nodes)
        names = set(needs(nodes))
        if not self.own or self.own not in names:
            return names
        attributes = own_attributes(nodes, self.own)
        bare = any(hands_on(node, self.own) for node in nodes)
        names -= set() if bare else {self.own}
        for name in sorted(attributes):
            names |= {f"{self.own}.{name}"}
            names |= {f"{self.own}.{read}" for read in self.reads.get(name, ())}
        return names

    def path(self, node: ast.expr) -> str | None:
        """The path that an expression reaches into, as `x` for `x.data[0]`."""
        attribute = None
        while True:
            if isinstance(node, ast.Attribute):
                attribute, node = node.attr, node.value
            elif isinstance(node, (ast.Subscript, ast.Starred)):
                attribute, node = None, node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                attribute, node = None, node.func.value
            else:
                break
        if not isinstance(node, ast.Name):
            return None
        if node.id == self.own:
            return f"{self.own}.{attribute}" if attribute else None
        return node.id

    def effects(self, node: ast.stmt) -> Effects:
        """What a statement without blocks does."""
        found = Effects(reads=self.paths(node))
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._store(target, found)
            case ast.AnnAssign(value=ast.expr()):
                self._store(node.target, found)
            case ast.AugAssign():
                self._change(node.target, found)
                found.reads |= found.changes
            case ast.Expr(value=ast.Call() as call):
                self._call(call, found)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.binds.add(node.name)
            case ast.Import() | ast.ImportFrom():
                found.binds |= bound([node])
        found.changes |= bound([node]) - found.binds
        return found

    def _store(self, target: ast.expr, found: Effects) -> None:
        match target:
            case ast.Name():
                found.binds.add(target.id)
            case ast.Attribute(value=ast.Name(id=name)) if name == self.own:
                found.binds.add(f"{name}.{target.attr}")
            case ast.Tuple() | ast.List():
                for element in target.elts:
                    self._store(element, found)
            case ast.Starred():
                self._store(target.value, found)
            case _:
                self._change(target, found)

    def _change(self, target: ast.expr, found: Effects) -> None:
        path = self.path(target)
        if path is not None:
            found.changes.add(path)

    def _call(self, call: ast.Call, found: Effects) -> None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        on_own = isinstance(call.func, ast.Attribute) and _is_name(call.func.value, self.own)
        if on_own and name in REGISTERING:
            found.binds |= {f"{self.own}.{label}" for label in _constant(call.args[:1])}
        elif _is_name(call.func, "setattr") and call.args and _is_name(call.args[0], self.own):
            found.binds |= {f"{self.own}.{label}" for label in _constant(call.args[1:2])}
        elif on_own and name in self.writes:
            found.changes |= {f"{self.own}.{written}" for written in self.writes[name]}
            self._hand(call, found)
        elif name in CHANGING or (name.endswith("_") and not name.endswith("__")):
            assert isinstance(call.func, ast.Attribute)
            self._change(call.func.value, found)
            if name not in CHANGING:
                self._hand(call, found)
        elif isinstance(call.func, ast.Name) and (
            call.func.id in self.functions or call.func.id.endswith("_")
        ):
            self._hand(call, found)

    def _hand(self, call: ast.Call, found: Effects) -> None:
        """A call changes what it is handed."""
        for argument in (*call.args, *(k.value for k in call.keywords)):
            self._change(argument, found)


def touched(node: ast.stmt) -> set[str]:
    """The names that a statement outside of classes changes in place."""
    return Scope().effects(node).changes


def own_attributes(nodes: Iterable[ast.AST], own: str) -> set[str]:
    """The attributes of `own` that are read somewhere in these nodes."""
    return {
        inner.attr
        for node in nodes
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and _is_name(inner.value, own)
        and isinstance(inner.ctx, ast.Load)
    }


def hands_on(node: ast.AST, own: str) -> bool:
    """Whether the object itself is given to something."""
    behind = {
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute) and _is_name(inner.value, own)
    }
    return any(_is_name(inner, own) and inner not in behind for inner in ast.walk(node))


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and bool(name) and node.id == name


def _constant(nodes: list[ast.expr]) -> set[str]:
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
