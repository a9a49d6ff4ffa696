"""What one file came to by itself, and how that goes into the cache and out of it."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator

from losslint.engine.cache import Cache
from losslint.engine.check import Checked
from losslint.engine.kept import kept, packed, unpacked
from losslint.engine.records import Malformed, reader
from losslint.engine.reports import FileReport
from losslint.engine.suppress import Directive
from losslint.findings import Finding
from losslint.frozen import dataclass, replace
from losslint.source.text import Source

NOTHING = Checked()


@dataclass(frozen=True)
class Look:
    """A file as the rules of single files left it: the report so far, and what is to be joined.

    `digest` is that of the content that it is true of; empty if that is not on disk.
    """

    report: FileReport
    checked: Checked = NOTHING
    digest: str = ""
    record: bytes | None = None


def slim(look: Look) -> Look:
    """The same without its source, unless that will be shown: a tree may be large."""
    report = look.report
    if report.findings or report.before or look.checked.directives:
        return look
    return replace(look, report=replace(report, source=report.source.with_data(b"")))


def collected(looks: Iterable[Look]) -> Iterator[Look]:
    """The same, with garbage collected between files alone: trees hold no cycles worth looking for."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        for count, look in enumerate(looks, start=1):
            yield look
            if not count % 256:
                gc.collect()
    finally:
        if collecting:
            gc.enable()


def recalled(cache: Cache, path: str) -> Look | None:
    """What the cache knows of a file as it is now; None if that is nothing."""
    record = cache.record(path)
    if record is None:
        return None
    if not record:
        return Look(FileReport(path, Source(path, "")))
    try:
        facts, beside = unpacked(path, record)
        parts: Record = reader(Record)(beside)
    except (Malformed, RecursionError):
        return None
    skipped, findings, directives, is_checked = parts
    source = cache.source(path, findings) if findings or directives else Source(path, "")
    if source is None:
        return None
    report = FileReport(path, source, findings, skipped=skipped)
    return Look(report, Checked(findings, directives, facts) if is_checked else NOTHING)


# Beside the facts: why it was skipped, the findings, the comments, whether it was checked at all.
Record = tuple[str, tuple[Finding, ...], tuple[Directive, ...], bool]


def recorded(look: Look) -> Look:
    """The same with the record that a cache is to keep, if the same would come of the file again."""
    report, checked = look.report, look.checked
    is_checked = checked != NOTHING
    if not look.digest or not checked.is_lasting:
        return look
    if is_checked and checked.findings != report.findings:
        return look
    record = b""
    if report.skipped or report.findings or checked.directives or checked.facts:
        try:
            facts = kept(checked.facts) if checked.facts is not None else None
            parts: Record = (report.skipped, report.findings, checked.directives, is_checked)
            record = packed(facts, *parts)
            look = replace(look, checked=replace(checked, facts=facts))
        except ValueError:  # half a character, of a file's name
            return look
    return replace(look, record=record)


def remember(cache: Cache, look: Look) -> None:
    """Let the cache know what a file came to, if it has a record of that."""
    if look.record is not None:
        cache.put(look.report.path, look.digest, look.record, look.checked.asked)
