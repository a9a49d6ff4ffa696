"""The facts of all files together: which definition a name means, which files belong together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from losslint.findings import Span
from losslint.model.facts import Built, Defined, FileFacts, Optimizer
from losslint.model.imports import Import, places, readings
from losslint.project.graph import Graph

MAX_HOPS = 4  # files from a name to its definition

Definition = tuple[FileFacts, Defined]


class Folders:
    """The folders that some files are in: of others nothing is asked."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._known: set[str] = set()
        for path in paths:
            above = os.path.dirname(path)
            while above not in self._known:
                self._known.add(above)
                above = os.path.dirname(above)

    def is_folder(self, path: str) -> bool:
        """Whether one of the files is in a folder, at any depth."""
        return path.rstrip(os.sep) in self._known


class Project:
    """The joined facts of some files. `folder` is the one that they all lie in.

    `checked` are the files that findings may stand in, None for all. `is_whole` says
    that no file of the project is missing, `is_installed` that others may import from it;
    `unreadable` are the files that matter and could not be read, `named` holds the names that
    configuration files mention, `searched` says how many files were searched for names.
    """

    def __init__(
        self,
        files: Iterable[FileFacts],
        folder: str = os.curdir,
        *,
        checked: frozenset[str] | None = None,
        is_whole: bool = False,
        unreadable: tuple[str, ...] = (),
        is_installed: bool = False,
        named: frozenset[str] = frozenset(),
        searched: int = 0,
    ) -> None:
        self.files = tuple(files)
        self.folder = os.path.abspath(folder)
        self.checked = checked
        self.is_whole = is_whole
        self.unreadable = unreadable
        self.is_installed = is_installed
        self.named = named
        self.searched = searched
        self._definitions: dict[tuple[str, str], Definition | None] = {}
        self._lineages: dict[tuple[str, Span], list[Definition]] = {}
        self._by_path = {os.path.abspath(facts.path): facts for facts in self.files}

    def is_checked(self, facts: FileFacts) -> bool:
        """Whether findings in a file are asked for."""
        return self.checked is None or facts.path in self.checked

    # --- definitions --------------------------------------------------------------------

    def definition(self, facts: FileFacts, qualified: str) -> Definition | None:
        """The class or function of the project that a qualified name in a file stands for."""
        key = facts.path, qualified
        if key not in self._definitions:
            self._definitions[key] = self._found(facts, qualified, 0)
        return self._definitions[key]

    def _found(self, facts: FileFacts, qualified: str, hops: int) -> Definition | None:
        if "." not in qualified:
            return self._in_file(facts, qualified, hops)
        for wanted in readings(qualified):
            for other, rest in self._files_of(facts, wanted):
                found = self._in_file(other, rest[0], hops) if len(rest) == 1 else None
                if found is not None:
                    return found
        return None

    def _in_file(self, facts: FileFacts, name: str, hops: int) -> Definition | None:
        for defined in facts.defined:
            if defined.name == name:
                return facts, defined
        origins = [origin for bound, origin in facts.imports if bound in (name, "*")]
        for origin in origins if hops < MAX_HOPS else ():
            whole = origin.removesuffix("*") + name if origin.endswith("*") else origin
            found = self._found(facts, whole, hops + 1) if "." in whole else None
            if found is not None:
                return found
        return None

    def _files_of(
        self, facts: FileFacts, wanted: Import
    ) -> Iterator[tuple[FileFacts, tuple[str, ...]]]:
        if not wanted.level and wanted.parts[0] not in self._spoken:
            return  # installed, and none of the project's
        folder = os.path.dirname(os.path.abspath(facts.path))
        found = False
        for path, rest in places(folder, self.folder, wanted, self._folders):
            other = self._by_path.get(path)
            if other is not None:
                found = True
                yield other, rest
        if not found and not wanted.level:
            yield from self._by_end_of_path(wanted)

    def _by_end_of_path(self, wanted: Import) -> Iterator[tuple[FileFacts, tuple[str, ...]]]:
        """The only file of its name in such folders: what `sys.path` may be made to lead to."""
        for cut in (len(wanted.parts), len(wanted.parts) - 1):
            for end in (wanted.parts[:cut], (*wanted.parts[:cut], "__init__")):
                files = self._ends.get(end, ()) if cut else ()
                if len(files) == 1:
                    yield files[0], wanted.parts[cut:]

    @cached_property
    def _folders(self) -> Folders:
        return Folders(self._by_path)

    @cached_property
    def _spoken(self) -> frozenset[str]:
        """The names of all files and folders of the project."""
        return frozenset(part for end in self._ends for part in end)

    @cached_property
    def _ends(self) -> Mapping[tuple[str, ...], list[FileFacts]]:
        """The files by the last parts of their paths, without `.py`."""
        found: dict[tuple[str, ...], list[FileFacts]] = defaultdict(list)
        for path, facts in self._by_path.items():
            parts = os.path.splitext(os.path.relpath(path, self.folder))[0].split(os.sep)
            for start in range(len(parts)):
                found[tuple(parts[start:])].append(facts)
        return found

    def lineage(self, definition: Definition) -> list[Definition]:
        """A class and its bases in the project, nearest first."""
        key = definition[0].path, definition[1].body
        if key not in self._lineages:
            self._lineages[key] = self._lineage(definition)
        return self._lineages[key]

    def _lineage(self, definition: Definition) -> list[Definition]:
        found: list[Definition] = []
        waiting = [definition]
        while waiting:
            facts, defined = waiting.pop(0)
            if any(other is defined for _, other in found):
                continue
            found.append((facts, defined))
            bases = (self.definition(facts, base) for base in defined.bases if base)
            waiting += [base for base in bases if base is not None]
        return found

    def kin(self, names: Iterable[str]) -> frozenset[str]:
        """The names of all definitions that have one of some names in their lineage, and of others.

        By names alone, whatever they mean where they stand: it takes a fraction of the time.
        """
        found: set[str] = set()
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._descending.get(name, ())
        return frozenset(found)

    @cached_property
    def _descending(self) -> Mapping[str, list[str]]:
        """The classes that have a base of some name, and the names that it is imported by."""
        found: dict[str, list[str]] = defaultdict(list)
        for facts in self.files:
            for defined in facts.defined:
                for base in defined.bases:
                    found[base.rpartition(".")[2]].append(defined.name)
            for bound, origin in facts.imports:
                name = origin.rpartition(".")[2]
                if name != bound:
                    found[name].append(bound)
        return found

    def is_module(self, definition: Definition) -> bool:
        """Whether a class is an nn.Module, by a base that is none of the project's."""
        bases = [base for _, defined in self.lineage(definition) for base in defined.bases]
        return any(
            base.startswith(("torch.nn.", "lightning.", "pytorch_lightning.", "transformers."))
            for base in bases
        )

    def framework(self, facts: FileFacts, cls: str) -> str:
        """The trainer of transformers, or of what builds on it, that a class inherits from."""
        definition = self.definition(facts, cls) if cls else None
        line = self.lineage(definition) if definition is not None else []
        bases = [base for _, defined in line for base in defined.bases]
        found = [
            b for b in bases if b.startswith(("transformers.", "trl.")) and b.endswith("Trainer")
        ]
        return found[0].rpartition(".")[2] if found else ""

    def built(self, definition: Definition) -> list[tuple[FileFacts, Built]]:
        """Where objects of a class are made."""
        name = definition[1].name
        found = [
            (facts, built)
            for facts in self.files
            for built in facts.built
            if built.cls.rpartition(".")[2] == name or name not in facts.own
        ]
        return [
            (facts, built)
            for facts, built in found
            if (meant := self.definition(facts, built.cls)) and meant[1] is definition[1]
        ]

    def is_built(self, name: str) -> bool:
        """Whether an object of some class of this name is made."""
        return any(b.cls.rpartition(".")[2] == name for facts in self.files for b in facts.built)

    # --- files that belong together -----------------------------------------------------

    def is_imported(self, one: FileFacts, other: FileFacts) -> bool:
        """Whether one of two files imports the other."""
        return any(
            second in self._imported(first, origin)
            for first, second in ((one, other), (other, one))
            for _, origin in first.imports
        )

    @cached_property
    def _groups(self) -> Mapping[str, str]:
        """One file of the group of each: those that import each other are one group."""
        first = {facts.path: facts.path for facts in self.files}

        def root(path: str) -> str:
            while first[path] != path:
                first[path] = path = first[first[path]]
            return path

        for facts in self.files:
            for _, origin in facts.imports:
                for other in self._imported(facts, origin):
                    first[root(other.path)] = root(facts.path)
        return {path: root(path) for path in first}

    def _imported(self, facts: FileFacts, origin: str) -> Iterator[FileFacts]:
        """The file that an import reads: a module, or the one that binds what is asked for."""
        for wanted in readings(origin):
            asked = Import(wanted.level, (*wanted.parts, "__init__"))
            for each in (asked, wanted):
                found = next((f for f, rest in self._files_of(facts, each) if len(rest) == 1), None)
                if found is not None:
                    yield found
                    return

    def belong_together(self, one: FileFacts, other: FileFacts) -> bool:
        """Whether two files are connected by imports, of whatever files between them."""
        return self._groups[one.path] == self._groups[other.path]

    def is_searched(self, facts: FileFacts) -> bool:
        """Whether some file takes things of this one by names that it computes."""
        return facts.path in self._searched

    @cached_property
    def _searched(self) -> frozenset[str]:
        found = {facts.path for facts in self.files if "" in facts.searched}
        for facts in self.files:
            for module in filter(None, facts.searched):
                found |= {other.path for other in self._imported(facts, module)}
        return frozenset(found)

    @cached_property
    def words(self) -> frozenset[str]:
        """The names that strings in some file, or a configuration file, mention."""
        return self.named.union(*(facts.words for facts in self.files))

    @cached_property
    def optimizers(self) -> tuple[tuple[FileFacts, Optimizer], ...]:
        """The optimizers of all files, those of tests left out."""
        return tuple(
            (f, optimizer) for f in self.files for optimizer in f.optimizers if not f.is_test
        )

    @cached_property
    def graph(self) -> Graph:
        """What flows where, in all files together."""
        return Graph(self.files)
