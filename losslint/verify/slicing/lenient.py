"""Set-up that goes on where a statement of it fails: what it would have set is stood in for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.liveness import Kept
from losslint.verify.slicing.needs import bound, parameters
from losslint.verify.slicing.places import FUNCTIONS
from losslint.verify.slicing.supers import is_super_init

# Statements that only name something: they do not fail.
PLAIN = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)


def lenient(kept: Iterable[Kept], scope: Scope) -> list[ast.stmt]:
    """Each statement so that it leaves stand-ins where it fails."""
    return [_lenient(one, scope) for one in kept]


def stood_in(name: str) -> ast.stmt:
    """`name = stand_in("name")`."""
    return ast.parse(f"{name} = stand_in({name!r})").body[0]


def unbound(
    before: Iterable[str], body: Sequence[ast.stmt], arguments: ast.arguments
) -> list[ast.stmt]:
    """Stand-ins for the names of a function that are read before its body binds them."""
    handed = {argument.arg for argument in parameters(arguments)}
    names = sorted((bound(body) & set(before)) - handed)
    return [stood_in(name) for name in names]


def _lenient(kept: Kept, scope: Scope) -> ast.stmt:
    node = kept.node
    if isinstance(node, PLAIN) or _cannot_fail(node) or is_super_init(node):
        return node
    targets, changed = _targets(node, scope)
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = [target for target in targets if target in kept.later]
    handler = [_missing(target, assigns=True) for target in targets]
    if not handler:
        handler = [_missing(path, assigns=False) for path in changed] or [ast.Pass()]
    exception = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "problem", handler)
    made = ast.Try([node], [exception], [], [])
    return ast.fix_missing_locations(ast.copy_location(made, node))


def _targets(node: ast.stmt, scope: Scope) -> tuple[list[str], list[str]]:
    """What a statement binds, and what it only changes, in the order of the source."""
    bound: dict[str, None] = {}
    changed: dict[str, None] = {}
    for inner in _simple(node):
        done = scope.effects(inner)
        bound.update(dict.fromkeys(sorted(done.binds, key=_order(inner))))
        changed.update(dict.fromkeys(sorted(done.changes)))
    return list(bound), [path for path in changed if path not in bound]


def _simple(node: ast.stmt) -> Iterable[ast.stmt]:
    """The statements without blocks in a statement; a loop's targets as if they were assigned."""
    if isinstance(node, ast.For):
        yield ast.fix_missing_locations(
            ast.copy_location(ast.Assign([node.target], ast.Constant(None)), node)
        )
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
    """Whether something is only given another name, or is a constant."""
    match node:
        case ast.Assign(targets=[ast.Name() | ast.Attribute(value=ast.Name())], value=value):
            return isinstance(value, (ast.Name, ast.Constant))
    return False
