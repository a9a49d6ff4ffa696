"""Making a raw parameter positive where it is read: `F.softplus(v) + 1e-6`."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.ranges.value import What
from losslint.ranges.weights import LearnedWeight

SMALLEST = "1e-6"

# What may stand around a sum without parentheses.
OUTERMOST = (cst.Arg, cst.Assign, cst.Element, cst.Return)


def positive_edits(weight: LearnedWeight, module: Module) -> tuple[Edit, ...] | None:
    """Edits that wrap each place at which the parameter enters the total."""
    softplus = spelled(module, "torch.nn.functional.softplus")
    if softplus is None:
        return None
    reads: dict[cst.CSTNode, None] = {}
    for term in weight.terms:
        first = next((s for s in term.steps if s.what is What.READ), None)
        if first is None:
            return None
        reads[first.node] = None
    edits = []
    for node in reads:
        new = f"{softplus.text}({module.text(node)}) + {SMALLEST}"
        bare = isinstance(parent(module.tree, node), OUTERMOST)
        edits.append(Edit(module.span(node), new if bare else f"({new})"))
    return (*edits, *softplus.edits)
