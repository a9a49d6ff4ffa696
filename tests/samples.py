"""What tests of every door have checked: a loss in which losslint finds LL101, and one without."""

from __future__ import annotations

WEIGHTED = """\
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return (torch.exp(-self.log_vars) * losses).sum() + 0.5 * self.log_vars.sum()
"""
CLEAN = "import torch\n\n\ndef loss(x):\n    return torch.exp(-x).sum()\n"
