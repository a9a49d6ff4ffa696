"""Files that no rule can find anything in, by their bytes: known before a rule is imported."""

from __future__ import annotations

import re
from collections.abc import Sequence

from losslint.config import Settings
from losslint.engine.reports import FileReport
from losslint.source.discover import Found, Problem, Skipped
from losslint.source.text import Source, Undecodable

# What a rule has anything to say about holds one of these; tests/test_relevance.py asks each of
# our own, and one of a plug-in is not asked about anything else.
WORDS = (b"torch", b"lightning", b"transformers", b"accelerate", b"patience")


def mark(*prefixes: str) -> re.Pattern[bytes]:
    """What makes comments worth a parse: a word of ours, or a `noqa` of codes of ours."""
    codes = "|".join(prefixes).encode()
    return re.compile(rb"#[^\r\n]*(?:losslint:|noqa[^\r\n]*(?:%b)\d)" % codes, re.IGNORECASE)


# Plug-ins are not known here: with their codes, a `noqa` alone is no reason to parse a file.
MARK = mark("LL")

# More files are not worth to be read twice if there is something in the last.
MANY = 256


def may_hold_suppressions(data: bytes) -> bool:
    """Whether a file with these bytes can hold a suppression that might be unused."""
    return bool(MARK.search(data))


def is_of_training(data: bytes) -> bool:
    """Whether a file with these bytes can be one that trains something."""
    return any(word in data for word in WORDS)


def may_matter(data: bytes) -> bool:
    """Whether a rule, whichever are selected, can have something to say about these bytes."""
    return is_of_training(data) or may_hold_suppressions(data)


def names_rules(settings: Settings) -> bool:
    """Whether some settings can be wrong about which rules there are."""
    named = (settings.select, settings.ignore, settings.extend_select, settings.extend_ignore)
    return any(named) or bool(settings.per_file_ignores)


def irrelevant(found: Sequence[Found]) -> list[FileReport] | None:
    """The reports of files in which there is nothing to check; None if there may be in one."""
    if len(found) > MANY:
        return None
    reports = []
    for one in found:
        report = _irrelevant(one)
        if report is None:
            return None
        reports.append(report)
    return reports


def _irrelevant(found: Found) -> FileReport | None:
    path = found.path
    if isinstance(found, Skipped):
        return FileReport(path, Source(path, ""), skipped=found.kind)
    if isinstance(found, Problem) or path.endswith(".ipynb"):
        return None
    try:
        with open(path, "rb") as file:
            source = Source.decode(path, file.read())
    except (OSError, Undecodable):
        return None
    return None if may_matter(source.data) else FileReport(path, source)
