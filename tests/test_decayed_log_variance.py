"""LL109's figures in torch: where a learned weight settles under weight decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

ADAM, ADAMW = torch.optim.Adam, torch.optim.AdamW


@pytest.mark.parametrize(
    ("kind", "decay", "settles"),
    [
        (ADAM, 0.0, 500),
        (ADAM, 0.01, 439),
        (ADAM, 0.05, 228),
        (ADAMW, 0.01, 496),
        (ADAMW, 0.05, 477),
    ],
)
def test_weight_decay_holds_a_weight_below_its_optimum(
    kind: type[torch.optim.Optimizer], decay: float, settles: float
) -> None:
    log_var = nn.Parameter(torch.zeros(()))
    optimizer = kind([log_var], lr=1e-2, weight_decay=decay)  # type: ignore[call-arg]
    for _ in range(4_000):
        optimizer.zero_grad()
        (torch.exp(-log_var) * 1e-3 + 0.5 * log_var).backward()
        optimizer.step()

    assert torch.exp(-log_var).item() == pytest.approx(settles, rel=0.003)
