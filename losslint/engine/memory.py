"""One text in memory: checked, and fixed, without a file."""

from __future__ import annotations

from collections.abc import Sequence

from losslint.config import Settings
from losslint.engine.across import by_itself
from losslint.engine.check import check, unreadable
from losslint.engine.fix import SAFE_AND_UNSAFE, SAFE_ONLY, FixResult, settle
from losslint.engine.selection import Selection
from losslint.findings import Finding
from losslint.rules import registry
from losslint.rules.base import Rule
from losslint.source.notebook import opened
from losslint.source.text import Source, Undecodable


def check_source(
    text: str, filename: str = "<string>", settings: Settings | None = None
) -> list[Finding]:
    """What is wrong in a text that is in memory, from top to bottom.

    The rules of the project take it for all that there is. What takes more than a minute of
    the processor is given up, and is LL000; that touches no signal or timer of the program.

    Warns:
        UserWarning: a plug-in is skipped, since it cannot be used.
    """
    settings = settings or Settings()
    registry.warn_of_broken()
    rules = Selection(registry.all_rules(), settings).for_file(filename)
    try:
        source = opened(Source.from_text(filename, text))
    except Undecodable as problem:
        return [unreadable(str(problem))]
    return list(_check(source, rules, settings))


def fix_source(
    text: str,
    filename: str = "<string>",
    settings: Settings | None = None,
    *,
    unsafe: bool = False,
) -> FixResult:
    """Fix a text that is in memory: the safe fixes, and the unsafe ones too if asked.

    What takes more than a minute of the processor is given up: the text is as it was then, and
    the findings that are left hold an LL000.

    Warns:
        UserWarning: a plug-in is skipped, since it cannot be used.
    """
    settings = settings or Settings()
    registry.warn_of_broken()
    rules = Selection(registry.all_rules(), settings).for_file(filename)
    try:
        source = opened(Source.from_text(filename, text))
    except Undecodable as problem:
        return FixResult(Source(filename, text), 0, (unreadable(str(problem)),))
    fixes = SAFE_AND_UNSAFE if unsafe else SAFE_ONLY
    return settle(source, lambda s: _check(s, rules, settings), settings, fixes)


def _check(source: Source, rules: Sequence[Rule], settings: Settings) -> tuple[Finding, ...]:
    return by_itself(source, check(source, rules, settings), rules)
