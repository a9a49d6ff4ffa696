"""Losses of the project that hand what they are given to one of torch's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import function_around
from losslint.provenance.calls import frame_of_call
from losslint.provenance.kinds import UNKNOWN, Kind, Tensor
from losslint.provenance.loss_calls import LossCall, loss_calls
from losslint.provenance.mentions import mentions
from losslint.provenance.objects import Callable, Frame, Instance, frame_at
from losslint.provenance.trace import tracer
from losslint.ranges.losses import is_loss_like


@dataclass(frozen=True, eq=False)
class ProjectLoss(LossCall):
    """A call of a function or class of the project that calls a loss of torch, whatever it is given.

    `inside` is the call of that loss, `frame` the function around it as it is called here.
    """

    inside: LossCall | None = None
    frame: Frame | None = None

    def argument(self, name: str) -> cst.BaseExpression | None:
        """The argument here that becomes the `input` or `target` there."""
        kind = self.traced(name).kind
        here = tracer(self.module)
        found = (
            arg.value
            for arg in self.node.args
            if here.tensor(arg.value, frame_at(here.scope, arg.value)).kind is kind
        )
        return next(found, None)

    def traced(self, name: str) -> Tensor:
        """What the tensor given as `input` or `target` stands for, as it is called here."""
        given = self.inside.argument(name) if self.inside is not None else None
        if given is None or self.frame is None:
            return UNKNOWN
        return tracer(self.module).tensor(given, self.frame)


def subjects(module: Module) -> dict[type[Any], list[Any]]:
    """The calls of losses in a module, for the rules."""
    return {LossCall: list(loss_calls(module)), ProjectLoss: list(_project_losses(module))}


def _project_losses(module: Module) -> Iterator[ProjectLoss]:
    if b"torch" not in module.source.data:
        return
    for node in mentions(module).calls:
        if is_loss_like(called(node)):
            yield from _inside(module, node)


def _inside(module: Module, node: cst.Call) -> Iterator[ProjectLoss]:
    here = tracer(module)
    target = _function(here.ask(node.func))
    if target is None or not isinstance(target.function, cst.FunctionDef):
        return
    other = target.frame.scope.module
    for inside in loss_calls(other):
        if function_around(other.tree, inside.node) is not target.function:
            continue
        if (
            inside.others
            or inside.is_conditional
            or inside.traced("input").kind is not Kind.UNKNOWN
        ):
            continue
        frame = frame_of_call(target, node, frame_at(here.scope, node))
        yield ProjectLoss(inside.loss, node, module, inside.built, (), inside, frame)


def _function(found: tuple[object, ...]) -> Callable | None:
    """The one function of the project that a call enters."""
    match found:
        case (Callable() as function,):
            return function
        case (Instance() as instance,):
            return instance.entry()
    return None
