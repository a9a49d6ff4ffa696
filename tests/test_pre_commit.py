"""The hooks, run by pre-commit itself in a repository made for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import CLEAN, WEIGHTED

ROOT = Path(__file__).parents[1]

# What pre-commit installs a hook from, besides the package.
NEEDED = (".pre-commit-hooks.yaml", "LICENSE", "README.md", "pyproject.toml")


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with an identity, and without the settings of whoever runs the tests."""
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Test"), ("EMAIL", "test@localhost"))
    }
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **identity}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    # The hook that `pre-commit install` writes calls the interpreter that installed it.
    return subprocess.run(
        command, cwd=cwd, env={**inherited, **git}, capture_output=True, text=True
    )


def git(*arguments: str, cwd: Path) -> str:
    done = run("git", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """This checkout as it stands, committed to a repository of its own; and the commit."""
    copy = tmp_path_factory.mktemp("hooks")
    for name in NEEDED:
        shutil.copy2(ROOT / name, copy / name)
    shutil.copytree(
        ROOT / "losslint", copy / "losslint", ignore=shutil.ignore_patterns("__pycache__")
    )
    git("init", "-q", cwd=copy)
    git("add", "-A", cwd=copy)
    git("commit", "-qm", "As it stands", cwd=copy)
    return copy, git("rev-parse", "HEAD", cwd=copy)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let pre-commit install the hooks where nobody else's are, once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRE_COMMIT_HOME", str(tmp_path_factory.mktemp("pre-commit")))
        yield


@pytest.fixture
def repository(tmp_path: Path, hooks: tuple[Path, str], request: pytest.FixtureRequest) -> Path:
    """A repository with one of the hooks installed."""
    source, commit = hooks
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source}\n  rev: {commit}\n  hooks:\n  - id: {request.param}\n"
    )
    git("add", ".pre-commit-config.yaml", cwd=tmp_path)
    done = run(sys.executable, "-m", "pre_commit", "install", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path


def commit(repository: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """Try to commit these files."""
    for name, text in files.items():
        path = repository / name.replace("_", ".")
        path.write_text(text)
        git("add", "-f", path.name, cwd=repository)
    return run("git", "commit", "-m", "Try", cwd=repository)


both = pytest.mark.parametrize("repository", ["losslint", "losslint-fix"], indirect=True)
check = pytest.mark.parametrize("repository", ["losslint"], indirect=True)
fix = pytest.mark.parametrize("repository", ["losslint-fix"], indirect=True)


@check
def test_a_commit_with_a_bad_file_is_refused(repository: Path) -> None:
    done = commit(repository, bad_py=WEIGHTED, clean_py=CLEAN)
    assert done.returncode != 0
    assert "bad.py:11:" in done.stdout + done.stderr
    assert "LL101" in done.stdout + done.stderr
    assert (repository / "bad.py").read_text() == WEIGHTED


@both
def test_a_commit_with_a_bad_notebook_is_refused(repository: Path) -> None:
    cell = {"cell_type": "code", "source": ["%matplotlib inline\n", WEIGHTED]}
    done = commit(repository, bad_ipynb=json.dumps({"cells": [cell], "nbformat": 4}))
    assert done.returncode != 0
    is_fixed = "softplus" in (repository / "bad.ipynb").read_text()
    assert is_fixed is not ("bad.ipynb:cell 1:12:" in done.stdout + done.stderr)


@fix
def test_a_bad_file_is_rewritten_and_can_then_be_committed(repository: Path) -> None:
    assert commit(repository, bad_py=WEIGHTED).returncode != 0
    fixed = (repository / "bad.py").read_text()
    assert "softplus" in fixed
    done = commit(repository, bad_py=fixed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "bad.py").read_text() == fixed


@both
def test_a_notebook_is_checked_and_fixed_too(
    repository: Path, request: pytest.FixtureRequest
) -> None:
    cell = {"cell_type": "code", "source": WEIGHTED, "metadata": {}, "outputs": []}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    done = commit(repository, note_ipynb=json.dumps(notebook))
    assert done.returncode != 0
    fixed = "softplus" in (repository / "note.ipynb").read_text()
    if request.node.callspec.params["repository"] == "losslint-fix":
        assert fixed
        assert "files were modified by this hook" in done.stdout + done.stderr
    else:
        assert not fixed
        assert "note.ipynb:cell 1:11:" in done.stdout + done.stderr


@both
def test_a_commit_of_the_configuration_alone_passes(repository: Path) -> None:
    done = commit(repository, losslint_toml="ignore = ['LL105']\n")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pre_commit_takes_the_hooks_for_valid() -> None:
    manifest = str(ROOT / ".pre-commit-hooks.yaml")
    done = run(sys.executable, "-m", "pre_commit", "validate-manifest", manifest, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@both
def test_a_clean_file_passes(repository: Path) -> None:
    done = commit(repository, clean_py=CLEAN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout + done.stderr


@both
def test_a_commit_without_python_passes(repository: Path) -> None:
    done = commit(repository, notes_md="# Notes\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped" in done.stdout + done.stderr


@both
def test_a_file_that_cannot_be_parsed_is_refused(repository: Path) -> None:
    done = commit(repository, broken_py=WEIGHTED + "def f(:\n")
    assert done.returncode != 0
    assert "LL000" in done.stdout + done.stderr


@both
def test_an_excluded_file_passes_though_the_hook_names_it(repository: Path) -> None:
    (repository / "losslint.toml").write_text('extend-exclude = ["bad.py"]\n')
    done = commit(repository, bad_py=WEIGHTED)
    assert done.returncode == 0, done.stdout + done.stderr
