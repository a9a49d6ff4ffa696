"""Learned weights: what a total does along each learnable leaf that multiplies losses in it.

Verdicts are statements about leading growth. With W the terms in which the leaf
multiplies a loss, S those in which it stands alone, and A both:

- A falls to -inf along the leaf: nothing holds it, whatever the losses are;
- S falls, and W outgrows it: negative totals, -inf only as a loss goes to 0;
- W decays, and S does not grow: the optimum is to switch the tasks off.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import libcst as cst

from losslint.frozen import dataclass, replace
from losslint.ranges import growth as g
from losslint.ranges.growth import End, Growth
from losslint.ranges.run import Sink
from losslint.ranges.value import Factor, Leaf, Origin, Step, Term, Value, What, added

EPSILON = 1e-2  # a loss above it does not count as 0


MARKS = frozenset((What.LOG, What.POLE, What.ROOT, What.CLAMP, What.SIMPLEX, What.EXP, What.OTHER))


@dataclass(frozen=True, eq=False)
class LearnedWeight:
    """One leaf that multiplies losses in one total."""

    leaf: Leaf
    sink: Sink
    weights: tuple[Term, ...]
    solos: tuple[Term, ...]
    regularized_elsewhere: frozenset[End] = frozenset()
    floored: bool = False  # a constant part of the weight stays when the leaf's part decays
    several: bool = False  # the total holds other weights of this kind

    @property
    def terms(self) -> tuple[Term, ...]:
        """The weighted terms and the regularizing ones."""
        return self.weights + self.solos

    def lead(self, end: End, terms: Iterable[Term]) -> Growth:
        """The growth of a sum of these terms at one end; vanishing for no terms."""
        return added([(t, _along(t, self.leaf, end)) for t in terms])

    # --- what is multiplied -----------------------------------------------------------

    @cached_property
    def factors(self) -> frozenset[Factor]:
        """What the leaf multiplies."""
        return frozenset().union(*(t.factors for t in self.weights))

    @cached_property
    def known_losses(self) -> bool:
        """Whether what is weighted are losses: several, or one that a loss function returned.

        A single argument that is but called `loss` may be one of many things: a
        layer that scales it, a weight that another objective learns.
        """
        found = [f for t in self.weights for f in t.factors if _may_be_loss(f)]
        every = all(is_weighed_loss(t) or self._beside_loss(t) for t in self.weights)
        called = any(f.origin is Origin.LOSS for f in found)
        total = {f.name for f in self.sink.value.factors() if f.origin is Origin.LOSS or f.hint}
        several = len(total) > 1 or any(f.plural for f in found)
        return bool(found) and every and (called or several)

    def _beside_loss(self, term: Term) -> bool:
        """Whether a term was multiplied in one place with a loss, as elements of one stack."""
        places = [s.node for s in term.steps]
        raw = any(f.origin in (Origin.DATA, Origin.NETWORK) for f in term.factors)
        return not raw and any(
            is_weighed_loss(t) and [s.node for s in t.steps] == places for t in self.weights
        )

    @cached_property
    def weighs_losses(self) -> bool:
        """Whether each weighted term has a loss among its factors, and no raw data."""
        return all(is_weighed_loss(t) for t in self.weights)

    @property
    def known_tensor(self) -> bool:
        """Whether the leaf must be a tensor: torch.exp or the like was called on it."""
        return any(s.what in MARKS for t in self.terms for s in t.steps)

    # --- verdicts -----------------------------------------------------------------------

    @cached_property
    def divergence(self) -> End | None:
        """Where the total falls to -inf whatever the losses are.

        A leaf that another total of its scope regularizes is, multiplied as it is,
        the constant that it is on the other path.
        """
        if self._is_constant_here():
            return None
        for end in (End.MINUS, End.PLUS, End.ZERO_ABOVE):
            lead = self.lead(end, self.terms)
            if lead.known_to_grow() and lead.sign < 0 and self.is_number(end):
                return end
        return None

    def _is_constant_here(self) -> bool:
        return not self.solos and bool(self.regularized_elsewhere)

    def is_number(self, end: End) -> bool:
        """Whether no term is known to be NaN at this end."""
        return not any(t.at(self.leaf, end) == g.UNDEFINED for t in self.terms)

    @cached_property
    def fall(self) -> End | None:
        """Where the regularizer falls to -inf while a loss above 0 holds it back."""
        for end in (End.MINUS, End.PLUS, End.ZERO_ABOVE):
            alone = self.lead(end, self.solos)
            if not (alone.known_to_grow() and alone.sign < 0):
                continue
            weight = self.lead_of_weights(end)
            if not (weight.known_to_grow() and weight.sign >= 0 and weight.rank > alone.rank):
                continue
            held = [t.at(self.leaf, end) for t in self.weights if never_vanishes(t)]
            if not any(term.sign > 0 and term.rank > alone.rank for term in held):
                return end
        return None

    def lead_of_weights(self, end: End) -> Growth:
        """The fastest growth of a weight at one end; signs that cancel stay unknown."""
        moved = [t for t in self.weights if not t.cut or t.growth]
        found = [t.at(self.leaf, end) for t in moved]
        if not found or not all(f.has_order() for f in found):
            return g.UNKNOWN
        top = max(found, key=lambda f: f.rank)
        signs = {
            growth.sign if known_sign(term) else 0
            for term, growth in zip(moved, found, strict=True)
            if growth.rank == top.rank
        }
        return replace(top, sign=signs.pop() if len(signs) == 1 else 0)

    @cached_property
    def collapse(self) -> End | None:
        """Where the weights shrink to nothing and nothing grows in return."""
        if self.floored or self._is_constant_here():
            return None
        for end in (End.PLUS, End.MINUS, End.ZERO_ABOVE):
            if end in self.regularized_elsewhere:
                continue
            alone = self.lead(end, self.solos)
            if alone.known_to_grow() or (self.solos and not alone.has_order()):
                continue
            if self.on_simplex and end is not End.ZERO_ABOVE:
                if any(self.leaf in t.simplex for t in self.solos):
                    continue  # of the shares themselves, it may be least inside
                if self.lead_of_weights(end).sign >= 0:
                    return end
                continue
            if self.solos and alone.has_order() and not any(alone.rank):
                continue  # it settles somewhere: the optimum may lie before the end
            weight = self.lead_of_weights(end)
            if weight.known_to_decay() and weight.sign > 0 and self._ends_at(end):
                return end
        return None

    def _ends_at(self, end: End) -> bool:
        """Whether the total goes no lower: at 0, neither before it nor behind it."""
        ends = (end, End.ZERO_BELOW) if end is End.ZERO_ABOVE else (end,)
        behind = end is not End.ZERO_ABOVE or self.lead_of_weights(End.ZERO_BELOW).sign > 0
        return behind and (
            not self.solos or all(self.lead(one, self.solos).sign > 0 for one in ends)
        )

    @property
    def on_simplex(self) -> bool:
        """Whether the weights are shares of a whole: softmax, or w / w.sum()."""
        return any(self.leaf in t.simplex for t in self.weights)

    @cached_property
    def dead(self) -> End | None:
        """Where the gradient of every term is exactly 0."""
        for end in (End.MINUS, End.PLUS):
            if self.terms and all((self.leaf, end) in t.flat for t in self.terms):
                return end
        return None

    @cached_property
    def signed(self) -> Term | None:
        """A weighted term whose loss can be negative by its meaning, and whose weight can grow."""
        if not self.weighs_losses:
            return None
        leads = [self.lead_of_weights(e) for e in (End.PLUS, End.MINUS)]
        for term in self.weights:
            growing = [term.at(self.leaf, e) for e in (End.PLUS, End.MINUS)]
            if not any(x.known_to_grow() for x in growing) or self._made_up_for(term):
                continue
            if any(f.known_signed for f in term.factors):
                return term
            positive_weight = any(s.what in (What.EXP, What.OTHER) for s in term.steps)
            if (
                positive_weight
                and any(x.known_to_grow() and x.rate and x.sign < 0 for x in leads)
                and any(f.origin is Origin.LOSS or f.hint for f in term.factors)
            ):
                return term
        return None

    def _made_up_for(self, term: Term) -> bool:
        """Whether the weight meets a constant as well, as in `exp(-s) * (1 - cosine)`, or more."""
        ends = [e for e in (End.PLUS, End.MINUS) if term.at(self.leaf, e).known_to_grow()]
        return all(
            any(
                solo.at(self.leaf, end).sign > 0
                and solo.at(self.leaf, end).rank >= term.at(self.leaf, end).rank
                for solo in self.solos
            )
            for end in ends
        )

    # --- places ---------------------------------------------------------------------------

    def place(self, term: Term) -> Step | None:
        """The step that makes the weight of a term: its last operation, or its first read."""
        made = [s for s in term.steps if s.what is not What.READ]
        return made[-1] if made else next(iter(term.steps), None)

    @cached_property
    def weight_nodes(self) -> frozenset[cst.CSTNode]:
        """Every place through which the leaf reached a weight, and no regularizer scaled by data."""
        made = [t for t in self.weights if any(s.what is not What.READ for s in t.steps)]
        return frozenset(s.node for t in made or self.weights for s in t.steps)

    def occurrence(self, solo: Term) -> Step | None:
        """The innermost place that feeds this term and no weight, linear from there on."""
        start = 0
        for place, step in enumerate(solo.steps):
            if step.what is not What.READ:
                start = place
        tail = [s for s in solo.steps[start:] if s.alone]
        return next(
            (s for s in tail if s.node not in self.weight_nodes), tail[-1] if tail else None
        )

    def falling_solos(self, end: End) -> list[Term]:
        """The terms that take the total down at one end."""
        return [t for t in self.solos if _falls(t.at(self.leaf, end))]


def _along(term: Term, leaf: Leaf, end: End) -> Growth:
    """The growth of a term along a leaf, its sign unknown where a factor may turn it."""
    growth = term.at(leaf, end)
    return growth if known_sign(term) or not growth.has_order() else replace(growth, sign=0)


def never_vanishes(term: Term) -> bool:
    """Whether what the leaf multiplies is known to stay above 0, as `loss + 1` does.

    What is hardly above it is there to guard a root or a quotient.
    """
    return all(f.lower is not None and f.lower > EPSILON for f in term.factors)


def known_sign(term: Term) -> bool:
    """Whether no factor of a term may turn its sign."""
    return all(
        f.known_not_negative or f.hint or f.origin is Origin.SETTING or f.known_signed
        for f in term.factors
    )


def _may_be_loss(factor: Factor) -> bool:
    return factor.origin is Origin.LOSS or factor.hint


def is_weighed_loss(term: Term) -> bool:
    """Whether a loss is among the factors of a term, and no raw data beside it."""
    raw = {Origin.ARGUMENT, Origin.DATA, Origin.NETWORK}
    return any(_may_be_loss(f) for f in term.factors) and not any(
        f.origin in raw and not (f.reduced or f.hint) for f in term.factors
    )


def _falls(growth: Growth) -> bool:
    return growth.known_to_grow() and growth.sign < 0


@dataclass(frozen=True, eq=False)
class RectifiedTotal:
    """A total with learned weights that is folded or cut off at 0."""

    value: Value
    node: cst.BaseExpression
    how: str
