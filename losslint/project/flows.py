"""Where the value of an expression may come from, by names alone: what is unknown is said to be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

from losslint.frozen import dataclass
from losslint.model.facts import UNKNOWN, Node
from losslint.model.trees import walk

# Methods that return the module that they are called on, or a copy of it.
KEEPING = frozenset(
    "to cuda cpu double float half bfloat16 train eval apply requires_grad_ share_memory compile"
    " clone detach copy deepcopy".split()
)
PARAMETERS = frozenset(("parameters", "named_parameters"))
# Methods that yield parts of what they are called on.
TAKING = PARAMETERS | frozenset(
    "modules named_modules children named_children values items keys get pop setdefault".split()
)
PASSING = KEEPING | TAKING
# Functions whose result holds what they are given.
MIXING = frozenset(
    "list tuple set frozenset dict filter map chain from_iterable sorted reversed zip iter next"
    " enumerate sum partial ModuleList ModuleDict Sequential ParameterList ParameterDict"
    " DataParallel DistributedDataParallel DDP compile script copy deepcopy".split()
)


# Functions of other libraries that return a module with what they are given in it.
WRAPPING = re.compile(r"wrap|prepare|parallel|distribut|compile|init|setup|convert|module", re.I)

EVERYWHERE = ""


@dataclass(frozen=True)
class Around:
    """Where an expression stands: the file, the class around, and what imports bind.

    With `is_open` nothing comes of `model.parameters()`: whatever `model` is, what it
    yields are its parameters.
    """

    path: str
    cls: str
    imported: Mapping[str, str]
    is_open: bool = False

    def original(self, name: str) -> str:
        """What a name was called before an import renamed it."""
        return self.imported.get(name, name).rpartition(".")[2]

    def value(self, name: str) -> Node:
        """What a plain name holds: a name of this file, or one that is imported."""
        if name in self.imported:
            return ("value", EVERYWHERE, self.original(name))
        return ("value", self.path, name)


def sources(node: ast.expr | None, around: Around) -> set[Node]:
    """Everything that the value of an expression may hold, or be."""
    match node:
        case ast.Name(id="self") if around.cls:
            return {("of", around.cls)}
        case ast.Name(id=name):
            return {around.value(name)}
        case None | ast.Constant() | ast.Lambda() | ast.Compare() | ast.JoinedStr():
            return set()
        case ast.Attribute(value=base, attr=name):
            inner = sources(base, around) if name in ("module", "data") else set()
            return {("value", EVERYWHERE, name), *inner}
        case ast.Call():
            return _of_call(node, around)
        case ast.Subscript(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return sources(value, around)
        case ast.NamedExpr(value=value):
            return sources(value, around)
        case ast.IfExp(body=body, orelse=orelse):
            return sources(body, around) | sources(orelse, around)
        case ast.BinOp(left=left, right=right):
            return sources(left, around) | sources(right, around)
        case ast.UnaryOp(operand=operand):
            return sources(operand, around)
        case ast.BoolOp(values=values) | ast.List(elts=values) | ast.Tuple(elts=values):
            return every(values, around)
        case ast.Set(elts=values):
            return every(values, around)
        case ast.Dict(keys=keys, values=values):
            group = [v for k, v in zip(keys, values, strict=True) if _is_params(k)]
            return every(group or values, around)
        case ast.ListComp(elt=value) | ast.GeneratorExp(elt=value) | ast.SetComp(elt=value):
            return _of_comprehension(value, node.generators, around)
        case ast.DictComp(value=value):
            return _of_comprehension(value, node.generators, around)
    return {UNKNOWN}


def every(values: Iterable[ast.expr | None], around: Around) -> set[Node]:
    """What any of several expressions may hold."""
    found: set[Node] = set()
    for value in values:
        found |= sources(value, around)
    return found


def part(found: set[Node], place: int, count: int) -> set[Node]:
    """What one of `count` names gets of a call that returns several things."""
    parts: set[Node] = set()
    for node in found:
        of_call = node[0] == "from" and len(node) == 2
        parts |= {(*node, f"{place} of {count}"), (*node, "any")} if of_call else {node}
    return parts


def arguments(call: ast.Call) -> list[ast.expr]:
    """All that a call is given."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _is_params(key: ast.expr | None) -> bool:
    """Whether a key is that of the parameters in a group of an optimizer."""
    return isinstance(key, ast.Constant) and key.value == "params"


def _of_comprehension(
    value: ast.expr, generators: list[ast.comprehension], around: Around
) -> set[Node]:
    targets = [n for g in generators for n in walk(g.target) if isinstance(n, ast.Name)]
    bound = {around.value(target.id) for target in targets}
    return (sources(value, around) - bound) | every([g.iter for g in generators], around)


def _of_call(call: ast.Call, around: Around) -> set[Node]:
    given = arguments(call)
    match call.func:
        case ast.Name(id="getattr"):
            return _of_getattr(call, around)
        case ast.Name(id="super") if around.cls:
            return {("of", around.cls)}
        case ast.Name(id=spelling):
            name, held = around.original(spelling), around.value(spelling)
        case ast.Attribute(attr=name) if name in PARAMETERS and around.is_open:
            return set()
        case ast.Attribute(value=base, attr=name) if name in PASSING:
            return sources(base, around) | every(given, around)
        case ast.Attribute(attr=name):
            held = ("value", EVERYWHERE, name)
        case func:  # registry[key](...), factory()(...)
            made: set[Node] = {("called", *node) for node in sources(func, around)}
            return made | every(given, around)
    if name in MIXING:
        group = [k.value for k in call.keywords if k.arg == "params"]
        return every(group or given, around)
    found: set[Node] = {("called", *held)}
    if name[:1].isupper():
        return found | {("of", name), ("beyond", name)}
    return found | {("from", name)} | ({("beyond", name)} if WRAPPING.search(name) else set())


def _of_getattr(call: ast.Call, around: Around) -> set[Node]:
    match call.args:
        case [_, ast.Constant(value=str(name)), *rest]:
            return {("value", EVERYWHERE, name)} | every(rest, around)
        case [base, *rest]:
            return {UNKNOWN} | sources(base, around) | every(rest, around)
    return {UNKNOWN}


def spelled(node: ast.AST | None) -> str:
    """`a.b.c` for a chain of attributes on a name, what a subscript takes left out; else empty."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
