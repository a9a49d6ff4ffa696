"""Where a tensor came to be what it is, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import libcst as cst

from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.provenance.kinds import Tensor


def origins(tensor: Tensor, given: cst.BaseExpression, module: Module) -> Iterator[str]:
    """Where a tensor was made, a line for each place that is not in the expression for all to see."""
    shown = set(nodes(given))
    for place in tensor.made:
        if place.node in shown:
            continue
        text = place.module.text(place.node)
        if "\n" in text:
            text = f"{text.partition('(')[0]}(...)"
        where = "" if place.module is module else f" in {PurePath(place.module.source.name).name}"
        yield f"`{text}`{where} makes the {tensor.kind.value}"
