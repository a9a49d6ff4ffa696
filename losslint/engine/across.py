"""What the rules of the project find once every file has been checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from losslint.config import Settings
from losslint.engine.around import NoProject, is_covered
from losslint.engine.check import Checked, crashed, order, unreadable
from losslint.engine.kept import Forged
from losslint.engine.others import Others
from losslint.engine.records import expect_finding
from losslint.engine.suppress import idle_later, suppressed
from losslint.engine.whole import Whole, alone, concerns_the_project, whole
from losslint.findings import UNREADABLE, Finding
from losslint.frozen import dataclass
from losslint.model.facts import FileFacts
from losslint.project.decay import Decayed, decayed
from losslint.project.joined import Project
from losslint.project.ordinal import OrdinalCrossEntropy, ordinal_cross_entropies
from losslint.project.unoptimized import Unoptimized, left_open, unoptimized
from losslint.project.unused import UnusedLoss, unused
from losslint.rules import unused_suppression
from losslint.rules.base import Rule
from losslint.source.text import Source

Provider = Callable[[Whole], Iterable[Any]]
# A finding, and the rows on which a comment keeps it away.
Placed = tuple[Finding, tuple[int, ...]]
RulesFor = Callable[[str], Sequence[Rule]]

# Who yields which facts about a project; asked only for what some rule looks at.
PROVIDERS: dict[type[Any], Provider] = {
    Unoptimized: lambda found: unoptimized(found.project),
    Decayed: lambda found: decayed(found.project),
    UnusedLoss: lambda found: unused(found.project, found.mentions),
    OrdinalCrossEntropy: lambda found: ordinal_cross_entropies(found.project, found.mentions),
}


@dataclass(frozen=True)
class Member:
    """A file of the run as the rules of single files left it."""

    source: Source
    checked: Checked


@dataclass(frozen=True)
class Joined:
    """The findings of each file, those of the project's rules among them.

    `looked_around` says that they rest on other files of the project too, `is_lasting` that
    the same files yield the same again: nothing broke.
    """

    findings: Mapping[str, tuple[Finding, ...]]
    looked_around: bool
    is_lasting: bool


def across(
    members: Mapping[str, Member],
    paths: Sequence[str],
    rules_for: RulesFor,
    settings: Settings,
    before: Others | None = None,
) -> Joined:
    """What comes of the files together.

    `paths` are the files and folders that were given: the project is around them.
    `before` is what earlier runs read there.

    Raises:
        Forged: the facts of a file come from a cache, and are not what was written.
    """
    facts = {path: member.checked.facts for path, member in members.items()}
    rules = _project_rules(rule for path in facts for rule in rules_for(path))
    by_path: Mapping[str, list[Placed]] = {}
    complete = is_lasting = looked_around = False
    try:
        complete = is_covered(paths)
        found = whole(facts, paths, settings, before) if rules else None
        looked_around = found is not None
        by_path = _findings(found, rules) if found is not None else {}
        is_lasting = not any(f.code == UNREADABLE for placed in by_path.values() for f, _ in placed)
        if found is not None and any(Unoptimized in rule.project_checks for rule in rules):
            by_path = _said(by_path, found.project, members)
    except NoProject as problem:
        # Said where the first is that asks for it: without a project nobody is left out of it.
        by_path, complete = (
            {_first_concerned(facts): [(unreadable(_left_open(problem)), ())]},
            False,
        )
    except Forged:
        raise
    except Exception as problem:  # as in check.py: what was found file by file is not lost
        broken = crashed("looking at the files together", problem)
        by_path, complete, is_lasting = {next(iter(facts)): [(broken, ())]}, False, False
    findings = {
        path: _merged(member, by_path.get(path, ()), rules_for(path), complete=complete)
        for path, member in members.items()
    }
    return Joined(findings, looked_around, is_lasting)


def _first_concerned(facts: Mapping[str, FileFacts | None]) -> str:
    """The first file that is looked at with its project."""
    return next(path for path, of in facts.items() if of is not None and concerns_the_project(of))


def _left_open(problem: NoProject) -> str:
    return (
        "which files are of one project cannot be told: nothing marks where it begins, and"
        f" {problem} holds too much. Who trains the parameters of losses, and which losses are used,"
        " is left open: check each project by itself, or mark its folder by a pyproject.toml"
    )


def by_itself(source: Source, checked: Checked, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """The findings of a text in memory, taken for a whole project."""
    asked = _project_rules(rules)
    if checked.facts is None or not asked:
        return _merged(Member(source, checked), (), rules)
    found = _findings(Whole(alone(checked.facts), {}), asked)
    return _merged(Member(source, checked), found.get(checked.facts.path, ()), rules)


def _said(
    by_path: Mapping[str, list[Placed]], project: Project, members: Mapping[str, Member]
) -> dict[str, list[Placed]]:
    """The same, and an LL000 for each file that leaves open who is optimized."""
    said = dict(by_path)
    for path in project.unreadable if left_open(project) else ():
        member = members.get(path)
        if member is not None and not any(f.code == "LL000" for f in member.checked.findings):
            why = "cannot be read: who trains the parameters of the project's losses is left open"
            said[path] = [*said.get(path, ()), (unreadable(why), ())]
    return said


def _project_rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys(rule for rule in rules if rule.project_checks))


def _findings(found: Whole, rules: Iterable[Rule]) -> dict[str, list[Placed]]:
    """What the rules find in a project, by file; an LL000 for one that breaks instead."""
    by_path: dict[str, list[Placed]] = defaultdict(list)
    subjects: dict[type[Any], list[Any]] = {}
    for rule in rules:
        for kind, checks in rule.project_checks.items():
            path = found.project.files[0].path
            try:
                if kind not in subjects:
                    subjects[kind] = list(PROVIDERS[kind](found))
                for subject in subjects[kind]:
                    path = subject.path
                    for check in checks:
                        for finding in check(subject, found.project):
                            expect_finding(finding, rule)
                            by_path[path].append((finding, subject.site.rows))
            except Forged:
                raise
            except (
                Exception,
                SystemExit,
            ) as problem:  # as in check.py: one rule takes no other down
                by_path[path].append((crashed(f"rule {rule.code} {rule.name}", problem), ()))
    return by_path


def _merged(
    member: Member, found: Iterable[Placed], rules: Sequence[Rule], *, complete: bool = False
) -> tuple[Finding, ...]:
    """The findings of a file and those of the project in it that no comment keeps away.

    What a comment keeps away can be told to be nothing only in a `complete` run.
    """
    codes = {rule.code for rule in rules} | {"LL000"}
    directives = list(member.checked.directives)
    kept = [
        finding
        for finding, rows in found
        if finding.code in codes and not suppressed(finding, directives, rows)
    ]
    later = _project_rules(rules)
    broken = any(f.code == "LL000" for f in (*member.checked.findings, *kept))
    if complete and not broken and unused_suppression.rule in rules:
        kept += idle_later(directives, later, member.source)
    if not kept:
        return member.checked.findings
    return tuple(sorted(dict.fromkeys([*member.checked.findings, *kept]), key=order))
