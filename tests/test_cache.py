"""The cache: it saves time, it never changes what is said, and nothing in it is trusted."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import CLEAN, WEIGHTED

import losslint
from losslint import Settings, check_paths, check_source, cli
from losslint.engine import check as engine_check
from losslint.engine import fingerprint, relevance, run, states, storage, whole
from losslint.engine.cache import INDEX, OTHERS, RECORDS, RUNS, Cache
from losslint.engine.index import Index, packed, unpacked
from losslint.engine.kept import deflated, inflated
from losslint.engine.looks import recalled
from losslint.source.text import Source

ROOT = Path(__file__).parents[1]
HOUR = 3600 * 10**9

NOTEBOOK = {
    "nbformat": 4,
    "metadata": {},
    "cells": [{"cell_type": "code", "source": WEIGHTED.splitlines(keepends=True)}],
}
FOREIGN = {"nbformat": 4, "cells": [], "metadata": {"language_info": {"name": "R"}}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two files, the working directory, written long ago."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    write("losses.py", WEIGHTED)
    write("calm.py", CLEAN)
    return root


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were checked, and did not come from the cache."""
    names: list[str] = []

    def check(source: Any, *arguments: Any) -> engine_check.Checked:
        names.append(source.name)
        return engine_check.check(source, *arguments)

    monkeypatch.setattr(run, "check", check)
    return names


@pytest.fixture
def joins(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were joined, for each time that some were."""
    counts: list[int] = []
    across = run.across

    def counting(members: Any, *arguments: Any) -> Any:
        counts.append(len(members))
        return across(members, *arguments)

    monkeypatch.setattr(run, "across", counting)
    return counts


def write(path: str, text: str, ago: int = HOUR) -> None:
    """Write a file as if it were some time ago."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    age(path, ago)


def age(path: str, ago: int = HOUR) -> None:
    status = os.stat(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - ago))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command says: its status and all that it prints."""

    def said(*arguments: str) -> str:
        status = cli.main(["--isolated", *arguments])
        out, err = capsys.readouterr()
        return f"{status}\n{out}\n{err}"

    return said


Say = Callable[..., str]


def the_file(folder: str = ".losslint_cache") -> Path:
    (path,) = Path(folder).glob(f"*{storage.SUFFIX}")
    return path


# --- it saves time ------------------------------------------------------------------------


def test_what_is_as_it_was_is_not_checked_again(
    say: Say, checked: list[str], joins: list[int]
) -> None:
    first = say()
    assert sorted(checked) == ["calm.py", "losses.py"]
    assert joins == [2]

    assert say() == first
    assert sorted(checked) == ["calm.py", "losses.py"]
    assert joins == [2]
    assert "LL101" in first


def test_a_run_over_nothing_new_imports_no_libcst(project: Path) -> None:
    script = "import sys; from losslint.cli import main; main(['--isolated', '-q']); "
    script += "print([name for name in ('libcst', 'rich', 'torch') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    first, again = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first.replace("['libcst']", "[]") == again
    assert again.endswith("[]\n")
    assert "LL101" in again


def test_only_what_changed_is_checked(say: Say, checked: list[str]) -> None:
    say()
    checked.clear()
    write("calm.py", WEIGHTED.replace("Weighted", "Other"))

    assert "calm.py:11" in say()
    assert checked == ["calm.py"]

    checked.clear()
    say()
    assert checked == []


def test_other_times_alone_change_nothing(say: Say, checked: list[str]) -> None:
    first = say()
    checked.clear()
    for path in ("calm.py", "losses.py"):
        age(path)

    assert say() == first
    assert checked == []


def test_what_was_written_a_moment_ago_is_read_again(
    say: Say, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be written once more without its times or its size telling."""
    write("calm.py", "bad = 1\n", ago=0)
    before = os.stat("calm.py")
    say()
    write("calm.py", "good= 1\n", ago=0)
    os.utime("calm.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    monkeypatch.setattr(os, "stat", as_if("calm.py", before))
    checked.clear()

    say()
    assert checked == ["calm.py"]


def as_if(path: str, status: os.stat_result) -> Callable[..., os.stat_result]:
    """An `os.stat` that has the same to say of one file as before."""
    stat = os.stat
    return lambda asked, *a, **k: status if asked == path else stat(asked, *a, **k)


def test_old_times_are_trusted(
    say: Say, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "COARSE", -HOUR)
    say()
    before = os.stat("calm.py")
    opened: list[str] = []
    monkeypatch.setattr(os, "stat", as_if("calm.py", before))
    # As with more files than are read to find out whether any matters.
    monkeypatch.setattr(relevance, "MANY", 0)
    sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)

    say()
    assert "losses.py" in opened  # its findings are shown with its lines
    assert "calm.py" not in opened


@pytest.mark.parametrize(
    "arguments",
    [
        ("--select", "LL1"),
        ("--ignore", "LL101"),
        ("--extend-select", "LL110"),
        ("--config", "pyproject.toml"),
    ],
)
def test_other_settings_know_nothing(
    say: Say, checked: list[str], arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    write("pyproject.toml", '[tool.losslint]\nlog-variance-form = "softplus"\n')
    say()
    checked.clear()

    cli.main([*(["--isolated"] if "--config" not in arguments else []), *arguments])
    assert sorted(checked) == ["calm.py", "losses.py"]


def test_which_files_are_left_out_is_no_matter(say: Say, checked: list[str]) -> None:
    say()
    checked.clear()
    assert "LL101" not in say("--extend-exclude", "losses.py")
    assert checked == []


def test_another_version_knows_nothing(
    say: Say, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say()
    for name, value in (("__version__", "99.0"), ("version", "3.99")):
        checked.clear()
        monkeypatch.setattr(losslint if name == "__version__" else sys, name, value)
        say()
        assert sorted(checked) == ["calm.py", "losses.py"]


def test_a_rule_that_is_edited_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "losslint"
    (package / "rules").mkdir(parents=True)
    for name in ("__init__.py", "rules/mine.py"):
        (package / name).touch()
    monkeypatch.setattr(losslint, "__file__", str(package / "__init__.py"))
    before = fingerprint.mark(Settings())
    assert fingerprint.mark(Settings()) == before

    (package / "rules" / "mine.py").write_text("rule = 1\n")
    edited = fingerprint.mark(Settings())
    assert edited != before

    # Installed, it is known by what pip wrote, and its files are not looked at.
    installed = package.parent / f"torch_losslint-{losslint.__version__}.dist-info"
    installed.mkdir()
    (installed / "RECORD").touch()
    known = fingerprint.mark(Settings())
    (package / "rules" / "mine.py").write_text("rule = 22\n")
    assert fingerprint.mark(Settings()) == known != edited


# --- it says the same ---------------------------------------------------------------------


# Folders of fixtures with whole projects, fixes of both kinds, comments and related places.
SOME = ("unused_loss", "unoptimized_loss_parameters", "rectified_total", "scenarios/negative_loss")


@pytest.mark.parametrize(
    "folders", [SOME, pytest.param(("",), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_warm_is_cold_to_the_byte(folders: tuple[str, ...], say: Say, checked: list[str]) -> None:
    """Over fixtures and a scenario, notebooks and what cannot be read among them."""
    for folder in folders:
        shutil.copytree(ROOT / "fixtures" / folder, f"fixtures/{folder}")
    for path in Path("fixtures").rglob("*.py"):
        age(str(path))
    write("broken.py", "import torch\ndef (:\n")
    write("note.ipynb", json.dumps(NOTEBOOK))
    write("r.ipynb", json.dumps(FOREIGN))
    write("idle.py", "import torch  # losslint: ignore[LL101]\n")
    Path("latin.py").write_bytes(b"import torch # \xe4\n")
    os.symlink("calm.py", "link.py")
    cold = {form: say(*FORMS, form, "--no-cache") for form in ("json", "full")}
    assert say(*FORMS, "json") == cold["json"]
    checked.clear()

    assert {form: say(*FORMS, form) for form in cold} == cold
    assert checked == []

    # One file more: the others come from the cache, and are joined anew.
    write("more.py", CLEAN)
    said = say(*FORMS, "full")
    assert checked == ["more.py"]
    assert said != cold["full"]
    assert said == say(*FORMS, "full", "--no-cache")


FORMS = ("--select", "ALL", "--output-format")


@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes_it_says_what_a_cold_run_says(seed: int, say: Say) -> None:
    """Files of a project change at random, and what names mean in it with them."""
    choose = random.Random(seed)
    shutil.copytree(ROOT / "fixtures" / "unused_loss" / "bad", "unused")
    write("train.py", TRAIN)
    write("pack/__init__.py", "from .inner import Weighted as Inner\nfrom losses import *\n")
    write("pack/inner.py", WEIGHTED)
    write("pack/heir.py", "from . import Inner\n\n\nclass HeirLoss(Inner):\n    pass\n")
    write("use.py", TRAIN.replace("from losses", "from pack").replace("Weighted", "Inner"))
    said = []
    for _ in range(14):
        said.append(say(*FORMS, "concise"))
        assert said[-1] == say(*FORMS, "concise", "--no-cache")
        for _ in range(choose.choice((1, 1, 1, 2))):
            change_something(choose)
    for code in ("LL107", "LL408"):  # of the project
        assert any(code in each for each in said)
    assert len({*said}) > 4


def change_something(choose: random.Random) -> None:
    """A file is moved, removed, or gets other lines, names or calls."""
    path = choose.choice(sorted(map(str, Path().rglob("*.py"))))
    text = Path(path).read_text()
    lines = text.splitlines(keepends=True)
    names = sorted({word for word in re.findall(r"\w+", text) if word[:1].isupper()})
    other = choose.choice(sorted(map(str, Path().rglob("*.py"))))
    match choose.choice((0, 1, 2, 3, 4, 5, 5, 6, 7)):
        case 0:
            os.unlink(path)
        case 1:
            os.rename(path, f"{os.path.dirname(path) or '.'}/moved_{choose.randrange(99)}.py")
        case 2:
            write(path, f"# {choose.random()}\n{text}")
        case 3 if len(lines) > 2:
            del lines[choose.randrange(len(lines))]
            write(path, "".join(lines))
        case 4 if names:
            write(path, text.replace(choose.choice(names), choose.choice([*names, "Weighted"])))
        case 5:
            given = choose.choice(("model", "criterion", "*model.parameters(), *criterion"))
            use = TRAIN.replace("model.parameters()", f"[{given}.parameters()]")
            write(choose.choice(("train.py", "use.py")), use)
        case 6:
            write(path, text + f"\n\nfrom {Path(other).stem} import *\n\nWeighted()\n")
        case _:
            write(path, Path(other).read_text())


def test_fixes_after_a_warm_check(say: Say, checked: list[str]) -> None:
    for folder in ("one", "other"):
        write(f"{folder}/losses.py", WEIGHTED)
        write(f"{folder}/calm.py", CLEAN)
    assert "LL101" in say("one")
    cold = say("--fix", "--no-cache", "other")
    warm = say("--fix", "one")
    assert warm == cold.replace("other", "one")
    assert Path("one/losses.py").read_bytes() == Path("other/losses.py").read_bytes()
    assert ".softplus" in Path("one/losses.py").read_text()

    # What was written is known by then.
    checked.clear()
    assert "LL101" not in say("one")
    assert checked == []


def test_a_fix_is_never_taken_from_the_cache(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    say()
    forge_record("losses.py", lambda data: data.replace(b".softplus", b".evil"))
    forge(RUNS, lambda data: data.replace(b".softplus", b".evil"))
    assert ".evil" in say()
    say("--fix")
    assert ".evil" not in Path("losses.py").read_text()
    assert ".softplus" in Path("losses.py").read_text()


def test_a_diff_leaves_what_is_known(say: Say, checked: list[str]) -> None:
    first = say()
    diff = say("--diff")
    assert diff == say("--diff", "--no-cache")
    checked.clear()
    assert say() == first
    assert checked == []


def test_the_library_keeps_no_cache() -> None:
    assert [*check_paths(["."])]
    assert check_source(WEIGHTED)
    assert not Path(".losslint_cache").exists()


def test_nor_does_standard_input(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("losses.py") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert "LL101" in say("-")
    assert not Path(".losslint_cache").exists()


def test_what_broke_is_tried_again(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("for once")

    with monkeypatch.context() as patch:
        patch.setattr(engine_check, "_run", broken)
        assert "for once" in say()
    assert "for once" not in say()


def test_what_takes_too_long_to_follow_is_said_again_and_not_followed_again(
    say: Say, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losslint.ranges.run.MAX_NODES", 10)
    sums = " + ".join(["torch.exp(a)"] * 20)
    write("long.py", f"import torch\n\ndef total(a):\n    return {sums}\n")
    cold = say()
    assert "takes too long to follow" in cold
    checked.clear()
    assert say() == cold
    assert checked == []


def test_so_is_a_join_that_broke(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("losslint.engine.across.whole", lambda *_: 1 / 0)
        assert "division" in say()
    assert "division" not in say()


# --- other files --------------------------------------------------------------------------

TRAIN = """\
import torch
from losses import Weighted


def train(model):
    criterion = Weighted()
    optimizer = torch.optim.Adam(model.parameters())
    return criterion, optimizer
"""


def test_a_finding_of_the_project_goes_by_every_file(say: Say, checked: list[str]) -> None:
    write("train.py", TRAIN)
    assert "LL107" in say("--select", "LL107,LL408")
    checked.clear()

    late = "def late(optimizer, criterion):\n    "
    late += "optimizer.add_param_group({'params': criterion.parameters()})\n"
    write("late.py", late)
    assert "LL107" not in say("--select", "LL107,LL408")
    os.unlink("late.py")
    assert "LL107" in say("--select", "LL107,LL408")
    assert checked == ["late.py"]


@pytest.mark.parametrize("name", ["names.yaml", "elsewhere/use.py", "outputs/config.json"])
def test_it_goes_by_files_that_are_not_of_the_run(name: str, say: Say) -> None:
    write("src/losses.py", SIGNED.replace("Loss", "DiceLoss"))
    write("src/train.py", TRAIN)
    assert "LL408" in say("--select", "LL408", "src")

    write(name, "loss = 'DiceLoss'\n")
    assert "LL408" not in say("--select", "LL408", "src")
    write(name, "loss = 'Other'\n")
    assert "LL408" in say("--select", "LL408", "src")


def test_what_is_around_is_read_once(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    write("src/losses.py", SIGNED.replace("Loss", "DiceLoss"))
    write("src/train.py", TRAIN)
    write("other/make.py", TRAIN)
    read: list[str] = []
    facts_of = whole.facts_of

    def counting(source: Source) -> Any:
        read.append(os.path.relpath(source.name))
        return facts_of(source)

    monkeypatch.setattr(whole, "facts_of", counting)
    arguments = ("--select", "LL408", "src")
    first = say(*arguments)
    assert "other/make.py" in read

    # A file of the run is another: what lies around is the same.
    read.clear()
    write("src/train.py", TRAIN + "\n")
    assert say(*arguments) == first
    assert read == []

    write("other/make.py", TRAIN + "DiceLoss()\n")
    assert "LL408" not in say(*arguments)
    assert read == ["other/make.py"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: write("weights.py", WEIGHTED.replace("+ 0.5", "+ 0.0 * 0.5")),
        lambda: os.unlink("weights.py"),
        lambda: write("weights/__init__.py", "class Weighted:\n    pass\n"),
        lambda: os.rename("losses.py", "weights/old.py") if os.path.isdir("weights") else None,
    ],
)
def test_what_a_name_means_in_another_file(change: Callable[[], None], say: Say) -> None:
    """A rule of single files follows an import: its findings rest on what is there, and on what is not."""
    write("weights.py", SIGNED)
    write("train.py", USE)
    first = say("train.py")
    assert say("train.py") == first
    change()
    assert say("train.py") == say("train.py", "--no-cache")


SIGNED = """\
import torch.nn as nn


class Loss(nn.Module):
    def forward(self, x, y):
        return (x - y).pow(2).mean()
"""
USE = """\
import torch
from weights import Loss


def train(model, loader, optimizer):
    criterion = Loss()
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def test_what_was_asked_of_the_file_system_is_kept(say: Say) -> None:
    write("weights.py", SIGNED)
    write("train.py", USE)
    say("train.py", "--cache-dir", "kept")
    index = unpacked(storage.Stored(str(the_file("kept")), mark_of()).part(INDEX))
    kinds = {kind for kind, path, _ in index.rests["train.py"] if "weights" in path}
    assert {"file", "folder"} <= kinds


def mark_of() -> str:
    return fingerprint.mark(Settings())


# --- where it is --------------------------------------------------------------------------


def test_it_is_marked_as_a_cache(say: Say) -> None:
    say()
    assert {*os.listdir(".losslint_cache")} == {".gitignore", "CACHEDIR.TAG", the_file().name}
    assert Path(".losslint_cache/CACHEDIR.TAG").read_bytes().startswith(storage.SIGNATURE)
    assert "*" in Path(".losslint_cache/.gitignore").read_text().splitlines()


def test_it_is_beside_the_configuration(project: Path) -> None:
    write("pyproject.toml", "[tool.losslint]\n")
    write("a/b.py", CLEAN)
    cli.main(["a"])
    assert the_file()
    write("pyproject.toml", '[tool.losslint]\ncache-dir = "kept/here"\n')
    cli.main(["a"])
    assert the_file("kept/here")
    cli.main(["a", "--cache-dir", "a/there"])
    assert the_file("a/there")


def test_no_cache_is_none(say: Say) -> None:
    say("--no-cache")
    assert not Path(".losslint_cache").exists()


def test_a_folder_of_the_user_s_stays_theirs(say: Say) -> None:
    write("mine/notes.txt", "mine")
    say("--cache-dir", "mine")
    assert sorted(os.listdir("mine")) == [the_file("mine").name, "notes.txt"]

    assert "removed" in say_clean("mine", say)
    assert os.listdir("mine") == ["notes.txt"]


def say_clean(folder: str, say: Say) -> str:
    """What `losslint clean` says; `say` puts an option before it, which is none of a command."""
    return subprocess.run(
        [sys.executable, "-m", "losslint", "clean", "--isolated", "--cache-dir", folder],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_clean_removes_it(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--isolated"])
    capsys.readouterr()
    assert cli.main(["clean", "--isolated"]) == 0
    assert capsys.readouterr().out == "removed .losslint_cache\n"
    assert not Path(".losslint_cache").exists()
    assert cli.main(["clean", "--isolated"]) == 0
    assert capsys.readouterr().out == "no cache in .losslint_cache\n"


@pytest.mark.parametrize("name", ["README.md", f"other{storage.SUFFIX}", ".gitignore"])
def test_clean_leaves_what_is_not_its_own(name: str) -> None:
    write(f".losslint_cache/{name}", "mine")
    cli.main(["--isolated"])
    cli.main(["clean", "--isolated"])
    assert os.listdir(".losslint_cache") == [name]
    assert Path(".losslint_cache", name).read_text() == "mine"


def test_clean_follows_no_link(tmp_path: Path) -> None:
    cli.main(["--isolated", "--cache-dir", str(tmp_path / "real")])
    os.symlink(tmp_path / "real", ".losslint_cache")
    assert cli.main(["clean", "--isolated"]) == 0
    assert the_file(str(tmp_path / "real"))


def test_files_of_old_settings_go(say: Say) -> None:
    for number in range(1, storage.MAX_FILES + 4):
        say("--select", "LL101", "--ignore", ",".join(["LL102"] * number))
    assert len([*Path(".losslint_cache").glob("*.cache")]) == storage.MAX_FILES


# --- it fails quietly ---------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_disk_costs_time_alone(
    number: int, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = say("--no-cache")

    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(storage, "_put", full)
    assert say() == expected
    assert f"cache could not be written: [Errno {number}]" in say("-v")


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = say()
    kept = the_file().read_bytes()
    write("calm.py", CLEAN + "\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert say() == expected
    assert the_file().read_bytes() == kept
    assert len(os.listdir(".losslint_cache")) == 3


def test_a_folder_that_cannot_be_written(say: Say) -> None:
    """A file in its place stands for it: to root, no folder is read-only."""
    expected = say("--no-cache")
    Path(".losslint_cache").write_text("")
    assert say() == expected
    assert "cache could not be written" in say("-v")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes")
def test_a_pipe_in_its_place_is_not_waited_for(say: Say) -> None:
    expected = say()
    path = the_file()
    path.unlink()
    os.mkfifo(path)
    assert say() == expected
    assert say() == expected


def test_an_interrupted_run_keeps_what_it_found(
    say: Say, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "across", interrupted)
        assert say().startswith("130")
    checked.clear()
    say()
    assert checked == []


def test_runs_at_the_same_time(say: Say) -> None:
    """Each writes the whole of what it knows: the last one wins, and nothing is torn."""
    expected = say("--no-cache")
    for number in range(20):
        write(f"more{number}.py", f"{WEIGHTED}\n# {number}\n")
    command = [sys.executable, "-m", "losslint", "--isolated"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen([*command, path], env=environment, stdout=subprocess.PIPE, text=True)
        for path in (".", "losses.py", ".", "more1.py")
    ]
    said = [process.communicate()[0] for process in runs]
    assert said[0] == said[2]
    assert said[0].count("warning LL101") == 21
    assert len(os.listdir(".losslint_cache")) == 3
    for number in range(20):
        os.unlink(f"more{number}.py")
    assert say() == expected


def test_a_reader_beside_a_writer(say: Say) -> None:
    """A file that is replaced while it is read yields one state or nothing."""
    say()
    path, mark = str(the_file()), mark_of()
    data = the_file().read_bytes()
    other = storage.packed(mark, [b"[]", b"[]", b""])
    stop = threading.Event()

    def replace_it() -> None:
        while not stop.is_set():
            for content in (other, data):
                storage._put(".losslint_cache", the_name, content)

    the_name = os.path.basename(path)
    writer = threading.Thread(target=replace_it)
    writer.start()
    try:
        for _ in range(300):
            stored = storage.Stored(path, mark)
            whole = {part for part in map(stored.part, (INDEX, RUNS, RECORDS)) if part}
            assert whole <= {b"[]", *parts_of(data)}
    finally:
        stop.set()
        writer.join()


# --- and trusts nothing -------------------------------------------------------------------


def parts_of(data: bytes) -> list[bytes]:
    head, _, rest = data.partition(b"\n")
    lengths = [int(word.split(b":")[0]) for word in head.split()[2:]]
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    return [rest[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def forge(part: int, change: Callable[[bytes], bytes]) -> None:
    """Change a part of the cache as someone would who knows how it is made."""
    path = the_file()
    parts = parts_of(path.read_bytes())
    parts[part] = change(parts[part])
    path.write_bytes(storage.packed(mark_of(), parts))


def forge_record(path: str, change: Callable[[bytes], bytes]) -> None:
    """The same with the record of one file."""
    content = with_record(the_file().read_bytes(), path, change)
    the_file().write_bytes(content)


def with_record(
    content: bytes, path: str, change: Callable[[bytes], bytes], *, of_flows: bool = False
) -> bytes:
    """The content of a cache in which the record of one file is another, or that of its flows."""
    parts = parts_of(content)
    index = unpacked(parts[INDEX])
    start, length = index.places[path]
    record, flows = inflated(parts[RECORDS][start : start + length])
    if of_flows:
        record, flows = deflated(record), deflated(change(inflated(flows)[0]))
    else:
        record = deflated(change(record))
    record += flows
    places = {**index.places, path: (len(parts[RECORDS]), len(record))}
    parts[INDEX] = packed(Index(index.states, places, index.rests))
    parts[RECORDS] += record
    return storage.packed(mark_of(), parts)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bytes, str]]:
    """A project with its cache, what is in it, and what a run without it says."""
    root = tmp_path_factory.mktemp("known")
    before = os.getcwd()
    os.chdir(root)
    try:
        write("losses.py", WEIGHTED)
        write("train.py", TRAIN)
        write("idle.py", "import torch  # losslint: ignore[LL101]\n")
        cli.main(["--isolated", "-q", "--output-file", "expected"])
        yield root, the_file().read_bytes(), Path("expected").read_text()
    finally:
        os.chdir(before)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6),
    st.sampled_from([10**40, -1, "losses.py", "/dev/zero", "../..", "\ud800", "file", "error"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)
SLOW = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


def same_as_without(known: tuple[Path, bytes, str], content: bytes) -> None:
    root, _, expected = known
    os.chdir(root)
    the_file().write_bytes(content)
    cli.main(["--isolated", "-q", "--output-file", "said"])
    assert Path("said").read_text() == expected


def without_runs(content: bytes) -> bytes:
    """The content of a cache that does not know what whole runs came to: so all else is asked."""
    parts = parts_of(content)
    return storage.packed(mark_of(), [*parts[:RUNS], b"[]", *parts[RUNS + 1 :]])


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
def test_a_cache_of_any_bytes(known: tuple[Path, bytes, str], data: st.DataObject) -> None:
    kept = known[1]
    cut = data.draw(st.integers(0, len(kept)))
    noise = data.draw(st.binary(max_size=40))
    same_as_without(known, kept[:cut] + noise + kept[cut + len(noise) * data.draw(st.booleans()) :])


@given(part=st.sampled_from([INDEX, RUNS, RECORDS, OTHERS]), value=VALUES)
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_cache_of_any_json(known: tuple[Path, bytes, str], part: int, value: object) -> None:
    parts = parts_of(known[1] if part == RUNS else without_runs(known[1]))
    parts[part] = json.dumps(value).encode()
    same_as_without(known, storage.packed(mark_of(), parts))


@given(part=st.sampled_from([INDEX, RUNS, RECORDS, OTHERS]), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_cache_with_one_value_changed(
    known: tuple[Path, bytes, str], part: int, data: st.DataObject
) -> None:
    """A value of another kind, or of no sense, costs time alone."""
    content = known[1] if part in (RUNS, INDEX) else without_runs(known[1])
    parts = parts_of(content)

    def changed(record: bytes) -> bytes:
        return json.dumps(with_one_changed(json.loads(record), data)).encode()

    if part == RECORDS:
        content = with_record(content, "losses.py", changed)
    else:
        parts[part] = changed(parts[part])
        content = storage.packed(mark_of(), parts)
    same_as_without(known, content)


def with_one_changed(value: Any, data: st.DataObject) -> Any:
    """A value with one of those inside it of another kind."""
    leaf, *way = data.draw(st.sampled_from([*ways(value)]))
    other = data.draw(st.sampled_from([None, True, -1, 1.5, 10**40, [], {}, [[]], "\ud800"]))
    at = value
    for step in reversed(way):
        at = at[step]
    # An empty list, or nothing in the place of a fix, would be a lie that nobody can tell.
    lies = {list: (None, []), bool: (True,), type(None): (None,)}.get(type(at[leaf]), ())
    if other not in lies:
        at[leaf] = other
    return value


def ways(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside another, the last step first."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in steps:
        yield (step,)
        if isinstance(inner, (list, dict)):
            yield from ((*way, step) for way in ways(inner))


@pytest.mark.parametrize("nest", ["[", '{"a":', "[[[", '["'])
@pytest.mark.parametrize("part", range(5))
def test_a_cache_that_is_nested_deep(nest: str, part: int, say: Say) -> None:
    expected = say()
    forge(part, lambda data: nest.encode() * 100_000)
    assert say() == expected


def test_a_finding_beyond_the_end_is_none(say: Say) -> None:
    expected = say()
    finding = [[99_999, 99_999], "LL101", "far_off", "far off", "error", None, [], []]
    forge_record("losses.py", lambda _: json.dumps(["", [finding], [], True, None]).encode())
    forge(RUNS, lambda data: b"[]")
    assert recalled(Cache(".losslint_cache", Settings()), "losses.py") is None
    assert say() == expected


@given(path=st.sampled_from(["losses.py", "train.py"]), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_cache_with_one_flow_changed(
    known: tuple[Path, bytes, str], path: str, data: st.DataObject
) -> None:
    """The flows are read when all files are joined: what is no flow is found out then."""

    def changed(record: bytes) -> bytes:
        return json.dumps(with_one_changed(json.loads(record), data)).encode()

    content = with_record(without_runs(known[1]), path, changed, of_flows=True)
    same_as_without(known, content)


def test_facts_that_are_none_are_found_anew(say: Say, checked: list[str]) -> None:
    write("train.py", TRAIN)
    expected = say()
    assert "LL107" in expected
    content = without_runs(the_file().read_bytes())
    the_file().write_bytes(with_record(content, "train.py", lambda _: b"[[]]", of_flows=True))
    checked.clear()
    assert say() == expected
    assert sorted(checked) == ["calm.py", "losses.py", "train.py"]
    checked.clear()
    assert say() == expected
    assert checked == []


def test_a_record_without_end_is_none(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = say()
    forge_record("losses.py", lambda data: data + b" " * 20_000)
    monkeypatch.setattr("losslint.engine.kept.MAX_RECORD", 10_000)
    forge(RUNS, lambda data: b"[]")
    assert recalled(Cache(".losslint_cache", Settings()), "losses.py") is None
    assert say() == expected


def test_a_link_in_its_place_is_not_followed_to_write(say: Say, tmp_path: Path) -> None:
    """It may have come with the project, and lead anywhere."""
    expected = say("--no-cache")
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", ".losslint_cache")
    assert say() == expected
    assert "cache could not be written" in say("-v")
    assert not os.listdir(tmp_path / "elsewhere")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="has no files that never end")
def test_a_file_is_read_as_far_as_it_says_it_goes() -> None:
    path = "/proc/self/stat"  # as /proc/kmsg, which a reader waits for
    found = states.States({path: (1, 2, 3, "content")})
    assert found.content(path) == fingerprint.digest(b"")


def test_no_device_is_read_for_its_content() -> None:
    found = states.States({"/dev/zero": (1, 2, 3, "content")})
    assert found.content("/dev/zero") == ""
    assert not found.is_same("/dev/zero")
