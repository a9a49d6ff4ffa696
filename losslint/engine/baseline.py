"""The findings that are known: written down once, and not reported as long as they are there."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from losslint.config import ConfigError, Settings, is_endless
from losslint.engine.reports import FileReport
from losslint.engine.write import Changed, write
from losslint.findings import UNREADABLE, Finding
from losslint.frozen import dataclass
from losslint.source.text import Source

FORMAT = "losslint-baseline"
VERSION = 1
MOST = 1 << 40  # more findings are no count of anything

# {
#   "losslint-baseline": 1,
#   "findings": {
#     "losses/kendall.py": {             the file, seen from the folder of the baseline
#       "LL101": {                       the rule
#         "total=total+0.5*log_var": 2   its line without spacing, and how often it is found on one
#       }
#     }
#   }
# }

# A rule's code, and the line of a finding without its spacing.
Content = tuple[str, str]


def content(finding: Finding, source: Source) -> Content:
    """What a finding is known by: it stays the same while other lines change, or it moves."""
    row = source.position(finding.span.start)[0]
    return finding.code, "".join(source.line(row).split())


@dataclass(frozen=True)
class Baseline:
    """How often each content is known in each file; files are named as seen from the `folder`."""

    folder: str
    known: Mapping[str, Counter[Content]] = field(default_factory=dict)

    def name(self, path: str) -> str:
        """What a file is called in it."""
        try:
            return os.path.relpath(path, self.folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return os.path.abspath(path).replace(os.sep, "/")

    def path(self, name: str) -> str:
        """The file that is called so."""
        return os.path.normpath(os.path.join(self.folder, name))

    @cached_property
    def _homeless(self) -> list[str]:
        return [name for name in self.known if not os.path.exists(self.path(name))]

    def match(self, reports: Iterable[FileReport]) -> Matched:
        """The reports without what is known, of equal findings the first ones.

        A file that is not there any more was renamed, perhaps: what is known in it is
        known wherever else it is found, once.
        """
        left = {name: Counter(known) for name, known in self.known.items()}
        homeless = [left[name] for name in self._homeless]
        new: list[FileReport] = []
        for report in reports:
            places = [known for known in [left.get(self.name(report.path))] if known]
            findings = [f for f in report.findings if not _taken(f, report, [*places, *homeless])]
            number = len(report.findings) - len(findings)
            new.append(replace(report, findings=(*findings,), known=number) if number else report)
        return Matched(new, left)


@dataclass(frozen=True)
class Matched:
    """Reports without what is known, and what of a baseline was not found."""

    reports: list[FileReport]
    left: Mapping[str, Counter[Content]]


def _taken(finding: Finding, report: FileReport, places: Sequence[Counter[Content]]) -> bool:
    """Whether a finding is known in one of these places, where it is taken out."""
    if not places or finding.is_unreadable:
        return False
    key = content(finding, report.source)
    for known in places:
        if known[key]:
            known[key] -= 1
            return True
    return False


def read(path: str) -> tuple[Baseline, bytes]:
    """The baseline in a file, and the bytes of that.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    if is_endless(path):
        raise ConfigError(f"the baseline {path}: a device or a pipe")
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as problem:
        raise ConfigError(f"the baseline {path}: {problem.strerror}") from problem
    return _loaded(path, raw), raw


def baseline_of(settings: Settings) -> Baseline | None:
    """The baseline that some settings name.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    path = os.path.join(settings.root, settings.baseline)
    return read(path)[0] if settings.baseline else None


def save(path: str, baseline: Baseline, raw: bytes | None) -> None:
    """Write a baseline in the place of `raw`, or of nothing.

    Raises:
        ConfigError: it cannot be written. What was there is as it was then.
    """
    findings = {
        name: _by_code(known) for name in sorted(baseline.known) if (known := +baseline.known[name])
    }
    text = json.dumps({FORMAT: VERSION, "findings": findings}, indent=2, ensure_ascii=False)
    # Half a character, of a file's name, is written as JSON does it.
    data = f"{text}\n".encode(errors="backslashreplace")
    try:
        if data != raw:
            write(path, raw, data)
    except (Changed, OSError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise ConfigError(f"the baseline {path} could not be written: {why}") from problem


def _by_code(known: Counter[Content]) -> dict[str, dict[str, int]]:
    by_code: dict[str, dict[str, int]] = {}
    for code, line in sorted(known):
        by_code.setdefault(code, {})[line] = known[code, line]
    return by_code


def _loaded(path: str, raw: bytes) -> Baseline:
    """The baseline that bytes hold; they may be anybody's."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"the baseline {path}: no JSON: {problem}") from problem
    version = document.get(FORMAT) if isinstance(document, dict) else None
    if type(version) is not int:
        raise ConfigError(f"the baseline {path}: not one of losslint")
    if version > VERSION:
        raise ConfigError(f"the baseline {path}: of a newer losslint (format {version})")
    try:
        known = {
            name: Counter(dict(_known(by_code))) for name, by_code in document["findings"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ConfigError(f"the baseline {path}: damaged; write it anew") from problem
    if any(code == UNREADABLE for counts in known.values() for code, _ in counts):
        raise ConfigError(f"the baseline {path}: {UNREADABLE} cannot be known: it is always said")
    return Baseline(os.path.dirname(os.path.abspath(path)), known)


def _known(by_code: Mapping[str, Mapping[str, int]]) -> Iterable[tuple[Content, int]]:
    for code, lines in by_code.items():
        for line, number in lines.items():
            if type(number) is not int or not 1 <= number <= MOST:
                raise ValueError(number)
            yield (code, line), number
