"""Another loss of torch in the place of one that is called, with the same arguments."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.provenance.kinds import Kind
from losslint.provenance.loss_calls import LossCall, loss_calls

# Their arguments begin alike: weight, size_average, reduce, reduction.
WITH_LOGITS = {
    "BCELoss": "BCEWithLogitsLoss",
    "binary_cross_entropy": "binary_cross_entropy_with_logits",
}


def with_logits(call: LossCall, module: Module) -> tuple[Edit, ...]:
    """Edits that make a loss on probabilities the one on logits; none where others need it as it is."""
    if not call.built:
        return _renamed(call.node.func, module)
    makers = {layer.place for layer in call.built}
    sharing = [one for one in loss_calls(module) if makers & {b.place for b in one.built}]
    if any(one.traced("input").kind is not Kind.LOGITS for one in sharing):
        return ()
    if any(place.module is not module for place in makers):
        return ()
    edits = [edit for layer in call.built for edit in _renamed(layer.call.func, module)]
    return tuple(dict.fromkeys(edits))


def log_softmax_around(given: cst.BaseExpression, module: Module) -> tuple[Edit, ...]:
    """Edits that put a log_softmax over the classes around the logits that a loss is given."""
    found = spelled(module, "torch.nn.functional.log_softmax")
    if found is None:
        return ()
    span = module.span(given)
    return (
        Edit(Span(span.start, span.start), f"{found.text}("),
        Edit(Span(span.end, span.end), ", dim=1)"),
        *found.edits,
    )


def _renamed(func: cst.BaseExpression, module: Module) -> tuple[Edit, ...]:
    match func:
        case cst.Attribute(attr=cst.Name(name) as spelling) if name in WITH_LOGITS:
            return (Edit(module.span(spelling), WITH_LOGITS[name]),)
        case cst.Name(name) if name in WITH_LOGITS:
            package = "torch.nn" if name == "BCELoss" else "torch.nn.functional"
            found = spelled(module, f"{package}.{WITH_LOGITS[name]}")
            if found is not None:
                return (Edit(module.span(func), found.text), *found.edits)
    return ()
