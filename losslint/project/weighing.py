"""Learned weights as facts of a file: what the project's rules ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from losslint.model.facts import Site, Weighing
from losslint.model.module import Module
from losslint.ranges.value import Kind, What
from losslint.ranges.weights import LearnedWeight


def weighing(module: Module, weights: Iterable[LearnedWeight]) -> Iterator[Weighing]:
    """Every parameter of a module that weighs losses, once a class or function."""
    seen: set[tuple[str, str]] = set()
    for weight in weights:
        key = (weight.sink.scope, weight.leaf.name)
        step = weight.place(weight.weights[0]) if weight.weights else None
        trained = weight.leaf.kind is Kind.PARAMETER and weight.weighs_losses
        if not trained or step is None or key in seen:
            continue
        seen.add(key)
        span = module.span(weight.leaf.made.node if weight.leaf.made else step.node)
        place = module.source.place(span.start)
        row = module.source.position(span.start)[0]
        is_exponential = any(term.last(What.EXP) for term in weight.weights)
        is_plain = "." not in weight.leaf.name and "@" not in weight.leaf.name
        yield Weighing(*key, Site(span, place, (row,)), is_exponential, is_plain)
