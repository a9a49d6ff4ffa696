"""What whole runs came to: where no file changed, none of them is joined again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from losslint.config import Settings
from losslint.engine.around import NoProject, Surroundings, is_covered, surroundings
from losslint.engine.fingerprint import digest
from losslint.engine.index import dumped, loaded
from losslint.engine.records import Malformed, plain, reader
from losslint.engine.reports import FileReport
from losslint.engine.states import States
from losslint.findings import Finding
from losslint.source.discover import Found, Problem, Python, Skipped
from losslint.source.text import Source

MAX_RUNS = 8

# What was given and what it led to, whether they rest on the files around, and the reports
# that say anything: the path, why it was skipped, the findings.
Reported = tuple[str, str, tuple[Finding, ...]]
Run = tuple[str, str, bool, tuple[Reported, ...]]


class Known(Protocol):
    """What a run asks of the cache."""

    states: States

    def holds(self, path: str) -> bool:
        """Whether what came of a file would come of it again."""

    def source(self, path: str, findings: Sequence[Finding] = ()) -> Source | None:
        """The source that findings are about."""


class Runs:
    """The last runs, each with the files or folders that were given to it."""

    def __init__(self, data: bytes | None, settings: Settings, cache: Known) -> None:
        self._settings = settings
        self._cache = cache
        self._runs = _unpacked(data)
        self.is_changed = False

    def reports(self, found: Sequence[Found], paths: Sequence[str]) -> list[FileReport] | None:
        """The reports of a run as they were, if nothing has changed since then."""
        given = _given(paths)
        run = next((run for run in self._runs if run[0] == given), None)
        if run is None or any(isinstance(one, Problem) for one in found):
            return None
        if not all(self._cache.holds(one.path) for one in found if isinstance(one, Python)):
            return None
        _, key, looked_around, said = run
        if self._key(found, paths, self._around(found, paths) if looked_around else None) != key:
            return None
        nothing = Source("", "")
        reports = {one.path: FileReport(one.path, nothing) for one in found}
        for path, skipped, findings in said:
            source = self._cache.source(path, findings) if findings else nothing
            if source is None or path not in reports:
                return None
            reports[path] = FileReport(path, source, findings, skipped=skipped)
        return [*reports.values()]

    def put(
        self,
        found: Sequence[Found],
        paths: Sequence[str],
        reports: Iterable[FileReport],
        *,
        looked_around: bool,
    ) -> None:
        """Remember the reports of a run."""
        around = self._around(found, paths) if looked_around else None
        if looked_around and not self._is_settled(around):
            return
        key = self._key(found, paths, around)
        said = tuple((r.path, r.skipped, r.findings) for r in reports if r.findings or r.skipped)
        given = _given(paths)
        others = [run for run in self._runs if run[0] != given]
        self._runs = [(given, key, looked_around, said), *others][:MAX_RUNS]
        self.is_changed = True

    def packed(self) -> bytes:
        """All runs as bytes."""
        return dumped(plain(self._runs))

    def _key(
        self, found: Iterable[Found], paths: Sequence[str], around: Surroundings | None
    ) -> str:
        return digest("\0".join(self._seen(found, paths, around)).encode(errors="replace"))

    def _seen(
        self, found: Iterable[Found], paths: Sequence[str], around: Surroundings | None
    ) -> Iterator[str]:
        """Everything that the reports rest on, besides what each file does by itself."""
        content = self._cache.states.content
        files = [one.path for one in found if isinstance(one, Python)]
        yield from files
        yield from map(content, files)
        yield from (f"{one.path} {one.kind}" for one in found if isinstance(one, Skipped))
        yield str(is_covered(paths))
        if around is not None:
            yield from (around.folder, *around.setups)
            for path in (*around.others, *around.configs, around.pyproject):
                yield f"{path} {content(path)}"

    def _around(self, found: Iterable[Found], paths: Sequence[str]) -> Surroundings | None:
        """What lies around; None where it cannot be told any more."""
        files = [one.path for one in found if isinstance(one, Python)]
        try:
            return surroundings(files, paths, self._settings)
        except NoProject:
            return None

    def _is_settled(self, around: Surroundings | None) -> bool:
        """Whether no file around was written while the run went on: it may have been read before."""
        if around is None:
            return False
        there = (*around.others, *around.configs, around.pyproject)
        return all(map(self._cache.states.is_settled, there))


def _given(paths: Sequence[str]) -> str:
    return digest(json.dumps(paths).encode())


def _unpacked(data: bytes | None) -> list[Run]:
    try:
        runs: tuple[Run, ...] = reader(tuple[Run, ...])(loaded(data or b""))
        return list(runs)
    except (Malformed, RecursionError):
        return []
