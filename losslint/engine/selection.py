"""Which rules hold for which file."""

from __future__ import annotations

import os
from collections.abc import Iterable

from losslint.config import ConfigError, Settings, load, nearest
from losslint.rules.base import Rule
from losslint.source.globs import Globs

ALL = "ALL"
# Reported whatever is selected: a file that was not checked must not look clean.
ALWAYS = "LL000"


class Selection:
    """The rules that some settings select, out of those that there are.

    Raises:
        ConfigError: a selector of the settings names no rule.
    """

    def __init__(self, rules: Iterable[Rule], settings: Settings) -> None:
        self._all = tuple(rules)
        self._settings = settings
        self.rules = self._selected(settings)
        self._per_file = [
            (Globs((glob,), settings.root or os.curdir), self._codes(selectors))
            for glob, selectors in settings.per_file_ignores
        ]

    def for_file(self, path: str) -> tuple[Rule, ...]:
        """The rules to check `path` with."""
        ignored: set[str] = set()
        for globs, codes in self._per_file:
            if globs.match(path):
                ignored |= codes
        return tuple(rule for rule in self.rules if rule.code not in ignored)

    def _selected(self, settings: Settings) -> tuple[Rule, ...]:
        """A longer selector beats a shorter one; of two alike, the one that ignores."""
        votes = [(1, False, selector) for selector in (*settings.ignore, *settings.extend_ignore)]
        votes += [(0, True, selector) for selector in (*settings.select, *settings.extend_select)]
        verdicts = {rule.code: not rule.opt_in and not settings.select for rule in self._all}
        for _, chosen, selector in sorted(votes, key=lambda v: (self._weight(v[2]), v[0])):
            for code in self._codes((selector,), chosen=chosen):
                verdicts[code] = chosen
        verdicts[ALWAYS] = True
        return tuple(rule for rule in self._all if verdicts[rule.code])

    def _weight(self, selector: str) -> int:
        if selector == ALL:
            return 0
        return 100 if self._exact(selector) else len(selector)

    def _exact(self, selector: str) -> Rule | None:
        return find(selector, self._all)

    def _codes(self, selectors: Iterable[str], *, chosen: bool = False) -> set[str]:
        """The codes that `selectors` stand for; a prefix chooses no opt-in rule."""
        codes: set[str] = set()
        for selector in selectors:
            exact = self._exact(selector)
            if exact and exact.code == ALWAYS and not chosen:
                why = f"`{selector}` cannot be ignored: exclude the file instead"
                raise ConfigError(_origin(selector, self._settings) + why)
            if exact:
                codes.add(exact.code)
            elif selector == ALL:
                codes |= {rule.code for rule in self._all}
            else:
                codes |= self._by_prefix(selector, chosen)
        return codes

    def _by_prefix(self, prefix: str, chosen: bool) -> set[str]:
        alike = [rule for rule in self._all if prefix and rule.code.startswith(prefix)]
        if not alike:
            raise ConfigError(f"{_origin(prefix, self._settings)}{unknown(prefix, self._all)}")
        return {rule.code for rule in alike if not (chosen and rule.opt_in)}


def _origin(selector: str, settings: Settings) -> str:
    """Which configuration file names a selector, and a colon; nothing if it was given otherwise."""
    for path in filter(None, (*reversed(settings.extended), settings.origin)):
        there = load(path) or Settings()
        named = (there.select, there.ignore, there.extend_select, there.extend_ignore)
        by_file = (selectors for _, selectors in there.per_file_ignores)
        if any(selector in selectors for selectors in (*named, *by_file)):
            return f"{path}: "
    return ""


def find(word: str, rules: Iterable[Rule]) -> Rule | None:
    """The rule whose code or name is `word`."""
    return next((rule for rule in rules if word in (rule.code, rule.name)), None)


def unknown(word: str, rules: Iterable[Rule]) -> ConfigError:
    """The error for a word that names no rule, with the nearest one that does."""
    known = [name for rule in rules for name in (rule.code, rule.name)]
    return ConfigError(f"unknown rule `{word}`{nearest(word, known)}")
