"""What came of one path, for whoever reports it. Imports nothing that checks."""

from __future__ import annotations

from losslint.frozen import dataclass
from losslint.source.text import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.findings import Finding


@dataclass(frozen=True)
class FileReport:
    """What came of one path.

    `findings` are those that are left, and count in `source`; `before` is what
    the file held if fixes changed it. `withheld` says which fixes were not
    applied though they were asked for, and why. `skipped` is the kind of thing
    that was not looked at, and empty for a file that was.
    """

    path: str
    source: Source
    findings: tuple[Finding, ...] = ()
    before: Source | None = None
    applied: int = 0
    withheld: tuple[str, ...] = ()
    known: int = 0
    skipped: str = ""

    @property
    def readable(self) -> bool:
        """Whether it was checked, and wholly."""
        return not any(finding.is_unreadable for finding in self.findings)
