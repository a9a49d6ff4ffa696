"""Showing the least, the middle and the greatest of the losses beside their mean, in its style."""

from __future__ import annotations

from itertools import takewhile

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import importable, reach
from losslint.fixes.inserting import standard_imports
from losslint.fixes.shown import extended
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors
from losslint.training.means import ShownMean
from losslint.training.shows import KEYED, TAGGED

LABELS = ("min", "median", "max")


def spread(module: Module, shown: ShownMean) -> tuple[Edit, ...] | None:
    """Edits by which the call that shows the mean shows the distribution; None if there is no form."""
    if shown.losses is None:
        return None
    imports: tuple[Edit, ...] = ()
    values = _alike(module, shown.mean)
    if values is None:
        median, imports = _median(module)
        if median is None or not shown.numbers:
            return None
        losses = module.text(shown.losses)
        values = [f"{name}({losses})" for name in ("min", median, "max")]
    labels = [f"loss_{label}" for label in LABELS] if _is_keyed(module, shown) else LABELS
    edits = extended(module, shown.show, shown.seen, list(zip(labels, values, strict=True)))
    return (*imports, *edits) if edits else None


def _is_keyed(module: Module, shown: ShownMean) -> bool:
    """Whether a value is shown by a name that stands for itself, and not in a text."""
    show = shown.show
    around = list(takewhile(lambda a: a is not show, ancestors(module.tree, shown.seen)))
    if any(isinstance(node, cst.DictElement) for node in around):
        return True
    text = any(isinstance(node, (cst.FormattedString, cst.BinaryOperation)) for node in around)
    return isinstance(show, cst.Call) and called(show) in {*TAGGED, *KEYED} and not text


def _alike(module: Module, mean: cst.BaseExpression) -> list[str] | None:
    """The same call as the one that makes the mean, of other statistics."""
    match mean:
        case cst.Call(func=cst.Attribute(value=of, attr=cst.Name("mean")), args=args):
            before, after = module.text(of), ", ".join(module.text(arg) for arg in args)
        case _:
            return None
    if before == reach(module, "statistics"):
        return None
    if before not in (reach(module, "numpy"), reach(module, "torch")) and not _is_tensor(of):
        return None  # an array has no median of its own
    return [f"{before}.{name}({after})" for name in LABELS]


def _is_tensor(node: cst.BaseExpression) -> bool:
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name("stack" | "tensor" | "Tensor" | "cat"))):
            return True
    return False


def _median(module: Module) -> tuple[str | None, tuple[Edit, ...]]:
    """How to write the median of a list, and the import that it needs."""
    known = reach(module, "numpy.median") or reach(module, "statistics.median")
    if known is not None:
        return known, ()
    if not importable(module, "statistics"):
        return None, ()
    return "statistics.median", standard_imports(module, ["statistics"])
