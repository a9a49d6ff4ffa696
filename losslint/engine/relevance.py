"""Files that no rule can find anything in, by their bytes or outlines: known before a rule is imported."""

from __future__ import annotations

import re
from collections.abc import Sequence

from losslint.config import Settings
from losslint.engine.reports import FileReport
from losslint.source.discover import Found, Problem, Skipped
from losslint.source.regular import read
from losslint.source.text import Source, Undecodable

# What a rule has anything to say about holds one of these; tests/test_relevance.py asks each of
# our own, and one of a plug-in is not asked about anything else.
WORDS = (b"torch", b"lightning", b"transformers", b"accelerate", b"patience")


def mark(*prefixes: str) -> re.Pattern[bytes]:
    """What makes comments worth a parse: a word of ours, or a `noqa` of codes of ours."""
    codes = "|".join(prefixes).encode()
    # From each `#` to the next, and from each `noqa`, so that a long line is read once.
    codes = rb"noqa(?:(?!noqa)[^\r\n])*(?:%b)\d" % codes
    return re.compile(rb"#[^#\r\n]*(?:losslint:|%b)" % codes, re.IGNORECASE)


# Plug-ins are not known here: with their codes, a `noqa` alone is no reason to parse a file.
MARK = mark("LL")

# More files are not worth to be read twice if there is something in the last, or parsed twice.
MANY = 256
MANY_OUTLINES = 16


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


def irrelevant(found: Sequence[Found], settings: Settings) -> list[FileReport] | None:
    """The reports of files in which there is nothing to check; None if there may be in one."""
    if len(found) > MANY:
        return None
    reports = []
    outlines = 0
    for one in found:
        if isinstance(one, Skipped):
            reports.append(FileReport(one.path, Source(one.path, ""), skipped=one.kind))
            continue
        source = (
            None if isinstance(one, Problem) or one.path.endswith(".ipynb") else _read(one.path)
        )
        if source is None:
            return None
        if may_matter(source.data):
            outlines += 1
            if outlines > MANY_OUTLINES or (outlines == 1 and not _are_usual_rules(settings)):
                return None
            if not _is_without_subjects(source):
                return None
        reports.append(FileReport(one.path, source))
    return reports


def _are_usual_rules(settings: Settings) -> bool:
    """Whether none but our own rules can be asked for, and of these none that is opt-in."""
    from losslint.rules.plugins import installed

    return not names_rules(settings) and not installed()


def _is_without_subjects(source: Source) -> bool:
    """Whether there is nothing to check in a file by its outline."""
    if may_hold_suppressions(source.data):
        return False
    if source.text.lstrip().startswith("{"):  # it may be a notebook by another name
        return False
    from losslint.engine.screen import is_clear
    from losslint.model.outline import outline, syntax_of

    syntax = syntax_of(source.text)
    return syntax is not None and is_clear(outline(syntax))


def _read(path: str) -> Source | None:
    try:
        return Source.decode(path, read(path))
    except (OSError, Undecodable):
        return None
