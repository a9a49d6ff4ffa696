"""The Kullback-Leibler divergences of a module: where each is set up, which calls it is for, how it is reduced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called
from losslint.provenance.loss_calls import LossCall, loss_calls
from losslint.provenance.mentions import mentions
from losslint.provenance.objects import Constant, Layer, frame_at
from losslint.training.callees import scope_of

CLASSES = tuple(f"torch.nn{where}.KLDivLoss" for where in ("", ".modules", ".modules.loss"))


@dataclass(frozen=True, eq=False)
class Divergence:
    """One call of `F.kl_div`, or one construction of `nn.KLDivLoss`, called by `calls` here.

    `settings` reads what it is given.
    """

    node: cst.Call
    settings: LossCall
    calls: tuple[LossCall, ...]

    @property
    def reduction(self) -> str | None:
        """How it is reduced; None where that is not known."""
        legacy = [self.settings.setting(name) for name in ("reduce", "size_average")]
        if all(one in (None, ()) for one in legacy):
            return _text(self.settings.setting("reduction"), "mean")
        keeps, averages = (_truth(one) for one in legacy)
        if keeps is None or averages is None:
            return None
        if not keeps:
            return "none"
        return "mean" if averages else "sum"


def _text(found: tuple[Any, ...] | None, default: str) -> str | None:
    match found:
        case None:
            return default
        case (Constant(value=str() as text),):
            return text
    return None


def _truth(found: tuple[Any, ...] | None) -> bool | None:
    match found:
        case None | ():
            return True
        case (Constant(value=bool() as truth),):
            return truth
    return None


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The divergences that are set up in a module, for the rules."""
    return {Divergence: list(divergences(module))}


def divergences(module: Module) -> Iterator[Divergence]:
    """Every call of `F.kl_div` and construction of `nn.KLDivLoss` in a module."""
    calls = [call for call in loss_calls(module) if call.loss == "kl_div"]
    for call in calls:
        if not call.built:
            yield Divergence(call.node, call, (call,))
    for node in mentions(module).calls:
        layer = _built(module, node)
        if layer is not None:
            of_it = tuple(c for c in calls if any(one.call is node for one in c.built))
            yield Divergence(layer.call, LossCall("kl_div", layer.call, module, (layer,)), of_it)


def _built(module: Module, node: cst.Call) -> Layer | None:
    scope = scope_of(module)
    if "KLDivLoss" not in called(node) and not isinstance(node.func, cst.Name):
        return None
    name = scope.names.qualified(node.func)
    if name not in CLASSES:
        return None
    return Layer(name, node, frame_at(scope, node))
