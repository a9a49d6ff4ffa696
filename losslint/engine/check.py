"""One source and some rules, to findings, and to the facts that the project's rules join."""

from __future__ import annotations

import ast
import gc
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any

import losslint.model.nodes  # first, so that no other imports libcst  # noqa: F401
from losslint.config import Settings
from losslint.engine import screen
from losslint.engine.limit import TOO_LONG, in_time
from losslint.engine.reading import parsed
from losslint.engine.records import expect_finding
from losslint.engine.relevance import is_of_training, may_hold_suppressions
from losslint.engine.suppress import Directive, names_codes_of, suppress
from losslint.findings import Finding, Span
from losslint.frozen import dataclass, replace
from losslint.model.asked import Question
from losslint.model.facts import FileFacts
from losslint.model.module import Module, Unreadable, deep_recursion
from losslint.model.outline import outline, syntax_of
from losslint.project.gathering import gathered
from losslint.project.weighing import weighing
from losslint.provenance import divergences, log_calls, project_losses
from losslint.provenance.divergences import Divergence
from losslint.provenance.log_calls import LogCall
from losslint.provenance.loss_calls import LossCall
from losslint.ranges import evaluate
from losslint.ranges.keeping import CreatedWeight
from losslint.ranges.run import Unfollowed
from losslint.ranges.weights import LearnedWeight, RectifiedTotal
from losslint.rules import unreadable_source
from losslint.rules.base import Rule, findings, mattering
from losslint.source.text import Source
from losslint.training import detached, means, places, selections, unread, weighted
from losslint.training.backward import Guard, Survey
from losslint.training.hiding import TrainerLog
from losslint.training.retention import Retained

Provider = Callable[[Module], dict[type[Any], list[Any]]]

# Who yields which facts about a module; asked only for what some rule looks at, and only where
# the outline of the file leaves it open that there are some.
PROVIDERS: tuple[tuple[frozenset[type[Any]], Provider, screen.Screen], ...] = (
    (frozenset((Module,)), lambda module: {Module: [module]}, screen.always),
    (
        frozenset((LearnedWeight, RectifiedTotal, CreatedWeight)),
        evaluate.subjects,
        screen.weights,
    ),
    (frozenset((Guard, Survey, TrainerLog, Retained)), places.subjects, screen.trains),
    (frozenset((selections.Selection,)), selections.subjects, screen.selections),
    (frozenset((means.ShownMean,)), means.subjects, screen.means),
    (frozenset((weighted.WeightedSelection,)), weighted.subjects, screen.walks),
    (frozenset((unread.UnreadWeight,)), unread.subjects, screen.walks),
    (frozenset((detached.Detached,)), detached.subjects, screen.walks),
    (frozenset((LogCall,)), log_calls.subjects, screen.log_calls),
    (frozenset((Divergence,)), divergences.subjects, screen.loss_calls),
    (
        frozenset((LossCall, project_losses.ProjectLoss)),
        project_losses.subjects,
        screen.loss_calls,
    ),
)


@dataclass(frozen=True)
class Checked:
    """What came of one source: findings, its comments, and its facts if a rule joins them.

    It would come of the same source again as long as what was `asked` of the file system
    has the same answers, if it `is_lasting`: nothing broke.
    """

    findings: tuple[Finding, ...] = ()
    directives: tuple[Directive, ...] = ()
    facts: FileFacts | None = None
    asked: Mapping[Question, str] = field(default_factory=dict)
    is_lasting: bool = True


def check(source: Source, rules: Iterable[Rule], settings: Settings) -> Checked:
    """What the rules find in one file, without what its comments suppress."""
    rules = tuple(rules)
    concerned = rules if is_of_training(source.data) else ()
    able = [rule for rule in mattering(concerned, source.data) if rule.looks]
    # By the codes of plug-ins only in what they are asked about: see relevance.py.
    suppresses = may_hold_suppressions(source.data) or (
        bool(able) and names_codes_of(rules, source.data)
    )
    if not able and not suppresses:
        return Checked()
    return in_time(
        lambda: _checked(source, settings, rules, able, suppresses=suppresses),
        lambda: Checked((unreadable(f"it could not be checked: {TOO_LONG}"),), is_lasting=False),
    )


def _checked(
    source: Source,
    settings: Settings,
    rules: tuple[Rule, ...],
    able: list[Rule],
    *,
    suppresses: bool,
) -> Checked:
    """What comes of a source in which these rules may find something, or comments say so."""
    module = None
    try:
        syntax = syntax_of(source.text)
        asked = _providers(able, syntax, settings)
        if syntax is not None and not (asked or suppresses or _looks_in_vain(able)):
            return Checked(facts=_gathered(syntax, source) if _joins(able) else None)
        with deep_recursion(), uncollected():
            module, broken = parsed(source, settings, syntax)
            found, unchecked, crashes, facts = _run(able, asked, module)
            unchecked += [unreadable(problem.message, problem.offset) for problem in broken]
            complete = not (unchecked or crashes)
            kept, directives = suppress(found, rules, module, complete=complete)
            findings = tuple(sorted([*kept, *dict.fromkeys([*unchecked, *crashes])], key=order))
            rests_on = module.asked.everything()
            return Checked(findings, tuple(directives), facts, rests_on, not crashes)
    except Unreadable as problem:
        broke = isinstance(problem.__cause__, (RecursionError, MemoryError))
        said = unreadable(problem.message, problem.offset)
        # What is found out later may be wrong with another file that this one uses.
        return Checked((said,), is_lasting=module is None and not broke)
    except Exception as problem:  # the one place that catches all: no file takes the run down
        return Checked((crashed("checking this file", problem),), is_lasting=False)


def _providers(
    rules: Iterable[Rule], syntax: ast.Module | None, settings: Settings
) -> list[Provider]:
    """Who may yield something that a rule looks at."""
    kinds = {kind for rule in rules for kind in (*rule.checks, *rule.rests_on)}
    asked = [(provider, may_yield) for of, provider, may_yield in PROVIDERS if of & kinds]
    if syntax is None or not asked:
        return [provider for provider, _ in asked]
    with uncollected():
        seen = outline(syntax)
        losses = {name.rpartition(".")[2] for name in settings.loss_functions}
        told = not losses.isdisjoint(seen.names)
        return [provider for provider, may_yield in asked if told or may_yield(seen)]


def _kinds() -> set[type[Any]]:
    """All that a rule can look at in a file."""
    return {kind for of, *_ in PROVIDERS for kind in of}


def _looks_in_vain(rules: Iterable[Rule]) -> bool:
    """Whether one of some rules looks at what nobody yields. It will be said to fail."""
    known = _kinds()
    return any(kind not in known for rule in rules for kind in rule.checks)


def _joins(rules: Iterable[Rule]) -> bool:
    return any(rule.project_checks for rule in rules)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for garbage in cycles: a tree has none, and is long to look through.

    It is a third of the time otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def facts_of(source: Source) -> FileFacts | None:
    """The facts of a file that no rule needs the tree of; None if it cannot be read.

    Of learned weights nothing is known then: a file that has some is checked.
    """
    syntax = syntax_of(source.text)
    return None if syntax is None else _gathered(syntax, source)


def _gathered(syntax: ast.Module, source: Source) -> FileFacts:
    with deep_recursion(), uncollected():
        return gathered(syntax, source)


def unreadable(message: str, offset: int = 0, evidence: Iterable[str] = ()) -> Finding:
    """LL000, for the place that could not be read."""
    return unreadable_source.rule.finding(Span(offset, offset), message, evidence=evidence)


def _run(
    rules: list[Rule], providers: Iterable[Provider], module: Module
) -> tuple[list[Finding], list[Finding], list[Finding], FileFacts | None]:
    """What the rules find, LL000 for what takes too long to follow, for each rule that breaks, and facts.

    What is not followed is so by the count of steps, and never would be.
    """
    if not rules:
        return [], [], [], None
    facts: dict[type[Any], list[Any]] = {kind: [] for kind in _kinds()}
    for provider in providers:
        for kind, subjects in provider(module).items():
            facts.setdefault(kind, []).extend(subjects)
    found: list[Finding] = []
    unchecked: list[Finding] = []
    crashes: list[Finding] = []
    for given_up in facts.get(Unfollowed, ()):
        where = module.span(given_up.node).start
        why = f"`{given_up.name}` takes too long to follow: not all of it was checked"
        unchecked.append(unreadable(why, where))
    for rule in rules:
        crash = _try(rule, facts, module, found)
        if crash:
            crashes.append(crash)
    return (
        list(dict.fromkeys(found)),
        list(dict.fromkeys(unchecked)),
        list(dict.fromkeys(crashes)),
        _to_be_joined(module, facts.get(LearnedWeight, ())) if _joins(rules) else None,
    )


def _to_be_joined(module: Module, weights: Iterable[LearnedWeight]) -> FileFacts | None:
    """The facts of a module; None where CPython does not read it."""
    if module.syntax is None:
        return None
    facts = gathered(module.syntax, module.source)
    return replace(facts, weighing=tuple(weighing(module, weights)))


def _try(
    rule: Rule, facts: dict[type[Any], list[Any]], module: Module, found: list[Finding]
) -> Finding | None:
    """Add what `rule` finds to `found`, up to where it breaks if it does."""
    try:
        for finding in findings(rule, facts, module):
            expect_finding(finding, rule, len(module.source.data))
            found.append(finding)
    except Unreadable:
        raise
    except (Exception, SystemExit) as problem:  # a rule may be anybody's
        return crashed(f"rule {rule.code} {rule.name}", problem)
    return None


def crashed(doing: str, problem: BaseException) -> Finding:
    """LL000 for an error of losslint's own; the traceback is its evidence."""
    if isinstance(problem, RecursionError):
        return unreadable(f"{doing} failed: nested too deep")
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    cause = " ".join(f"{type(problem).__name__}: {problem}".split())
    trace = "".join(traceback.format_exception(problem)).splitlines()
    place = f"{frame.filename}:{frame.lineno}"
    return unreadable(f"{doing} failed: {cause} ({place})", evidence=trace)


def order(finding: Finding) -> tuple[Span, str, str]:
    """Findings of one file, from top to bottom."""
    return finding.span, finding.code, finding.message
