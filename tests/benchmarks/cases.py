"""What is measured: each case is some commands side by side, and how their costs are to be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .measuring import PATIENCE, Command, Cost, Run, extrapolated, median, round_robin
from .peers import LOSSLINT, Installed, Tool, command
from .tree import TRAINING_LOOP, WITHOUT_LOSS, WITHOUT_TORCH, files_in, stride, subtree

PYTHON = "python -c pass"


@dataclass(frozen=True)
class Row:
    """What a tool costs in a case; `note` says what else there is to know about the figures."""

    name: str
    cost: Cost
    runs: int
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A case, measured. Ratios are to the row `base`."""

    title: str
    rows: tuple[Row, ...]
    others: float
    base: str = LOSSLINT.name
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """What all cases share: the code, the tools, a folder to work in, and how often to run."""

    code: Path
    installed: Installed
    work: Path
    home: Path
    rounds: int
    caching: bool
    python: str
    say: Callable[[str], None]

    @property
    def tools(self) -> dict[Tool, Path]:
        """Every tool that runs here, losslint first."""
        return {LOSSLINT: Path(), **self.installed.tools}

    def run(self, commands: Iterable[Command]) -> dict[str, list[Run]]:
        """The runs of some commands, by name."""
        return round_robin(list(commands), self.rounds, self.work, self.say)


def without_torch(bench: Bench) -> Table:
    """One file in which there is nothing to check."""
    return _one_file(bench, "one file of 300 lines without torch", bench.code / WITHOUT_TORCH)


def without_loss(bench: Bench) -> Table:
    """One file that uses torch, but for no loss."""
    title = "one file of 300 lines with torch and without a loss"
    return _one_file(bench, title, bench.code / WITHOUT_LOSS)


def training_loop(bench: Bench) -> Table:
    """One file with a training loop."""
    return _one_file(
        bench, "one file of 300 lines with a training loop", bench.code / TRAINING_LOOP
    )


def cold(bench: Bench) -> Table:
    """The whole tree without a cache; slow tools over a sample of it."""
    files = files_in(bench.code)
    empty = bench.work / "empty.py"
    empty.write_text("")
    shares = {tool: _share(tool, len(files)) for tool in bench.tools}
    commands: list[Command] = []
    for tool, programs in bench.tools.items():
        share = shares[tool]
        where = bench.code if share == 1 else _sample(bench, files, share)
        commands.append(command(tool, programs, where, bench.home))
        if share > 1:
            over_nothing = command(tool, programs, empty, bench.home)
            commands.append(replace(over_nothing, name=f"{tool.name}, start"))
    runs = bench.run(commands)
    rows = []
    for tool, share in shares.items():
        row = _row(tool.name, runs[tool.name])
        if share > 1:
            part = _size(stride(files, share)) / _size(files)
            start = median(run.cost for run in runs[f"{tool.name}, start"])
            note = f"EXTRAPOLATED from 1/{share} of the files ({row.cost.wall:.1f} s)"
            row = replace(row, cost=extrapolated(row.cost, start, part), note=note)
        rows.append(row)
    said = (
        "extrapolated: every nth file by path; by bytes, what a run over an empty file costs"
        " counted once; the peak is that of the sample",
    )
    sampled = any(share > 1 for share in shares.values())
    return _table("whole tree, cold", rows, runs, notes=said if sampled else ())


def warm(bench: Bench) -> Table:
    """The whole tree again, with what the tool's cache keeps of it and nothing changed."""
    return _cached(bench, "whole tree, warm", bench.code, lambda: None)


def one_changed(bench: Bench) -> Table:
    """The whole tree, warm, after a change of one file with a training loop."""
    code = subtree(bench.code, files_in(bench.code), bench.work / "changed")
    changed = code / TRAINING_LOOP
    original = changed.read_text()
    changes = iter(range(1_000_000))

    def change() -> None:
        new = changed.with_suffix(".new")
        new.write_text(f"{original}# change {next(changes)}\n")
        os.replace(new, changed)  # and leave the tree's own file, to which this was a link

    return _cached(bench, "whole tree, warm but for one changed file", code, change)


def growth(bench: Bench) -> Table:
    """How the cost of a cold run grows with the tree."""
    files = files_in(bench.code)
    commands, rows = [], []
    for share in (8, 4, 2, 1):
        where = bench.code if share == 1 else _sample(bench, files, share)
        for tool, programs in bench.tools.items():
            if tool is LOSSLINT or tool.name.startswith("ruff, one rule"):
                part = f"{tool.name}: 1/{share}" if share > 1 else f"{tool.name}: all"
                commands.append(replace(command(tool, programs, where, bench.home), name=part))
    runs = bench.run(commands)
    for share in (8, 4, 2, 1):
        size = _size(stride(files, share)) / 1e6
        for name, each in runs.items():
            if name.endswith(f": 1/{share}" if share > 1 else ": all"):
                row = _row(name, each)
                per = row.cost.cpu / size
                rows.append(replace(row, note=f"{size:.1f} MB, {per:.3f} s of CPU for each"))
    return _table("growth with the tree, cold", rows, runs, base=f"{LOSSLINT.name}: all")


CASES: dict[str, Callable[[Bench], Table]] = {
    "without-torch": without_torch,
    "without-loss": without_loss,
    "training-loop": training_loop,
    "warm": warm,
    "one-changed": one_changed,
    "cold": cold,
    "growth": growth,
}


def _one_file(bench: Bench, title: str, file: Path) -> Table:
    commands = [Command(PYTHON, [bench.python, "-c", "pass"])]
    commands += [command(tool, at, file, bench.home) for tool, at in bench.tools.items()]
    if not file.exists():
        return Table(title, (), 0.0, notes=(f"{file} is not in the tree",))
    # Short runs are noisy: more of them.
    runs = replace(bench, rounds=3 * bench.rounds).run(commands)
    return _table(title, [_row(name, each) for name, each in runs.items()], runs)


def _cached(bench: Bench, title: str, code: Path, before: Callable[[], None]) -> Table:
    caching = {tool: at for tool, at in bench.tools.items() if tool.caches}
    notes = tuple(f"{name}: has no cache" for name in _without_cache(bench))
    if not bench.caching:
        del caching[LOSSLINT]
    commands = []
    for number, (tool, programs) in enumerate(caching.items()):
        cache = bench.work / f"cache-{number}"
        shutil.rmtree(cache, ignore_errors=True)
        commands.append(command(tool, programs, code, bench.home, cache))
    replace(bench, rounds=1).run(commands)  # fills the caches
    runs = bench.run(replace(each, before=before) for each in commands)
    base = next(iter(runs))
    rows = [_row(name, each) for name, each in runs.items()]
    return _table(title, rows, runs, base=base, notes=notes)


def _without_cache(bench: Bench) -> Iterator[str]:
    for tool in bench.tools:
        if not tool.caches or (tool is LOSSLINT and not bench.caching):
            yield tool.name


def _row(name: str, runs: list[Run]) -> Row:
    once = "one run: it takes long" if len(runs) == 1 and runs[0].cost.wall > PATIENCE else ""
    killed = [run.status for run in runs if run.status < 0]
    note = f"KILLED by signal {-killed[0]}" if killed else once
    return Row(name, median(run.cost for run in runs), len(runs), note)


def _table(
    title: str,
    rows: Iterable[Row],
    runs: dict[str, list[Run]],
    *,
    base: str = LOSSLINT.name,
    notes: tuple[str, ...] = (),
) -> Table:
    busy = [run.others for each in runs.values() for run in each]
    return Table(title, tuple(rows), sum(busy) / len(busy), base, notes)


def _share(tool: Tool, files: int) -> int:
    """One file in how many a tool is run over: no fewer than some twenty in all."""
    return max(1, min(tool.share, files // 20))


def _sample(bench: Bench, files: list[Path], share: int) -> Path:
    return subtree(bench.code, stride(files, share), bench.work / f"sample-{share}")


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)
