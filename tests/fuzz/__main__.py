"""Tries bytes, guided by which lines they reach, until something that must hold does not.

What was found to reach further is kept for the next time in $XDG_CACHE_HOME/losslint-fuzz,
~/.cache by default; bytes that broke something are beside it. Give them as the last argument to try them again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["losslint"]):
    from .targets import TARGETS

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "losslint-fuzz"


def main() -> None:
    """Fuzz one target for some time, or try one file again."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    parser.add_argument("again", nargs="?", help="a file of bytes that broke something")
    options = parser.parse_args()
    target = TARGETS[options.target]
    if options.again:
        target.expect(Path(options.again).read_bytes())
        return
    corpus = CACHE / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    arguments = {
        "max_total_time": options.seconds,
        "max_len": 4096,
        "timeout": 30,
        "artifact_prefix": f"{CACHE}/{options.target}-",
    }
    written = [f"-{name}={value}" for name, value in arguments.items()]
    atheris.Setup([sys.argv[0], str(corpus), *written], target.expect)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
