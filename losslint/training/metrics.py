"""What a metric is that selections go by: how it is spelled, what it is made of, whether it can be NaN."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from losslint.model.names import called
from losslint.model.parents import children, nodes
from losslint.model.remembering import remembered
from losslint.ranges.losses import is_loss_like
from losslint.training.state import path_of
from losslint.training.words import last

# What leaves a value what it is, or makes one of several that is NaN if one of them is.
METHODS = frozenset("item detach cpu clone float double mean sum numpy data".split())
FUNCTIONS = frozenset("float round abs sum mean fmean average stack tensor array asarray".split())

# Shares of what was counted: predictions that are NaN are counted as wrong.
COUNTED = re.compile(
    r"(^|_)(acc\d?|accuracy|accuracies|f1|fscore|precision|recall|correct|hits?|top\d|em|auc|auroc"
    r"|map\d*|iou|miou|dice|bleu|rouge|wer|cer|reward|returns?|psnr|ssim|epochs?|steps?)(_|\d|$)"
)
NAN_AWARE = re.compile(r"nan|finite")
CHECKS = re.compile(r"check(?!point)|validate|assert|ensure|is_?inf|nan|finite", re.I)
CONDITIONS = (cst.Comparison, cst.UnaryOperation, cst.Call)
DEPTH = 4


@remembered(4)
def bodies(tree: cst.Module) -> dict[cst.FunctionDef | None, list[cst.CSTNode]]:
    """The nodes of each function, and of the module itself, from top to bottom."""
    found: dict[cst.FunctionDef | None, list[cst.CSTNode]] = {None: []}
    stack: list[tuple[cst.CSTNode, list[cst.CSTNode]]] = [(tree, found[None])]
    while stack:
        node, held = stack.pop()
        held.append(node)
        if isinstance(node, cst.FunctionDef):
            inner = found[node] = []
            stack.append((node.body, inner))
        elif isinstance(node, cst.ClassDef):
            stack.append((node.body, []))  # nobody's
        elif not isinstance(node, cst.Lambda):
            stack += [(child, held) for child in children(node)][::-1]
    return found


def plain(node: cst.BaseExpression) -> cst.BaseExpression:
    """An expression without what leaves its value as it is: `float(loss.item())` is `loss`."""
    match node:
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(name))) if (
            name in METHODS and not node.args
        ):
            return plain(inner)
        case cst.Call(func=cst.Name("float" | "round"), args=[cst.Arg(value=inner), *_]):
            return plain(inner)
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return plain(inner)
    return node


def parts(node: cst.BaseExpression) -> Iterator[str]:
    """The paths of the values by which an expression is NaN if one of them is."""
    match node:
        case cst.BinaryOperation(left=left, right=right):
            yield from parts(left)
            yield from parts(right)
        case cst.UnaryOperation(expression=inner):
            yield from parts(inner)
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(name))) if name in METHODS and (
            not node.args
        ):
            yield from parts(inner)
        case cst.Call(args=[cst.Arg(value=inner), *_]) if called(node) in FUNCTIONS:
            yield from parts(inner)
        case _:
            path = path_of(node)
            if path is not None:
                yield path


class Definitions:
    """What the names of one function are given, as far as it is written there."""

    def __init__(self, body: Iterable[cst.CSTNode]) -> None:
        self.nodes = list(body)
        self.conditions = [n for n in self.nodes if isinstance(n, CONDITIONS)]
        self.given: dict[str, list[cst.BaseExpression]] = {}
        self._mentioned: dict[cst.BaseExpression, set[str]] = {}
        for node in self.nodes:
            for path, value in _given(node):
                self.given.setdefault(path, []).append(value)

    def made_of(self, path: str) -> set[str]:
        """The path itself, and all paths that its value is made of."""
        found = {path}
        for _ in range(DEPTH):
            found |= {p for known in found for v in self.given.get(known, ()) for p in parts(v)}
        return found

    def mentioned(self, node: cst.BaseExpression) -> set[str]:
        """The paths in an expression, and in what its names were given once."""
        known = self._mentioned.get(node)
        if known is None:
            known = self._mentioned[node] = self._mentions(node)
        return known

    def _mentions(self, node: cst.BaseExpression) -> set[str]:
        found = {path for inner in (node, *nodes(node)) if (path := path_of(inner))}
        for _ in range(DEPTH):
            once = [v[0] for p in found if len(v := self.given.get(p, [])) == 1]
            found |= {path for value in once for path in parts(value)}
        return found

    def is_checked(self, path: str) -> bool:
        """Whether what a metric is made of is tested for NaN, or made without."""
        made_of = self.made_of(path)
        for node in self.nodes:
            match node:
                case cst.Call(args=args) if CHECKS.search(called(node)):
                    if any(p in made_of for arg in args for p in parts(arg.value)):
                        return True
        calls = (n for p in made_of for v in self.given.get(p, ()) for n in (v, *nodes(v)))
        return any(isinstance(n, cst.Call) and NAN_AWARE.search(called(n)) for n in calls)

    def is_counted(self, path: str) -> bool:
        """Whether a metric is a share of what was counted, which never is NaN."""
        if is_loss_like(last(path)):
            return False
        names = {last(p) for p in self.made_of(path)}
        for value in self.given.get(path, ()):
            names |= {last(called(n)) for n in (value, *nodes(value)) if isinstance(n, cst.Call)}
            names |= {p.strip("'\"") for p in _keys(value)}
        return any(COUNTED.search(name) for name in names)


def _keys(node: cst.BaseExpression) -> Iterator[str]:
    return (str(n.value) for n in (node, *nodes(node)) if isinstance(n, cst.SimpleString))


def _given(node: cst.CSTNode) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Each path that a statement gives a value, or adds one to."""
    match node:
        case cst.Assign(targets=targets, value=value):
            for target in targets:
                yield from _unpacked(target.target, value)
        case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
            yield from _unpacked(target, value)
        case cst.AugAssign(target=target, value=value):
            yield from _unpacked(target, value)
        case cst.Call(
            func=cst.Attribute(value=base, attr=cst.Name("append")), args=[cst.Arg(value=value)]
        ):
            yield from _unpacked(base, value)


def _unpacked(
    target: cst.BaseExpression, value: cst.BaseExpression
) -> Iterator[tuple[str, cst.BaseExpression]]:
    match target, value:
        case ((cst.Tuple() | cst.List()), (cst.Tuple() | cst.List())) if len(
            target.elements
        ) == len(value.elements):
            for inner, given in zip(target.elements, value.elements, strict=True):
                yield from _unpacked(inner.value, given.value)
        case ((cst.Tuple() | cst.List()), _):
            for inner in target.elements:
                yield from _unpacked(inner.value, value)
        case _:
            path = path_of(target)
            if path is not None:
                yield path, value
