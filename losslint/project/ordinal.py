"""Cross-entropies of ordered classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from losslint.frozen import dataclass
from losslint.model.facts import CrossEntropy, FileFacts, Site
from losslint.project.cross_entropies import words
from losslint.project.joined import Project
from losslint.project.unused import UnusedLoss, unused


@dataclass(frozen=True)
class OrdinalCrossEntropy:
    """A cross-entropy whose classes have an order, and the ordinal losses that lie unused."""

    file: FileFacts
    cross_entropy: CrossEntropy
    losses: tuple[UnusedLoss, ...]

    @property
    def path(self) -> str:
        """The file that the finding is in."""
        return self.file.path

    @property
    def site(self) -> Site:
        """The call."""
        return self.cross_entropy.site


def ordinal_cross_entropies(
    project: Project, mentions: Mapping[str, int]
) -> Iterator[OrdinalCrossEntropy]:
    """Every cross-entropy of classes that are computed from a number, or that a loss was made for."""
    waiting = [loss for loss in unused(project, mentions) if loss.defined.is_ordinal]
    everywhere = {name for facts in project.files for name in facts.criteria}
    for facts in project.files:
        known = {"", *facts.criteria} | (everywhere - _assigned(facts))
        for one in facts.cross_entropies if not facts.is_test else ():
            fitting = tuple(loss for loss in waiting if words(loss.defined.name) & one.words)
            if one.criterion in known and (fitting or one.order):
                yield OrdinalCrossEntropy(facts, one, fitting)


def _assigned(facts: FileFacts) -> set[str]:
    """The names that a file gives something itself, and not by an argument."""
    return {
        flow.into[2]
        for flow in facts.flows
        if flow.into[0] == "value" and any(source[0] != "into" for source in flow.sources)
    }
