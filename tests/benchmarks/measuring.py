"""What a command costs, and what several cost side by side."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")

# A run that takes longer than this many seconds is not repeated.
PATIENCE = 90.0


@dataclass(frozen=True)
class Cost:
    """Seconds, and megabytes of the largest single process: what a Python has, 8, at least."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Run:
    """One run of a command: what it cost, how it ended, how many cores others were busy on."""

    cost: Cost
    status: int
    others: float


@dataclass(frozen=True)
class Command:
    """Something to measure. `before` is done ahead of each run and not measured."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None


def measure(command: Command, folder: Path) -> Run:
    """Run a command in a folder to its end, its output thrown away."""
    command.before()
    env = {**os.environ, **command.env}
    # An installed tool finds its modules compiled, and no others than its own.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if "PYTHONPATH" not in command.env:
        env.pop("PYTHONPATH", None)
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), *command.argv]
    busy, start = _busy(), time.perf_counter()
    done = subprocess.run(launch, cwd=folder, env=env, check=True, capture_output=True, text=True)
    took = time.perf_counter() - start
    wall, cpu, peak, status = map(float, done.stdout.split())
    others = max(0.0, (_busy() - busy - cpu) / took) if busy else 0.0
    return Run(Cost(wall, cpu, peak), int(status), others)


def round_robin(
    commands: Sequence[Command], rounds: int, folder: Path, say: Callable[[str], None]
) -> dict[str, list[Run]]:
    """The runs of each command, by name: A B C, A B C, so that a busy minute is shared by all."""
    runs: dict[str, list[Run]] = {command.name: [] for command in commands}
    for turn in range(1, rounds + 1):
        for command in commands:
            known = runs[command.name]
            if known and known[0].cost.wall > PATIENCE:
                continue
            say(f"round {turn} of {rounds}: {command.name}")
            known.append(measure(command, folder))
    return runs


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure by itself."""
    costs = list(costs)
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.peak for cost in costs),
    )


def ratio(one: float, other: float) -> float:
    """How many times `other` goes into `one`; infinity for what took no measurable time."""
    return one / other if other else float("inf")


def extrapolated(sample: Cost, start: Cost, share: float) -> Cost:
    """What a sample comes to for the whole of which it is this share, in bytes.

    What a run over nothing costs is paid once; the peak stays what it was.
    """

    def scaled(measured: float, fixed: float) -> float:
        return fixed + max(0.0, measured - fixed) / share

    return Cost(scaled(sample.wall, start.wall), scaled(sample.cpu, start.cpu), sample.peak)


def _busy() -> float:
    """Seconds that all cores together were busy for since the machine started; 0 if unknown."""
    try:
        with open("/proc/stat") as file:
            fields = [int(word) for word in file.readline().split()[1:9]]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
