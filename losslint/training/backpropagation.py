"""Which calls back-propagate a loss, and which of their parts that loss is."""

from __future__ import annotations

import libcst as cst

from losslint.model.parents import ancestors
from losslint.ranges.losses import is_loss_like
from losslint.training.callees import Made
from losslint.training.events import Reached
from losslint.training.run import Run
from losslint.training.state import Frame, State, name_of, path_of
from losslint.training.values import Value

# What back-propagates the loss that it is given, by the name of the object.
ENGINES = frozenset(
    "accelerator fabric engine model_engine booster ddp_engine deepspeed strategy trainer plugin"
    " amp_wrapper loss_scaler scaler optimizer model optim_wrapper".split()
)
MANUAL = frozenset(("manual_backward", "toggled_backward"))


def back_propagated(
    run: Run, node: cst.Call, name: str, base: Value, frame: Frame, state: State
) -> bool:
    """Take note of a loss that `node` back-propagates; whether it is such a call."""
    loss = _loss_of(run, node, name, base, frame, state)
    if loss is None:
        return False
    loss = stripped(loss, frame)
    value = run.evaluate(loss, frame, state).whole()
    ended = len(run.events.ended)
    loops = frame.every_loop()
    run.events.reached.append(Reached(node, loss, value, frame, state.copy(), ended, loops))
    return True


def _loss_of(
    run: Run, node: cst.Call, name: str, base: Value, frame: Frame, state: State
) -> cst.BaseExpression | None:
    qualified = frame.scope.names.qualified(node.func) or ""
    given = [arg.value for arg in node.args if arg.keyword is None]
    match node.func:
        case cst.Name() | cst.Attribute() if qualified == "torch.autograd.backward":
            return _first(given)
        case cst.Attribute(attr=cst.Name(called)) if called in MANUAL:
            return _first(given)
        case cst.Attribute(value=receiver, attr=cst.Name("backward")):
            return _of_method(run, receiver, given, node, base, frame, state)
    return None


def _of_method(
    run: Run,
    receiver: cst.BaseExpression,
    given: list[cst.BaseExpression],
    node: cst.Call,
    base: Value,
    frame: Frame,
    state: State,
) -> cst.BaseExpression | None:
    spelled = path_of(receiver) or ""
    if isinstance(base.made, Made) or spelled in ("self", "ctx") or _is_super(receiver):
        return None
    last = spelled.rpartition(".")[2]
    if given and (last.lower() in ENGINES or last.endswith(("_engine", "accelerator", "fabric"))):
        loss = _first(given)
        return loss if loss is None or _may_be_loss(run, loss, frame, state) else _second(given)
    if not given and not any(a.keyword and a.keyword.value == "gradient" for a in node.args):
        return receiver
    if base.is_loss or is_loss_like(last):
        return receiver
    loss = _first(given) if given else None
    if loss is not None and _is_loss(run, loss, frame, state):
        return loss
    return None


def _may_be_loss(run: Run, node: cst.BaseExpression, frame: Frame, state: State) -> bool:
    return bool(run.evaluate(node, frame, state).whole().terms) or _is_loss(run, node, frame, state)


def _is_loss(run: Run, node: cst.BaseExpression, frame: Frame, state: State) -> bool:
    return run.evaluate(node, frame, state).whole().is_loss or is_loss_like(name_of(node))


def _is_super(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and path_of(node.func) == "super"


def _first(given: list[cst.BaseExpression]) -> cst.BaseExpression | None:
    match given:
        case [cst.List(elements=[only]) | cst.Tuple(elements=[only]), *_]:
            return only.value
        case [first, *_]:
            return first
    return None


def _second(given: list[cst.BaseExpression]) -> cst.BaseExpression | None:
    return _first(given[1:])


def stripped(node: cst.BaseExpression, frame: Frame) -> cst.BaseExpression:
    """A loss without its scaler and the constants that it is multiplied with or divided by."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name("scale")), args=[arg]):
            return stripped(arg.value, frame)
        case cst.BinaryOperation(left=left, operator=cst.Divide()) if path_of(left):
            return left
        case cst.BinaryOperation(
            left=left, operator=cst.Multiply(), right=cst.Float() | cst.Integer()
        ) if path_of(left):
            return left
        case cst.Name():
            return _unscaled(node, frame) or node
    return node


def _unscaled(node: cst.Name, frame: Frame) -> cst.BaseExpression | None:
    """`loss` for the `scaled_loss` of `with amp.scale_loss(loss, optimizer) as scaled_loss`."""
    for around in ancestors(frame.scope.module.tree, node):
        if not isinstance(around, cst.With):
            continue
        for item in around.items:
            match item:
                case cst.WithItem(
                    item=cst.Call(func=func, args=[arg, *_]),
                    asname=cst.AsName(name=cst.Name(name)),
                ) if name == node.value and (path_of(func) or "").endswith("scale_loss"):
                    return arg.value
    return None
