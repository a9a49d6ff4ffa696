"""One source and some rules, to findings."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import Any

from losslint.config import Settings
from losslint.engine.reading import parsed
from losslint.engine.selection import Selection
from losslint.engine.suppress import may_hold_suppressions, suppress
from losslint.findings import Finding, Span
from losslint.model.module import Module, Unreadable, deep_recursion
from losslint.provenance import divergences, log_calls, project_losses
from losslint.provenance.divergences import Divergence
from losslint.provenance.log_calls import LogCall
from losslint.provenance.loss_calls import LossCall
from losslint.ranges import evaluate
from losslint.ranges.run import Unfollowed
from losslint.ranges.weights import LearnedWeight, RectifiedTotal
from losslint.rules import registry, unreadable_source
from losslint.rules.base import Rule, findings
from losslint.source.notebook import opened
from losslint.source.text import Source, Undecodable
from losslint.training import means, places, selections, unread, weighted
from losslint.training.backward import Guard, Survey
from losslint.training.hiding import TrainerLog
from losslint.training.retention import Retained

Provider = Callable[[Module], dict[type[Any], list[Any]]]

# Who yields which facts about a module; asked only for what some rule looks at.
PROVIDERS: tuple[tuple[frozenset[type[Any]], Provider], ...] = (
    (frozenset((LearnedWeight, RectifiedTotal)), evaluate.subjects),
    (frozenset((Guard, Survey, TrainerLog, Retained)), places.subjects),
    (frozenset((selections.Selection,)), selections.subjects),
    (frozenset((means.ShownMean,)), means.subjects),
    (frozenset((weighted.WeightedSelection,)), weighted.subjects),
    (frozenset((unread.UnreadWeight,)), unread.subjects),
    (frozenset((LogCall,)), log_calls.subjects),
    (frozenset((Divergence,)), divergences.subjects),
    (
        frozenset((LossCall, project_losses.ProjectLoss)),
        project_losses.subjects,
    ),
)


def check_source(
    text: str, filename: str = "<string>", settings: Settings | None = None
) -> list[Finding]:
    """What is wrong in a text that is in memory, from top to bottom."""
    settings = settings or Settings()
    rules = Selection(registry.all_rules(), settings).for_file(filename)
    try:
        source = opened(Source.from_text(filename, text))
    except Undecodable as problem:
        return [unreadable(str(problem))]
    return check(source, rules, settings)


def check(source: Source, rules: Iterable[Rule], settings: Settings) -> list[Finding]:
    """What the rules find in one file, without what its comments suppress."""
    rules = tuple(rules)
    able = [rule for rule in rules if rule.checks and rule.may_matter(source.data)]
    if not able and not may_hold_suppressions(source.data):
        return []
    try:
        with deep_recursion():
            module, broken = parsed(source, settings)
            found, crashes = _run(able, module)
            crashes += [unreadable(problem.message, problem.offset) for problem in broken]
            kept = suppress(found, rules, module, complete=not crashes)
            return sorted([*kept, *crashes], key=_order)
    except Unreadable as problem:
        return [unreadable(problem.message, problem.offset)]
    except Exception as problem:  # the one place that catches all: no file takes the run down
        return [_crashed("checking this file", problem)]


def unreadable(message: str, offset: int = 0, evidence: Iterable[str] = ()) -> Finding:
    """LL000, for the place that could not be read."""
    return unreadable_source.rule.finding(Span(offset, offset), message, evidence=evidence)


def _run(rules: list[Rule], module: Module) -> tuple[list[Finding], list[Finding]]:
    """What the rules find, and an LL000 for each that breaks instead."""
    if not rules:
        return [], []
    facts = _facts(rules, module)
    found: list[Finding] = []
    crashes: list[Finding] = []
    for given_up in facts.get(Unfollowed, ()):
        where = module.span(given_up.node).start
        why = f"`{given_up.name}` takes too long to follow: nothing in it was checked"
        crashes.append(unreadable(why, where))
    for rule in rules:
        crash = _try(rule, facts, module, found)
        if crash:
            crashes.append(crash)
    return list(dict.fromkeys(found)), list(dict.fromkeys(crashes))


def _facts(rules: list[Rule], module: Module) -> dict[type[Any], list[Any]]:
    """What the rules look at in a module, by kind."""
    asked = {kind for rule in rules for kind in rule.checks}
    facts: dict[type[Any], list[Any]] = {}
    for kinds, provider in PROVIDERS:
        if kinds & asked:
            for kind, subjects in provider(module).items():
                facts.setdefault(kind, []).extend(subjects)
    return facts


def _try(
    rule: Rule, facts: dict[type[Any], list[Any]], module: Module, found: list[Finding]
) -> Finding | None:
    """Add what `rule` finds to `found`, up to where it breaks if it does."""
    try:
        found.extend(findings(rule, facts, module))
    except Unreadable:
        raise
    except Exception as problem:
        return _crashed(f"rule {rule.code} {rule.name}", problem)
    return None


def _crashed(doing: str, problem: Exception) -> Finding:
    """LL000 for an error of losslint's own; the traceback is its evidence."""
    if isinstance(problem, RecursionError):
        return unreadable(f"{doing} failed: nested too deep")
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    cause = " ".join(f"{type(problem).__name__}: {problem}".split())
    trace = "".join(traceback.format_exception(problem)).splitlines()
    place = f"{frame.filename}:{frame.lineno}"
    return unreadable(f"{doing} failed: {cause} ({place})", evidence=trace)


def _order(finding: Finding) -> tuple[Span, str, str]:
    return finding.span, finding.code, finding.message
