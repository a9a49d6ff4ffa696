"""Reading and writing change no byte, and fixes none outside their edits. The slow part goes over
other people's files, those of the library and of what is installed too:

LOSSLINT_CORPUS=FOLDER python -m pytest -m slow -s tests/test_fidelity.py
"""

from __future__ import annotations

import os
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from losslint.config import Settings
from losslint.engine import edits, fix
from losslint.engine.run import Run
from losslint.engine.write import write
from losslint.findings import Edit, Safety
from losslint.source.discover import Python
from losslint.source.notebook import Notebook, opened
from losslint.source.text import Source, Undecodable

CORPUS = os.environ.get("LOSSLINT_CORPUS", "")
INSTALLED = [sysconfig.get_path(name) for name in ("stdlib", "purelib")]
EVERYTHING = Settings(select=("ALL",))


def strict_apply(source: Source, given: Iterable[Edit]) -> Source:
    """`apply_edits`, which fails if a byte outside the edits is not what it was."""
    given = tuple(given)
    changed = edits.apply_edits(source, given)
    if not isinstance(source, Notebook):
        expect_outside(source, changed, edits.pieces_of(source, given))
        return changed
    ...
    return changed
