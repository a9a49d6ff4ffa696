"""Which files are taken, which are left, and what is said of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from losslint.config import ConfigError, Settings
from losslint.source.discover import Problem, Python, Skipped, discover


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, below one that no test may see."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").touch()
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")
    return tmp_path / "tree"


def make(*paths: str) -> None:
    for path in paths:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        Path(path).touch()


def ignore(folder: str, *lines: str) -> None:
    os.makedirs(folder, exist_ok=True)
    Path(folder, ".gitignore").write_text("\n".join(lines))


def files(*paths: str, settings: Settings | None = None) -> list[str]:
    found = discover(paths or ["."], settings or Settings())
    return [one.path for one in found if isinstance(one, Python)]


def test_a_folder_gives_its_python_files_by_name() -> None:
    make("b.py", "a/z.py", "a/b/c.py", "c.pyi", "d.txt", "e.py.orig")
    assert files() == ["a/b/c.py", "a/z.py", "b.py"]
    assert files("a") == ["a/b/c.py", "a/z.py"]


def test_a_file_is_given_once_however_often_it_is_named() -> None:
    make("a/b.py")
    assert files("a/b.py", "a", "./a/../a/b.py", ".") == ["a/b.py"]


def test_the_usual_folders_are_passed_by() -> None:
    make(*(f"{name}/x.py" for name in Settings().exclude), "x/node_modules/y.py", "x/a.py")
    assert files() == ["x/a.py"]


def test_gitignore_files_hold_for_what_is_below_them() -> None:
    make("a.py", "b.py", "sub/a.py", "sub/b.py", "sub/keep.py", "gen/x.py", "sub/gen/x.py")
    ignore(".", "/b.py", "gen/", "keep.py")
    ignore("sub", "a.py", "!keep.py")
    assert files() == ["a.py", "sub/b.py", "sub/keep.py"]
    assert len(files(settings=Settings(respect_gitignore=False))) == 7


def test_a_broken_line_of_a_gitignore_file_matches_nothing() -> None:
    make("a.py", "b.py")
    ignore(".", "!", "x\\", "a.py", "[")
    assert files() == ["b.py"]


def test_a_broken_glob_of_the_configuration_is_an_error() -> None:
    make("a.py")
    with pytest.raises(ConfigError, match="no glob"):
        files(settings=Settings(exclude=("!",)))


def test_gitignore_files_above_hold_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    make("repo/.git/HEAD", "repo/a/b/x.py", "repo/a/b/y.py", "repo/a/b/z.py")
    ignore("repo", "x.py")
    ignore("repo/a", "/b/y.py")
    ignore(".", "z.py")  # above the repository, so none of its business
    assert files("repo/a/b") == ["repo/a/b/z.py"]
    assert files("repo/a/b/x.py") == ["repo/a/b/x.py"]


def test_an_ignored_folder_that_is_named_is_checked() -> None:
    make(".git/HEAD", "build/x.py", "build/gen/y.py", "data/x.py")
    ignore(".", "build", "data/", "gen")
    assert files("build") == ["build/x.py"]
    assert files("data") == ["data/x.py"]
    assert files(".") == []


def test_globs_leave_files_out() -> None:
    make("a.py", "a_pb2.py", "x/a.py", "x/y/a.py", "z/x/b.py")
    assert files(settings=Settings(extend_exclude=("*_pb2.py", "x/y"))) == [
        "a.py",
        "x/a.py",
        "z/x/b.py",
    ]
    assert files(settings=Settings(extend_exclude=("/x",))) == ["a.py", "a_pb2.py", "z/x/b.py"]
    assert files(settings=Settings(exclude=("x",))) == ["a.py", "a_pb2.py"]


def test_globs_count_from_the_folder_of_the_configuration(tree: Path) -> None:
    make("pkg/gen/x.py", "gen/y.py")
    settings = Settings(extend_exclude=("/gen",), root=str(tree))
    os.chdir("pkg")
    assert files(settings=settings) == ["gen/x.py"]


def test_a_named_file_is_taken_even_if_it_is_excluded() -> None:
    make(".git/HEAD", "venv/a.py", "gen/b.py")
    ignore(".", "gen/")
    forced = Settings(force_exclude=True)
    assert files("venv/a.py", "gen/b.py") == ["venv/a.py", "gen/b.py"]
    assert files("venv/a.py", "gen/b.py", settings=forced) == []
    assert files("venv", settings=forced) == []


def test_a_named_file_is_taken_whatever_its_suffix() -> None:
    make("train", "train.py3")
    assert files("train", "train.py3") == ["train", "train.py3"]


def test_no_link_is_followed_and_that_is_said() -> None:
    make("pkg/a.py")
    os.symlink("../outside", "out")
    os.symlink("../outside/secret.py", "secret.py")
    os.symlink("..", "pkg/loop")
    os.symlink("nowhere", "gone.py")
    os.symlink("self.py", "self.py")
    os.symlink("data", "data.txt")
    found = list(discover(["."], Settings()))
    assert [one.path for one in found if isinstance(one, Python)] == ["pkg/a.py"]
    assert [one for one in found if isinstance(one, Skipped)] == [
        Skipped("gone.py", "links"),
        Skipped("out", "links"),
        Skipped("pkg/loop", "links"),
        Skipped("secret.py", "links"),
        Skipped("self.py", "links"),
    ]


def test_a_link_does_not_hide_the_file_that_it_leads_to() -> None:
    make("z.py")
    os.symlink("z.py", "a.py")
    assert files() == ["z.py"]
    assert files("a.py") == ["a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_pipe_is_not_opened() -> None:
    os.mkfifo("pipe.py")
    assert list(discover(["."], Settings())) == [Skipped("pipe.py", "special files")]
    assert list(discover(["pipe.py"], Settings())) == [
        Problem("pipe.py", "neither a file nor a folder")
    ]


def test_notebooks_are_found_as_modules_are() -> None:
    make("a.ipynb", "venv/b.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb")
    assert list(discover(["."], Settings())) == [Python("a.ipynb")]
    assert list(discover(["venv/b.ipynb"], Settings())) == [Python("venv/b.ipynb")]


@pytest.mark.parametrize("path", ["missing.py", "missing/", "a.py/b.py", "a\0b"])
def test_a_path_that_is_not_there_is_a_problem(path: str) -> None:
    make("a.py")
    first, second = discover([path, "a.py"], Settings())
    assert isinstance(first, Problem)
    assert second == Python("a.py")


def test_a_folder_that_cannot_be_listed_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    make("a/x.py", "b/x.py")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert list(discover(["."], Settings())) == [
        Problem("a", "Permission denied"),
        Python("b/x.py"),
    ]


def test_a_plain_folder_does_without_pathspec() -> None:
    """It takes 40 ms to import, as much as all else that one small file needs."""
    import subprocess
    import sys

    make("a.py")
    program = (
        "import sys\n"
        "from losslint.config import ConfigError, Settings\n"
        "from losslint.source.discover import discover\n"
        "print(len(list(discover(['.'], Settings()))), 'pathspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "1 False\n"
