"""What every rule must stand, those of losslint and those of plug-ins: its page and its fixtures.

`fixtures/<name of the rule>/` holds `bad.py`, whose lines that are to be found end with a
comment of the rule's code, `good.py` with near misses, and what `regenerate` writes,
`fixed.py` and `report.txt`. A rule that looks at whole projects shows some: folders `bad`
and `good`, beside the files of these names or in their place.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from losslint import cli
from losslint.config import ConfigError, Settings
from losslint.engine.fix import FixResult
from losslint.engine.memory import check_source, fix_source
from losslint.engine.run import check_paths
from losslint.findings import Severity
from losslint.frozen import dataclass
from losslint.rules import registry
from losslint.rules.base import Rule
from losslint.source.text import Source

FILES = frozenset(("bad.py", "fixed.py", "good.py"))
PROJECTS = frozenset(("bad", "good"))
EVERYTHING = Settings(select=("ALL",))

# What an example of a page may take as given.
PREAMBLE = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"

# File, row and code of what is found or marked, and how often.
Places = Counter[tuple[str, int, str]]


@dataclass(frozen=True)
class Check:
    """One thing that must hold. Called, it raises an AssertionError if it does not."""

    name: str
    run: Callable[[], None]

    def __str__(self) -> str:
        return self.name

    def __call__(self) -> None:
        self.run()


def checks(prefix: str, fixtures: Path, *, besides: Collection[str] = ()) -> list[Check]:
    """Everything that must hold of the rules with this prefix and their folders in `fixtures`.

    Folders `besides` are of no rule.

    Raises:
        ConfigError: there are no such rules, or the plug-in that has them cannot be used.
    """
    rules = _rules(prefix)

    def folders() -> None:
        found = {path.name for path in fixtures.iterdir() if path.is_dir()} - {*besides}
        _expect(found, {rule.name for rule in rules}, "there is a folder for each rule")

    every = [Check(f"{prefix}-folders", folders)]
    for rule in rules:
        case = _Case(rule, fixtures / rule.name)
        every += [Check(f"{rule.name}-{run.__name__}", run) for run in case.checks()]
    return every


def regenerate(prefix: str, fixtures: Path, names: Collection[str] = ()) -> None:
    """Write `fixed.py` and `report.txt` of these rules, or of all. Read them before you commit them.

    Raises:
        ConfigError: as for `checks`.
    """
    for rule in _rules(prefix):
        if not names or rule.name in names:
            _Case(rule, fixtures / rule.name).regenerate()


def _rules(prefix: str) -> list[Rule]:
    rules = [rule for rule in registry.all_rules() if rule.prefix == prefix]
    if not rules:
        raise ConfigError("; ".join([f"no rule has the prefix {prefix}", *registry.broken()]))
    # What the engine itself reports has no code to show.
    return [rule for rule in rules if rule.checks or rule.project_checks]


class _Case:
    """A rule and its folder. The names of its checks are what pytest shows."""

    def __init__(self, rule: Rule, folder: Path) -> None:
        self.rule = rule
        self.folder = folder
        self.alone = Settings(select=(rule.code,))

    @property
    def is_of_files(self) -> bool:
        return (self.folder / "bad.py").exists()

    def checks(self) -> Iterator[Callable[[], None]]:
        yield from (self.page, self.example, self.better_example, self.contents, self.report)
        if self.is_of_files:
            yield from (self.bad, self.good, self.fixed, self.fixed_again, self.no_other_rule)
        if (self.folder / "bad").is_dir():
            yield from (self.bad_project, self.good_project)

    def regenerate(self) -> None:
        if self.is_of_files:
            self.write("fixed.py", self.fix(self.read("bad.py")).text)
        self.write("report.txt", self.printed())

    def page(self) -> None:
        _expect([*self.rule.faults()], [], "the page is as a page must be")

    def example(self) -> None:
        bad, good = (PREAMBLE + text for text in self.rule.examples)
        _expect(self.codes(bad, self.alone), {self.rule.code}, "the example is found")
        _expect(self.codes(good, EVERYTHING), set(), "the better example is clean")

    def better_example(self) -> None:
        bad, good = (PREAMBLE + text for text in self.rule.examples)
        fixed = fix_source(bad, "fixture.py", self.alone)
        if fixed.applied:
            _expect(good, fixed.text, "the better example is what a safe fix writes")

    def contents(self) -> None:
        found = {path.name for path in self.folder.iterdir()}
        if "report.txt" not in found or not (found >= FILES or found >= PROJECTS):
            raise AssertionError(f"{self.folder} lacks a report.txt, {FILES} or {PROJECTS}")

    def report(self) -> None:
        _expect(self.printed(), self.read("report.txt"), "report.txt is what losslint prints")

    def bad(self) -> None:
        text = self.read("bad.py")
        _expect(_found(text, self.alone), self.marked(text), "what is marked in bad.py is found")

    def good(self) -> None:
        _expect(_found(self.read("good.py"), EVERYTHING), Counter(), "good.py is clean")

    def fixed(self) -> None:
        fixed = self.fix(self.read("bad.py"))
        compile(fixed.text, "fixed.py", "exec")
        _expect(self.read("fixed.py"), fixed.text, "fixed.py is what fixing bad.py gives")
        _expect(fixed.withheld, (), "no fix is withheld")

    def fixed_again(self) -> None:
        text = self.read("fixed.py")
        fixed = self.fix(text)
        _expect(fixed.text, text, "fixing again changes nothing")
        _expect([f for f in fixed.findings if f.fix], [], "no fix is left")

    def no_other_rule(self) -> None:
        new = _serious(self.read("fixed.py")) - _serious(self.read("bad.py"))
        _expect(new, Counter(), "a fix brings no other rule in")

    def bad_project(self) -> None:
        with TemporaryDirectory() as root:
            project, expected = self.project("bad", Path(root))
            _expect(_found_in(project, self.alone), expected, "what is marked in bad is found")

    def good_project(self) -> None:
        with TemporaryDirectory() as root:
            project, marked = self.project("good", Path(root))
            _expect(marked, Counter(), "nothing is marked in good")
            _expect(_found_in(project, EVERYTHING), Counter(), "good is clean")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8", newline="")

    def fix(self, text: str) -> FixResult:
        """Every fix of this rule, the unsafe too."""
        return fix_source(text, "fixture.py", self.alone, unsafe=True)

    def marked(self, text: str) -> Counter[tuple[int, str]]:
        """The codes in the comments of a text, each with its row."""
        code = re.compile(rf"\b{self.rule.prefix}\d{{3}}\b")
        return Counter(
            (row, found)
            for row, line in enumerate(text.splitlines(), start=1)
            for found in code.findall(line.partition("#")[2])
        )

    def project(self, name: str, folder: Path) -> tuple[Path, Places]:
        """A copy of a project, apart from all others, and what is marked in it."""
        copy = folder / name
        shutil.copytree(self.folder / name, copy)
        return copy, Counter(
            (str(path.relative_to(copy)), *place)
            for path in sorted(copy.rglob("*.py"))
            for place in self.marked(path.read_text(encoding="utf-8")).elements()
        )

    def codes(self, text: str, settings: Settings) -> set[str]:
        """What is found in an example: as a text, or as a project where the rule looks at no less."""
        if self.is_of_files:
            return {code for _, code in _found(text, settings)}
        with TemporaryDirectory() as folder:
            (Path(folder) / "train.py").write_text(text, encoding="utf-8")
            return {code for _, _, code in _found_in(Path(folder), settings)}

    def printed(self) -> str:
        """What the command prints for what is bad, from the root of a project of nothing else."""
        printed = io.StringIO()
        before = Path.cwd()
        for name in ("bad.py", "bad"):
            bad = self.folder / name
            if not bad.exists():
                continue
            path = f"fixtures/{self.rule.name}/{name}"
            with TemporaryDirectory() as root, redirect_stdout(printed):
                copy = Path(root) / path
                copy.parent.mkdir(parents=True)
                if bad.is_dir():
                    shutil.copytree(bad, copy)
                else:
                    shutil.copy(bad, copy)
                os.chdir(root)
                try:
                    options = ["--isolated", "--color", "never", "--select", self.rule.code]
                    cli.main([*options, path])
                finally:
                    os.chdir(before)
        return printed.getvalue()


def _found(text: str, settings: Settings) -> Counter[tuple[int, str]]:
    """Where something is found, and how often: row and code."""
    source = Source.from_text("fixture.py", text)
    return Counter(
        (source.position(found.span.start)[0], found.code)
        for found in check_source(text, "fixture.py", settings)
    )


def _serious(text: str) -> Counter[str]:
    """How often each rule warns of something in a text."""
    found = check_source(text, "fixture.py", EVERYTHING)
    return Counter(one.code for one in found if one.severity is not Severity.NOTE)


def _found_in(folder: Path, settings: Settings) -> Places:
    return Counter(
        (
            str(Path(report.path).relative_to(folder)),
            report.source.position(found.span.start)[0],
            found.code,
        )
        for report in check_paths([folder], settings)
        for found in report.findings
    )


def _expect(found: object, expected: object, what: str) -> None:
    if found == expected:
        return
    if isinstance(found, str) and isinstance(expected, str):
        from difflib import unified_diff

        before, after = (text.splitlines(keepends=True) for text in (expected, found))
        difference = "".join(unified_diff(before, after, "expected", "found"))
        raise AssertionError(f"not so: {what}\n{difference}")
    raise AssertionError(f"not so: {what}\nfound:    {found}\nexpected: {expected}")
