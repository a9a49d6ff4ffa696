"""How the logarithm of a probability, taken where it is made or of a local name, becomes one step."""

from __future__ import annotations

import re
from collections.abc import Iterable

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.local_values import Local, is_read_once, local_value, reads, removed, same_there
from losslint.fixes.logarithms import logarithm
from losslint.fixes.moving import edited
from losslint.frozen import dataclass, replace
from losslint.model.module import Module
from losslint.model.names import called
from losslint.provenance.kinds import Place, Tensor
from losslint.provenance.log_calls import LogCall, log_calls
from losslint.provenance.operations import is_function
from losslint.training.callees import scope_of

# What moves numbers without changing one, so that a logarithm may as well be taken before.
MOVES = frozenset(
    "view reshape permute transpose t squeeze unsqueeze flatten unflatten expand expand_as gather"
    " index_select select narrow chunk split contiguous detach movedim swapaxes flip".split()
)


@dataclass(frozen=True)
class Descent:
    """The way from an expression down to the call that makes its probabilities, or to a name.

    `shells` are the expressions that go, each with the part of it that stays.
    """

    end: cst.BaseExpression
    shells: tuple[tuple[cst.BaseExpression, cst.BaseExpression], ...] = ()
    complement: bool = False


def descent(module: Module, node: cst.BaseExpression, made: cst.CSTNode) -> Descent | None:
    """The way from an expression to what makes its probabilities; None where it is not straight."""
    if node is made or isinstance(node, cst.Name):
        return Descent(node)
    match node:
        case cst.Subscript():
            return descent(module, node.value, made)
        case cst.Call(func=func, args=args):
            origin = scope_of(module).names.qualified(func)
            if called(node) not in MOVES:
                return None
            if origin is None and isinstance(func, cst.Attribute):
                return descent(module, func.value, made)
            if origin is not None and is_function(origin) and args and not args[0].star:
                return descent(module, args[0].value, made)
        case cst.BinaryOperation(operator=cst.Subtract(), left=cst.Integer() | cst.Float() as one):
            inner = descent(module, node.right, made) if one.evaluated_value == 1 else None
            if inner is not None and not inner.complement:
                return replace(inner, shells=((node, node.right), *inner.shells), complement=True)
    return None


def is_complement(module: Module, node: cst.BaseExpression, tensor: Tensor) -> bool:
    """Whether probabilities are one minus those that were made, as far as it can be seen."""
    if len(tensor.made) != 1:
        return False
    way = descent(module, node, tensor.made[0].node)
    local = local_value(module, way.end) if way is not None else None
    above = descent(module, local.value, tensor.made[0].node) if local is not None else None
    return bool(way and way.complement) != bool(above and above.complement)


def in_one_step(module: Module, log: LogCall) -> tuple[Edit, ...] | None:
    """Edits that make a logarithm of probabilities one step; None where that changes more.

    Where all that is done with a local name is to take its logarithm, all of them at once.
    """
    way = _way(module, log)
    local = local_value(module, way.end) if way is not None else None
    if local is None:
        return _edits(module, log)
    logs = [one for one in log_calls(module) if _is_of(module, one, local)]
    parts = [_edits(module, one) for one in logs]
    gone = removed(module, local) if len(reads(module, local)) == len(logs) else None
    if gone is None or None in parts:
        return _edits(module, log)
    return tuple(dict.fromkeys((gone, *(edit for part in parts for edit in part or ()))))


def in_its_place(
    module: Module, node: cst.BaseExpression, tensor: Tensor
) -> tuple[Edit, ...] | None:
    """Edits that make probabilities their logarithm where they are made.

    None unless that is in the expression itself, or assigned to a name that nothing else reads.
    """
    match tensor.made:
        case (Place(module=home, node=cst.Call() as made),) if home is module:
            pass
        case _:
            return None
    way = None if tensor.altered else descent(module, node, made)
    if way is not None and way.end is not made:
        local = local_value(module, way.end)
        if way.shells or local is None or not is_read_once(module, local):
            return None
        way = descent(module, local.value, made)
    if way is None or way.shells or way.end is not made:
        return None
    edits = logarithm(module, made)
    return None if edits is None else _with_shells(module, (), edits)


def _is_of(module: Module, log: LogCall, local: Local) -> bool:
    way = _way(module, log)
    other = local_value(module, way.end) if way is not None else None
    return other is not None and other.statement is local.statement


def _way(module: Module, log: LogCall) -> Descent | None:
    """The way from the argument of a logarithm, made at one place of this module."""
    match log.tensor.made:
        case (Place(module=home, node=made),) if home is module and not log.tensor.altered:
            return descent(module, log.argument, made)
    return None


def _edits(module: Module, log: LogCall) -> tuple[Edit, ...] | None:
    way = _way(module, log)
    if way is None:
        return None
    made = log.tensor.made[0].node
    local = local_value(module, way.end)
    shells = ((log.node, log.argument), *way.shells)
    if local is None:
        if way.end is not made or not isinstance(made, cst.Call):
            return None
        return _with_shells(module, shells, logarithm(module, made, complement=way.complement))
    text = _text(module, local, made, complement=way.complement)
    if text is None or not same_there(module, local, MOVES):
        return None
    written, others = text
    name = Edit(module.span(local.name), written)
    return _with_shells(module, shells, (name, *others))


def _text(
    module: Module, local: Local, made: cst.CSTNode, *, complement: bool
) -> tuple[str, tuple[Edit, ...]] | None:
    """What takes the place of a name: the logarithm of what was assigned to it."""
    above = descent(module, local.value, made)
    if above is None or above.end is not made or not isinstance(made, cst.Call):
        return None
    if complement and above.complement:
        return None
    turned = logarithm(module, made, complement=complement or above.complement)
    edits = _with_shells(module, above.shells, turned)
    span = module.span(local.value)
    if edits is None or b"#" in module.source.data[span.start : span.end]:
        return None
    text, others = edited(module, span, edits)
    return _on_one_line(text), others


def _on_one_line(text: str) -> str:
    """A call that is broken over several lines, on one."""
    text = re.sub(r"\\?\r?\n\s*", "\n", text)
    text = re.sub(r",\n\)$", ")", text)
    return re.sub(r"\n(?=[)\]])|(?<=[(\[])\n", "", text).replace("\n", " ")


def _with_shells(
    module: Module,
    shells: Iterable[tuple[cst.BaseExpression, cst.BaseExpression]],
    edits: tuple[Edit, ...] | None,
) -> tuple[Edit, ...] | None:
    """The edits, and those that take away what is around; None where a comment would go too."""
    if edits is None:
        return None
    gone: list[Edit] = []
    for outer, inner in shells:
        around, kept = module.span(outer), module.span(inner)
        gone.append(Edit(Span(around.start, kept.start), ""))
        gone.append(Edit(Span(kept.end, around.end), ""))
    data = module.source.data
    every = (*gone, *edits)
    if any(b"#" in data[edit.span.start : edit.span.end] for edit in every):
        return None
    return tuple(sorted(edit for edit in every if edit.text or edit.span.start < edit.span.end))
