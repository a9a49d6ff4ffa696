"""What was asked of the file system to understand a module: its findings hold as long as the answers do."""

from __future__ import annotations

import os
import stat

FILE, THERE, FOLDER, LISTED = "file", "there", "folder", "listed"
CHANGED = "changed"  # what no answer is

# A kind of question and the path that it is about.
Question = tuple[str, str]


class Asked:
    """The questions that were asked for one module, with the answers; and those of other modules.

    What is known of another module rests in turn on what was asked for that one: once
    found out, it is not asked again, so that the questions are kept where they were asked.
    """

    def __init__(self) -> None:
        self.answers: dict[Question, str] = {}
        self.others: set[Asked] = set()

    def file(self, path: str) -> os.stat_result | None:
        """The status of a regular file; None if the path leads to none."""
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            found = None
        status = found if found is not None and stat.S_ISREG(found.st_mode) else None
        said = f"{status.st_size} {status.st_mtime_ns}" if status else ""
        _note(self.answers, (FILE, path), said)
        return status

    def is_there(self, path: str) -> bool:
        """Whether there is anything at a path."""
        return bool(self._ask(THERE, path))

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at a path."""
        return bool(self._ask(FOLDER, path))

    def listed(self, folder: str) -> list[str]:
        """The names of the Python files in a folder, in order."""
        return self._ask(LISTED, folder).split("/")[1:]

    def rests_on(self, other: Asked) -> None:
        """Let what was and will be asked for another module count for this one too."""
        self.others.add(other)

    def everything(self) -> dict[Question, str]:
        """All questions that this module rests on, with the answers."""
        found: dict[Question, str] = {}
        for one in self._closure():
            for question, said in one.answers.items():
                _note(found, question, said)
        return found

    def _closure(self) -> set[Asked]:
        found = {self}
        waiting = [self]
        while waiting:
            new = waiting.pop().others - found
            found |= new
            waiting += new
        return found

    def _ask(self, kind: str, path: str) -> str:
        said = answer((kind, path))
        _note(self.answers, (kind, path), said)
        return said


def _note(answers: dict[Question, str], question: Question, said: str) -> None:
    """Keep an answer; of two that differ neither holds."""
    answers[question] = said if answers.get(question, said) == said else CHANGED


def answer(question: Question) -> str:
    """What the file system says now, empty for no. What a file holds is asked elsewhere."""
    kind, path = question
    if kind == LISTED:
        try:
            return "".join(f"/{name}" for name in sorted(os.listdir(path)) if name.endswith(".py"))
        except (OSError, ValueError):
            return ""
    exists = os.path.exists if kind == THERE else os.path.isdir
    return "yes" * exists(path)
