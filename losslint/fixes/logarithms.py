"""How the logarithm of a softmax or sigmoid is written in one step: `log_softmax`, `logsigmoid`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import FUNCTIONAL, Spelling, reach, spelled
from losslint.model.module import Module
from losslint.provenance.objects import Constant, External, Layer, Method
from losslint.provenance.operations import FUNCTIONS
from losslint.provenance.tensors import argument
from losslint.provenance.trace import tracer, values

SIGMOIDS = ("sigmoid", "expit")
ATOMS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.Integer, cst.Float)


def logarithm(
    module: Module, call: cst.Call, *, complement: bool = False
) -> tuple[Edit, ...] | None:
    """Edits that make the call of a softmax or sigmoid that of its logarithm.

    With `complement`, the logarithm of one minus the sigmoid. None where there is no such form.
    """
    match values(call.func, module):
        case (External(name=name),) if name.startswith(FUNCTIONS):
            last = name.rpartition(".")[2]
            if last == "softmax" and not complement:
                return _renamed(module, call)
            if last in SIGMOIDS and len(call.args) == 1:
                return _function(module, call, complement)
        case (Method(name="softmax"),) if not complement:
            return _renamed(module, call)
        case (Method(name="sigmoid"),) if isinstance(call.func, cst.Attribute) and not call.args:
            return _wrapped(module, call, call.func.value, complement)
        case (Layer(name="torch.nn.Softmax") as layer,) if not complement:
            return _called(module, call, layer)
        case (Layer(name="torch.nn.Sigmoid"),):
            return _function(module, call, complement)
    return None


def _renamed(module: Module, call: cst.Call) -> tuple[Edit, ...] | None:
    """`log_softmax` in place of `softmax`, whether that is a function or a method."""
    if isinstance(call.func, cst.Attribute):
        return (Edit(module.span(call.func.attr), "log_softmax"),)
    name = log_softmax(module, has_dim=argument(call, 1, "dim", "axis") is not None)
    return None if name is None else (Edit(module.span(call.func), name.text), *name.edits)


def _called(module: Module, call: cst.Call, layer: Layer) -> tuple[Edit, ...] | None:
    """`F.log_softmax(x, dim=1)` in place of `self.softmax(x)`."""
    dim = _dimension(module, call, layer)
    if dim is None or call.args[0].value.lpar or len(call.args) != 1:
        return None
    name = log_softmax(module, has_dim=dim != "")
    if name is None:
        return None
    end = module.span(call.args[0].value).end
    added = (Edit(Span(end, end), dim),) if dim else ()
    return (Edit(module.span(call.func), name.text), *added, *name.edits)


def _dimension(module: Module, call: cst.Call, layer: Layer) -> str | None:
    """The argument that says what an nn.Softmax works along, empty for none."""
    given = argument(layer.call, 0, "dim")
    if given is None:
        return None if layer.call.args else ""
    if layer.call is call.func:
        return f", dim={module.text(given)}"
    match tracer(module).values(given, (), layer.frame):
        case (Constant(value=int() as number),):
            return f", dim={number}"
    return None


def log_softmax(module: Module, *, has_dim: bool) -> Spelling | None:
    """How a module writes `log_softmax`; the one in torch itself insists on a `dim`."""
    origins = (FUNCTIONAL, "torch") if has_dim else (FUNCTIONAL,)
    known = [way for origin in origins if (way := reach(module, f"{origin}.log_softmax"))]
    if known:
        return Spelling(min(known, key=lambda way: way.count(".")))
    return spelled(module, f"{FUNCTIONAL}.log_softmax")


def logsigmoid(module: Module) -> Spelling | None:
    """How a module writes `logsigmoid`, without a new import where it can do without."""
    known = reach(module, f"{FUNCTIONAL}.logsigmoid")
    return Spelling(known) if known else spelled(module, f"{FUNCTIONAL}.logsigmoid")


def _function(module: Module, call: cst.Call, complement: bool) -> tuple[Edit, ...] | None:
    name = logsigmoid(module)
    if name is None or len(call.args) != 1 or call.args[0].star:
        return None
    minus = _negated(module, call.args[0].value) if complement else ()
    return (Edit(module.span(call.func), name.text), *minus, *name.edits)


def _wrapped(
    module: Module, call: cst.Call, inner: cst.BaseExpression, complement: bool
) -> tuple[Edit, ...] | None:
    """`F.logsigmoid(x)` in place of `x.sigmoid()`."""
    name = logsigmoid(module)
    if name is None:
        return None
    outer, span = module.span(call), module.span(inner)
    minus = "-" if complement else ""
    opening, closing = ("(", ")") if complement and not isinstance(inner, ATOMS) else ("", "")
    return (
        Edit(Span(outer.start, span.start), f"{name.text}({minus}{opening}"),
        Edit(Span(span.end, outer.end), f"{closing})"),
        *name.edits,
    )


def _negated(module: Module, node: cst.BaseExpression) -> Iterator[Edit]:
    span = module.span(node)
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        yield Edit(Span(span.start, span.start + 1), "")
    elif isinstance(node, ATOMS):
        yield Edit(Span(span.start, span.start), "-")
    else:
        yield Edit(Span(span.start, span.start), "-(")
        yield Edit(Span(span.end, span.end), ")")
