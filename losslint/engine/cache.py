"""What is known of files from earlier runs, as long as it holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from losslint.config import Settings
from losslint.engine import storage
from losslint.engine.fingerprint import digest, mark
from losslint.engine.index import Answered, Index, packed, unpacked
from losslint.engine.reports import FileReport
from losslint.engine.runs import Runs
from losslint.engine.states import ABSENT, States
from losslint.findings import Finding
from losslint.model.asked import FILE, Question, answer
from losslint.source.discover import Found, Skipped
from losslint.source.notebook import opened
from losslint.source.regular import read
from losslint.source.text import Source, Undecodable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.engine.others import Others

INDEX, RUNS, RECORDS, OTHERS, FACTS = range(5)
LONG = 64  # characters of an answer; of a longer one the digest is kept


class Cache:
    """The cache of runs with some settings, in a folder. What is there may be anybody's."""

    def __init__(self, folder: str, settings: Settings) -> None:
        self.folder = folder
        self._mark = mark(settings)
        self._name = self._mark[:16] + storage.SUFFIX
        self._stored = storage.Stored(os.path.join(folder, self._name), self._mark)
        self._index = unpacked(self._stored.part(INDEX))
        self.states = States(self._index.states)
        self._runs = Runs(self._stored.part(RUNS), settings, self)
        self._new: dict[str, bytes] = {}
        self._new_rests: dict[str, tuple[Answered, ...]] = {}
        self._answers: dict[Answered, bool] = {}
        self._records: bytes | None = None

    @property
    def was_used(self) -> bool:
        """Whether a run with these settings came to an end, so that they name no unknown rule."""
        return self._stored.part(INDEX) is not None

    @cached_property
    def others(self) -> Others:
        """What earlier joins read of files."""
        from losslint.engine.others import Others  # only what is joined anew asks for it

        return Others(self.states, self._stored.part(OTHERS), self._stored.part(FACTS))

    def forget_others(self) -> None:
        """Forget what joins read of files: not all of it was written by losslint."""
        from losslint.engine.others import Others

        self.others = Others(self.states)
        self.others.is_changed = True

    def holds(self, path: str) -> bool:
        """Whether what came of a file would come of it again."""
        return (
            path in self._index.places
            and self.states.is_same(path)
            and all(map(self._is_answered, self._index.rests.get(path, ())))
        )

    def record(self, path: str) -> bytes | None:
        """What came of a file that is as it was: empty if nothing did; None if it is not known."""
        if not self.holds(path):
            return None
        start, length = self._index.places[path]
        if length and self._records is None:
            self._records = self._stored.part(RECORDS) or b""
        found = self._records[start : start + length] if self._records and length else b""
        return found if len(found) == length else None

    def source(self, path: str, findings: Sequence[Finding] = ()) -> Source | None:
        """The source of a known file; None if it is another by now, or not that of the findings."""
        try:
            raw = read(path)
        except OSError:
            return None
        if digest(raw) != self.states.content(path):
            return None
        try:
            source = opened(Source.decode(path, raw))
        except Undecodable:
            source = Source(path, "")
        ends = (finding.span.end for finding in findings)
        return source if max(ends, default=0) <= len(source.data) else None

    def put(self, path: str, content: str, record: bytes, asked: Mapping[Question, str]) -> None:
        """Remember what came of a file with this content while these were the answers."""
        rests = [self._to_keep(question, said) for question, said in asked.items()]
        known = tuple(rest for rest in rests if rest is not None)
        if self.states.of(path) == ABSENT or len(known) < len(rests):
            return
        self.states.read(path, content)
        self._new[path] = record
        self._new_rests[path] = known

    def reports(self, found: Sequence[Found], paths: Sequence[str]) -> list[FileReport] | None:
        """The reports of a whole run as they were, if nothing has changed since then."""
        return self._runs.reports(found, paths)

    def put_run(
        self,
        found: Sequence[Found],
        paths: Sequence[str],
        reports: Iterable[FileReport],
        *,
        looked_around: bool,
    ) -> None:
        """Remember the reports of a whole run, if each of its files is known by now."""
        files = [one.path for one in found if not isinstance(one, Skipped)]
        if all(path in self._new or self.holds(path) for path in files):
            self._runs.put(found, paths, reports, looked_around=looked_around)

    def save(self) -> str:
        """Write what is new. Returns why that failed; empty if it did not."""
        is_changed = self._new or self._runs.is_changed or self.states.is_changed
        if not (is_changed or (self._has_others() and self.others.is_changed)):
            return ""
        try:
            storage.save(self.folder, self._name, storage.packed(self._mark, self._packed()))
        except (OSError, ValueError) as problem:
            return str(problem)
        return ""

    def _has_others(self) -> bool:
        """Whether they were asked for: reading them takes its time."""
        return "others" in self.__dict__

    def _packed_others(self) -> tuple[bytes, bytes]:
        if self._has_others():
            return self.others.packed()
        return self._stored.part(OTHERS) or b"", self._stored.part(FACTS) or b""

    def _packed(self) -> tuple[bytes, ...]:
        states = self.states.to_keep()
        old = self._stored.part(RECORDS) or b""
        records: list[bytes] = []
        places: dict[str, tuple[int, int]] = {}
        rests: dict[str, tuple[Answered, ...]] = {}
        at = 0
        for path, state in states.items():
            if path in self._new:
                record, rest = self._new[path], self._new_rests[path]
            elif path in self._index.places and self._index.states[path][3] == state[3]:
                start, length = self._index.places[path]
                record, rest = old[start : start + length], self._index.rests.get(path, ())
                if len(record) != length:
                    continue
            else:
                continue
            records.append(record)
            places[path], rests[path] = (at, len(record)), rest
            at += len(record)
        index = packed(Index(states, places, rests))
        return index, self._runs.packed(), b"".join(records), *self._packed_others()

    def _is_answered(self, asked: Answered) -> bool:
        """Whether the answer to a question is what it was."""
        if asked not in self._answers:
            kind, path, said = asked
            now = self.states.content(path) if kind == FILE else answer((kind, path))
            self._answers[asked] = _short(now) == said
        return self._answers[asked]

    def _to_keep(self, question: Question, said: str) -> Answered | None:
        """An answer as it is kept; None if it would be another by now."""
        kind, path = question
        if kind == FILE:
            state = self.states.of(path)
            if said != (f"{state[0]} {state[1]}" if state != ABSENT else ""):
                return None
            said = self.states.content(path)
        return kind, path, _short(said)


def _short(said: str) -> str:
    return said if len(said) <= LONG else digest(said.encode(errors="surrogatepass"))
