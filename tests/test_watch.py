"""`--watch`, as somebody sees it who changes files beside it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BAD = "import torch\n\ny = torch.log(torch.softmax(torch.rand(3), 0))\n"
GOOD = "import torch\n\ny = torch.log_softmax(torch.rand(3), 0)\n"


class Watched:
    """A running `losslint --watch`, and what it has said and not yet been asked for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> str:
        """What the next check says, up to the line that it waits."""
        said = ""
        while ": watching " not in said:
            said += self._lines.get(timeout=20)
        return said

    def nothing(self) -> bool:
        """Whether it stays silent."""
        try:
            return not self._lines.get(timeout=1.2)
        except queue.Empty:
            return True


pytestmark = pytest.mark.usefixtures("heeding")


@contextmanager
def watched(folder: Path, *options: str) -> Iterator[Watched]:
    command = [sys.executable, "-m", "losslint", "--watch", "--output-format", "concise", *options]
    with subprocess.Popen(
        command, cwd=folder, stdout=-1, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Watched(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
        finally:
            process.kill()


def test_what_changes_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    (tmp_path / ".git").mkdir()
    with watched(tmp_path) as running:
        first = running.next()
        assert "bad.py:3:5: warning LL404" in first
        assert "watching 1 file, until Ctrl-C" in first
        assert "\x1b" not in first  # this is no terminal

        (tmp_path / "bad.py").write_text(GOOD)
        assert "Checked 1 file: no findings." in running.next()
        # as editors do that put the new text in the place of the old one
        (tmp_path / "new").write_text(BAD)
        (tmp_path / "new").rename(tmp_path / "bad.py")
        assert "bad.py:3:5: warning LL404" in running.next()
        (tmp_path / "ignored.py").write_text(BAD)
        (tmp_path / "notes.txt").write_text(BAD)
        assert running.nothing()

        (tmp_path / "losslint.toml").write_text('ignore = ["LL404"]\n')
        assert "no findings" in running.next()
        (tmp_path / "losslint.toml").write_text("ignore = 1\n")
        broken = running.next()
        assert "losslint.toml: `ignore` must be a list of strings" in broken
        (tmp_path / "losslint.toml").unlink()
        assert "bad.py:3:5: warning LL404" in running.next()
        (tmp_path / "bad.py").unlink()
        assert "watching 0 files" in running.next()


def test_fixes_are_written_and_then_it_rests(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    with watched(tmp_path, "--fix", "bad.py") as running:
        assert "Fixed 1 finding in 1 file." in running.next()
        assert "LL404" not in running.next()
        assert running.nothing()
        assert "log_softmax" in (tmp_path / "bad.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "modules", "error"),
    [
        (["-"], [], "--watch does not go with `-`: that is no file"),
        (["nowhere"], [], "nowhere"),
        (["--add-ignores"], [], "--add-ignores does not go with --watch"),
        (["--select", "LL999"], [], "unknown rule `LL999`"),
        ([], ["watchfiles"], "`--watch` needs pip install 'torch-losslint[watch]'"),
    ],
)
def test_what_cannot_be_watched_is_an_error(
    arguments: list[str], modules: list[str], error: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in modules:
        (hidden / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(hidden), *sys.path])}
    command = [sys.executable, "-m", "losslint", "--watch", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert error in done.stderr
    assert len(done.stderr.splitlines()) == 1
