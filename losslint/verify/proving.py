"""From a source to a verdict on each of its losses."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from losslint.config import ConfigError, Settings
from losslint.source.notebook import opened
from losslint.source.text import Source
from losslint.verify.losses import SAFE_FIRST, Change, Loss, Tries, change_by_hand, changes_of
from losslint.verify.programs import CannotSlice, Program, Total
from losslint.verify.sandbox.allowed import refusal
from losslint.verify.sandbox.workers import Worker
from losslint.verify.slicing import core, expression, whole
from losslint.verify.travelling import version_from
from losslint.verify.verdict import Slice, Status, Verdict

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def verify(
    source: str,
    qualname: str,
    settings: Settings | None = None,
    *,
    worker: Worker | None = None,
) -> Verdict:
    """Run the loss of this name before and after its fix in torch.

    `source` is the text of a module, `qualname` a class or function of it (or
    `<module>`). Its code is run in another process, under limits and after a look
    at what it uses; the rest of the module is not. Of several totals in it the
    first that is not verified decides. Whoever asks often keeps a `worker`, which
    saves the start of torch.

    Raises:
        ConfigError: there is no loss of this name with learned weights.
        Unreadable: the source cannot be checked.
        NoTorch: torch is not installed.
    """
    text = opened(Source.from_text("<string>", source))
    with _kept(worker) as ready:
        every = list(verdicts(text, settings or Settings(), ready, qualname=qualname))
    if not every:
        raise ConfigError(f"no loss with learned weights is called `{qualname}`")
    return next((one for one in every if one.status is not Status.VERIFIED), every[0])


def compare(
    before: str,
    after: str,
    qualname: str,
    settings: Settings | None = None,
    *,
    worker: Worker | None = None,
) -> Verdict:
    """Run the loss of this name as it is in two texts of its module, one changed by hand.

    What losslint finds in the text before must show there, and be gone after.

    Raises:
        ConfigError: there is no loss of this name with learned weights in both.
        Unreadable: a text cannot be checked.
        NoTorch: torch is not installed.
    """
    old, new = (opened(Source.from_text("<string>", text)) for text in (before, after))
    change = change_by_hand(old, new, qualname, settings or Settings())
    if change is None:
        raise ConfigError(f"no loss with learned weights is called `{qualname}`")
    with _kept(worker) as ready:
        return verdict(change, ready)


def _kept(worker: Worker | None) -> AbstractContextManager[Worker]:
    """A worker that is there already, or one for as long as it is needed."""
    return Worker() if worker is None else nullcontext(worker)


def verdicts(
    source: Source,
    settings: Settings,
    worker: Worker,
    *,
    tries: Tries = SAFE_FIRST,
    qualname: str | None = None,
    full: bool = False,
) -> Iterator[Verdict]:
    """A verdict on each loss of a source, or on those of one name, in their order.

    `tries` are the kinds of fixes that are tried, one after the other where nothing is
    mended by those before; `full` asks for every figure.

    Raises:
        Unreadable: the source cannot be checked.
        NoTorch: torch is not installed.
    """
    for change in changes_of(source, settings, tries):
        if qualname in (None, change.before.qualname):
            yield verdict(change, worker, full=full)


def verdict(change: Change, worker: Worker, *, full: bool = False) -> Verdict:
    """What torch says of one loss."""
    started = time.monotonic()
    loss = change.before
    verdict = Verdict(
        path=loss.module.source.name,
        qualname=loss.qualname,
        row=loss.row,
        status=Status.NOT_RUNNABLE,
        why="",
        codes=change.codes,
        safety=change.safety,
    )
    pairs, reasons = _pairs(change)
    if pairs:
        job = {
            "pairs": pairs,
            "codes": list(change.fixed or change.codes),
            "left": list(change.left),
            "safety": change.safety,
            "full": full,
        }
        verdict = _answered(verdict, worker.ask(job), reasons)
    else:
        verdict = replace(verdict, why="; ".join(reasons))
    return replace(verdict, seconds=round(time.monotonic() - started, 3))


def _pairs(change: Change) -> tuple[list[dict[str, Any]], list[str]]:
    """What can be run of a loss, the most of it first, and why the rest cannot."""
    pairs: list[dict[str, Any]] = []
    reasons: list[str] = []
    for cut in (whole, _core, expression):
        try:
            before = _program(cut, change.before)
            after = _program(cut, change.after) if change.after else None
        except CannotSlice as problem:
            reasons.append(str(problem))
            continue
        pairs.append(
            {
                "slice": before.slice.value,
                "assumes": list(before.assumes),
                "before": _runnable(before, change.before),
                "after": _runnable(after, change.after) if after and change.after else None,
            }
        )
    return pairs, reasons


def _core(tree: ast.Module, total: Total) -> Program:
    return core(expression(tree, total), total.leaves)


def _program(cut: Callable[..., Program], loss: Loss) -> Program:
    program = cut(loss.module.syntax, loss.total)
    refused = refusal(program.text)
    if refused:
        raise CannotSlice(refused)
    return program


def _runnable(program: Program, loss: Loss) -> dict[str, Any]:
    return {
        "text": program.text,
        "entry": program.entry,
        "method": program.method,
        "whole": program.slice is Slice.WHOLE,
        "leaves": loss.leaves,
    }


def _answered(verdict: Verdict, answer: Mapping[str, Any], reasons: Sequence[str]) -> Verdict:
    """A verdict with what came back from the worker."""
    status = Status(answer["status"])
    why = answer["why"]
    if status is Status.NOT_RUNNABLE:
        return replace(verdict, why="; ".join(dict.fromkeys([*reasons, why])))
    return replace(
        verdict,
        status=status,
        why=why,
        slice=Slice(answer["slice"]),
        call=answer["call"],
        assumes=tuple(answer["assumes"]),
        before=version_from(answer["before"]),
        after=version_from(answer["after"]) if answer.get("after") else None,
        gradient_difference=answer.get("gradient_difference"),
    )
