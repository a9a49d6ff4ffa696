"""How the arguments of a KL divergence become what it takes: log-probabilities, and the target that is announced."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.beside import beside
from losslint.fixes.imports import FUNCTIONAL, Spelling, reach
from losslint.fixes.log_probabilities import in_its_place
from losslint.fixes.logarithms import log_softmax
from losslint.model.module import Module
from losslint.provenance.kinds import LOG_PROBABILITIES, Kind, Tensor
from losslint.provenance.loss_calls import LossCall, loss_calls
from losslint.provenance.objects import External, Layer
from losslint.provenance.tensors import argument
from losslint.provenance.trace import values

LINEAR = frozenset("Linear LazyLinear Bilinear linear bilinear".split())


def as_log_probabilities(module: Module, call: LossCall, name: str) -> tuple[Edit, ...] | None:
    """Edits that make log-probabilities of what is given as `input` or `target`."""
    given, tensor = call.argument(name), call.traced(name)
    if given is None:
        return None
    if tensor.kind is Kind.SOFTMAX:
        return in_its_place(module, given, tensor)
    return _wrapped(module, call, name, log_softmax(module, has_dim=True))


def as_probabilities(module: Module, call: LossCall, name: str) -> tuple[Edit, ...] | None:
    """Edits that make probabilities of logits."""
    known = [way for place in (FUNCTIONAL, "torch") if (way := reach(module, f"{place}.softmax"))]
    spelling = Spelling(min(known, key=lambda way: way.count("."))) if known else None
    return _wrapped(module, call, name, spelling)


def _wrapped(
    module: Module, call: LossCall, name: str, function: Spelling | None
) -> tuple[Edit, ...] | None:
    """The call of a function around logits, along the dimension that is known for them."""
    given = call.argument(name)
    tensor = call.traced(name)
    dim = _dimension(module, given, tensor, call.traced(_other(name)))
    if given is None or function is None or dim is None or tensor.kind is not Kind.LOGITS:
        return None
    span = module.span(given)
    return (
        Edit(Span(span.start, span.start), f"{function.text}("),
        Edit(Span(span.end, span.end), f", dim={dim})"),
        *function.edits,
    )


def _other(name: str) -> str:
    return "target" if name == "input" else "input"


def _dimension(
    module: Module, given: cst.BaseExpression | None, tensor: Tensor, other: Tensor
) -> int | None:
    """The dimension of the classes: that of the other argument, or the last of a linear layer."""
    if other.dim is not None:
        return other.dim
    if not isinstance(given, cst.Call) or given not in [place.node for place in tensor.made]:
        return None
    match values(given.func, module):
        case (Layer(name=name) | External(name=name),) if name.rpartition(".")[2] in LINEAR:
            return -1
    return None


def with_log_target(module: Module, call: LossCall) -> tuple[Edit, ...] | None:
    """Edits that announce log-probabilities as the target, where all calls are given them."""
    node = call.node
    if call.built:
        if len(call.built) != 1 or call.built[0].place.module is not module:
            return None
        node = call.built[0].call
        others = [one for one in loss_calls(module) if one.built == call.built]
        if any(one.traced("target").kind not in LOG_PROBABILITIES for one in others):
            return None
    said = argument(node, 3 if call.built else 5, "log_target")
    if said is not None:
        return (Edit(module.span(said), "True"),) if isinstance(said, cst.Name) else None
    if node.args:
        return beside(module, node.args[-1], ["log_target=True"])
    end = module.span(node).end - 1
    return (Edit(Span(end, end), "log_target=True"),)
