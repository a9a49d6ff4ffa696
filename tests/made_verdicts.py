"""Verdicts for tests, made of real weightings in torch."""

from __future__ import annotations

from functools import cache

import torch

from losslint.verify.figures import figures_of
from losslint.verify.forms import forms_of, kendall_weights, softmax_weights
from losslint.verify.grid import survey
from losslint.verify.judgement import gradient_difference, properties_of
from losslint.verify.properties import can_be_negative
from losslint.verify.verdict import Slice, Status, Verdict, Version
from losslint.verify.weighting import Weighting

NAMES = ("log_vars[0]", "log_vars[1]")
KINDS = {"kendall": kendall_weights, "softmax": softmax_weights}

PROGRAM = """import torch
from torch import nn


class MultiTaskLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return sum(torch.exp(-s) * l + 0.5 * s for s, l in zip(self.log_vars, losses))
"""


def version_of(weighting: Weighting, *, fixed: bool, full: bool) -> Version:
    """What torch says of a weighting, and what it does: the defect, or what a fix owes."""
    seen = survey(weighting)
    results = properties_of(weighting, seen) if fixed else (can_be_negative(seen),)
    return Version(results, figures_of(weighting, NAMES, full=full, seen=seen), PROGRAM)


@cache
def made(kind: str, after: str, *, full: bool = False) -> Verdict:
    """The verdict on the form `after`, put in place of the original one of a kind."""
    torch.set_num_threads(1)
    forms = forms_of(KINDS[kind])
    before = version_of(forms["original"], fixed=False, full=full)
    fixed = version_of(forms[after], fixed=True, full=full)
    failed = fixed.failed
    return Verdict(
        path="training/mtl.py",
        qualname="MultiTaskLoss",
        row=12,
        status=Status.REFUTED if failed else Status.VERIFIED,
        why=(
            f"{failed[0].name}: {failed[0].why}"
            if failed
            else "the total falls to -80 before the fix, and never below 0 after it"
        ),
        codes=("LL101",),
        safety="safe",
        slice=Slice.WHOLE,
        call="called as it stands, with a list of task losses",
        assumes=("`criterion` of the project is stood in for by a loss of 0 or more",),
        before=before,
        after=fixed,
        gradient_difference=gradient_difference(forms["original"], forms[after]),
        seconds=1.3,
    )


def not_runnable() -> Verdict:
    """A verdict on a loss that nothing was run of."""
    return Verdict(
        path="training/det.py",
        qualname="DetLoss.forward",
        row=40,
        status=Status.NOT_RUNNABLE,
        why="line 44 imports `mmdet.core`, which losslint does not run",
        codes=("LL101",),
        seconds=0.1,
    )
