"""LL306's fixtures at work: `bad.py` takes a NaN for the best, `fixed.py` never does, and both agree on numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from losslint import Settings, check_source

FOLDER = Path(__file__).parents[1] / "fixtures" / "nan_blind_selection"
MODEL = SimpleNamespace(state_dict=dict)
EPOCHS = 8

# One epoch: whether weights were saved, the best loss after it, and how long there was none.
Epoch = tuple[bool, Any, Any]
Run = Callable[[ModuleType, Sequence[float]], list[Epoch]]


def load(name: str) -> ModuleType:
    """A fixture, in which `torch.save` counts."""
    module = ModuleType(name)
    text = (FOLDER / f"{name}.py").read_text()
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    module.saved = []  # type: ignore[attr-defined]
    save = lambda *given: module.saved.append(given)  # noqa: E731
    module.torch = SimpleNamespace(**{**vars(torch), "save": save})  # type: ignore[attr-defined]
    return module


def of_class(
    make: Callable[[ModuleType], Any], step: Callable[[Any, float], Any], *names: str
) -> Run:
    """An object that gets the losses one by one; `names` hold its best and its patience."""

    def run(module: ModuleType, losses: Sequence[float]) -> list[Epoch]:
        made, found = make(module), []
        for loss in losses:
            before = len(module.saved)
            step(made, loss)
            state = [getattr(made, name) for name in names] + [0]
            found.append((len(module.saved) > before, state[0], state[1]))
        return found

    return run


def of_function(name: str, *, path: bool = True) -> Run:
    """A function that asks for the loss of each epoch; run for one epoch, for two, and so on."""

    def run(module: ModuleType, losses: Sequence[float]) -> list[Epoch]:
        found = []
        saved = 0
        for epochs in range(1, len(losses) + 1):
            module.saved.clear()
            extra = ("path",) if path else ()
            got = vars(module)[name](MODEL, lambda _, epoch: losses[epoch], epochs, *extra)
            best, wait = got if isinstance(got, tuple) else (got, 0)
            flagged = [s for s in module.saved if s[0].get("is_best", True)]
            found.append((len(flagged) > saved, best, wait))
            saved = len(flagged)
        return found

    return run


OPTIMIZER = SimpleNamespace(param_groups=[{"lr": 1.0}])
RUNS: dict[str, Run] = {
    "EarlyStopping": of_class(
        lambda module: module.EarlyStopping("path", patience=100),
        lambda made, loss: made(loss, MODEL),
        "best_score",
        "counter",
    ),
    "Plateau": of_class(
        lambda module: module.Plateau(OPTIMIZER, patience=100, threshold=0.0),
        lambda made, loss: made.step(loss),
        "best",
        "bad_epochs",
    ),
    "BestCheckpoint": of_class(
        lambda module: module.BestCheckpoint("path"),
        lambda made, loss: made.update(MODEL, {"val_loss": loss}),
        "best_loss",
    ),
    "Stopper": of_class(
        lambda module: module.Stopper(100),
        lambda made, loss: made.should_stop(loss),
        "min_loss",
        "counter",
    ),
    "Monitor": of_class(
        lambda module: module.Monitor(), lambda made, loss: made.update(loss), "best", "wait"
    ),
    "fit": of_function("fit"),
    "fit_from_nothing": of_function("fit_from_nothing"),
    "fit_until": of_function("fit_until"),
    "fit_and_flag": of_function("fit_and_flag"),
    "lowest": of_function("lowest", path=False),
}

# Code behind these relies on a best that is a number: a first NaN stays until there is one.
FORGETFUL = {"Stopper", "fit_until"}

every_run = pytest.mark.parametrize("name", RUNS)


def sequences(seed: int) -> Iterator[list[float]]:
    """Losses with many ties."""
    chance = random.Random(seed)
    for _ in range(60):
        yield [chance.choice((0.5, 1.0, 1.5, 2.0, chance.random())) for _ in range(EPOCHS)]


def with_nan(seed: int) -> Iterator[tuple[int, list[float]]]:
    """The same, with a NaN at each place in turn."""
    for losses in list(sequences(seed))[:10]:
        for at in range(EPOCHS):
            yield at, [*losses[:at], math.nan, *losses[at + 1 :]]


def is_nan(value: Any) -> bool:
    return value is not None and math.isnan(value)


def harms(epochs: Sequence[Epoch], at: int) -> set[str]:
    """What a selection did with the NaN of one epoch, and with the best that it had."""
    saved, best, wait = epochs[at]
    waited = epochs[at - 1][2] if at else 0
    found = {
        "kept": is_nan(best),
        "saved": saved,
        "patience": wait < waited,
        "stays": is_nan(epochs[-1][1]) and at < len(epochs) - 1,
    }
    return {word for word, holds in found.items() if holds}


def test_every_selection_of_the_fixture_is_run() -> None:
    text = (FOLDER / "bad.py").read_text()

    assert text.count("# LL306") == len(RUNS)


@every_run
def test_healthy_losses_are_selected_as_before(name: str) -> None:
    bad, fixed = load("bad"), load("fixed")

    for losses in sequences(1):
        assert RUNS[name](fixed, losses) == RUNS[name](bad, losses)


@every_run
def test_a_nan_is_selected_as_it_was_written(name: str) -> None:
    bad = load("bad")

    found = [harms(RUNS[name](bad, losses), at) for at, losses in with_nan(2)]

    assert any(found) or name == "fit_from_nothing"


def test_after_a_first_nan_nothing_is_saved_any_more() -> None:
    losses = [math.nan, 3.0, 2.0, 1.0]

    bad = RUNS["fit_from_nothing"](load("bad"), losses)
    fixed = RUNS["fit_from_nothing"](load("fixed"), losses)

    assert [saved for saved, _, _ in bad] == [True, False, False, False]
    assert [saved for saved, _, _ in fixed] == [False, True, True, True]


@every_run
def test_the_fixed_one_keeps_saves_and_resets_nothing_for_a_nan(name: str) -> None:
    fixed = load("fixed")

    for at, losses in with_nan(3):
        found = harms(RUNS[name](fixed, losses), at)
        assert found <= ({"kept", "saved"} if name in FORGETFUL and at == 0 else set())


@every_run
def test_the_best_is_the_best_of_the_numbers(name: str) -> None:
    fixed = load("fixed")

    for _, losses in with_nan(4):
        best = RUNS[name](fixed, losses)[-1][1]
        numbers = [loss for loss in losses if not math.isnan(loss)]
        if best is not None:
            assert float(abs(best)) == pytest.approx(min(numbers))


@pytest.mark.parametrize("loss", [torch.tensor(math.nan), torch.tensor([math.nan])])
def test_the_check_takes_tensors_of_one_element(loss: torch.Tensor) -> None:
    stopping = load("fixed").EarlyStopping("path")
    stopping(torch.tensor(1.0), MODEL)
    stopping(loss, MODEL)

    assert stopping.best_score == -1.0
    assert stopping.counter == 1


def found(text: str) -> list[str]:
    return [f.message for f in check_source(text, "a.py", Settings(select=("LL306",)))]


SELECTION = """
import torch

def fit(model, evaluate, path):
    best_loss = float("inf")
    while True:
        {metric}
        if {test}:
            continue
        best_loss = loss
        torch.save(model.state_dict(), path)
"""


@pytest.mark.parametrize(
    ("metric", "test", "count"),
    [
        ("loss = evaluate()", "loss >= best_loss", 1),
        ("loss = evaluate()", "best_loss <= loss", 1),
        ("loss = evaluate()", "not (loss < best_loss)", 0),
        ("loss = evaluate()", "not loss < best_loss", 0),
        ("loss = evaluate()", "loss - best_loss > -1e-4", 1),
        ("loss = evaluate()", "loss >= best_loss or loss != loss", 0),
        ("loss = evaluate()", "not (loss < best_loss and model.training)", 0),
        ("loss = evaluate()", "model.training and loss >= best_loss", 1),
        ("loss = evaluate()", "model.training", 0),
        ("loss = torch.nan_to_num(evaluate())", "loss >= best_loss", 0),
        ("loss = 1 - accuracy(model)", "loss >= best_loss", 1),
    ],
)
def test_a_selection_is_judged_by_running_it(metric: str, test: str, count: int) -> None:
    assert len(found(SELECTION.format(metric=metric, test=test))) == count


def test_files_of_tests_are_left_alone_unless_asked_for() -> None:
    text = SELECTION.format(metric="loss = evaluate()", test="loss >= best_loss")

    assert check_source(text, "tests/test_a.py", Settings()) == []
