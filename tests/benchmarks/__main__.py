"""Measures losslint beside its peers, and prints what came of it.

The tree and the peers are kept in $XDG_CACHE_HOME/losslint-benchmarks, ~/.cache by default:
about 0.5 GB, and no network once they are there. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .cases import CASES, Bench
from .measuring import measure
from .peers import LOSSLINT, PEERS, can_cache, command, install
from .table import absent_lines, machine, rendered, tree_lines
from .tree import (
    TRAINING_LOOP,
    WITHOUT_LOSS,
    WITHOUT_TORCH,
    files_in,
    stride,
    subtree,
    survey,
    tree,
)

QUICK = 16


def main() -> int:
    """Run the cases that are asked for."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument(
        "--quick", action="store_true", help=f"1/{QUICK} of the tree and at most two rounds"
    )
    parser.add_argument(
        "--only", action="append", choices=CASES, metavar="CASE", help=", ".join(CASES)
    )
    parser.add_argument("--without-peers", action="store_true", help="losslint alone")
    options = parser.parse_args()

    home = _home()
    code, facts = tree(home, _say)
    if not facts.files:
        print("nothing could be fetched:", *tree_lines(facts), sep="\n", file=sys.stderr)
        return 1
    peers = () if options.without_peers else PEERS
    # Links to the tree: on its file system.
    work = Path(tempfile.mkdtemp(prefix="run-", dir=home))
    try:
        if options.quick:
            named = {code / file for file in (WITHOUT_TORCH, WITHOUT_LOSS, TRAINING_LOOP)}
            some = {*stride(files_in(code), QUICK), *(path for path in named if path.exists())}
            code = subtree(code, sorted(some), work / "quick")
            facts = survey(code, facts.missing)
        measured_on = code / TRAINING_LOOP
        installed = install(peers, home, measured_on, _say)
        measure(command(LOSSLINT, Path(), measured_on, home), work)  # compiles its modules
        rounds = min(options.rounds, 2) if options.quick else options.rounds
        bench = Bench(code, installed, work, home, rounds, can_cache(home), sys.executable, _say)
        print(machine(), *tree_lines(facts), *absent_lines(installed.absent), sep="\n")
        for name in options.only or CASES:
            print("", rendered(CASES[name](bench)), sep="\n", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"\n{machine()} (at the end)")
    return 0


def _home() -> Path:
    above = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(above) / "losslint-benchmarks"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
