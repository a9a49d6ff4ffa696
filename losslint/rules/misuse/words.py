"""What the rules on wrong inputs of losses say in the same words, and what a file must hold for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import libcst as cst

from losslint.findings import Fix
from losslint.model.classes import ClassFacts
from losslint.model.module import Module
from losslint.model.parents import ancestors, function_around
from losslint.provenance.kinds import Place, Tensor
from losslint.provenance.loss_calls import CLASSES, LossCall
from losslint.source.globs import inside
from losslint.training.callees import scope_of

# What a file that calls a criterion holds, wherever that was built.
CRITERIA = (b"criterion", b"loss_f", b"Loss(")

NAMES = {loss: name for name, loss in reversed(CLASSES.items())}


def named(call: LossCall) -> str:
    """The loss as the user knows it: `CrossEntropyLoss`, or `cross_entropy` where a function is called."""
    return f"`{NAMES[call.loss] if call.built else call.loss}`"


def origins(tensor: Tensor, given: cst.BaseExpression, module: Module) -> Iterator[str]:
    """Where a tensor was made, a line for each place that is not in the argument for all to see."""
    for place in tensor.made:
        if place.node is given or given in ancestors(module.tree, place.node):
            continue
        text = " ".join(place.module.text(place.node).split())
        yield f"`{text}`{_where(place, module)} makes the {tensor.kind.value}"


def _where(place: Place, module: Module) -> str:
    if place.module is not module:
        row = place.module.source.position(place.module.span(place.node).start)[0]
        name = place.module.source.name
        shown = inside(name, os.getcwd()) or name.replace(os.sep, "/")
        return f" at {shown}:{row}"
    function = function_around(module.tree, place.node)
    if isinstance(function, cst.Module):
        return ""
    owner: ClassFacts | None = scope_of(module).owners.get(function)
    name = function.name.value if owner is None else f"{owner.name}.{function.name.value}"
    return f" in `{name}`"


def advice(fix: Fix | None, name: str) -> Iterator[str]:
    """What to do where no fix is written."""
    if fix is None:
        yield (
            f"give the loss what goes into the {name}, and apply the {name} only where probabilities"
            " are read"
        )
