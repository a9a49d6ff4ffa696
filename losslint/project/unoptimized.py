"""Learnable parameters of losses that no optimizer of the project ever gets."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.frozen import dataclass, replace
from losslint.model.facts import Built, FileFacts, Node, Optimizer, Site
from losslint.project.flows import EVERYWHERE
from losslint.project.joined import Definition, Project

# By which a trainer of transformers makes its optimizer.
OWN_OPTIMIZER = "create_optimizer"


@dataclass(frozen=True)
class Unoptimized:
    """Parameters that are never trained: `names` of `of`, a class or what holds a plain tensor.

    The finding stands at `site` in `file`: at the optimizer that lacks them, or where
    that file is not asked for, at what makes the loss, or defines it; at the loss that is
    made anew in every step (`anew` says in what), or that a trainer does not know of that
    makes its own optimizer (`framework`); or at a comment that would hand them over
    (`is_comment`).
    """

    file: FileFacts
    site: Site
    names: tuple[str, ...]
    of: str
    holder: str
    home: tuple[FileFacts, Site]
    made: tuple[FileFacts, Built] | None = None
    optimizer: Optimizer | None = None
    gets: FileFacts | None = None  # the file of the optimizer
    anew: str = ""
    framework: str = ""
    is_comment: bool = False
    comment: tuple[FileFacts, Site] | None = None

    @property
    def path(self) -> str:
        """The file that the finding is in."""
        return self.file.path

    @property
    def is_plain(self) -> bool:
        """Whether it is about a tensor that no object holds."""
        return self.names == (self.holder,)


@dataclass(frozen=True)
class _Seed:
    """Parameters to look for: where they are defined, what holds them, where to begin."""

    names: tuple[str, ...]
    of: str
    home: tuple[FileFacts, Site]
    start: frozenset[Node]
    at: FileFacts
    made: tuple[FileFacts, Built] | None


def left_open(project: Project) -> bool:
    """Whether files that could not be read leave it open who trains the parameters of some loss."""
    return bool(project.unreadable) and next(_every(project), None) is not None


def may_train_losses(facts: FileFacts) -> bool:
    """Whether a file defines learnable parameters of a loss."""
    return bool(facts.weighing) or any(d.leaves for d in facts.defined)


def unoptimized(project: Project) -> Iterator[Unoptimized]:
    """Every loss with parameters that nothing trains, at the places where that is to be mended.

    None where a file that matters could not be read: it may train them.
    """
    return iter(()) if project.unreadable else _every(project)


def _every(project: Project) -> Iterator[Unoptimized]:
    learning = project.kin(d.name for facts in project.files for d in facts.defined if d.leaves)
    for facts in project.files:
        for defined in facts.defined:
            definition = (facts, defined)
            is_asked = defined.name in learning and not facts.is_test
            names = _parameters(project, definition) if is_asked else ()
            if names and project.is_module(definition):
                yield from _of_class(project, definition, names)
        yield from _of_leaves(project, facts)


def _parameters(project: Project, definition: Definition) -> tuple[str, ...]:
    """The learnable parameters of a loss module; none of anything else."""
    line = project.lineage(definition)
    leaves = tuple(dict.fromkeys(leaf for _, d in line for leaf in d.leaves))
    weighs = any(w.scope == d.name for f, d in line for w in f.weighing)
    named = {d.name for _, d in line} & project.words
    registered = named or any(d.is_decorated for _, d in line)
    is_loss = weighs or any(d.is_loss for _, d in line)
    return leaves if leaves and is_loss and not registered else ()


def _of_class(
    project: Project, definition: Definition, names: tuple[str, ...]
) -> Iterator[Unoptimized]:
    home, cls = definition
    made = [(f, b) for f, b in project.built(definition) if not f.is_test]
    for facts, built in made:
        if built.anew:
            where = (home, cls.site)
            yield Unoptimized(facts, built.site, names, cls.name, cls.name, where, anew=built.anew)
    start: frozenset[Node] = frozenset((("of", cls.name),))
    known: set[tuple[str, Site]] = set()
    seeds = [
        _Seed(names, cls.name, (home, cls.site), start, facts, (facts, built))
        for facts, built in made
        if not built.anew
    ]
    if not made and not project.is_built(cls.name):  # out of a table of classes
        seeds = [
            _Seed(names, cls.name, (home, cls.site), start, facts, None)
            for facts in project.graph.making(("of", cls.name))
        ]
    for seed in seeds:
        for found in _missing(project, seed):
            if (found.path, found.site) not in known:
                known.add((found.path, found.site))
                yield found


def _of_leaves(project: Project, facts: FileFacts) -> Iterator[Unoptimized]:
    """Plain tensors that weigh losses, each by its name in its file."""
    seen: set[str] = set()
    for weighing in facts.weighing:
        name = weighing.leaf.partition("[")[0]
        if facts.is_test or name in seen or "." in name or not weighing.is_plain:
            continue
        seen.add(name)
        start: frozenset[Node] = frozenset((("value", facts.path, name),))
        home = (facts, weighing.site)
        seed = _Seed((name,), weighing.scope, home, start, facts, None)
        yield from _missing(project, seed)


def _missing(project: Project, seed: _Seed) -> Iterator[Unoptimized]:
    """Where the parameters of a seed are to be handed over, if it is known that nothing does."""
    optimizers = project.optimizers
    if seed.made is not None and (own := _in_framework(project, seed)) is not None:
        yield own
        return
    together = [(f, o) for f, o in optimizers if project.belong_together(f, seed.at)]
    makers = [(f, o) for f, o in together if o.name != "add_param_group"]
    if not makers or not all(project.graph.is_known(o.given, o.closed) for _, o in optimizers):
        return
    reached = {_name(node) for node in project.graph.reached(seed.start)}
    if any(_name(node) in reached for _, optimizer in optimizers for node in optimizer.given):
        return
    comments = list(_comments(project, seed))
    facts, optimizer = min(makers, key=lambda found: _distance(project, found, seed))
    is_plain = seed.start == {("value", seed.at.path, seed.names[0])}
    holder = seed.made[1].target if seed.made else seed.names[0] if is_plain else ""
    made = [(seed.made[0], seed.made[1].site)] if seed.made else []
    places = [(facts, optimizer.site), *made, seed.home]
    where, site = next((p for p in places if project.is_checked(p[0])), places[0])
    found = Unoptimized(
        where, site, seed.names, seed.of, holder, seed.home, seed.made, optimizer, facts
    )
    yield replace(found, comment=comments[0] if comments else None)
    for where, site in comments:
        yield replace(found, file=where, site=site, is_comment=True)


def _in_framework(project: Project, seed: _Seed) -> Unoptimized | None:
    """A loss that a trainer keeps which makes its optimizer of the model's parameters alone."""
    assert seed.made is not None
    facts, built = seed.made
    framework = project.framework(facts, built.owner)
    if not framework or OWN_OPTIMIZER in facts.own:
        return None
    reached = project.graph.reached(_made(seed))
    of_model = {("into", built.owner, place) for place in ("0", "model", "*")}
    optimized = any(not reached.isdisjoint(o.given) for f in project.files for o in f.optimizers)
    if optimized or of_model & reached:
        return None
    where = (facts, built.site)
    home = seed.home
    return Unoptimized(
        *where, seed.names, seed.of, built.target, home, seed.made, framework=framework
    )


def _name(node: Node) -> Node:
    """A node without the file that it is of: an argument of whoever calls may be of any."""
    return ("value", node[2]) if node[0] == "value" else node


def _comments(project: Project, seed: _Seed) -> Iterator[tuple[FileFacts, Site]]:
    """The comments in which the parameters are handed over, in the files of the loss."""
    reached = project.graph.reached(_made(seed))
    for facts in project.files:
        for holder, site in facts.stopped:
            means = {("value", EVERYWHERE, holder), ("value", facts.path, holder)}
            if means & reached and project.belong_together(facts, seed.at):
                yield facts, site


def _made(seed: _Seed) -> set[Node]:
    """What holds the very object that is made, and no other of its class."""
    if seed.made is None:
        return set(seed.start)
    facts, built = seed.made
    name = built.target.rpartition(".")[2]
    if not name:
        return {("from", built.scope), ("from", built.scope, "any")}
    return {("value", EVERYWHERE if "." in built.target else facts.path, name)}


def _distance(
    project: Project, found: tuple[FileFacts, Optimizer], seed: _Seed
) -> tuple[bool, bool, bool, str, int]:
    """The nearer an optimizer stands to the loss, the less."""
    facts, optimizer = found
    built = seed.made[1] if seed.made else None
    other = facts.path != seed.at.path
    far = other and not project.is_imported(facts, seed.at)
    apart = (
        other or built is None or (built.owner, built.scope) != (optimizer.owner, optimizer.scope)
    )
    return other, far, apart, facts.path, optimizer.site.span.start
