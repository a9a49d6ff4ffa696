"""Making one tensor of several losses without taking them out of their graph."""

from __future__ import annotations

import re
from collections.abc import Iterable

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.names import Names, dotted

MAKERS = frozenset("torch.tensor torch.as_tensor torch.Tensor torch.FloatTensor".split())
FLOATING = re.compile(r"torch\.(float(16|32|64)?|double|half|bfloat16)")

# A class of losses, made elsewhere in the module, may not reduce to one number.
UNREDUCED = re.compile(rb"reduction\s*=\s*[\"']none|reduce\s*=\s*False")


def stacked(
    module: Module, node: cst.CSTNode, woken: Iterable[cst.Assign]
) -> tuple[Edit, ...] | None:
    """`torch.stack` in place of a call that makes a tensor of a list of tensors.

    What it says of `device` and `dtype` moves behind it, into `.to()`; that the result
    requires a gradient is true of it anyway. The statements in `woken` say it once more: torch
    refuses `loss.requires_grad = True` of what has a graph, and takes `loss.requires_grad_(True)`.
    """
    if not isinstance(node, cst.Call) or UNREDUCED.search(module.source.data):
        return None
    first, *others = node.args
    words = {arg.keyword.value: arg for arg in others if arg.keyword is not None}
    known = words.keys() <= {"device", "dtype", "requires_grad"} and len(words) == len(others)
    if first.star or first.keyword or not known or not _is_floating(words.get("dtype")):
        return None
    name = Names(module.tree).qualified(node.func)
    stack = spelled(module, "torch.stack") if name in MAKERS else None
    if stack is None:
        return None
    edits = [Edit(module.span(node.func), stack.text), *stack.edits]
    for statement in woken:
        target, whole = module.span(statement.targets[0].target), module.span(statement)
        called = f"_({module.text(statement.value)})"
        edits.append(Edit(Span(target.end, whole.end), called))
    if not others or not isinstance(first.comma, cst.Comma):
        return tuple(edits)
    comma, end = others[-1].comma, module.span(node).end
    start = module.span(first.comma).start
    last = module.span(comma if isinstance(comma, cst.Comma) else others[-1]).end
    if b"#" in module.source.data[start:end]:
        return None
    moved = [arg for word, arg in words.items() if word != "requires_grad"]
    given = ", ".join(
        f"{arg.keyword.value}={module.text(arg.value)}" for arg in moved if arg.keyword
    )
    to = (Edit(Span(end, end), f".to({given})"),) if given else ()
    return (*edits, Edit(Span(start, last), ""), *to)


def _is_floating(arg: cst.Arg | None) -> bool:
    return arg is None or FLOATING.fullmatch(dotted(arg.value) or "") is not None
