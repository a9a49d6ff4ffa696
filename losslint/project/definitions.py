"""The classes and functions of a module, as facts: what is a loss, and what of it is learned."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

from losslint.findings import Span
from losslint.model.facts import Defined, Site
from losslint.model.trees import walk
from losslint.project.flows import spelled
from losslint.ranges.losses import is_loss_like

# What numbers or accumulates classes, and what makes a distribution over them.
COUNTING = frozenset("arange cumsum linspace".split())
DISTRIBUTIONS = frozenset(
    "softmax Softmax one_hot log_softmax cross_entropy CrossEntropyLoss".split()
)

ORDINAL = re.compile(
    r"ordinal|distance|coral(?![a-z])|corn(?![a-z])|emd|wasserstein", re.IGNORECASE
)

Qualify = Callable[[ast.AST], str]
Locate = Callable[[ast.stmt], tuple[Site, Span]]
Mentions = Callable[[Span, Iterable[str]], bool]

CONTAINERS = frozenset(("ParameterList", "ParameterDict"))
TORCH_LOSSES = ("torch.nn.modules.loss.", "torch.nn.")
# A function with such a name yields something else than a loss.
FACTORIES = (
    "get",
    "build",
    "make",
    "create",
    "load",
    "save",
    "plot",
    "print",
    "log",
    "show",
    "set",
    "test",
)
# What a loss ends in, besides a loss of torch.
REDUCING = frozenset("mean sum norm mse_loss l1_loss nll_loss cross_entropy logsumexp".split())


def defined(
    tree: ast.Module, qualify: Qualify, locate: Locate, mentions: Mentions
) -> Iterator[Defined]:
    """Every class and function of the module's own level, under conditions too.

    `mentions` says whether one of some names can stand in a piece of the file at all.
    """
    for node in _top_level(tree.body):
        decorated = bool(node.decorator_list)
        site, span = locate(node)
        may_be_ordinal = mentions(span, DISTRIBUTIONS)
        if isinstance(node, ast.ClassDef):
            bases = tuple(qualify(base) for base in node.bases)
            yield Defined(
                node.name,
                "class",
                site,
                span,
                bases,
                tuple(_leaves(node, qualify)) if mentions(span, ("Parameter",)) else (),
                _is_loss_class(node, bases),
                decorated,
                may_be_ordinal and bool(bases) and is_loss_like(node.name) and _is_ordinal(node),
            )
        else:
            is_loss = is_loss_like(node.name) and _yields_loss(node)
            is_ordinal = may_be_ordinal and _is_ordinal(node)
            yield Defined(node.name, "function", site, span, (), (), is_loss, decorated, is_ordinal)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node
        elif isinstance(node, (ast.If, ast.Try)):
            handlers = [s for h in getattr(node, "handlers", ()) for s in h.body]
            yield from _top_level([*node.body, *node.orelse, *handlers])


def _is_loss_class(node: ast.ClassDef, bases: tuple[str, ...]) -> bool:
    methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
    if any(base.startswith(TORCH_LOSSES) and base.endswith("Loss") for base in bases):
        return True
    return bool(bases) and is_loss_like(node.name) and bool(methods & {"forward", "__call__"})


def _yields_loss(node: ast.FunctionDef) -> bool:
    """Whether a function returns what a loss or a reduction made of its arguments."""
    if node.name.lower().lstrip("_").startswith(FACTORIES) or not node.args.args:
        return False
    returned = [n.value for n in walk(node) if isinstance(n, ast.Return) and n.value]
    names = {n.id for value in returned for n in walk(value) if isinstance(n, ast.Name)}
    makes = [
        n.value
        for n in walk(node)
        if isinstance(n, (ast.Assign, ast.AugAssign)) and _targets(n) & names
    ]
    calls = (c for value in [*returned, *makes] for c in walk(value) if isinstance(c, ast.Call))
    called = {spelled(c.func).rpartition(".")[2] or _method(c) for c in calls}
    return bool(called & REDUCING) or any(is_loss_like(name) for name in called)


def _is_ordinal(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """Whether a loss knows how far classes lie apart: it counts them, or is called for that."""
    called = {
        spelled(n.func).rpartition(".")[2] or _method(n)
        for n in walk(node)
        if isinstance(n, ast.Call)
    }
    counts = bool(called & COUNTING) or ORDINAL.search(node.name) is not None
    return counts and bool(called & DISTRIBUTIONS)


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _targets(node: ast.Assign | ast.AugAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {n.id for target in targets for n in walk(target) if isinstance(n, ast.Name)}


def _leaves(node: ast.ClassDef, qualify: Qualify) -> Iterator[str]:
    """The attributes that a class gives learnable parameters, and that nothing in it freezes."""
    if not node.bases:
        return  # no module
    given: list[tuple[list[str], ast.expr | None]] = []
    for inner in walk(node):
        match inner:
            case ast.Assign(targets=targets, value=value):
                given.append(([spelled(target) for target in targets], value))
            case ast.AnnAssign(target=target, value=value):
                given.append(([spelled(target)], value))
            case ast.Call(
                func=ast.Attribute(attr="register_parameter"),
                args=[ast.Constant(value=str(name)), value, *_],
            ):
                given.append(([f"self.{name}"], value))
    assigned = {path for paths, _ in given for path in paths}
    found: dict[str, None] = {}
    for paths, value in given:
        if len(paths) == 1 and isinstance(value, ast.Call) and _is_learnable(value, qualify):
            path = paths[0]
            own = path.startswith("self.") and path.count(".") == 1
            if own and f"{path}.requires_grad" not in assigned:
                found.setdefault(path)
    yield from found


def _is_learnable(call: ast.Call, qualify: Qualify) -> bool:
    name = qualify(call.func)
    last = name.rpartition(".")[2]
    if not name.startswith("torch.") or last not in (CONTAINERS | {"Parameter"}):
        return False
    asked = [k.value for k in call.keywords if k.arg == "requires_grad"] + call.args[1:2]
    return all(isinstance(a, ast.Constant) and a.value is True for a in asked)
