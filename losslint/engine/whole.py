"""From the files that were checked to the project that they are of, read as far as it matters."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from losslint.config import Settings
from losslint.engine.around import Surroundings, surroundings
from losslint.engine.check import facts_of
from losslint.engine.limit import give_up, in_time
from losslint.engine.others import Others
from losslint.engine.wanted import Wanted
from losslint.frozen import dataclass
from losslint.model.facts import FileFacts
from losslint.project import unoptimized, unused
from losslint.project.joined import Project
from losslint.source.notebook import opened
from losslint.source.regular import read
from losslint.source.text import Source, Undecodable

BUILDS = re.compile(rb"\[project\]|\[tool\.poetry\]|\[build-system\]")

# What a file must hold, in any case, for an optimizer to be made in it, or to be given something.
OPTIMIZING = (b"parameters", b"optim", b"param_group")


@dataclass(frozen=True)
class Whole:
    """A project, and how often each of its losses is named outside its own definition."""

    project: Project
    mentions: Mapping[str, int]


def whole(
    files: Mapping[str, FileFacts | None],
    paths: Iterable[str],
    settings: Settings,
    before: Others | None = None,
) -> Whole | None:
    """The project around the files of a run; None where nothing in them concerns it.

    `files` holds each file of the run with its facts, if it has been parsed; `paths`
    are the files and folders that were given, `before` what earlier runs read.

    Raises:
        NoProject: which files are of it cannot be told.
        TimeoutError: it takes too long to tell the losses in them.
    """
    known = [facts for facts in files.values() if facts is not None]
    if not any(concerns_the_project(facts) for facts in known):
        return None
    around = surroundings(files, paths, settings)
    folder, missing = around.folder, around.others
    project = Project(known, folder)
    names = {d.name for f in known for d in f.defined if d.leaves}
    names |= in_time(lambda: {d.name for _, d in unused.losses(project)}, give_up)
    words = Wanted(names)
    before = before or Others()
    before.ask_for(words.pattern)
    others, unreadable = _others([*missing, *_unparsed(files)], words, before)
    project = Project(
        [*known, *others],
        folder,
        checked=frozenset(files),
        is_whole=True,
        unreadable=tuple(unreadable),
        is_installed=_is_installed(around),
        named=frozenset(_named(around, words)),
        searched=len(files) + len(missing) - 1,
    )
    counts = _mentions(project, [*files, *missing], words, before)
    counts.update(project.named)
    return Whole(project, counts)


def alone(facts: FileFacts) -> Project:
    """The project of one text in memory, of which nothing else is known."""
    return Project([facts], os.path.dirname(os.path.abspath(facts.path)))


def concerns_the_project(facts: FileFacts) -> bool:
    """Whether something in a file is to be looked at with the rest of its project."""
    losses = any(d.is_loss for d in facts.defined)
    return (
        losses or unoptimized.may_train_losses(facts) or any(c.order for c in facts.cross_entropies)
    )


def _unparsed(files: Mapping[str, FileFacts | None]) -> list[str]:
    return [path for path, facts in files.items() if facts is None]


def _read(path: str) -> bytes:
    try:
        return read(path)
    except OSError:
        return b""


def _others(
    paths: Iterable[str], words: Wanted, known: Others
) -> tuple[list[FileFacts], list[str]]:
    """The facts of further files as far as they matter, and those of them that cannot be read."""
    found: list[FileFacts] = []
    unreadable: list[str] = []
    for path in paths:
        mentions = known.mentions(path)
        raw = _read(path) if mentions is None else b""
        if not (_matters(path, raw, words) if mentions is None else mentions[0]):
            continue
        facts = _facts(path, known)
        if facts is None:
            unreadable.append(path)
        else:
            found.append(facts)
    return found, unreadable


def _matters(path: str, raw: bytes, words: Wanted) -> bool:
    """Whether a file may say anything of the project's optimizers, or of what has these names."""
    if path.endswith("__init__.py") and b"import" in raw:  # it hands on
        return True
    small = raw.lower()
    return any(word in small for word in OPTIMIZING) or bool(words.of(raw))


def _facts(path: str, known: Others) -> FileFacts | None:
    """The facts of a file; None if it cannot be read, or takes too long."""
    before = known.facts(path)
    return before[0] if before is not None else in_time(lambda: _found(path, known), lambda: None)


def _found(path: str, known: Others) -> FileFacts | None:
    raw = _read(path)
    try:
        facts = facts_of(opened(Source.decode(path, raw)))
    except Undecodable:
        facts = None
    known.put_facts(path, raw, facts)
    return facts


def _is_installed(around: Surroundings) -> bool:
    """Whether the project is made to be installed, so that others import from it."""
    return bool(around.setups or BUILDS.search(_read(around.pyproject)))


def _named(around: Surroundings, words: Wanted) -> Iterator[str]:
    """The names that a configuration file of the project mentions."""
    for path in around.configs:
        yield from words.of(_read(path))


def _mentions(project: Project, paths: Iterable[str], words: Wanted, known: Others) -> Counter[str]:
    """How often each name stands in Python code, outside the definition of what it names."""
    bodies = {os.path.abspath(facts.path): facts for facts in project.files}
    counts: Counter[str] = Counter()
    for path in paths:
        before = known.mentions(path)
        if before is not None:
            counts.update(before[1])
            continue
        raw = _read(path)
        # the offsets of facts are those of the text: a notebook's are none of its file's
        facts = None if path.endswith(".ipynb") else bodies.get(os.path.abspath(path))
        names = words.outside(raw, facts)
        known.put_mentions(path, raw, _matters(path, raw, words), names)
        counts.update(names)
    return counts
