"""The words everything else speaks: a place, an edit, a fix, a finding."""

from __future__ import annotations

from enum import Enum

from losslint.frozen import dataclass

# The code of what could not be checked. Reported whatever is selected.
UNREADABLE = "LL000"


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"  # the objective or the training is wrong
    WARNING = "warning"  # a real risk
    NOTE = "note"  # worth a look


class Safety(Enum):
    """What applying a fix may change."""

    SAFE = "safe"  # the training signal in the working range stays what it was
    UNSAFE = "unsafe"  # what the model learns changes, on purpose


@dataclass(frozen=True, order=True)
class Span:
    """A half-open range of UTF-8 byte offsets in one source."""

    start: int
    end: int


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the bytes of `span` with `text`. An empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """Edits that belong together: all of them are applied, or none."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety


@dataclass(frozen=True)
class Related:
    """Another place that belongs to a finding, in whatever file; rows and columns from 1."""

    path: str
    row: int
    column: int
    message: str
    cell: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing wrong, in one place, with at most one way to put it right.

    `evidence` is what was proven, one statement a line: which parameter, at
    which end, the bound, a witness. `related` are the other places of it.
    """

    span: Span
    code: str
    name: str
    message: str
    severity: Severity
    fix: Fix | None = None
    evidence: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        """Whether it says that something was not checked."""
        return self.code == UNREADABLE
