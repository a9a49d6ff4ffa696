"""A tree of real code: the Python files of pinned packages, fetched by pip, kept between runs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from losslint.config import DEFAULT_EXCLUDE

# Training code and the libraries below it; torch and torchrl have most of the training loops.
# What is installed in this version is copied from where it is; pip downloads the rest, 100 MB
# without torch.
PACKAGES = {
    "accelerate": "1.15.0",
    "avalanche-lib": "0.6.0",
    "catalyst": "22.4",
    "diffusers": "0.42.1",
    "kornia": "0.9.0",
    "lightning": "2.6.6",
    "peft": "0.21.2",
    "pfrl": "0.1.0",
    "pyro-ppl": "1.9.2",
    "pytorch-metric-learning": "2.9.0",
    "sentence-transformers": "6.2.0",
    "simpletransformers": "0.70.8",
    "stable-baselines3": "2.9.2",
    "timm": "1.0.31",
    "torch": "2.13.0",
    "torchrl": "0.14.1",
    "torchvision": "0.29.1",
    "transformers": "5.24.0",
    "trl": "1.16.0",
    "ultralytics": "8.4.190",
}
# About 300 lines each: one of no torch, one with torch and no loss, one with a training loop.
WITHOUT_TORCH = "transformers-5.24.0/transformers/pipelines/audio_utils.py"
WITHOUT_LOSS = "torch-2.13.0/torch/nn/modules/upsampling.py"
TRAINING_LOOP = "torchrl-0.14.1/sota-implementations/ppo/ppo_atari.py"

Content = tuple[PurePosixPath, bytes]


@dataclass(frozen=True)
class Tree:
    """What the tree holds. `training` counts the files with `.backward(`."""

    files: int
    lines: int
    size: int
    torch: int
    training: int
    training_size: int
    digest: str
    missing: dict[str, str]


def tree(home: Path, say: Callable[[str], None]) -> tuple[Path, Tree]:
    """The folder of the tree, built if need be, and what it holds.

    What could not be fetched is named in `missing` with the reason, and tried again next time.
    """
    pins = json.dumps(PACKAGES, sort_keys=True).encode()
    place = home / f"tree-{hashlib.sha256(pins).hexdigest()[:12]}"
    facts = place / "facts.json"
    if facts.exists():
        known = Tree(**json.loads(facts.read_text()))
        if not known.missing:
            return place / "code", known
    shutil.rmtree(place, ignore_errors=True)
    missing: dict[str, str] = {}
    for name, version in PACKAGES.items():
        say(f"tree: {name} {version}")
        try:
            for path, data in _contents(name, version, home / "wheels"):
                _write(place / "code" / f"{name}-{version}" / path, data)
        except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as problem:
            missing[name] = _reason(problem)
    found = survey(place / "code", missing)
    facts.write_text(json.dumps(asdict(found), indent=1))
    return place / "code", found


def files_in(folder: Path) -> list[Path]:
    """Every Python file in a folder, in one order."""
    return sorted(folder.rglob("*.py"))


def survey(folder: Path, missing: dict[str, str]) -> Tree:
    """What a folder of code holds."""
    lines = size = torch = training = training_size = count = 0
    digest = hashlib.sha256()
    for path in files_in(folder):
        data = path.read_bytes()
        count += 1
        lines += data.count(b"\n")
        size += len(data)
        torch += b"torch" in data
        if b".backward(" in data:
            training += 1
            training_size += len(data)
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + data + b"\0")
    return Tree(
        count, lines, size, torch, training, training_size, digest.hexdigest()[:16], missing
    )


def stride(files: Sequence[Path], step: int) -> Sequence[Path]:
    """Every `step`th file: the same files each time, and those of 1/8 are among those of 1/4."""
    return files[::step]


def subtree(code: Path, files: Iterable[Path], to: Path) -> Path:
    """A folder with some files of a tree, linked and not copied where that is possible."""
    shutil.rmtree(to, ignore_errors=True)
    for path in files:
        new = to / path.relative_to(code)
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, new)
        except OSError:
            shutil.copyfile(path, new)
    return to


def _contents(name: str, version: str, wheels: Path) -> Iterator[Content]:
    """The Python files of a package, without those in folders that linters pass by."""
    for path, data in _installed(name, version) or _wheel(name, version, wheels):
        if path.suffix == ".py" and not {"..", *DEFAULT_EXCLUDE} & set(path.parts):
            yield path, data


def _installed(name: str, version: str) -> list[Content]:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    if found.version.partition("+")[0] != version:
        return []
    listed = [path for path in found.files or () if path.suffix == ".py"]
    return [(path, Path(str(path.locate())).read_bytes()) for path in listed]


def _wheel(name: str, version: str, wheels: Path) -> Iterator[Content]:
    wheels.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}-"
    if not any(wheels.glob(f"{stem}*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        only = ["--only-binary", ":all:", "--dest", str(wheels), f"{name}=={version}"]
        subprocess.run([*pip, *only], check=True, capture_output=True, text=True)
    wheel = next(wheels.glob(f"{stem}*.whl"), None)
    if wheel is None:
        raise FileNotFoundError(f"pip left no {stem}*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith(".py"):
                yield PurePosixPath(member), archive.read(member)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _reason(problem: Exception) -> str:
    said = problem.stderr if isinstance(problem, subprocess.CalledProcessError) else ""
    errors = [line for line in (said or "").splitlines() if line.startswith("ERROR")]
    return (errors or [str(problem)])[-1]
