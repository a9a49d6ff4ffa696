"""Making a raw parameter positive where it is read: `F.softplus(v) + 1e-6`."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.ranges.value import What
from losslint.ranges.weights import LearnedWeight

SMALLEST = "1e-6"


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
    edits = [
        Edit(module.span(node), f"({softplus.text}({module.text(node)}) + {SMALLEST})")
        for node in reads
    ]
    return (*edits, *softplus.edits)
