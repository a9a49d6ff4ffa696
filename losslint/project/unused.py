"""Losses of the project that nothing in it names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from losslint.frozen import dataclass
from losslint.model.facts import Defined, FileFacts, Site
from losslint.project.joined import Project


@dataclass(frozen=True)
class UnusedLoss:
    """A class or function that computes a loss, and that no file of the project mentions."""

    file: FileFacts
    defined: Defined

    @property
    def path(self) -> str:
        """The file that the finding is in."""
        return self.file.path

    @property
    def site(self) -> Site:
        """The name of the definition."""
        return self.defined.site


# A model that is kept with its loss is no loss.
WRAPS = re.compile(r"with_?loss", re.IGNORECASE)


def losses(project: Project) -> Iterator[tuple[FileFacts, Defined]]:
    """Every loss that a project defines for itself: what others may import is none of these."""
    computing = project.kin(d.name for facts in project.files for d in facts.defined if d.is_loss)
    for facts in project.files:
        found = [
            defined
            for defined in facts.defined
            if defined.name in computing
            and not (defined.is_decorated or WRAPS.search(defined.name))
            and _is_loss(project, facts, defined)
        ]
        if not found or facts.is_test or _is_public(project, facts) or project.is_searched(facts):
            continue
        for defined in found:
            yield facts, defined


def _is_loss(project: Project, facts: FileFacts, defined: Defined) -> bool:
    if defined.kind == "function":
        return defined.is_loss
    definition = (facts, defined)
    return any(d.is_loss for _, d in project.lineage(definition)) and project.is_module(definition)


def _is_public(project: Project, facts: FileFacts) -> bool:
    """Whether a file is part of a package that is installed: its users are not seen."""
    folder = os.path.dirname(os.path.abspath(facts.path))
    package = ""
    while os.path.exists(os.path.join(folder, "__init__.py")):
        package, folder = folder, os.path.dirname(folder)
    at_the_top = folder in (project.folder, os.path.join(project.folder, "src"))
    return bool(package) and at_the_top and project.is_installed


def unused(project: Project, mentions: Mapping[str, int]) -> Iterator[UnusedLoss]:
    """The losses that nothing mentions. `mentions` counts the names outside their definitions.

    A collection of losses without any training is none to ask what trains by them.
    """
    trains = any(facts.optimizers for facts in project.files if not facts.is_test)
    if not project.is_whole or not trains:
        return
    for facts, defined in losses(project):
        if not mentions.get(defined.name):
            yield UnusedLoss(facts, defined)
