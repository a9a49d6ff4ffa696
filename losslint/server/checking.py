"""Open documents to findings: each under the settings nearest to it, and among its project."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from losslint.config import ConfigError, Settings, find
from losslint.engine.across import Joined, Member, by_itself
from losslint.engine.around import project_of
from losslint.engine.check import Checked, crashed, unreadable
from losslint.engine.fingerprint import digest
from losslint.engine.fix import Check, Choice, all_of
from losslint.engine.others import Others
from losslint.engine.run import Run
from losslint.findings import Finding
from losslint.frozen import dataclass
from losslint.model.facts import FileFacts
from losslint.rules import registry
from losslint.server.documents import Document
from losslint.source.discover import is_left_out
from losslint.source.text import Source, Undecodable


@dataclass(frozen=True)
class Result:
    """What came of a document, without what is known to the baseline.

    `check` would check another text in its place, and `choice` leave out what is known there.
    """

    member: Member
    findings: Sequence[Finding]
    settings: Settings
    check: Check
    choice: Choice = all_of


@dataclass(frozen=True)
class Outcome:
    """What came of all open documents, by URI, and what is wrong with their configuration."""

    results: Mapping[str, Result]
    problems: tuple[str, ...]


class Contents:
    """What files hold, read again once they have changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int], str]] = {}

    def content(self, path: str) -> str:
        """The digest of a file; empty if there is none."""
        try:
            status = os.stat(path)
            state = (status.st_mtime_ns, status.st_size)
            if path not in self._known or self._known[path][0] != state:
                with open(path, "rb") as file:
                    self._known[path] = (state, digest(file.read()))
        except OSError:
            return ""
        return self._known[path][1]


class Remembered(Others):
    """What was read of the files around, kept as it is: a session asks for it at every pause."""

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents)
        self._now = contents
        self._kept: dict[str, tuple[str, FileFacts | None]] = {}

    def facts(self, path: str) -> tuple[FileFacts | None] | None:
        """The facts of a file, which may be that it cannot be read; None if they are not known."""
        content, facts = self._kept.get(path, ("", None))
        return (facts,) if content and content == self._now.content(path) else None

    def put_facts(self, path: str, raw: bytes, facts: FileFacts | None) -> None:
        """Remember the facts of a file with this content."""
        self._kept[path] = (digest(raw), facts)


# The folder of a project and the settings in it: what is open there is joined.
Group = tuple[str, Settings]


@dataclass(frozen=True)
class _Known:
    """What came of the texts of one outcome."""

    members: dict[tuple[str, Settings], Member] = field(default_factory=dict)
    joined: dict[Group, tuple[Mapping[str, Member], Joined]] = field(default_factory=dict)


class Checker:
    """Checks what is open, and remembers what came of it. Not to be used by two threads."""

    def __init__(self) -> None:
        contents = Contents()
        self._others: dict[str, Others] = defaultdict(lambda: Remembered(contents))
        self._usable: dict[str, Settings] = {}
        self._before = self._now = _Known()

    def outcome(self, documents: Sequence[Document], *, again: bool) -> Outcome:
        """The findings in all documents. What is excluded has no result.

        A text that is what it was is not checked again, unless `again`: files have changed.
        What other files define is as they were saved; the rules of the project see the
        unsaved texts.
        """
        self._before, self._now = _Known() if again else self._now, _Known()
        problems: dict[str, None] = dict.fromkeys(registry.broken())
        by_folder: dict[str, Settings] = {}
        groups: dict[Group, list[Document]] = defaultdict(list)
        for document in documents:
            folder = os.path.dirname(document.path) if document.is_file else os.curdir
            if folder not in by_folder:
                by_folder[folder] = self._settings(folder, document.path, problems)
            settings = by_folder[folder]
            if not is_left_out(document.path, settings):
                project = project_of([document.path]) if document.is_file else document.uri
                groups[project, settings].append(document)
        results: dict[str, Result] = {}
        for group, together in groups.items():
            try:
                results.update(self._together(group, together))
            except Exception as problem:
                crash = crashed("looking at the files together", problem)
                results.update({d.uri: _broken(d, crash, group[1]) for d in together})
        return Outcome(results, tuple(problems))

    def _settings(self, folder: str, path: str, problems: dict[str, None]) -> Settings:
        """The settings in a folder, or the last that could be used there; `path` is a file in it."""
        try:
            settings = find(folder)
            Run(settings).selection.for_file(path)  # what cannot be used is said here
            is_left_out(path, settings)
        except ConfigError as problem:
            problems[str(problem)] = None
            return replace(self._usable.get(folder, Settings()), baseline="")
        self._usable[folder] = settings
        return settings

    def _together(self, group: Group, documents: Sequence[Document]) -> Mapping[str, Result]:
        """What comes of the documents of one project."""
        folder, settings = group
        results: dict[str, Result] = {}
        run = Run(settings, paths=[document.path for document in documents])
        members: dict[str, Member] = {}
        for document in documents:
            try:
                members[document.uri] = self._member(run, document.source)
            except Undecodable as problem:
                results[document.uri] = _broken(document, unreadable(str(problem)), settings)
            except Exception as problem:  # as in check.py: no file takes the others down
                crash = crashed("checking this file", problem)
                results[document.uri] = _broken(document, crash, settings)
        if not documents[0].is_file:
            return results | {uri: _alone(run, member) for uri, member in members.items()}
        by_path = {member.source.name: member for member in members.values()}
        findings = self._join(group, run, by_path).findings if members else {}
        check = run.check_among(by_path, self._others[folder])
        for uri, member in members.items():
            found = run.new(member.source, findings[member.source.name])
            results[uri] = Result(member, found, settings, check, run.new)
        return results

    def _member(self, run: Run, source: Source) -> Member:
        key = (source.name, run.settings)
        known = self._before.members.get(key)
        if known is None or known.source != source:
            known = run.member(source)
        self._now.members[key] = known
        return known

    def _join(self, group: Group, run: Run, members: Mapping[str, Member]) -> Joined:
        known = self._before.joined.get(group)
        if known is None or known[0] != members:
            known = (members, run.join(members, self._others[group[0]]))
        self._now.joined[group] = known
        return known[1]


def _alone(run: Run, member: Member) -> Result:
    """What comes of a text that is nowhere on disk."""
    rules = run.selection.for_file(member.source.name)

    def check(source: Source) -> Iterable[Finding]:
        return by_itself(source, run.member(source).checked, rules)

    findings = by_itself(member.source, member.checked, rules)
    return Result(member, findings, run.settings, check)


def _broken(document: Document, finding: Finding, settings: Settings) -> Result:
    """What comes of a document that nothing can be said of but why."""
    member = Member(Source(document.path, ""), Checked())
    return Result(member, (finding,), settings, lambda _: (finding,))
