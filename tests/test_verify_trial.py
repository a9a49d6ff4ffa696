"""Programs with stand-ins, run in torch: what counts as a task loss, and which fixes are refuted."""

from __future__ import annotations

import pytest
import torch

from losslint.verify.loading import Loaded, Runnable, load, ways
from losslint.verify.trial import Pair, Task, answered
from losslint.verify.verdict import Slice
from losslint.verify.weighting import point

torch.set_num_threads(1)

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""

WEIGHTED = (
    HEAD
    + """
focal = stand_in("focal")


class Weighted(StandInModule):
    def __init__(self, cfg, num_tasks):
        super().__init__()
        self.cfg = cfg
        self.log_vars = nn.Parameter(torch.zeros(num_tasks))
        self.mse = nn.MSELoss()

    def forward(self, predictions, targets):
        depth = self.mse(predictions["depth"], targets["depth"]) * self.cfg.scale
        classes = focal(predictions["class"], targets["class"])
        total = 0
        for s, loss in zip(self.log_vars, [depth, classes]):
            total = total + WEIGHT * loss + TERM
        return total, {"depth": depth, "class": classes}
"""
)


def weighted(term: str, weight: str = "torch.exp(-s)") -> Runnable:
    text = WEIGHTED.replace("TERM", term).replace("WEIGHT", weight)
    return Runnable(text, "Weighted", "forward", False, {"self.log_vars": 0.0})


def step(body: str, leaves: dict[str, float | None], parameters: str = "") -> Runnable:
    lines = "\n    ".join(body.strip().splitlines())
    text = f"{HEAD}\n\ndef step({parameters}):\n    {lines}\n"
    return Runnable(text, "step", "", False, leaves)


def first(program: Runnable) -> Loaded:
    found = [one for one in ways(program) if isinstance(one, Loaded)]
    assert found, list(ways(program))
    return found[0]


def losses_of(program: Runnable) -> list[str]:
    way = first(program).way
    return [name for place, name in enumerate(way.sources) if place not in way.still]


def verdict(
    before: Runnable, after: Runnable, *codes: str, safety: str = "safe"
) -> dict[str, object]:
    pair = Pair(Slice.EXPRESSION, (), before, after)
    return answered(Task((pair,), codes, safety=safety))


# --- what a stand-in is worth -------------------------------------------------------------


def test_what_an_unknown_loss_returns_is_a_task_loss() -> None:
    assert losses_of(weighted("0.5 * s")) == [
        "mse_loss(predictions['depth'], targets['depth']) * cfg.scale",
        "focal(predictions['class'], targets['class'])",
    ]


def test_the_weighting_of_a_program_with_stand_ins_is_kendalls() -> None:
    weighting = first(weighted("0.5 * s")).weighting
    reading = weighting.at(point(weighting, [-1.0, 2.0]), point(weighting, [0.7, 1.3]))

    expected = torch.exp(torch.tensor([1.0, -2.0], dtype=torch.float64))
    assert torch.allclose(reading.weights, expected)
    assert weighting.names == ("log_vars[0]", "log_vars[1]")


def test_a_setting_is_no_task_loss() -> None:
    program = step(
        "return stand_scale * torch.exp(-log_var) * loss + log_var",
        {"log_var": 0.0},
        "loss, log_var",
    )
    text = program.text.replace("\n\ndef step", '\nstand_scale = stand_in("scale")\n\ndef step')
    program = Runnable(text, "step", "", False, program.leaves)

    assert losses_of(program) == ["loss"]
    assert "`scale` is 1" in first(program).assumes


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (
            "return (torch.exp(-log_vars) * torch.stack(losses) + log_vars).sum()",
            "losses, log_vars",
        ),
        ("return (torch.exp(-log_vars) * losses + log_vars).sum()", "losses, log_vars"),
        (
            "total = 0\nfor n in range(len(losses)):\n"
            "    total += torch.exp(-log_vars[n]) * losses[n] + log_vars[n]\nreturn total",
            "losses, log_vars",
        ),
        (
            "return sum(torch.exp(-log_vars[n]) * loss + log_vars[n]"
            " for n, (name, loss) in enumerate(losses.items()))",
            "losses, log_vars",
        ),
        (
            "return (torch.exp(-log_vars) * torch.stack(losses) + log_vars).sum()",
            "*losses, log_vars",
        ),
    ],
    ids=["stack", "vector", "index", "items", "star"],
)
def test_a_collection_of_losses_has_as_many_as_there_are_weights(
    body: str, parameters: str
) -> None:
    if parameters.startswith("*"):
        parameters = "log_vars, *losses"
    assert len(losses_of(step(body, {"log_vars": 0.0}, parameters))) == 2


def test_a_loss_that_is_subtracted_stands_still() -> None:
    program = step(
        "return torch.exp(-s) * loss + F.softplus(s) - entropy", {"s": 0.0}, "loss, entropy, s"
    )

    assert losses_of(program) == ["loss"]
    assert "`entropy` stays at 0" in first(program).assumes


def test_a_detached_loss_is_a_number() -> None:
    program = step("return torch.exp(-s) * loss + loss.detach() + s", {"s": 0.0}, "loss, s")
    weighting = first(program).weighting

    assert weighting.at(weighting.start, point(weighting, [2.0])).weights.tolist() == [1.0]


def test_a_number_that_scales_a_loss_is_kept() -> None:
    for spelled in (
        "torch.exp(-s) * (2 * loss)",
        "torch.exp(-s) * loss / 0.5",
        "loss / torch.exp(s) * 2",
    ):
        weighting = first(step(f"return {spelled} + s", {"s": 0.0}, "loss, s")).weighting

        assert weighting.at(weighting.start, point(weighting, [1.0])).weights.tolist() == [2.0]


def test_the_total_among_the_other_outputs_may_change_with_it() -> None:
    text = WEIGHTED.replace("return total, {", 'return total, {"total": total, ')
    before, after = (
        Runnable(
            text.replace("TERM", term).replace("WEIGHT", "torch.exp(-s)"),
            "Weighted",
            "forward",
            False,
            {"self.log_vars": 0.0},
        )
        for term in ("0.5 * s", "0.5 * F.softplus(s + 10.0)")
    )

    assert verdict(before, after, "LL101")["status"] == "verified"


def test_an_unknown_function_of_what_is_learned_cannot_be_run() -> None:
    program = step("return torch.exp(-s) * loss + penalty(s)", {"s": 0.0}, "loss, penalty, s")
    found = list(ways(program))

    assert not any(isinstance(one, Loaded) for one in found)
    assert any("`penalty(...)` is not known" in str(one) for one in found)


def test_a_tensor_that_another_module_holds_is_learned() -> None:
    program = step(
        "return torch.exp(-model.log_var) * loss + model.log_var",
        {"model.log_var": 0.5},
        "loss, model",
    )
    weighting = first(program).weighting

    assert (weighting.names, weighting.start.tolist()) == (("model.log_var",), [0.5])


def test_a_network_is_no_weighting() -> None:
    program = step("return s.square().mean() * loss", {"s": 0.0}, "loss, s")
    text = program.text.replace("\n\ndef step", "\ns = nn.Parameter(torch.zeros(9, 9))\n\ndef step")
    program = Runnable(text.replace("loss, s)", "loss)"), "step", "", False, {})

    assert all("too many for task weights" in str(one) for one in ways(program))


def test_a_program_runs_the_same_way_again() -> None:
    before = first(weighted("0.5 * s"))
    after = load(weighted("F.softplus(s)"), before.way)

    assert after.weighting.tasks == before.weighting.tasks
    with pytest.raises(Exception, match=r"some runs only|other task losses"):
        load(weighted("self.other(1) * s"), before.way).weighting.at(
            before.weighting.start, point(before.weighting, [1.0, 1.0])
        )


# --- verdicts -------------------------------------------------------------------------------


def test_the_floor_is_verified() -> None:
    found = verdict(weighted("0.5 * s"), weighted("0.5 * F.softplus(s + 10.0)"), "LL101")

    assert found["status"] == "verified", found["why"]


# Wrong fixes of `0.5 * s`, each with the property that has to see through it.
WRONG = {
    "nothing changed": ("0.5 * s", "torch.exp(-s)", "P2"),
    "the sign was lost": ("-0.5 * F.softplus(s + 10.0)", "torch.exp(-s)", "P2"),
    "the term was dropped": ("0.0", "torch.exp(-s)", "P6"),
    "the absolute value": ("0.5 * s.abs()", "torch.exp(-s)", "P6"),
    "a clamp at 0": ("0.5 * s.clamp(min=0)", "torch.exp(-s.clamp(min=0))", "P5"),
    "another parameter": ("0.5 * F.softplus(self.log_vars[0] + 10.0)", "torch.exp(-s)", "P7"),
    "the weight was detached": ("0.5 * F.softplus(s + 10.0)", "torch.exp(-s.detach())", "P7"),
    "the regularizer was detached": ("0.5 * F.softplus(s.detach() + 10.0)", "torch.exp(-s)", "P7"),
    "the weight was turned": ("0.5 * F.softplus(s + 10.0)", "torch.exp(s)", "P7"),
    "the coefficient was lost": ("F.softplus(s + 10.0)", "torch.exp(-s)", "keeps gradients"),
    "the constant was lost": ("0.5 * F.softplus(s)", "torch.exp(-s)", "keeps gradients"),
    "a loss was dropped": (
        "0.5 * F.softplus(s + 10.0)",
        "torch.exp(-s) * float(loss is depth)",
        "P5",
    ),
    "softplus written out": (
        "0.5 * torch.log1p(torch.exp(10 * (s + 10.0))) / 10",
        "torch.exp(-s)",
        "P3",
    ),
    "the mean of both": ("0.25 * F.softplus(s + 10.0)", "0.5 * torch.exp(-s)", "keeps gradients"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_fix_is_refuted(mistake: str) -> None:
    term, weight, property_ = WRONG[mistake]
    found = verdict(weighted("0.5 * s"), weighted(term, weight), "LL101")

    assert found["status"] == "refuted"
    failed = [one["name"] for one in found["after"]["results"] if one["holds"] is False]
    assert any(name.startswith(property_) for name in failed), failed


def with_output(term: str, output: str) -> Runnable:
    program = weighted(term)
    text = program.text.replace('{"depth": depth, "class": classes}', output)
    return Runnable(text, "Weighted", "forward", False, program.leaves)


def test_a_fix_that_takes_another_output_along_is_refuted() -> None:
    before = with_output("0.5 * s", "torch.exp(-self.log_vars)")
    floor = "0.5 * F.softplus(s + 10.0)"

    kept = verdict(before, with_output(floor, "torch.exp(-self.log_vars)"), "LL101")
    assert kept["status"] == "verified", kept["why"]
    found = verdict(before, with_output(floor, "2 * torch.exp(-self.log_vars)"), "LL101")
    assert found["status"] == "refuted"
    assert "P8 keeps its interface: fails" in str(found["why"])


def test_a_defect_that_does_not_show_is_not_verified() -> None:
    sound = weighted("0.5 * F.softplus(s + 10.0)")
    found = verdict(sound, sound, "LL101")

    assert found["status"] == "not runnable"
    assert "does not show the defect" in str(found["why"])


def test_what_failed_before_is_no_fault_of_a_fix() -> None:
    """A third parameter has no gradient, before the fix and after it."""
    before, after = (
        Runnable(
            weighted(term).text.replace("zeros(num_tasks)", "zeros(3)"),
            "Weighted",
            "forward",
            False,
            {"self.log_vars": 0.0},
        )
        for term in ("0.5 * s", "0.5 * F.softplus(s + 10.0)")
    )
    found = verdict(before, after, "LL101")

    assert found["status"] == "verified", found["why"]
    results = {one["name"]: one for one in found["after"]["results"]}
    fourth = results["P4 every parameter has a gradient"]
    assert (fourth["holds"], fourth["why"][:27]) == (None, "fails before the fix too: n")


def test_a_loss_in_which_nothing_is_found_owes_everything() -> None:
    pair = Pair(Slice.EXPRESSION, (), weighted("0.5 * F.softplus(s)"), None)
    assert answered(Task((pair,)))["status"] == "verified"
    pair = Pair(Slice.EXPRESSION, (), weighted("0.5 * s"), None)
    assert answered(Task((pair,)))["status"] == "refuted"
