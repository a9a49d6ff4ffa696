"""Figures that the pages of rules give and no fixture shows by itself."""

from __future__ import annotations

import pytest
import torch


def reading(s: float, dtype: torch.dtype) -> tuple[float, float]:
    """A loss of 1, divided by `exp(s)`, and its gradient by s."""
    log_var = torch.tensor(s, dtype=dtype, requires_grad=True)
    total = torch.ones((), dtype=dtype) / torch.exp(log_var)
    total.backward()
    assert log_var.grad is not None
    return total.item(), log_var.grad.item()


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, 11.1), (torch.float32, 88.73)])
def test_a_division_by_an_exponential_hides_a_gradient_of_nan(
    dtype: torch.dtype, limit: float
) -> None:
    value, gradient = reading(limit, dtype)

    assert value == 0.0
    assert gradient != gradient
    assert reading(limit - 0.1, dtype)[1] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, -5.6), (torch.float32, -44.4)])
def test_it_loses_its_gradient_halfway_to_the_overflow(dtype: torch.dtype, limit: float) -> None:
    value, gradient = reading(limit, dtype)

    assert value < float("inf")
    assert gradient == -float("inf")
