"""The lines that are drawn of a loss are those that torch gives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from losslint.verify.figures import KEPT, MOST, POINTS, figures_of
from losslint.verify.forms import forms_of, kendall_weights, softmax_weights
from losslint.verify.verdict import Figures
from losslint.verify.weighting import Weighting

torch.set_num_threads(1)


def drawn(weighting: Weighting, *, full: bool = True) -> Figures:
    return figures_of(weighting, [f"s[{n}]" for n in range(len(weighting.start))], full=full)


def test_total_and_gradient_are_drawn_along_each_parameter() -> None:
    figures = drawn(forms_of(kendall_weights)["original"], full=False)
    assert [along.parameter for along in figures.along] == ["s[0]", "s[1]"]
    for along in figures.along:
        assert along.solved
        assert along.total.x == along.gradient.x == along.solved.x
        assert (along.total.x[0], along.total.x[-1], len(along.total.x)) == (-12, 12, POINTS)
        for s, total, pull, solved in zip(
            along.total.x, along.total.y, along.gradient.y, along.solved.y, strict=True
        ):
            assert total == pytest.approx(1 + math.exp(-s) + s / 2)
            assert pull == pytest.approx(0.5 - math.exp(-s))
            assert solved == pytest.approx(s / 2)
    assert (figures.totals, figures.weights, figures.descent) == ((), None, ())


def test_the_witness_is_the_lowest_total_of_the_survey() -> None:
    witness = drawn(forms_of(kendall_weights)["original"], full=False).witness
    assert witness
    assert (witness.parameters, witness.losses, witness.total) == ((-80, -80), (0, 0), -80)


def test_all_of_it_is_drawn_when_asked() -> None:
    figures = drawn(forms_of(kendall_weights)["original"])
    assert [line.name for line in figures.totals] == [
        f"task losses of {loss}" for loss in ("0", "0.01", "0.1", "1", "10")
    ]
    assert figures.weights
    for loss, weight in zip(figures.weights.x, figures.weights.y, strict=True):
        assert weight == pytest.approx(0.5 / loss, rel=1e-3)
    total, *parameters = figures.descent
    assert total.name == "total at task losses [0.1, 0.05]"
    assert (total.x[0], total.x[-1]) == (0, 2000)
    assert len(total.x) <= KEPT
    ends = [line.y[-1] for line in parameters]
    assert ends == pytest.approx([math.log(2 * 0.1), math.log(2 * 0.05)], abs=1e-3)


def test_the_descent_is_that_of_adam() -> None:
    weighting = forms_of(softmax_weights)["barrier"]
    s = weighting.start.clone().requires_grad_()
    adam = torch.optim.Adam([s], lr=0.01)
    for _ in range(2000):
        adam.zero_grad()
        weighting.total(s, torch.tensor([0.1, 0.05], dtype=torch.float64)).backward()
        adam.step()
    ends = [line.y[-1] for line in drawn(weighting).descent[1:]]
    assert ends == pytest.approx(s.tolist(), abs=1e-9)


@pytest.mark.parametrize(("weights", "coupled"), [(kendall_weights, 0), (softmax_weights, 5)])
def test_parameters_are_moved_together_where_one_moves_what_another_does(
    weights: object, coupled: int
) -> None:
    assert callable(weights)
    assert len(drawn(forms_of(weights)["original"]).together) == coupled


def test_the_slide_of_softmax_weights_shows() -> None:
    figures = drawn(forms_of(softmax_weights)["original"])
    lowest = [min(line.y) for line in figures.together]
    assert lowest == pytest.approx([-12.0, -11.99, -11.9, -11.0, -2.0])
    assert figures.descent[0].y[-1] < -19


def test_a_total_that_is_no_number_ends_the_descent_and_nothing_else() -> None:
    def total(s: Tensor, losses: Tensor) -> Tensor:
        return (losses / s).sum() + s.log().sum()

    figures = drawn(Weighting(total, torch.tensor([0.5, 0.5], dtype=torch.float64)))
    assert math.isnan(figures.along[0].total.y[0])
    assert math.isfinite(figures.along[0].total.y[-1])
    assert figures.witness


def test_nothing_finite_is_no_witness() -> None:
    def total(s: Tensor, losses: Tensor) -> Tensor:
        return (s * losses).sum() * math.nan

    figures = drawn(Weighting(total, torch.zeros(1, dtype=torch.float64), 1))
    assert figures.witness is None
    assert len(figures.descent[0].x) == 1


def test_of_many_parameters_the_first_few_are_drawn() -> None:
    def total(s: Tensor, losses: Tensor) -> Tensor:
        return (kendall_weights(s) * losses).sum() + 0.5 * s.sum()

    figures = drawn(Weighting(total, torch.zeros(6, dtype=torch.float64), 6))
    assert len(figures.along) == MOST
    assert len(figures.descent) == 1 + MOST
