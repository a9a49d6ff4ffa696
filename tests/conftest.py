"""Toy rules, so that the engine is tested without what the real ones know; and what tests share."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from losslint.engine import check, relevance, screen
from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span
from losslint.model.module import Module
from losslint.rules import registry, unreadable_source, unused_suppression
from losslint.rules.base import Rule


@dataclass(frozen=True)
class Word:
    """A word of a source, wherever it stands."""

    text: str
    span: Span


def _words(module: Module) -> dict[type[Any], list[Any]]:
    found = re.finditer(rb"\w+", module.source.data)
    return {Word: [Word(word[0].decode(), Span(*word.span())) for word in found]}


def _rule(code: str, name: str, word: str, fix: Fix | None, *, opt_in: bool = False) -> Rule:
    """A rule that finds `word`, and whose edits count from where the word starts."""
    page = f"The word {word}.\n\n## What it does\nFinds `{word}`.\n"
    rule = Rule(code, name, page, Severity.WARNING, needs=((word.encode(),),), opt_in=opt_in)

    @rule.on(Word)
    def find(found: Word, module: Module) -> Iterator[Finding]:
        if found.text == word:
            yield rule.finding(
                found.span,
                f"`{word}` is a toy's mistake",
                fix=fix and _moved(fix, found.span),
                evidence=[f"the word stands at byte {found.span.start}"],
            )

    return rule


def _moved(fix: Fix, span: Span) -> Fix:
    whole = {Span(0, 0): Span(0, 0), Span(1, 1): span}
    return Fix(fix.title, tuple(Edit(whole[e.span], e.text) for e in fix.edits), fix.safety)


def _replace(text: str, safety: Safety, *, before: str = "") -> Fix:
    """A fix that writes `text` in the place of the word, and `before` on top of the file."""
    top = (Edit(Span(0, 0), before),) if before else ()
    return Fix(f"Write `{text}`", (*top, Edit(Span(1, 1), text)), safety)


def _crashing() -> Rule:
    rule = Rule("LL903", "crashing", "Crashes.\n", Severity.ERROR, needs=((b"boom",),))

    @rule.on(Word)
    def find(found: Word, module: Module) -> Iterator[Finding]:
        if found.text == "boom":
            raise KeyError("a toy broke")
        yield from ()

    return rule


SAFE, UNSAFE = Safety.SAFE, Safety.UNSAFE
TOYS = (
    unreadable_source.rule,
    unused_suppression.rule,
    _rule("LL901", "bad_word", "bad", _replace("good", SAFE)),
    _rule("LL902", "worse_word", "worse", _replace("good", UNSAFE)),
    _crashing(),
    _rule("LL904", "rare_word", "rare", None, opt_in=True),
    _rule("LL905", "broken_fix", "broken", _replace("((", SAFE)),
    _rule("LL906", "endless_fix", "endless", _replace("endless", SAFE)),
    _rule("LL907", "bare_sqrt", "sqrt", _replace("math.root", SAFE, before="import math\n")),
    _rule("LL908", "foreign_letter", "letter", _replace("'€'", SAFE)),
)


@pytest.fixture
def heeding() -> Iterator[None]:
    """Let processes be interrupted that a test starts: what a shell has in its background is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> tuple[Rule, ...]:
    """Let the engine know the toy rules, and no others."""
    monkeypatch.setattr(check, "PROVIDERS", ((frozenset({Word}), _words, lambda outline: True),))
    monkeypatch.setattr(screen, "is_clear", lambda outline: False)
    monkeypatch.setattr(registry, "all_rules", lambda: TOYS)
    monkeypatch.setattr(relevance, "WORDS", (b"",))
    monkeypatch.setattr(relevance, "MANY_OUTLINES", 0)
    return TOYS
