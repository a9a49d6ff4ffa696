"""What people are advised against negative losses, and what torch says of it.

`python -m losslint.verify.advice` prints the README's table: the form as it is
written, five that are advised and ours, on each kind of learned weights. Every
entry is measured by the functions of `properties.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from losslint.verify.forms import Weights, forms_of, kendall_weights, softmax_weights
from losslint.verify.grid import survey
from losslint.verify.judgement import TOLERANCE, gradient_difference
from losslint.verify.optimum import Optimum, balance_exponents, optima
from losslint.verify.properties import (
    bounded_below,
    diverges,
    lowest,
    no_collapse,
    no_dead_zone,
    no_runaway,
    still_balances,
)
from losslint.verify.weighting import Weighting

HEADINGS = (
    "regularizer",
    "bounded below? (lowest total)",
    "balances the tasks? (exponent β, losses from 0.02 to 20)",
    "collapses? (weights at losses 2 and 1)",
    "gradients kept? (largest difference)",
)

# How the README writes the forms of `forms_of`.
ADVISED = {
    "original": "`0.5 * s`, as written",
    "drop": "dropped",
    "abs": "`0.5 * s.abs()`",
    "exp": "`0.5 * s.exp()`",
    "clamp": "`0.5 * s`, after `s = s.clamp(min=0)`",
    "softplus": "`0.5 * F.softplus(s)`",
}
OURS = {
    "floor": "**`0.5 * F.softplus(s + 10)`**",
    "soft floor": "**the same, weight `exp(10 - F.softplus(s + 10))`**",
    "barrier": "**`-0.5 * F.log_softmax(-s, 0)`**",
}
PARTS = (
    ("`exp(-s) * L`", kendall_weights, ("floor", "soft floor")),
    ("`softmax(-s) * L`", softmax_weights, ("barrier",)),
)


def table() -> str:
    """The Markdown table: a row for each form, the two kinds of weights in turn."""
    lines = [_row("weights", *HEADINGS), _row(*["---"] * (len(HEADINGS) + 1))]
    for title, weights, ours in PARTS:
        lines += [_row(title, *cells) for cells in _rows(weights, ours)]
    return "\n".join(lines)


def _rows(weights: Weights, ours: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    forms = forms_of(weights)
    for name in (*ADVISED, *ours):
        form, found = forms[name], optima(forms[name])
        yield (
            {**ADVISED, **OURS}[name],
            _bound(form),
            _balance(form, found),
            _collapse(form, found),
            _gradients(forms["original"], form),
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _bound(form: Weighting) -> str:
    if diverges(form).holds:
        return "no: -inf, whatever the losses"
    seen = survey(form)
    worst = lowest(seen)
    if not bounded_below(seen).holds:
        return f"no: {worst}"
    return f"yes: {worst.reading.total:.2g}"


def _rests(form: Weighting, found: tuple[Optimum, ...]) -> bool:
    return no_runaway(form, found).holds is True and no_collapse(found).holds is not False


def _balance(form: Weighting, found: tuple[Optimum, ...]) -> str:
    if not _rests(form, found):
        return "no: nothing holds the weights"
    exponents = balance_exponents(found)
    shown = ", ".join(f"{abs(one):.2f}" for one in exponents if not math.isnan(one))
    if still_balances(found).holds:
        return f"yes: {shown}"
    return f"not throughout: {shown}"


def _collapse(form: Weighting, found: tuple[Optimum, ...]) -> str:
    (even,) = (one for one in found if float(one.losses[0]) == 2.0)
    weights = ", ".join(f"{round(weight, 3):g}" for weight in even.reading.weights.tolist())
    if not no_collapse(found).holds:
        return f"yes, one task takes all: {weights}"
    if not no_runaway(form, found).holds:
        return f"yes, never at rest: {weights}"
    return f"no: {weights}"


def _gradients(original: Weighting, form: Weighting) -> str:
    off = gradient_difference(original, form)
    if form is original:
        return "-"
    zone = no_dead_zone(form)
    if not zone.holds:
        return f"no: {zone.why.split(';')[0]}"
    if diverges(original).holds:
        return f"no minimum to keep: {off:.0%}"
    return f"yes: {off:.2%}" if off < TOLERANCE else f"no: {off:.0%}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table())
