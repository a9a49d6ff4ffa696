"""Optimizers that decay the log-variances that they are given."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.frozen import dataclass
from losslint.model.facts import FileFacts, Optimizer, Site
from losslint.project.joined import Project


@dataclass(frozen=True)
class Decayed:
    """Log-variances that an optimizer pulls towards 0: `leaf` of `of`, which it gets by `root`."""

    file: FileFacts
    optimizer: Optimizer
    root: str
    leaf: str
    of: str

    @property
    def path(self) -> str:
        """The file that the finding is in."""
        return self.file.path

    @property
    def site(self) -> Site:
        """The call that makes the optimizer."""
        return self.optimizer.site


def decayed(project: Project) -> Iterator[Decayed]:
    """Every optimizer that is known to decay log-variances, once for each that it gets."""
    for facts in project.files:
        for optimizer in facts.optimizers:
            if not optimizer.decay or facts.is_test:
                continue
            for root in dict.fromkeys(optimizer.roots):
                leaf, of = _log_variance(project, facts, optimizer, root)
                if leaf:
                    yield Decayed(facts, optimizer, root, leaf, of)


def _log_variance(
    project: Project, facts: FileFacts, optimizer: Optimizer, root: str
) -> tuple[str, str]:
    """The log-variance that is among the parameters of `root`, and the class or function around it."""
    for weighing in facts.weighing:  # a plain tensor, by its name
        if weighing.is_log_variance and weighing.leaf == root:
            return root, weighing.scope
    names = [optimizer.owner] if root == "self" else []
    names += [
        built.cls
        for built in facts.built
        if built.target == root
        and built.owner == optimizer.owner
        and built.scope in ("", optimizer.scope, "__init__")
    ]
    for name in names:
        definition = project.definition(facts, name)
        if definition is None or definition[1].kind != "class":
            continue
        for home, cls in project.lineage(definition):
            for weighing in home.weighing:
                own = weighing.leaf.removeprefix("self.")
                if weighing.scope == cls.name and weighing.is_log_variance and own != weighing.leaf:
                    return own, cls.name
    return "", ""
