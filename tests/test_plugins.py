"""Rules of other packages: found, kept apart, tested as ours are, and no harm when they are broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_plugins import CHECK, IMPORTS, PAGE, RULE, WHOLE, install, tell
from samples import WEIGHTED

import losslint
from losslint.cli import main
from losslint.config import Settings
from losslint.engine import fingerprint
from losslint.rules import registry
from losslint.testing import checks

ROOT = Path(__file__).parents[1]

# Something for a rule of losslint, and something for the toy.
TOY = WEIGHTED + "toy = 1\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on `sys.path`; the working directory is another, with a file to check."""
    folder = tmp_path / "site"
    folder.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(folder)
    Path("loss.py").write_text(TOY)
    forget()
    yield folder
    forget()


def forget() -> None:
    """Let the next run see what is installed now."""
    registry._loaded.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acme")]:
        del sys.modules[name]


def codes(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 1) -> list[str]:
    """The codes that a run finds, sorted; it ends with a status."""
    assert main(["--output-format", "json", "-q", *arguments]) == status
    return sorted(found["code"] for found in json.loads(capsys.readouterr().out))


def test_a_plugin_is_found_and_its_rules_are_selected_like_ours(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(capsys) == ["LL101", "LL105"]
    install(site)
    forget()
    assert codes(capsys) == ["ACM001", "LL101", "LL105"]
    assert codes(capsys, "--select", "ACM") == ["ACM001"]
    assert codes(capsys, "--select", "toy_word") == ["ACM001"]
    assert codes(capsys, "--ignore", "ACM", "--no-cache") == ["LL101", "LL105"]
    assert codes(capsys, "--ignore", "LL1", "--extend-select", "ACM001") == ["ACM001"]
    assert main(["--select", "ACM002"]) == 2
    assert "unknown rule `ACM002`; did you mean `ACM001`?" in capsys.readouterr().err
    assert main(["rule", "toy_word"]) == 0
    assert "A word that is not to be said in a loss." in capsys.readouterr().out


def test_a_rule_of_a_plugin_can_wait_to_be_selected(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, module=WHOLE.replace("WARNING)", "WARNING, opt_in=True)"))
    assert codes(capsys, "--select", "ACM", status=0) == []
    assert codes(capsys, "--select", "ACM001") == ["ACM001"]


@pytest.mark.parametrize("comment", ["losslint: ignore[ACM001]", "noqa: ACM001"])
def test_comments_keep_the_findings_of_a_plugin_away(
    comment: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    Path("loss.py").write_text(f"import torch\ntoy = 1  # {comment}\n")
    assert codes(capsys, status=0) == []
    Path("loss.py").write_text(f"import torch\nx = 1  # {comment}\n")
    assert codes(capsys) == ["LL001"]


def test_a_rule_is_not_asked_about_a_file_that_trains_nothing(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    Path("loss.py").write_text("toy = 1\n")
    assert codes(capsys, status=0) == []
    # Nor if another file has to be looked at.
    Path("other.py").write_text(TOY)
    assert codes(capsys, "--select", "ACM001") == ["ACM001"]


def test_a_fix_of_a_plugin_is_made(site: Path) -> None:
    fix = 'fix=Fix("Say it", (Edit(Span(at, at + 3), "game"),), Safety.SAFE))'
    install(site, module=WHOLE.replace('"found a toy")', f'"found a toy", {fix}'))
    assert main(["--fix", "--select", "ACM001"]) == 0
    assert Path("loss.py").read_text() == WEIGHTED + "game = 1\n"


@pytest.mark.parametrize(
    ("module", "points", "why"),
    [
        ("import acme_is_not_there", "", "No module named 'acme_is_not_there' ("),
        ("def f(:", "", "SyntaxError: "),
        ("raise SystemExit(0)", "", "SystemExit: 0 ("),
        ("1 / 0", "", "ZeroDivisionError: division by zero ("),
        ("rule = 'ACM001'", "", "`acme_losses.toy_word.rule` is of the type str, and no Rule"),
        ("rules = []", "", "no module of it has a `rule`"),
        (WHOLE, "ACM = acme_losses:rules", "`acme_losses:rules` is not the name of a module"),
        (WHOLE, "ACM", " = an entry_points.txt that cannot be read) is skipped"),
        (WHOLE, "acme = acme_losses", "`acme` is not one to three capital letters"),
        (WHOLE, "LL = acme_losses", "its prefix `LL` clashes with `LL` of losslint"),
        (WHOLE, "L = acme_losses", "its prefix `L` clashes with `LL` of losslint"),
        (WHOLE, "LLX = acme_losses", "its prefix `LLX` clashes with `LL` of losslint"),
        (WHOLE, "AC = acme_losses", "<Rule ACM001 toy_word> is not AC and three digits"),
        (WHOLE.replace("ACM001", "LL101"), "", "<Rule LL101 toy_word> is not ACM and three"),
        (
            WHOLE.replace("__name__", "'unchecked_loss'"),
            "",
            "`unchecked_loss` is what <Rule ACM001 unchecked_loss> is called, and <Rule LL201",
        ),
        (WHOLE.replace("__name__", "'Toy Word'"), "", "is not in lower case"),
        (WHOLE.replace("## Known limits", "## Limits"), "", "has other headings than What it"),
        (WHOLE.replace("It is a toy.", ""), "", "says nothing below `Known limits`"),
        (WHOLE.replace("__doc__", "None"), "", "does not begin with one short sentence"),
        (
            WHOLE.replace("instead:\n```python", "instead:\n```text"),
            "",
            "does not show two pieces of Python",
        ),
        (PAGE + IMPORTS + RULE, "", "<Rule ACM001 toy_word> has no check"),
    ],
)
def test_a_broken_plugin_is_named_and_skipped_and_the_others_run(
    module: str, points: str, why: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, module=module, points=points or "ACM = acme_losses")
    assert main(["--output-format", "concise"]) == 2
    output = capsys.readouterr()
    assert "LL101" in output.out
    assert "ACM001" not in output.out
    assert output.err.startswith("losslint: error: plug-in acme_losses 1.2 (")
    assert why in output.err
    assert output.err.count("\n") == 1
    with pytest.warns(UserWarning, match=re.escape(why)):
        assert {f.code for f in losslint.check_source(TOY)} == {"LL101", "LL105"}
    assert main(["rule", "LL101"]) == 2


def test_two_plugins_with_one_prefix_are_both_named(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    install(site, name="acme_others", version="0.1", points="ACM = acme_others")
    assert codes(capsys, "--no-cache", status=2) == ["ACM001", "LL101", "LL105"]
    main([])
    assert (
        "plug-in acme_others 0.1 (ACM = acme_others) is skipped: its prefix `ACM` clashes with"
        " `ACM` of plug-in acme_losses 1.2 (ACM = acme_losses)\n"
    ) in capsys.readouterr().err


def test_one_code_twice_in_a_plugin_names_both_rules(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    (site / "acme_losses" / "another.py").write_text(WHOLE)
    assert main([]) == 2
    why = "`ACM001` is what <Rule ACM001 toy_word> is called, and <Rule ACM001 another>"
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(("module", "status"), [(WHOLE, 0), ("1 / 0", 2)])
def test_the_schema_knows_the_rules_of_plugins_and_says_which_are_broken(
    module: str, status: int, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, module=module)
    assert main(["--show-schema"]) == status
    output = capsys.readouterr()
    assert '"LL101"' in output.out
    assert ('"ACM001"' in output.out) == (status == 0)
    assert ("division by zero" in output.err) == (status == 2)


def test_a_selector_of_a_broken_plugin_says_what_is_broken(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, module="1 / 0")
    assert main(["--select", "ACM"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "division by zero" in errors[0]
    assert errors[1].startswith("losslint: error: unknown rule `ACM`")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise KeyError('acme')", "KeyError: 'acme'"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("yield 'a word'", "AttributeError: 'str' object has no attribute 'span'"),
        ("return 7", "'int' object is not iterable"),
        ("yield rule.finding(Span(0, 10**6), 'x')", "which is not in the file"),
        ("yield rule.finding(Span(0.5, 1), 'x')", "which cannot be reported"),
        ("yield rule.finding(Span(0, 1), None)", "which cannot be reported"),
        ("yield Finding(Span(0, 1), 'LL000', 'x', 'y', Severity.NOTE)", "is no finding of its own"),
        (
            "yield rule.finding(Span(0, 1), 'x',"
            " fix=Fix('y', (Edit(Span(-1, 1), 'z'),), Safety.SAFE))",
            "which cannot be reported",
        ),
    ],
)
def test_a_rule_that_breaks_is_ll000_and_the_others_run(
    body: str, why: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = f"\n@rule.on(Module)\ndef check(module, _):\n    {body}\n"
    install(site, module=PAGE + IMPORTS + RULE + check)
    assert main(["--output-format", "concise"]) == 2
    output = capsys.readouterr().out
    assert "LL101" in output
    assert "LL000 unreadable_source: rule ACM001 toy_word failed: " in output
    assert why in output


@pytest.mark.parametrize("kind", ["on", "across"])
def test_a_rule_about_what_nothing_yields_does_not_stay_silent(
    kind: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = f"\n@rule.{kind}(Finding)\ndef check(found, _):\n    yield\n"
    install(site, module=PAGE + IMPORTS + RULE + check)
    Path("loss.py").write_text(TOY.replace("Weighted", "WeightedLoss"))
    assert main(["--output-format", "concise"]) == 2
    output = capsys.readouterr().out
    assert "rule ACM001 toy_word failed: " in output
    assert "Finding" in output


@pytest.mark.parametrize("body", ["raise SystemExit(0)", "yield 'a word'"])
def test_a_rule_of_the_project_that_breaks_is_ll000(
    body: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = (
        "\nfrom losslint.project.unused import UnusedLoss\n"
        f"@rule.across(UnusedLoss)\ndef check(found, _):\n    {body}\n"
    )
    install(site, module=PAGE + IMPORTS + RULE + check)
    shutil.copytree(ROOT / "fixtures" / "unused_loss" / "bad", "project")
    assert main(["--output-format", "concise", "project"]) == 2
    output = capsys.readouterr().out
    assert "rule ACM001 toy_word failed: " in output
    assert "LL408" in output


def test_a_change_of_a_plugin_is_another_state_of_the_cache(site: Path) -> None:
    states = [fingerprint.mark(Settings())]

    def changes(change: Callable[[], object]) -> bool:
        change()
        states.append(fingerprint.mark(Settings()))
        return states[-1] not in states[:-1]

    metadata = site / "acme_losses-1.2.dist-info"
    assert changes(lambda: install(site))
    assert changes(lambda: (site / "acme_losses" / "toy_word.py").write_text(f"{WHOLE}\n"))
    assert changes(lambda: (site / "acme_losses" / "words.py").touch())
    assert changes(lambda: (metadata / "RECORD").touch())
    assert not changes(lambda: (site / "acme_losses" / "words.py").write_text("x = 1\n"))
    assert changes(lambda: metadata.rename(site / "acme_losses-1.3.dist-info"))
    assert changes(
        lambda: tell(site, name="acme_losses", version="1.3", points="ACN = acme_losses")
    )


def test_what_was_found_without_a_broken_plugin_is_not_remembered(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        site, module=f"import acme_needed\n{WHOLE.replace(PAGE, '')}", points="ACM = acme_losses"
    )
    rule = site / "acme_losses" / "toy_word.py"
    rule.write_text(f"{PAGE}import acme_needed\n{IMPORTS}{RULE}{CHECK}")
    assert codes(capsys, status=2) == ["LL101", "LL105"]
    assert codes(capsys, status=2) == ["LL101", "LL105"]
    (site / "acme_needed.py").touch()
    forget()
    assert codes(capsys) == ["ACM001", "LL101", "LL105"]


def test_of_two_installations_the_first_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older = tmp_path / "older"
    install(older, version="1.0", module="1 / 0")
    install(site)
    monkeypatch.setattr(sys, "path", [*sys.path, str(older)])
    forget()
    assert codes(capsys, "--select", "ACM") == ["ACM001"]


def test_a_walk_without_rules_says_why(site: Path) -> None:
    install(site, module="1 / 0")
    with pytest.raises(losslint.config.ConfigError, match="no rule has the prefix ACM; plug-in"):
        checks("ACM", site)


def test_a_walk_fails_where_a_fixture_is_not_what_is_found(site: Path) -> None:
    install(site)
    folder = site / "fixtures" / "toy_word"
    folder.mkdir(parents=True)
    for name, text in {
        "bad.py": "import torch\n\ntoy = 1\n",
        "good.py": "import torch\n\ntoy = 1\n",
        "fixed.py": "toy = 2\n",
        "report.txt": "",
    }.items():
        (folder / name).write_text(text)
    (folder.parent / "of_no_rule").mkdir()
    failing = set()
    for check in checks("ACM", folder.parent):
        try:
            check()
        except AssertionError:
            failing.add(check.name)
    names = ("example", "report", "bad", "good", "fixed")
    assert failing == {"ACM-folders", *(f"toy_word-{name}" for name in names)}


def blocks() -> list[str]:
    """The code that README.md shows of a plug-in."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Rules of your own\n")[2].partition("\n## License\n")[0]
    return [code for _, code in re.findall(r"^(`{3,})\w+\n(.*?)^\1$", section, re.S | re.M)]


def run(*arguments: str, cwd: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run Python where a plug-in is installed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def test_the_plugin_that_the_readme_shows_works_and_passes_its_own_tests(tmp_path: Path) -> None:
    module, configuration, test = blocks()
    site, tests = tmp_path / "site", tmp_path / "tests"
    (point,) = re.findall(r'^(\w+) = "(\w+)"$', configuration, re.M)
    tell(site, name="acme_losses", version="1.0", points=" = ".join(point))
    package = site / point[1]
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "muted_loss.py").write_text(module)
    fixtures = tests / "fixtures" / "muted_loss"
    fixtures.mkdir(parents=True)
    head = "import torch\n\n\ndef total(task_loss, style_loss):\n    return "
    (fixtures / "bad.py").write_text(f"{head}task_loss + 0 * style_loss  # ACM001\n")
    (fixtures / "good.py").write_text(f"{head}task_loss + 0.1 * style_loss\n")
    (tests / "test_rules.py").write_text(test)

    found = run("-m", "losslint", "--output-format", "concise", cwd=fixtures, site=site)
    assert "ACM001 muted_loss: `style_loss` is multiplied by 0: it trains nothing" in found.stdout
    assert (found.returncode, found.stderr) == (1, "")

    write = "from losslint.testing import regenerate, Path; regenerate('ACM', Path('fixtures'))"
    assert run("-c", write, cwd=tests, site=site).stderr == ""
    assert "  |                        ^^^^^^^^^^^^^^\n" in (fixtures / "report.txt").read_text()
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tests, site=site)
    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout
