"""The flake8 plugin: what the rules of single files find, by way of flake8.

flake8 finds the files, selects among the codes, and heeds its own `noqa`. Settings of losslint
come from the nearest configuration file, as for the command.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache

from losslint import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import ClassVar

    from losslint.config import Settings
    from losslint.engine.selection import Selection

CODE = re.compile(r"LL\d{3}")
NOQA = re.compile("n(?=oqa)", re.IGNORECASE)

# The row, the column from 0, the code and the message, and who says so.
Result = tuple[int, int, str, type]


class Checker:
    """Checks one file for flake8, which made its syntax tree, and asks nothing else of it.

    Raises:
        ConfigError: the configuration of losslint for this file cannot be used.
    """

    name = "losslint"
    version = __version__

    # Codes that flake8 was asked for one by one: that selects a rule that is opt-in.
    asked: ClassVar[tuple[str, ...]] = ()
    heeds_noqa: ClassVar[bool] = True

    # By the name `tree` flake8 tells when to ask.
    def __init__(self, tree: object, filename: str, lines: Sequence[str]) -> None:  # noqa: ARG002
        self.filename = filename
        self.text = "".join(lines)
        self.settings = _settings(os.path.dirname(filename))

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Take note of what flake8 was asked for.

        Raises:
            ExecutionError: it was asked for the code of a rule that there is not.
        """
        selected = (*(options.select or ()), *(options.extend_select or ()))
        cls.asked = tuple(code for code in selected if CODE.fullmatch(code))
        cls.heeds_noqa = not options.disable_noqa
        if cls.asked:
            _expect_rules(cls.asked)

    def run(self) -> Iterator[Result]:
        """What is found in the file."""
        from losslint.engine.relevance import may_matter

        # Of the same length, so that every place stays what it is.
        text = self.text if self.heeds_noqa else NOQA.sub("x", self.text)
        if self.filename.endswith(".ipynb"):
            yield self._result(1, 1, "LL000", "flake8 reads no notebooks, `losslint` does")
        elif may_matter(text.encode(errors="replace")):
            yield from self._checked(text)

    def _checked(self, text: str) -> Iterator[Result]:
        from losslint.engine.check import check
        from losslint.rules import registry
        from losslint.source.text import Source, Undecodable

        for broken in registry.broken():
            yield self._result(1, 1, "LL000", broken)
        try:
            source = Source.from_text(self.filename, text)
        except Undecodable as problem:
            yield self._result(1, 1, "LL000", str(problem))
            return
        rules = _selection(self.settings, self.asked).for_file(self.filename)
        for found in check(source, rules, self.settings).findings:
            row, column = source.position(found.span.start)
            yield self._result(row, column, found.code, found.message)

    def _result(self, row: int, column: int, code: str, message: str) -> Result:
        return row, column - 1, f"{code} {message}", type(self)


@cache
def _settings(folder: str) -> Settings:
    from losslint.config import find

    return find(folder)


@cache
def _selection(settings: Settings, asked: tuple[str, ...]) -> Selection:
    from dataclasses import replace

    from losslint.engine.selection import Selection
    from losslint.rules import registry

    chosen = replace(settings, extend_select=(*settings.extend_select, *asked))
    return Selection(registry.all_rules(), chosen)


def _expect_rules(codes: Sequence[str]) -> None:
    from flake8.exceptions import ExecutionError

    from losslint.engine.selection import find, unknown
    from losslint.rules import registry

    for code in codes:
        if find(code, registry.all_rules()) is None:
            raise ExecutionError(f"losslint: {unknown(code, registry.all_rules())}")
