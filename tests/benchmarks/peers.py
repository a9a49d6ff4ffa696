"""The tools that are measured, and a virtual environment for each peer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .measuring import Command

ROOT = Path(__file__).parents[2]
CORES = str(os.cpu_count() or 1)

# From where its programs are, to what runs it over a path; with a folder for its cache, or none.
Argv = Callable[[Path, str, "Path | None"], list[str]]


@dataclass(frozen=True)
class Tool:
    """A linter with some options. One file in `share` is what it is run over of a large tree."""

    name: str
    packages: tuple[str, ...]
    argv: Argv
    share: int = 1
    caches: bool = False


def _ruff(rules: str) -> Argv:
    def argv(programs: Path, path: str, cache: Path | None) -> list[str]:
        kept = ["--cache-dir", str(cache)] if cache else ["--no-cache"]
        checking = [str(programs / "ruff"), "check", "--isolated", "--quiet"]
        return [*checking, *kept, "--select", rules, path]

    return argv


def _losslint(programs: Path, path: str, cache: Path | None) -> list[str]:
    kept = ["--cache-dir", str(cache)] if cache else ["--no-cache"]
    # As the script does that pip installs.
    script = "from losslint.cli import main; raise SystemExit(main())"
    concise = ["--isolated", "--quiet", "--output-format", "concise"]
    return [sys.executable, "-c", script, *concise, *kept, path]


LOSSLINT = Tool("losslint", (), _losslint, caches=True)

RUFF = ("ruff==0.17.6",)
PEERS = (
    Tool("ruff, one rule (NPY002)", RUFF, _ruff("NPY002"), caches=True),
    Tool("ruff, bugbear (B)", RUFF, _ruff("B"), caches=True),
    Tool("ruff, ALL", RUFF, _ruff("ALL"), caches=True),
    Tool(
        "torch-preflight",
        ("torch-preflight==0.5.0",),
        lambda programs, path, _: [str(programs / "torch-preflight"), "check", path],
        share=100,
    ),
    Tool(
        "TorchFix, ALL",
        ("torchfix==0.7.0",),
        lambda programs, path, _: [str(programs / "torchfix"), "--select", "ALL", path],
        share=100,
    ),
    Tool(
        "Fixit",
        ("fixit==2.2.1",),
        lambda programs, path, _: [str(programs / "fixit"), "lint", path],
        share=100,
    ),
    Tool(
        "flake8 + bugbear",
        ("flake8==7.5.0", "flake8-bugbear==26.10.27"),
        lambda programs, path, _: [str(programs / "flake8"), "--isolated", path],
        share=100,
    ),
    Tool(
        "pylint",
        ("pylint==4.1.4",),
        lambda programs, path, _: [
            *(str(programs / "pylint"), "--rcfile", os.devnull, "--disable", "import-error"),
            *("--recursive", "y", "--jobs", CORES, path),
        ],
        share=100,
    ),
)


@dataclass(frozen=True)
class Installed:
    """The peers that run here, with the folder of their programs; the others with the reason."""

    tools: dict[Tool, Path]
    absent: dict[str, str]


def install(peers: Iterable[Tool], home: Path, file: Path, say: Callable[[str], None]) -> Installed:
    """Every peer in an environment of its own, tried on one file."""
    tools: dict[Tool, Path] = {}
    absent: dict[str, str] = {}
    for tool in peers:
        try:
            programs = _environment(tool.packages, home, say)
        except subprocess.CalledProcessError as problem:
            errors = [line for line in problem.stderr.splitlines() if line.startswith("ERROR")]
            absent[tool.name] = (errors or problem.stderr.splitlines() or [str(problem)])[-1]
            continue
        tried = subprocess.run(
            tool.argv(programs, str(file), None), cwd=home, capture_output=True, text=True
        )
        # What pylint finds is in its status; 32 is a wrong option.
        if tried.returncode < 0 or tried.returncode >= 32 or "Traceback" in tried.stderr:
            last = (tried.stderr.strip().splitlines() or [f"status {tried.returncode}"])[-1]
            absent[tool.name] = f"fails on {file.name}: {last}"
        else:
            tools[tool] = programs
    return Installed(tools, absent)


def command(
    tool: Tool, programs: Path, path: Path, home: Path, cache: Path | None = None
) -> Command:
    """What runs a tool over `path`."""
    env = {}
    if tool is LOSSLINT:  # this working tree's, compiled as if it were installed
        env = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(home / "compiled")}
    return Command(tool.name, tool.argv(programs, str(path), cache), env)


def can_cache(home: Path) -> bool:
    """Whether this losslint has a cache."""
    argv = _losslint(Path(), "--help", None)
    asked = subprocess.run(
        argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=home, capture_output=True, text=True
    )
    return "--cache-dir" in asked.stdout


def _environment(packages: tuple[str, ...], home: Path, say: Callable[[str], None]) -> Path:
    """The folder of the programs of a virtual environment with these packages."""
    folder = home / "peers" / "_".join(packages).replace("==", "-")
    done = folder / "complete"
    if not done.exists():
        say(f"peers: {' '.join(packages)}")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(pip, check=True, capture_output=True, text=True)
        done.touch()
    return folder / "bin"
