"""What a rule is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from losslint.findings import Finding, Fix, Related, Safety, Severity, Span
from losslint.model.module import Module
from losslint.project.joined import Project

Subject = TypeVar("Subject")
Check = Callable[[Subject, Module], Iterable[Finding]]
ProjectCheck = Callable[[Subject, Project], Iterable[Finding]]

# What a file must hold for a rule to have anything to say about it: one byte
# string out of each group.
Needs = tuple[tuple[bytes, ...], ...]

# What a page has below its first sentence, in this order.
HEADINGS = (
    "What it does",
    "Why is this bad?",
    "Example",
    "Fix safety",
    "Known limits",
    "References",
)
SENTENCE = re.compile(r"[A-Z`].{20,100}\.")


class Rule:
    """A code, a name and a page of documentation, with the checks behind them.

    Written `Rule("LL101", __name__, __doc__, Severity.WARNING)`: the name is the
    file's name and the page its docstring, so neither is ever written twice.
    A rule with checks of the project looks at the facts of all files at once, which rest
    on these subjects of each. A rule without any checks (`LL000`, `LL001`) is reported by
    the engine itself.
    """

    def __init__(
        self,
        code: str,
        module: str,
        page: str | None,
        severity: Severity,
        *,
        needs: Needs = (),
        opt_in: bool = False,
        rests_on: tuple[type[Any], ...] = (),
    ) -> None:
        self.code = code
        self.module = module
        self.name = module.rpartition(".")[2]
        self.page = page or ""
        self.severity = severity
        self.needs = tuple(map(tuple, needs))  # a plug-in may give lists
        self.opt_in = opt_in
        self.rests_on = rests_on
        self.checks: dict[type[Any], list[Check[Any]]] = {}
        self.project_checks: dict[type[Any], list[ProjectCheck[Any]]] = {}

    def __repr__(self) -> str:
        return f"<Rule {self.code} {self.name}>"

    @property
    def prefix(self) -> str:
        """The letters of the code: whose rule it is."""
        return self.code.rstrip("0123456789")

    @property
    def summary(self) -> str:
        """The first sentence of the page, on one line."""
        return " ".join(self.page.strip().split("\n\n")[0].split())

    def section(self, heading: str) -> str:
        """The text below `## heading` on the page; empty if there is none."""
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.page, re.M | re.S)
        return found[1].strip() if found else ""

    @property
    def fix_safety(self) -> Safety | None:
        """What its page says of its fixes; None if there are none."""
        first = re.match(r"\w*", self.section("Fix safety"))
        words = {safety.value.capitalize(): safety for safety in Safety}
        return words.get(first[0]) if first else None

    def faults(self) -> Iterator[str]:
        """What is wrong with the page, each to be read behind "the page of a rule"."""
        if not SENTENCE.fullmatch(self.summary):
            yield "does not begin with one short sentence that can stand alone"
        if re.findall(r"^## (.+)$", self.page, re.MULTILINE) != [*HEADINGS]:
            yield f"has other headings than {', '.join(HEADINGS)}"
        for heading in HEADINGS:
            if not self.section(heading):
                yield f"says nothing below `{heading}`"
        if len(self.examples) != 2:
            yield "does not show two pieces of Python, the bad one and the better one"

    @property
    def examples(self) -> list[str]:
        """The code of the example: what is found, and what to write instead."""
        return re.findall(r"```python\n(.*?)```", self.section("Example"), re.DOTALL)

    @property
    def looks(self) -> bool:
        """Whether it looks at files at all, or is the engine's own."""
        return bool(self.checks or self.rests_on or self.project_checks)

    def on(self, kind: type[Subject]) -> Callable[[Check[Subject]], Check[Subject]]:
        """Run the decorated check on every subject of this kind.

        `kind` is what the check looks at: a learned weight (`LearnedWeight`), or
        another fact that a module yields. See `engine/check.py`.
        """

        def register(check: Check[Subject]) -> Check[Subject]:
            self.checks.setdefault(kind, []).append(check)
            return check

        return register

    def across(
        self, kind: type[Subject]
    ) -> Callable[[ProjectCheck[Subject]], ProjectCheck[Subject]]:
        """Run the decorated check on every subject of this kind that the project yields.

        A subject says by its `path` in which file its findings stand. See `engine/across.py`.
        """

        def register(check: ProjectCheck[Subject]) -> ProjectCheck[Subject]:
            self.project_checks.setdefault(kind, []).append(check)
            return check

        return register

    def finding(
        self,
        span: Span,
        message: str,
        *,
        severity: Severity | None = None,
        fix: Fix | None = None,
        evidence: Iterable[str] = (),
        related: Iterable[Related] = (),
    ) -> Finding:
        """A finding of this rule, at its own severity unless another is given."""
        return Finding(
            span,
            self.code,
            self.name,
            message,
            severity or self.severity,
            fix,
            tuple(evidence),
            tuple(related),
        )


def mattering(rules: Iterable[Rule], data: bytes) -> list[Rule]:
    """Those of some rules that may find anything in a file with these bytes.

    Many ask for the same words.
    """
    rules = list(rules)
    groups = {group for rule in rules for group in rule.needs}
    held = {group for group in groups if any(word in data for word in group)}
    return [rule for rule in rules if held.issuperset(rule.needs)]


def findings(
    rule: Rule, subjects: Mapping[type[Any], Iterable[Any]], module: Module
) -> Iterator[Finding]:
    """Everything that the checks of `rule` say about `subjects`, each place once.

    One place may be reached by several totals; what can be fixed is kept.
    """
    found: dict[Span, Finding] = {}
    for kind, checks in rule.checks.items():
        if kind not in subjects:
            raise LookupError(f"nothing yields what it looks at, `{kind.__qualname__}`")
        for subject in subjects[kind]:
            for check in checks:
                for finding in check(subject, module):
                    known = found.get(finding.span)
                    if known is None or (known.fix is None and finding.fix is not None):
                        found[finding.span] = finding
    yield from found.values()
