"""What a step changes of its set-up, made anew in every step."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from losslint.verify.slicing.effects import Scope
from losslint.verify.slicing.lenient import stood_in
from losslint.verify.slicing.liveness import Kept
from losslint.verify.slicing.needs import bound, needs


@dataclass
class Carried:
    """The set-up that is left, what it ends with, and what the step begins with."""

    before: list[Kept]
    ending: list[ast.stmt] = field(default_factory=list)
    renamed: list[ast.stmt] = field(default_factory=list)
    again: list[Kept] = field(default_factory=list)


def carry(
    before: Sequence[Kept],
    step: Sequence[ast.stmt],
    read: set[str],
    scope: Scope,
    is_known: Callable[[str], bool],
    is_kept: Callable[[ast.stmt], bool],
) -> Carried:
    """Let a step begin with what the set-up leaves, as often as it is run.

    `read` are the names that the step reads before it binds them; `is_known` says
    whether the module has a name, `is_kept` whether a statement must run only once.
    """
    found = Carried(list(before))
    own = bound(step)
    changed = set().union(*(_changed(node, scope) for node in step)) - own
    made = bound(one.node for one in before)
    for name in sorted((read & own) | (changed & made)):
        source = _only_source(name, found.before, scope)
        if source is not None and not is_kept(source.node) and not needs(source.node).keys() & own:
            found.again.append(source)
            if not any(name in needs(k.node) for k in found.before if k is not source):
                found.before.remove(source)
        elif name in own and (name in made or is_known(name)):
            found.ending.append(_assign(f"{name}_before", name))
            found.renamed.append(_assign(name, f"{name}_before"))
        elif name in own:
            found.renamed.append(stood_in(name))
    found.again.sort(key=lambda one: one.node.lineno)
    return found


def _only_source(name: str, before: Sequence[Kept], scope: Scope) -> Kept | None:
    """The one assignment that a name comes from."""
    sources = [k for k in before if name in _changed(k.node, scope) | bound([k.node])]
    if len(sources) != 1:
        return None
    match sources[0].node:
        case ast.Assign(targets=[ast.Name()]):
            return sources[0]
    return None


def _changed(node: ast.stmt, scope: Scope) -> set[str]:
    inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt)]
    return set().union(*(scope.effects(n).changes for n in inner if not _has_block(n)))


def _has_block(node: ast.stmt) -> bool:
    return hasattr(node, "body")


def _assign(name: str, value: str) -> ast.stmt:
    return ast.parse(f"{name} = {value}").body[0]
