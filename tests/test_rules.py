"""Every rule against its folder in fixtures/ and its page. A new rule adds no test code.

`python tests/test_rules.py [RULE ...]` writes `fixed.py` and `report.txt` anew, for
all rules or for those named; what it wrote is to be read before it is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from losslint.rules.registry import own_rules
from losslint.testing import Check, checks, regenerate

FIXTURES = Path(__file__).parents[1] / "fixtures"

# Small training projects, each for several rules: tests/test_scenarios.py runs them.
NO_RULES = {"scenarios"}

CHECKS = checks("LL", FIXTURES, besides=NO_RULES)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_a_rule_is_what_its_page_and_its_fixtures_say(check: Check) -> None:
    check()


def test_the_walk_reaches_every_rule() -> None:
    of_files = {"bad", "good", "fixed", "fixed_again", "no_other_rule"}
    of_projects = {"bad_project", "good_project"}
    of_all = {"page", "example", "better_example", "contents", "report"}
    walked: dict[str, set[str]] = {}
    for check in CHECKS[1:]:
        name, _, what = check.name.rpartition("-")
        walked.setdefault(name, set()).add(what)

    # What the engine itself reports is held by tests/test_engine.py and test_suppress.py.
    assert walked.keys() == {r.name for r in own_rules() if r.checks or r.project_checks}
    for name, done in walked.items():
        assert done >= of_all | of_files or done >= of_all | of_projects, name


@pytest.mark.parametrize("step", [0.0, 1e-6])
def test_a_relative_plateau_takes_a_total_below_zero_for_progress(step: float) -> None:
    weight = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    optimizer.step()
    for epoch in range(100):
        plateau.step(-2.0 + epoch * step)  # stands still, or rises

    assert plateau.num_bad_epochs == 0
    assert optimizer.param_groups[0]["lr"] == 1.0


if __name__ == "__main__":
    regenerate("LL", FIXTURES, sys.argv[1:])
