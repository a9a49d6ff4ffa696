"""What is given away: built the same to the byte, whole, typed, and true to the versions that it names."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

import losslint

ROOT = Path(__file__).parents[1]
PACKAGE = Path(losslint.__file__).parent
LEFT_OUT = shutil.ignore_patterns(".*_cache", ".git", "__pycache__", "*.egg-info", "dist", ".venv")
# Of the project's own tests, those that need neither torch nor the sources.
TESTED = """
engine flake8 config discover relevance completion watch server report report_formats plugins
findings_page notebook
""".split()
TESTING = "pytest hypothesis jsonschema xmlschema taplo packaging".split()


def built(tree: Path) -> dict[str, bytes]:
    """The wheel and the archive of the sources of a copy of this tree, which is made at `tree`."""
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "out"],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        check=True,
    )
    return {path.name: path.read_bytes() for path in sorted((tree / "out").iterdir())}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("one") / "losslint"


@pytest.fixture(scope="module")
def files(tree: Path) -> dict[str, bytes]:
    return built(tree)


@pytest.fixture(scope="module")
def wheel(tree: Path, files: dict[str, bytes]) -> Path:
    (name,) = (name for name in files if name.endswith(".whl"))
    return tree / "out" / name


def test_two_builds_in_two_places_are_the_same_to_the_byte(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    mask = os.umask(0o077)
    try:
        again = built(tmp_path / "another place")
    finally:
        os.umask(mask)
    sums, twice = ({n: hashlib.sha256(d).hexdigest() for n, d in f.items()} for f in (files, again))
    assert sums == twice
    assert [name.rpartition(".")[2] for name in sums] == ["whl", "gz"]


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    info = f"torch_losslint-{losslint.__version__}.dist-info"
    own = "METADATA WHEEL RECORD entry_points.txt licenses/LICENSE".split()
    there = {str(p.relative_to(PACKAGE.parent)) for p in PACKAGE.rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        held = {*archive.namelist()}
    assert held == there | {"losslint/py.typed"} | {f"{info}/{name}" for name in own}


def test_the_sources_hold_what_the_tests_need(tree: Path) -> None:
    (path,) = (tree / "out").glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("losslint", "tests", "fixtures"):
        there = {str(p.relative_to(tree)) for p in (tree / folder).rglob("*") if p.is_file()}
        assert there <= held
    assert held >= {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", ".ci/run"}


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Metadata.from_email(archive.read(name))  # which raises where it is not valid
    assert (metadata.name, metadata.description_content_type) == ("torch-losslint", "text/markdown")
    assert metadata.license_expression == "MIT"
    return list(metadata.requires_dist or ())


def test_the_metadata_is_valid_and_every_dependency_has_a_lower_bound(wheel: Path) -> None:
    for requirement in requirements(wheel):
        bounded = {one.operator for one in requirement.specifier} & {">=", "=="}
        assert bounded or requirement.name == "torch-losslint", str(requirement)


# --- from the wheel alone, in a venv of its own -------------------------------------------


def lowest(wheel: Path, extras: set[str]) -> list[str]:
    """What users may have of everything that losslint needs at the least."""
    found = []
    for requirement in requirements(wheel):
        wanted = [extra for extra in ("", *extras) if not requirement.marker
                  or requirement.marker.evaluate({"extra": extra})]  # fmt: skip
        bound = [one.version for one in requirement.specifier if one.operator == ">="]
        if wanted and bound:
            found.append(f"{requirement.name}=={bound[0]}")
    return found


def installed(folder: Path, *what: str) -> Path:
    """The folder of the programs of a new venv with that in it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", *what], check=True)
    return programs


def output(*command: str | Path, cwd: Path, status: int = 0) -> str:
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


TYPED = """\
from collections.abc import Iterator

import losslint

found: list[losslint.Finding] = losslint.check_source("x = 1", "x.py")
fixed: str = losslint.fix_source("x = 1", "x.py").text
reports: Iterator[losslint.FileReport] = losslint.check_paths(["."], losslint.Settings(select=("LL1",)))
severities: list[losslint.Severity] = [one.severity for report in reports for one in report.findings]
"""
UNTYPED = """\
import losslint

losslint.check_source(1)
losslint.Settings(select=1)
number: int = losslint.fix_source("x = 1", "x.py").text
"""


@pytest.mark.slow
def test_the_wheel_alone_runs_in_a_clean_venv_and_is_typed(wheel: Path, tmp_path: Path) -> None:
    programs = installed(tmp_path / "venv", str(wheel))
    scenario = ROOT / "fixtures" / "scenarios" / "negative_loss"
    said = output(programs / "losslint", "--no-cache", scenario, cwd=tmp_path, status=1)
    assert "LL102" in said
    assert "LL101" in output(programs / "python", "-m", "losslint", "rule", "LL101", cwd=tmp_path)
    output(programs / "python", "-m", "pip", "check", cwd=tmp_path)
    for name, text in (("typed", TYPED), ("untyped", UNTYPED)):
        (tmp_path / f"{name}.py").write_text(text)
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", "mypy", "pyright[nodejs]"], check=True)  # fmt: skip
    for checker in (["mypy", "--strict"], ["pyright"]):
        program, *options = checker
        output(programs / program, *options, "typed.py", cwd=tmp_path)
        wrong = output(programs / program, *options, "untyped.py", cwd=tmp_path, status=1)
        assert {*re.findall(r"untyped\.py:(\d+)", wrong)} == {"3", "4", "5"}, wrong


@pytest.mark.slow
def test_twine_takes_the_wheel_and_the_sources(wheel: Path, tmp_path: Path) -> None:
    programs = installed(tmp_path / "venv", "twine")
    each = sorted(path for path in wheel.parent.iterdir())
    said = output(programs / "twine", "--no-color", "check", "--strict", *each, cwd=tmp_path)
    assert said.count("PASSED") == len(each) == 2


@pytest.mark.slow
def test_the_lowest_versions_do(wheel: Path, tree: Path, tmp_path: Path) -> None:
    pinned = lowest(wheel, {"lsp", "plot", "watch"})
    plotille = [one for one in lowest(wheel, {"verify"}) if one.startswith("plotille")]
    programs = installed(
        tmp_path / "venv", str(wheel), *pinned, *plotille, "flake8==7.0.0", *TESTING
    )
    for name in ("tests", "fixtures", "pyproject.toml", "README.md", ".github"):
        source = tree / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    tests = [f"tests/test_{name}.py" for name in TESTED]
    output(programs / "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the lowest torch knows no such Python")
def test_the_lowest_torch_does(wheel: Path, tmp_path: Path) -> None:
    programs = installed(tmp_path / "venv", str(wheel), *lowest(wheel, {"verify"}), "numpy<2")
    scenario = ROOT / "fixtures" / "scenarios" / "negative_loss"
    assert "2 verified" in output(programs / "losslint", "verify", scenario, cwd=tmp_path)
