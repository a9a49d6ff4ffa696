"""What may hold what, in all files of a project together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from losslint.model.facts import FileFacts, Flow, Node
from losslint.project.flows import EVERYWHERE


class Graph:
    """The flows of some files. Names alike are taken for the same."""

    def __init__(self, files: tuple[FileFacts, ...]) -> None:
        self.files = files

    @cached_property
    def own(self) -> frozenset[str]:
        """The name of every class, function and method of the project."""
        return frozenset().union(*(facts.own for facts in self.files))

    @cached_property
    def _forward(self) -> Mapping[Node, list[Node]]:
        found: dict[Node, list[Node]] = defaultdict(list)
        for flow in self._flows():
            for source in flow.sources:
                found[source].append(flow.into)
        return found

    @cached_property
    def _backward(self) -> Mapping[Node, list[Flow]]:
        found: dict[Node, list[Flow]] = defaultdict(list)
        for flow in self._flows():
            found[flow.into].append(flow)
        return found

    def _flows(self) -> Iterator[Flow]:
        for facts in self.files:
            yield from facts.flows

    @cached_property
    def _homes(self) -> Mapping[str, list[FileFacts]]:
        """The files that define a class of some name."""
        found: dict[str, list[FileFacts]] = defaultdict(list)
        for facts in self.files:
            for defined in facts.defined:
                if defined.kind == "class":
                    found[defined.name].append(facts)
        return found

    def reached(self, start: Iterable[Node]) -> set[Node]:
        """Everything that may hold what some nodes hold. Names alike are taken for the same.

        A class is followed as well as its objects: what calls it makes one. The classes
        that inherit from a class hold what its objects hold, but are none of the start.
        """
        start = frozenset(start)
        found = {(node, False) for node in start}
        waiting = list(found)
        while waiting:
            node, is_class = waiting.pop()
            following = [(into, is_class) for into in self._forward.get(node, ())]
            following += self._beside(node, is_class=is_class)
            if node[0] == "of" and node not in start:
                following += [(("of", name), is_class) for name in self._heirs.get(node[1], ())]
            for step in following:
                if step not in found and not self._is_followed(step[0]):
                    found.add(step)
                    waiting.append(step)
        return {node for node, is_class in found if not is_class}

    @cached_property
    def _heirs(self) -> Mapping[str, list[str]]:
        """The names of the classes that inherit from one of some name."""
        found: dict[str, list[str]] = defaultdict(list)
        for facts in self.files:
            for defined in facts.defined:
                for base in defined.bases:
                    found[base.rpartition(".")[2]].append(defined.name)
        return found

    def making(self, node: Node) -> list[FileFacts]:
        """The files in which something that holds the class of a node is called."""
        made = {n for n in self.reached((node,)) if n[0] == "called"}
        return [
            facts
            for facts in self.files
            if not facts.is_test and any(made & set(flow.sources) for flow in facts.flows)
        ]

    def _is_followed(self, node: Node) -> bool:
        """Whether a function is the project's own, so that what it does is seen."""
        return node[0] == "beyond" and node[1] in self.own

    def _beside(self, node: Node, *, is_class: bool) -> Iterator[tuple[Node, bool]]:
        """A class by its name, its objects, and what its bases are given when one is made."""
        if is_class:
            yield ("called", *node), False
        elif node[0] == "of":
            yield ("value", EVERYWHERE, node[1]), True
            for facts in self._homes.get(node[1], ()):
                yield ("value", facts.path, node[1]), True
        elif node[0] == "into":
            for facts in self._homes.get(node[1], ()):
                for defined in facts.defined:
                    for base in defined.bases if defined.name == node[1] else ():
                        yield ("into", base.rpartition(".")[2], *node[2:]), False

    def is_known(self, given: Iterable[Node], closed: Iterable[Node]) -> bool:
        """Whether it is known what some nodes hold, as far as it is not the parameters of a module."""
        waiting = [node for node in given if node not in set(closed)]
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            flows = self._backward.get(node, ())
            if not flows:
                return False
            for flow in flows:
                for source in flow.sources:
                    if source not in flow.closed and source not in seen:
                        seen.add(source)
                        waiting.append(source)
        return True
