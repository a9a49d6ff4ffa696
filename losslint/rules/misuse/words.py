"""What the rules on wrong inputs of losses say in the same words, and what a file must hold for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import libcst as cst

from losslint.findings import Fix
from losslint.model.classes import ClassFacts
from losslint.model.module import Module
from losslint.model.parents import ancestors, function_around
from losslint.provenance.kinds import PROBABILITIES, Kind, Place, Tensor
from losslint.provenance.loss_calls import LossCall
from losslint.provenance.project_losses import ProjectLoss
from losslint.provenance.words import CLASSES
from losslint.source import globs
from losslint.training.callees import scope_of

# What a file that calls a criterion holds, wherever that was built.
CRITERIA = (b"criteri", b"loss_f", b"loss_op", b"loss(", b"Loss(")

# What each loss does not take.
WRONG = {
    "cross_entropy": PROBABILITIES,
    "binary_cross_entropy_with_logits": PROBABILITIES,
    "nll_loss": PROBABILITIES | {Kind.LOGITS},
    "binary_cross_entropy": frozenset((Kind.LOGITS,)),
}

NAMES = {loss: name for name, loss in reversed(CLASSES.items())}


def named(call: LossCall) -> str:
    """The loss as the user knows it: `CrossEntropyLoss`, or `cross_entropy` where a function is called."""
    return f"`{NAMES[call.loss] if call.built else call.loss}`"


def is_wrong(call: LossCall, tensor: Tensor) -> bool:
    """Whether a loss gets what it does not take, and no branch goes with another one that does.

    Of a criterion that is one of several, every one must be wrong; the first to which such
    an input is usually given speaks for all.
    """
    losses = [call.loss, *(other or "" for other in call.others)]
    if not all(tensor.kind in WRONG.get(loss, ()) for loss in losses):
        return False
    if tensor.handed and call.is_conditional:
        return False  # callers that give this kind may choose another branch
    usual = sorted(WRONG, key=lambda loss: (tensor.kind is Kind.SIGMOID) is not ("binary" in loss))
    return call.loss == next(loss for loss in usual if loss in losses)


def origins(tensor: Tensor, given: cst.BaseExpression, module: Module) -> Iterator[str]:
    """Where a tensor was made, a line for each place that is not in the argument for all to see."""
    for place in tensor.made:
        if place.node is given or given in ancestors(module.tree, place.node):
            continue
        yield f"`{_text(place)}`{_where(place, module)} makes the {tensor.kind.value}"


def _where(place: Place, module: Module) -> str:
    if place.module is not module:
        row = place.module.source.position(place.module.span(place.node).start)[0]
        name = place.module.source.name
        shown = globs.inside(name, os.getcwd()) or name.replace(os.sep, "/")
        return f" at {shown}:{row}"
    function = function_around(module.tree, place.node)
    if isinstance(function, cst.Module):
        return ""
    owner: ClassFacts | None = scope_of(module).owners.get(function)
    name = function.name.value if owner is None else f"{owner.name}.{function.name.value}"
    return f" in `{name}`"


def inside(call: LossCall, module: Module) -> Iterator[str]:
    """Which loss of torch it is that a loss of the project hands its input to."""
    if isinstance(call, ProjectLoss) and call.inside is not None:
        place = Place(call.inside.module, call.inside.node)
        yield f"`{_text(place)}`{_where(place, module)} gets what is given here"


def _text(place: Place) -> str:
    return " ".join(place.module.text(place.node).split())


def advice(fix: Fix | None, name: str) -> Iterator[str]:
    """What to do where no fix is written."""
    if fix is None:
        yield (
            f"give the loss what goes into the {name}, and apply the {name} only where probabilities"
            " are read"
        )
