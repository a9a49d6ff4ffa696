"""Which losses with learned weights a source holds, and what its fixes make of each."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from losslint.config import Settings
from losslint.engine.check import check
from losslint.engine.fix import SAFE_AND_UNSAFE, SAFE_ONLY, settle
from losslint.engine.reading import parsed
from losslint.findings import Finding, Safety, Span
from losslint.frozen import dataclass
from losslint.model.depth import syntax_tree
from losslint.model.module import Module, deep_recursion
from losslint.ranges import evaluate
from losslint.ranges.value import Leaf
from losslint.ranges.weights import LearnedWeight
from losslint.rules import registry
from losslint.rules.base import Rule, mattering
from losslint.rules.weighting.words import is_trained
from losslint.source.text import Source
from losslint.verify.again import moved
from losslint.verify.programs import Total
from losslint.verify.slicing import qualname

# The rules that look at the learned weights of a loss, and whose fixes rewrite it.
CODES = ("LL101", "LL102", "LL103", "LL104", "LL105", "LL106")

# What the module's own code is called.
OWN_CODE = "<module>"

Definition = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


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
    weighs_losses: bool
    findings: tuple[Finding, ...] = ()


# The kinds of fixes that are tried on a loss, one after the other until one mends it.
Tries = Sequence[frozenset[Safety]]
SAFE_FIRST: Tries = (SAFE_ONLY, SAFE_AND_UNSAFE)

# What a change that no rule has made is called in place of its safety.
BY_HAND = "by hand"


@dataclass(frozen=True)
class Change:
    """A loss before and after a fix; `after` is None where there is none.

    `fixed` are the codes of what the change puts right, `safety` is "safe", "unsafe",
    `BY_HAND`, or "" where there is nothing to be judged.
    """

    before: Loss
    after: Loss | None = None
    fixed: tuple[str, ...] = ()
    safety: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of what is found before."""
        return _codes(self.before.findings)

    @property
    def left(self) -> tuple[str, ...]:
        """The codes of what is found before and after."""
        now = _codes(self.after.findings) if self.after else ()
        return tuple(code for code in self.codes if code in now)


def change_by_hand(before: Source, after: Source, name: str, settings: Settings) -> Change | None:
    """The loss of this name as it is in two sources; None where one of them has none.

    Raises:
        Unreadable: a source cannot be checked.
    """
    loss = next((one for one in losses_of(before, settings) if one.qualname == name), None)
    if loss is None:
        return None
    module = _module(after, settings)
    now = _moved(loss, module, _findings(after, settings))
    if now is None:
        return None
    codes, left = _codes(loss.findings), _codes(now.findings)
    gone = tuple(code for code in codes if code not in left)
    return Change(loss, now, gone or codes, BY_HAND)


def changes_of(
    source: Source,
    settings: Settings,
    tries: Tries = SAFE_FIRST,
) -> list[Change]:
    """The losses of a source, in their order, with what the first try that mends something makes of each.

    Raises:
        Unreadable: the source cannot be checked.
    """
    before = losses_of(source, settings)
    changes = [Change(loss) for loss in before]
    for fixes in tries:
        if all(change.fixed or not _fixable(change.before, fixes) for change in changes):
            continue
        tried = _tried(source, settings, before, fixes)
        changes = [old if old.fixed else new for old, new in zip(changes, tried, strict=True)]
    return changes


def _fixable(loss: Loss, fixes: frozenset[Safety]) -> bool:
    return any(finding.fix and finding.fix.safety in fixes for finding in loss.findings)


def _tried(
    source: Source, settings: Settings, before: Sequence[Loss], fixes: frozenset[Safety]
) -> list[Change]:
    """What the fixes of this safety make of each loss."""
    settled = settle(source, lambda s: _findings(s, settings), settings, fixes)
    if settled.source == source:
        return [Change(loss) for loss in before]
    learned = frozenset(leaf for loss in before for leaf in loss.learned)
    after = losses_of(settled.source, settings, learned)
    module = _module(settled.source, settings)
    return [
        _change(loss, _again(loss, before, after) or _moved(loss, module, settled.findings))
        for loss in before
    ]


def _change(loss: Loss, after: Loss | None) -> Change:
    """What the fixes of its findings have put right in a loss, and how safely."""
    if after is None:
        return Change(loss)
    left = _codes(after.findings)
    # The floor of another finding cures an overflow on the same term, and owes it.
    gone = [f for f in loss.findings if (f.fix or f.code == "LL105") and f.code not in left]
    if not gone:
        return Change(loss)
    unsafe = any(f.fix and f.fix.safety is Safety.UNSAFE for f in gone)
    safety = Safety.UNSAFE if unsafe else Safety.SAFE
    return Change(loss, after, _codes(gone), safety.value)


def _module(source: Source, settings: Settings) -> Module:
    with deep_recursion():
        module, _ = parsed(source, settings)
    return module


def losses_of(
    source: Source, settings: Settings, learned: frozenset[Leaf] = frozenset()
) -> list[Loss]:
    """Every loss of a source that the rules of learned weights look at.

    `learned` are leaves that are known to be learned though it does not show: once a
    tensor that came from elsewhere has a sound regularizer, nothing tells any more.

    Raises:
        Unreadable: the source cannot be checked.
    """
    module = _module(source, settings)
    if module.syntax is None:
        return []
    with deep_recursion():
        weights = evaluate.subjects(module)[LearnedWeight]
        found = [loss for group in _totals(weights, learned) if (loss := _loss(group, module))]
    known = _with_findings(found, _findings(source, settings))
    # Without a finding, a look-alike is told from a loss by what is weighed: losses, no data.
    return [loss for loss in known if loss.findings or loss.weighs_losses or loss.learned & learned]


def _findings(source: Source, settings: Settings) -> tuple[Finding, ...]:
    return check(source, _rules(), settings).findings


def _rules() -> tuple[Rule, ...]:
    return tuple(rule for rule in registry.own_rules() if rule.code in CODES)


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
        any(weight.known_losses and weight.weighs_losses for weight in weights),
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
    return bool(mattering(_rules(), source.data))


def name_at(source: Source, span: Span) -> str:
    """The name of the loss that a place of a source belongs to, as `qualname` has it."""
    found = syntax_tree(source.text)
    home = None if isinstance(found, SyntaxError) else _home(found, source.position(span.start)[0])
    return OWN_CODE if home is None else home.name


def _home(
    tree: ast.Module | None, row: int
) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | None:
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


def _moved(loss: Loss, module: Module, findings: Iterable[Finding]) -> Loss | None:
    """The same loss in the fixed module, where the rules see no weighting in it any more."""
    if loss.module.syntax is None or module.syntax is None:
        return None
    total = moved(loss.module.syntax, loss.total, module.syntax)
    if total is None:
        return None
    fixed = replace(loss, row=total.row, total=total, module=module, places=frozenset())
    return replace(fixed, findings=tuple(_within(fixed, findings)))


def _codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(sorted({finding.code for finding in findings}))
