"""The modules of torch.nn: what is built, and what they make of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from losslint.frozen import replace
from losslint.model.names import called
from losslint.model.parents import ancestors
from losslint.provenance.kinds import UNKNOWN, Kind, Place, Tensor
from losslint.provenance.mentions import calls_named
from losslint.provenance.objects import Chain, Frame, Layer, Value
from losslint.provenance.operations import AVERAGING_MODULES, MODULES, UNBOUNDED, kept_by_module
from losslint.provenance.paths import Path, path
from losslint.provenance.tensors import agreed_tensor, dimension, setting

if TYPE_CHECKING:
    from losslint.provenance.trace import Tracer

CHANGED_LATER = frozenset("add_module append extend insert register_module".split())


def built(tracer: Tracer, name: str, call: cst.Call, frame: Frame) -> Value:
    """The module that a call of a class of torch.nn makes."""
    if name.rpartition(".")[2] != "Sequential":
        return Layer(name, call, frame)
    return _chain(tracer, call, frame)


def _chain(tracer: Tracer, call: cst.Call, frame: Frame) -> Value:
    links: list[tuple[Value, ...]] = []
    starred = False
    if _grows(call, frame):
        return UNKNOWN
    for arg in call.args:
        if arg.keyword is not None or arg.star == "**":
            return UNKNOWN
        if arg.star:
            starred = True
            links.append((UNKNOWN,))
        elif (named := _named(arg.value)) is not None:
            links += [tracer.values(one, (), frame) for one in named]
        else:
            links.append(tracer.values(arg.value, (), frame))
    return Chain(tuple(links), starred) if links else UNKNOWN


def _named(node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    """The modules of `OrderedDict([("name", module), ...])`; None for anything else."""
    match node:
        case cst.Call(args=[cst.Arg(value=cst.List(elements) | cst.Tuple(elements), star="")]) if (
            called(node) == "OrderedDict"
        ):
            pairs = [e.value for e in elements]
            if all(isinstance(p, (cst.Tuple, cst.List)) and len(p.elements) == 2 for p in pairs):
                return [p.elements[1].value for p in pairs]  # type: ignore[attr-defined]
        case cst.Call(args=[cst.Arg(value=cst.Dict() as inner)]) if called(node) == "OrderedDict":
            return _named(inner)
        case cst.Dict(elements) if all(isinstance(e, cst.DictElement) for e in elements):
            return [e.value for e in elements]
    return None


def _grows(call: cst.Call, frame: Frame) -> bool:
    """Whether modules are added to what a call makes after it was made."""
    module = frame.scope.module
    if not any(
        word.encode() in module.source.data
        for word in ("add_module", ".append", ".extend", ".insert")
    ):
        return False
    for node in ancestors(module.tree, call):
        if isinstance(node, cst.Assign):
            targets = {path(target.target) for target in node.targets}
            return bool(targets & _grown(frame))
        if isinstance(node, cst.BaseStatement):
            break
    return False


def _grown(frame: Frame) -> set[Path | None]:
    """The paths of what gets modules added in the module of a frame."""
    found: set[Path | None] = set()
    for name in CHANGED_LATER:
        for call in calls_named(frame.scope.module, name):
            if isinstance(call.func, cst.Attribute):
                found.add(path(call.func.value))
    return found


def applied(tracer: Tracer, layer: Layer, inputs: tuple[Value, ...], place: Place) -> Tensor:
    """What a module of torch makes of its input."""
    last = layer.name.rpartition(".")[2]
    given = agreed_tensor(inputs)
    kind = MODULES.get(last)
    if kind is not None:
        dim = 1 if last == "Softmax2d" else dimension(tracer, layer.call, 0, layer.frame)
        return Tensor(kind, (place,), dim, given.size)
    if last in UNBOUNDED:
        where, name = UNBOUNDED[last]
        size = setting(tracer, layer.call, where, name, layer.frame)
        return Tensor(Kind.LOGITS, (place,), size=size)
    kept = kept_by_module(last, given.kind)
    if kept is Kind.UNKNOWN:
        return UNKNOWN
    if last in AVERAGING_MODULES:
        given = replace(given, altered=True)
    return given if last.startswith(("Dropout", "Identity", "Upsampl")) else given.resized()
