"""Set-up that goes on where a statement of it fails: what it would have set is stood in for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.liveness import Kept
from losslint.verify.slicing.needs import bound, parameters
from losslint.verify.slicing.notes import in_place_of
from losslint.verify.slicing.places import FUNCTIONS
from losslint.verify.slicing.supers import is_super_init

# Statements that only name something: they do not fail.
PLAIN = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)

# Methods that put something into a collection.
STORING = frozenset("add_module append extend insert register_module".split())


def lenient(kept: Iterable[Kept], scope: Scope) -> list[ast.stmt]:
    """Each statement so that it leaves stand-ins where it fails."""
    return [_lenient(one, scope) for one in kept]


def stood_in(name: str) -> ast.stmt:
    """`name = stand_in("name")`."""
    return ast.parse(f"{name} = stand_in({name!r})").body[0]


def bound_at_last(name: str) -> ast.stmt:
    """A stand-in for a name where a set-up has not come to bind it."""
    text = f"try:\n    {name}\nexcept Exception as problem:\n    pass"
    (made,) = ast.parse(text).body
    assert isinstance(made, ast.Try)
    made.handlers[0].body = [_missing(name, assigns=True)]
    return made


def unbound(
    before: Iterable[str], body: Sequence[ast.stmt], arguments: ast.arguments
) -> list[ast.stmt]:
    """Stand-ins for the names of a function that are read before its body binds them."""
    handed = {argument.arg for argument in parameters(arguments)}
    names = sorted((bound(body) & set(before)) - handed)
    return [stood_in(name) for name in names]


def _lenient(kept: Kept, scope: Scope, *, guarded: bool = False) -> ast.stmt:
    """The statement, or one that goes on; `guarded`: a condition around sees to its header."""
    node = kept.node
    if isinstance(node, PLAIN) or _cannot_fail(node) or is_super_init(node):
        return node
    handler = _handler(kept, scope)
    if isinstance(node, ast.If):
        node = _each_lenient(node, kept, scope)
        if guarded or isinstance(node.test, (ast.Name, ast.Constant)):
            return node
    exception = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "problem", handler)
    return in_place_of(ast.Try([node], [exception], [], []), kept.node)


def _handler(kept: Kept, scope: Scope) -> list[ast.stmt]:
    """What is done where a statement fails: its targets are stood in for."""
    targets, stored, changed = _targets(kept.node, scope)
    if not isinstance(kept.node, (ast.Assign, ast.AnnAssign)):
        targets = [target for target in targets if target in kept.later]
    if targets or stored:
        return [_missing(target, assigns=True) for target in dict.fromkeys([*targets, *stored])]
    said = [_missing(path, assigns=False) for path in changed if path in kept.later]
    return said or [ast.Pass()]


def _each_lenient(node: ast.If, kept: Kept, scope: Scope) -> ast.If:
    """A condition, so that where a statement in it fails the rest is run all the same."""
    later = frozenset({*scope.paths(node), *kept.later, *_targets(node, scope)[0]})
    body, orelse = (
        [_lenient(Kept(inner, later), scope, guarded=True) for inner in block]
        for block in (node.body, node.orelse)
    )
    return in_place_of(ast.If(node.test, body, orelse), node)


def _targets(node: ast.stmt, scope: Scope) -> tuple[list[str], list[str], list[str]]:
    """What a statement binds, what it stores something in, and what it only changes, in order."""
    bound: dict[str, None] = {}
    stored: dict[str, None] = {}
    changed: dict[str, None] = {}
    for inner in _simple(node):
        done = scope.effects(inner)
        bound.update(dict.fromkeys(sorted(done.binds, key=_order(inner))))
        changes = dict.fromkeys(sorted(done.changes))
        (stored if _stores(inner) else changed).update(changes)
    rest = [path for path in changed if path not in bound and path not in stored]
    return list(bound), [path for path in stored if path not in bound], rest


def _stores(node: ast.stmt) -> bool:
    """Whether something is put into a collection, which is not complete without it."""
    match node:
        case ast.Assign(targets=[ast.Subscript()]):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name in STORING
    return False


def _simple(node: ast.stmt) -> Iterable[ast.stmt]:
    """The statements without blocks in a statement."""
    inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
    inner += [
        n
        for part in ast.iter_child_nodes(node)
        if isinstance(part, (ast.ExceptHandler, ast.match_case))
        for n in part.body
    ]
    if not inner or isinstance(node, PLAIN):
        yield node
        return
    for part in inner:
        yield from _simple(part)


def _order(node: ast.stmt) -> Callable[[str], tuple[int, str]]:
    text = ast.unparse(node)
    return lambda path: (text.find(path), path)


def _missing(path: str, *, assigns: bool) -> ast.stmt:
    call = f"missing(problem, {path!r})"
    return ast.parse(f"{path} = {call}" if assigns else call).body[0]


def _cannot_fail(node: ast.stmt) -> bool:
    """Whether something is only given another name, is a constant, or is stood in for."""
    match node:
        case ast.Assign(targets=[ast.Name() | ast.Attribute(value=ast.Name())], value=value):
            return _is_plain(value)
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            return len(names) == len(values) and all(_is_plain(value) for value in values)
    return False


def _is_plain(node: ast.expr) -> bool:
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Call(func=ast.Name(id="stand_in"), args=[ast.Constant()]):
            return True
        case ast.UnaryOp(operand=ast.Constant(value=int() | float())):
            return True
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return all(_is_plain(one) for one in elements)
        case ast.Dict(keys=keys, values=values):
            return all(isinstance(key, ast.Constant) for key in keys) and all(
                map(_is_plain, values)
            )
    return False
