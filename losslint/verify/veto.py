"""No fix of a learned weighting that torch has not proven: what `--fix --verify` asks."""

from __future__ import annotations

from losslint.config import Settings
from losslint.engine.fix import Veto
from losslint.findings import Finding, Safety
from losslint.source.text import Source
from losslint.verify.losses import CODES, changes_of, name_at
from losslint.verify.proving import verdict
from losslint.verify.sandbox.workers import Worker
from losslint.verify.verdict import Status, Verdict


class Vetoes:
    """Runs the losses of each source that has fixes for them, once, and keeps the verdicts.

    With `if_runnable`, what could not be run is fixed all the same. The fixes of
    other rules rewrite no weighting, and there is no veto on them.
    """

    def __init__(
        self,
        settings: Settings,
        fixes: frozenset[Safety],
        worker: Worker,
        *,
        if_runnable: bool = False,
    ) -> None:
        self.settings = settings
        self.fixes = fixes
        self.worker = worker
        self.if_runnable = if_runnable
        self.verdicts: list[Verdict] = []

    def __call__(self, source: Source) -> Veto:
        """Why the fixes of learned weightings in this source must not be made."""
        reasons: dict[str, str] | None = None

        def veto(now: Source, finding: Finding) -> str:
            nonlocal reasons
            if finding.code not in CODES:
                return ""
            if reasons is None:
                reasons = self._reasons(source)
            return reasons.get(name_at(now, finding.span), self._unseen())

        return veto

    def _unseen(self) -> str:
        return "" if self.if_runnable else "not runnable: no total was found that it belongs to"

    def _reasons(self, source: Source) -> dict[str, str]:
        """For each definition that holds a finding, why it must stay as it is; empty where it may be fixed."""
        reasons: dict[str, str] = {}
        for change in changes_of(source, self.settings, (self.fixes,)):
            found = verdict(change, self.worker)
            self.verdicts.append(found)
            for finding in change.before.findings:
                name = name_at(source, finding.span)
                reasons[name] = reasons.get(name) or self._reason(found)
        return reasons

    def _reason(self, found: Verdict) -> str:
        fine = found.status is Status.VERIFIED
        fine |= found.status is Status.NOT_RUNNABLE and self.if_runnable
        return "" if fine else f"{found.status.value}: {found.why}"
