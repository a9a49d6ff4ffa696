"""The architecture: who may import whom, how long a file is, and that it is documented."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import losslint

PACKAGE = Path(losslint.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Left to right, as in the design: each imports only what stands left of it.
# Those on one row know nothing of each other.
LAYERS = [
    ["frozen"],
    ["findings", "keys"],
    ["config"],
    ["source"],
    ["model"],
    ["ranges"],
    ["training"],
    ["provenance"],
    ["project"],
    ["rules", "fixes"],
    ["engine"],
    # What came of running a loss is shown by `report`.
    ["verify"],
    ["report"],
    ["options"],
    [
        "verifying",
        "showing",
        "streams",
        "contradictions",
        "keeping",
        "server",
        "flake8",
        "completion",
    ],
    ["watching", "printing"],
    ["cli"],
    ["__main__", "testing"],
]
# A rule asks `fixes` to write the fix that goes with its finding.
ALLOWED = {("rules", "fixes")}
# The package itself imports its public names from wherever they are, when asked.
DOORS = {PACKAGE / "__init__.py"}

MAX_LINES = 400
LONG = 300


def layer(name: str) -> int:
    return next(n for n, row in enumerate(LAYERS) if name in row)


def name_of(path: Path) -> str:
    """The layer that a file is in: the part after `losslint`."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every part of losslint that a file imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            if parts[0] == "losslint" and parts[1:2] and parts[1] not in ("__version__", "__all__"):
                yield parts[1], node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_layers_to_its_left(path: Path) -> None:
    if path in DOORS:
        return
    own = name_of(path)
    for other, line in imported(path):
        allowed = other == own or layer(other) < layer(own) or (own, other) in ALLOWED
        assert allowed, f"{path}:{line}: {own} must not import {other}"


def test_every_module_has_its_layer() -> None:
    assert {name_of(path) for path in MODULES} - {"__init__"} == {n for row in LAYERS for n in row}


def test_only_verify_imports_torch() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            torch = any(name.split(".")[0] == "torch" for name in names)
            assert not torch or name_of(path) == "verify", f"{path} imports torch"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_one_job_s_length(path: Path) -> None:
    length = len(path.read_text().splitlines())
    if length > LONG:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(f"{path.name} has {length} lines: two jobs?", stacklevel=1)
    assert length <= MAX_LINES


def undocumented(tree: ast.AST) -> Iterator[str]:
    """Public definitions without a docstring; what is inside a function is private."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if node.name.startswith("_"):
            continue
        overloaded = any("override" in ast.unparse(d) for d in node.decorator_list)
        # A rule's page is the documentation of its check.
        overloaded |= any(ast.unparse(d).startswith("rule.") for d in node.decorator_list)
        if ast.get_docstring(node) is None and not overloaded:
            yield f"{node.lineno}: {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert list(undocumented(tree)) == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc"])
def test_a_module_is_named_for_what_it_knows(word: str) -> None:
    assert [path for path in MODULES if path.stem == word] == []
