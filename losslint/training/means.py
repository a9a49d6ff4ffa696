"""Where an epoch's losses become one mean that is shown, and nothing else of them is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import Names, called
from losslint.model.parents import ancestors, nodes, parent
from losslint.ranges.losses import is_loss_like
from losslint.training.callees import scope_of
from losslint.training.loops import trains
from losslint.training.metrics import Definitions, bodies, plain
from losslint.training.shows import shown
from losslint.training.state import Loop, path_of
from losslint.training.words import last

MEANS = frozenset("numpy.mean numpy.average statistics.mean statistics.fmean torch.mean".split())
ARRAYS = frozenset("stack tensor Tensor FloatTensor array asarray cat as_tensor".split())


@dataclass(frozen=True, eq=False)
class ShownMean:
    """A mean over the losses of an epoch, and the call that shows it.

    `mean` is the expression that makes it of the list `losses`, which is None where there
    is but a running sum; `seen` the expression in `show` that holds it. `numbers` says that the
    list holds numbers, and no tensors.
    """

    mean: cst.BaseExpression
    losses: cst.BaseExpression | None
    seen: cst.BaseExpression
    show: cst.CSTNode
    numbers: bool = False


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The means of one module."""
    return {ShownMean: list(means(module))}


def means(module: Module) -> Iterator[ShownMean]:
    """The means that each function shows, and the module itself."""
    names = scope_of(module).names
    for held in bodies(module.tree).values():
        known = _Epoch(module, names, Definitions(held))
        yield from known.of_lists()
        yield from known.of_sums()


class _Epoch:
    """What one function does with the losses that it collects."""

    def __init__(self, module: Module, names: Names, known: Definitions) -> None:
        self.module, self.names, self.known = module, names, known
        monitors = module.settings.monitor_functions
        self.shows = [
            (node, seen)
            for node in known.nodes
            if isinstance(node, (cst.Call, cst.Assign, cst.AugAssign))
            and (seen := shown(node, names, monitors)) is not None
        ]

    def of_lists(self) -> Iterator[ShownMean]:
        """Lists of losses of which every use makes the mean."""
        for path, values in self.known.given.items():
            items = [v for v in values if not _is_empty(v)]
            if len(items) == len(values) or not items or not _are_losses(path, items):
                continue
            read = [
                node
                for node in self.known.nodes
                if isinstance(node, cst.BaseExpression)
                and path_of(node) == path
                and not self._grows(node)
            ]
            made = {self._mean_of(node) for node in read}
            if None in made or len(made) != 1:
                continue
            (mean,) = made
            found = self._shown(mean) if mean is not None else None
            if mean is not None and found is not None:
                numbers = all(_is_number(value) for value in items)
                yield ShownMean(mean, read[0], *found, numbers)

    def of_sums(self) -> Iterator[ShownMean]:
        """Running sums of the losses of a training loop that shows nothing on its way."""
        for node in self.known.nodes:
            match node:
                case cst.AugAssign(target=cst.Name(total), operator=cst.AddAssign(), value=value):
                    pass
                case _:
                    continue
            loop = self._loop(node)
            if loop is None or not _are_losses("", [value]) or not trains([loop.body]):
                continue
            if any(self._loop(show, loop) for show, _ in self.shows):
                continue
            found = self._shown_name(total)
            if found is not None:
                yield ShownMean(node.target, None, *found)

    def _loop(self, node: cst.CSTNode, wanted: Loop | None = None) -> Loop | None:
        """The innermost loop around a node; or `wanted`, if that is around it."""
        for around in ancestors(self.module.tree, node):
            if isinstance(around, (cst.FunctionDef, cst.ClassDef)):
                return None
            if isinstance(around, (cst.For, cst.While)) and wanted in (None, around):
                return around
        return None

    def _grows(self, node: cst.CSTNode) -> bool:
        """Whether a list is made or appended to here."""
        match parent(self.module.tree, node):
            case cst.AssignTarget() | cst.AnnAssign():
                return True
            case cst.Attribute(attr=cst.Name("append")):
                return True
        return False

    def _mean_of(self, node: cst.CSTNode) -> cst.BaseExpression | None:
        """The mean that a use of the list makes."""
        around = self._outer(node)
        while isinstance(around, cst.Call) and called(around) in ARRAYS:
            node, around = around, self._outer(around)
        match around:
            case cst.Call() if self.names.qualified(around.func) in MEANS:
                return around
            case cst.Attribute(attr=cst.Name("mean")):
                call = parent(self.module.tree, around)
                return call if isinstance(call, cst.Call) and not call.args else None
            case cst.Call(func=cst.Name("sum" | "len")):
                quotient = parent(self.module.tree, around)
                if isinstance(quotient, cst.BinaryOperation) and _is_quotient(quotient):
                    return quotient
        return None

    def _outer(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What holds a node; the call, for its only argument."""
        around = parent(self.module.tree, node)
        if isinstance(around, cst.Arg):
            call = parent(self.module.tree, around)
            return call if isinstance(call, cst.Call) and len(call.args) == 1 else None
        return around

    def _shown(self, mean: cst.BaseExpression) -> tuple[cst.BaseExpression, cst.CSTNode] | None:
        """Where a mean is shown: as it stands, or by the name that it is given."""
        for show, seen in self.shows:
            if any(mean is inner for one in seen for inner in (one, *nodes(one))):
                return mean, show
        for path, values in self.known.given.items():
            if len(values) == 1 and any(mean is n for n in (values[0], *nodes(values[0]))):
                return self._shown_name(path)
        return None

    def _shown_name(self, path: str) -> tuple[cst.BaseExpression, cst.CSTNode] | None:
        """Where a name is shown, or the one that its share is given."""
        names = {path} | {
            other
            for other, values in self.known.given.items()
            if len(values) == 1 and _is_share(values[0], path)
        }
        for show, seen in self.shows:
            for one in seen:
                for inner in (one, *nodes(one)):
                    if isinstance(inner, cst.BaseExpression) and path_of(inner) in names:
                        return inner, show
        return None


def _is_empty(node: cst.BaseExpression) -> bool:
    match node:
        case cst.List(elements=[]) | cst.Call(func=cst.Name("list"), args=[]):
            return True
    return False


def _are_losses(path: str, values: list[cst.BaseExpression]) -> bool:
    paths = [path_of(plain(value)) for value in values]
    return None not in paths and (
        is_loss_like(last(path)) or all(is_loss_like(last(p or "")) for p in paths)
    )


def _is_number(node: cst.BaseExpression) -> bool:
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name("item"))) | cst.Call(func=cst.Name("float")):
            return True
    return False


def _is_quotient(node: cst.BinaryOperation) -> bool:
    match node:
        case cst.BinaryOperation(
            left=cst.Call(func=cst.Name("sum")),
            operator=cst.Divide(),
            right=cst.Call(func=cst.Name("len")),
        ):
            return True
    return False


def _is_share(node: cst.BaseExpression, path: str) -> bool:
    match node:
        case cst.BinaryOperation(left=left, operator=cst.Divide()):
            return path_of(left) == path
    return False
