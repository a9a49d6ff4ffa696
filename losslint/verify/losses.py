"""Which losses with learned weights a source holds, and what its fixes make of each."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from losslint.config import Settings
from losslint.engine.check import check
from losslint.engine.fix import SAFE_AND_UNSAFE, settle
from losslint.engine.reading import parsed
from losslint.findings import Finding, Safety, Span
from losslint.model.depth import syntax_tree
from losslint.model.module import Module, deep_recursion
from losslint.ranges import evaluate
from losslint.ranges.value import Leaf
from losslint.ranges.weights import LearnedWeight
from losslint.rules import registry
from losslint.rules.base import Rule
from losslint.rules.weighting.words import is_trained
from losslint.source.text import Source
from losslint.verify.programs import Total
from losslint.verify.slicing import qualname

# The rules that look at the learned weights of a loss, and whose fixes rewrite it.
CODES = ("LL101", "LL102", "LL103", "LL104", "LL105", "LL106")

# What the module's own code is called.
OWN_CODE = "<module>"

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Loss:
    """One total with learned weights: where it is, and what is found in it.

    `module` is the one it was read in; `leaves` are what it learns, each with the
    value it starts with where that is known, `places` where they go to the total.
    """

    qualname: str
    row: int
    total: Total
    module: Module
    leaves: dict[str, float | None]
    learned: frozenset[Leaf]
    places: frozenset[Span]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Change:
    """A loss before and after the fixes of its findings; `after` is None where there is none."""

    before: Loss
    after: Loss | None = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The codes of what the fixes put right, without what went by the way."""
        if self.after is None:
            return ()
        left = _codes(self.after.findings)
        own = _codes(finding for finding in self.before.findings if finding.fix)
        return tuple(code for code in own if code not in left)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of what is found before."""
        return _codes(self.before.findings)

    @property
    def safety(self) -> str:
        """Whether all that was put right was put right safely; empty where nothing was."""
        kinds = {
            finding.fix.safety
            for finding in self.before.findings
            if finding.fix and finding.code in self.fixed
        }
        if not self.fixed:
            return ""
        return (Safety.UNSAFE if Safety.UNSAFE in kinds else Safety.SAFE).value


def changes_of(
    source: Source, settings: Settings, fixes: frozenset[Safety] = SAFE_AND_UNSAFE
) -> list[Change]:
    """The losses of a source with what the fixes of this safety make of each, in their order.

    Raises:
        Unreadable: the source cannot be checked.
    """
    before = losses_of(source, settings)
    learned = frozenset(leaf for loss in before for leaf in loss.learned)
    if not any(f.fix and f.fix.safety in fixes for loss in before for f in loss.findings):
        return [Change(loss) for loss in before]
    settled = settle(source, lambda s: _findings(s, settings), settings, fixes)
    if settled.source == source:
        return [Change(loss) for loss in before]
    after = losses_of(settled.source, settings, learned)
    return [Change(loss, _again(loss, before, after)) for loss in before]


def losses_of(
    source: Source, settings: Settings, learned: frozenset[Leaf] = frozenset()
) -> list[Loss]:
    """Every loss of a source that the rules of learned weights look at.

    `learned` are leaves that are known to be learned though it does not show: once a
    tensor that came from elsewhere has a sound regularizer, nothing tells any more.

    Raises:
        Unreadable: the source cannot be checked.
    """
    with deep_recursion():
        module, _ = parsed(source, settings)
        if module.syntax is None:
            return []
        weights = evaluate.subjects(module)[LearnedWeight]
        found = [loss for group in _totals(weights, learned) if (loss := _loss(group, module))]
    return _with_findings(found, _findings(source, settings))


def _findings(source: Source, settings: Settings) -> tuple[Finding, ...]:
    return check(source, _rules(), settings).findings


def _rules() -> tuple[Rule, ...]:
    return tuple(rule for rule in registry.all_rules() if rule.code in CODES)


def _totals(
    weights: Iterable[LearnedWeight], learned: frozenset[Leaf]
) -> list[list[LearnedWeight]]:
    """The learned weights of each total, one that holds the same ones as another once."""
    groups: dict[object, list[LearnedWeight]] = {}
    for weight in weights:
        trained = is_trained(weight) or weight.leaf in learned
        if trained and (weight.solos or weight.known_losses):
            groups.setdefault(weight.sink.node, []).append(weight)
    seen: dict[frozenset[cst.CSTNode], list[LearnedWeight]] = {}
    for group in groups.values():
        places = _places(group)
        if not any(places <= other for other in seen):
            seen[places] = group
    return list(seen.values())


def _places(weights: Iterable[LearnedWeight]) -> frozenset[cst.CSTNode]:
    """Where what is learned goes on its way to the total."""
    return frozenset(
        step.node for weight in weights for term in weight.terms for step in term.steps
    )


def _loss(weights: Sequence[LearnedWeight], module: Module) -> Loss | None:
    span = module.span(weights[0].sink.node)
    leaves = {w.leaf.name.replace("[]", ""): w.leaf.start for w in weights}
    total = Total(*_coordinates(module.source, span), tuple(leaves))
    assert module.syntax is not None
    return Loss(
        qualname(module.syntax, total),
        total.row,
        total,
        module,
        leaves,
        frozenset(weight.leaf for weight in weights),
        frozenset(module.span(node) for node in _places(weights)),
    )


def _coordinates(source: Source, span: Span) -> tuple[int, int, int, int]:
    """Rows from 1 and columns in bytes from 0, of both ends, as `ast` counts them."""
    rows = [source.position(offset)[0] for offset in (span.start, span.end)]
    start, end = (
        offset - source.line_start(row)
        for offset, row in zip((span.start, span.end), rows, strict=True)
    )
    return rows[0], start, rows[1], end


def _with_findings(losses: list[Loss], findings: Iterable[Finding]) -> list[Loss]:
    """The losses, each with what is found in its class or function."""
    wanted = [finding for finding in findings if finding.code in CODES]
    return [replace(loss, findings=tuple(_within(loss, wanted))) for loss in losses]


def _within(loss: Loss, findings: Iterable[Finding]) -> Iterator[Finding]:
    home = _home(loss.module.syntax, loss.row)
    for finding in findings:
        row, _ = loss.module.source.position(finding.span.start)
        on_the_way = any(_overlap(finding.span, place) for place in loss.places)
        if on_the_way or _home(loss.module.syntax, row) is home:
            yield finding


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def may_hold_losses(source: Source) -> bool:
    """Whether the bytes of a source leave it open that it holds such a loss."""
    return any(rule.may_matter(source.data) for rule in _rules())


def name_at(source: Source, span: Span) -> str:
    """The name of the loss that a place of a source belongs to, as `qualname` has it."""
    found = syntax_tree(source.text)
    home = None if isinstance(found, SyntaxError) else _home(found, source.position(span.start)[0])
    return OWN_CODE if home is None else home.name


def _home(tree: ast.Module | None, row: int) -> Definition | None:
    """The class or function of a module that a row is in; None for the module's own code."""
    for node in tree.body if tree else ():
        if isinstance(node, Definition) and node.lineno <= row <= (node.end_lineno or row):
            return node
    return None


def _again(loss: Loss, before: Sequence[Loss], after: Sequence[Loss]) -> Loss | None:
    """The same loss in the fixed source: that of its name, in the same order among those."""
    same = [one for one in before if one.qualname == loss.qualname]
    now = [one for one in after if one.qualname == loss.qualname]
    return now[same.index(loss)] if len(now) == len(same) else None


def _codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(sorted({finding.code for finding in findings}))
