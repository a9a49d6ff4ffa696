"""`losslint verify`, `--fix --verify` and the function behind both, on code as users have it."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from losslint.cli import main
from losslint.config import ConfigError
from losslint.verify import compare, verify
from losslint.verify.sandbox.workers import Worker
from losslint.verify.verdict import Slice, Status

SEED = Path(__file__).parents[1] / "fixtures" / "scenarios" / "negative_loss" / "losses"
SOFTMAX = (SEED / "softmax_weighted.py").read_text()
KENDALL = (SEED / "kendall_weighted.py").read_text()

# Nothing that losslint can make up: as many learned numbers as a network has.
UNRUNNABLE = """
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(100))

    def forward(self, losses):
        s = self.log_vars
        return (torch.exp(-s) * torch.stack(losses)).sum() + 0.5 * s.sum()
"""


HELPER = """
import torch
from torch import nn


def term(loss, s):
    return torch.exp(-s) * loss + 0.5 * s


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, depth_loss, class_loss):
        return term(depth_loss, self.log_vars[0]) + term(class_loss, self.log_vars[1])
"""


def test_the_seed_is_verified_by_its_fix() -> None:
    verdict = verify(SOFTMAX, "SoftmaxWeightedLoss")

    assert (verdict.status, verdict.codes, verdict.safety) == (Status.VERIFIED, ("LL102",), "safe")
    assert verdict.slice is Slice.WHOLE
    assert verdict.before is not None
    assert "P2 diverges" in verdict.before.results[0].name
    assert pickle.loads(pickle.dumps(verdict)) == verdict


# The regularizer as it is written, and what people are advised to write for it: the
# verdicts of the mathematics, part 3.3.
FORMS = {
    "nothing": ("0.0 * {s}.sum()", "", {"kendall": "P", "softmax": "P"}),
    "abs": ("0.5 * {s}.abs().sum()", "", {"kendall": "P6", "softmax": "P6"}),
    "exp": ("0.5 * {s}.exp().sum()", "", {"kendall": "", "softmax": "P"}),
    "softplus": (
        "0.5 * torch.nn.functional.softplus({s}).sum()",
        "",
        {"kendall": "", "softmax": "P"},
    ),
    "clamp": ("0.5 * {s}.clamp(min=0).sum()", "clamp", {"kendall": "P5", "softmax": "P5"}),
}
WEIGHTS = {
    "kendall": "(torch.exp(-{s}) * losses).sum()",
    "softmax": "(torch.softmax(-{s}, dim=0) * losses).sum()",
}
CLASS = """
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        s = self.log_vars
        weighted = WEIGHTED
        return weighted + REGULARIZER
"""


def by_hand(weights: str, term: str, s: str = "s") -> str:
    weighted = WEIGHTS[weights].format(s=s)
    return CLASS.replace("WEIGHTED", weighted).replace("REGULARIZER", term.format(s=s))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as ready:
        yield ready


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_what_is_advised_gets_the_verdict_of_the_mathematics(
    weights: str, form: str, worker: Worker
) -> None:
    term, clamped, expected = FORMS[form]
    before = by_hand(weights, "0.5 * {s}.sum()")
    after = by_hand(
        weights, term.replace(".clamp(min=0)", ""), "s.clamp(min=0)" if clamped else "s"
    )
    verdict = compare(before, after, "Weighted", worker=worker)

    assert verdict.after is not None
    failed = [one.name for one in verdict.after.failed]
    assert verdict.status is (Status.REFUTED if expected[weights] else Status.VERIFIED), failed
    assert not expected[weights] or any(name.startswith(expected[weights]) for name in failed)


def test_what_has_no_loss_of_that_name_is_said() -> None:
    with pytest.raises(ConfigError, match="no loss with learned weights is called `Nothing`"):
        verify(SOFTMAX, "Nothing")


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_file_of_two_losses_and_one_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "losses.py"
    path.write_text(SOFTMAX + "\n\n" + UNRUNNABLE)
    status, out, _ = run("verify", "--output-format", "concise", path, capsys=capsys)

    assert status == 2
    assert "verified SoftmaxWeightedLoss" in out
    assert "not runnable Weighted" in out
    assert "Ran 2 losses: 1 verified, 1 not runnable." in out
    status, out, _ = run(
        "verify", "--output-format", "concise", f"{path}::SoftmaxWeightedLoss", capsys=capsys
    )
    assert (status, out.splitlines()[-1]) == (0, "Ran 1 loss: 1 verified.")


def test_a_name_or_a_file_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "losses.py"
    path.write_text(SOFTMAX)

    status, _, err = run("verify", f"{path}::Other", capsys=capsys)
    assert (status, "`Other`" in err) == (2, True)
    status, _, err = run("verify", tmp_path / "absent.py", capsys=capsys)
    assert (status, "absent.py" in err) == (2, True)


def test_a_folder_without_losses_is_clean_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.py").write_text("import torch\n\nx = torch.nn.Parameter(torch.zeros(1))\n")
    status, out, _ = run("verify", tmp_path, capsys=capsys)

    assert (status, "none that learns its weights" in out) == (0, True)


def test_a_loss_without_a_finding_is_judged_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    barrier = "-0.5 * torch.log_softmax(-{s}, dim=0).sum()"
    path = tmp_path / "losses.py"
    path.write_text(by_hand("softmax", barrier))
    assert run("verify", "-q", path, capsys=capsys)[0] == 0
    path.write_text(by_hand("softmax", barrier + " - 5"))
    status, out, _ = run("verify", "--output-format", "concise", path, capsys=capsys)

    assert status == 1
    assert "refuted" in out
    assert "as it stands, P2 never negative: fails" in out


def test_json_is_one_list_and_holds_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "losses.py"
    path.write_text(SOFTMAX)
    status, out, err = run("verify", "--output-format", "json", path, capsys=capsys)
    (verdict,) = json.loads(out)

    assert verdict["why"].startswith("after the fix")
    assert (status, verdict["status"], verdict["codes"]) == (0, "verified", ["LL102"])
    assert verdict["after"]["figures"]["descent"]
    assert "Ran 1 loss" in err


# --- fixes that are verified first ---------------------------------------------------------


def test_a_verified_fix_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "losses.py"
    path.write_text(SOFTMAX)
    status, out, err = run("--isolated", "--fix", "--verify", path, capsys=capsys)

    assert status == 0, out
    assert "log_softmax" in path.read_text()
    assert "verified SoftmaxWeightedLoss" in err


def test_a_verified_fix_in_a_helper_of_the_loss_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "losses.py"
    path.write_text(HELPER)
    status, out, err = run(
        "--isolated", "--fix", "--verify", "--select", "LL101", path, capsys=capsys
    )

    assert status == 0, out + err
    assert "softplus(s + 10.0)" in path.read_text()


@pytest.mark.parametrize(
    ("verify", "written"), [("--verify", False), ("--verify=if-runnable", True)]
)
def test_what_cannot_be_run_is_fixed_only_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verify: str, written: bool
) -> None:
    path = tmp_path / "losses.py"
    path.write_text(UNRUNNABLE)
    status, _, err = run("--isolated", "--fix", verify, "--select", "LL101", path, capsys=capsys)

    assert ("softplus" in path.read_text()) is written
    assert (status == 0) is written
    assert ("was not applied: not runnable" in err) is not written


def test_a_refuted_fix_is_withheld_and_its_counter_example_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losslint.fixes.forms.FLOOR", 2.0)  # felt well within the working range
    path = tmp_path / "losses.py"
    path.write_text(KENDALL)
    status, _, err = run("--isolated", "--fix", "--verify", path, capsys=capsys)

    assert (status, path.read_text()) == (1, KENDALL)
    assert "was not applied: refuted: after the fix, keeps gradients: fails" in err


def test_neither_checking_nor_verifying_imports_torch_here(tmp_path: Path) -> None:
    shutil.copy(SEED / "softmax_weighted.py", tmp_path)
    code = (
        "import sys\nfrom losslint.cli import main\n"
        "status = main(sys.argv[1:])\nassert 'torch' not in sys.modules\nsys.exit(status)"
    )
    command = [sys.executable, "-c", code, "verify", "-q", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
