"""The formats for programs: each valid by its schema, and true of awkward files."""

from __future__ import annotations

import io
import json
import os
import re
import stat
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from losslint import __version__
from losslint.cli import main
from losslint.config import Settings
from losslint.engine.edits import apply_edits
from losslint.engine.fix import SAFE_AND_UNSAFE
from losslint.engine.reports import FileReport
from losslint.engine.run import Run
from losslint.findings import Finding, Related, Severity, Span
from losslint.keys import OUTPUT_FORMATS
from losslint.report import github, gitlab, jsonl, junit, rdjson, sarif
from losslint.report import json as as_json
from losslint.report.formats import FOR_PEOPLE, FORMATS, STATISTICS, loaded
from losslint.report.line_hashes import line_hashes
from losslint.report.paint import plain
from losslint.report.text import concise, full
from losslint.source.discover import discover
from losslint.source.text import Source

pytestmark = pytest.mark.usefixtures("toys")

SCHEMAS = Path(__file__).parent / "schemas"
FOR_PROGRAMS = [form for form in FORMATS if form not in FOR_PEOPLE]

# Line ends, characters of 1 to 4 bytes before what is found, and a fix on top of the file.
PYTHON = "y = '😀é'; bad\r\nx = sqrt(2) + '日本'\r\nif x:\r\n\tworse; bad\r\n"
NAMES = ("100% a b/é😀,x:1.py", "note #1.ipynb", "evil\n::error::\x1b[31m<b>&.py")
FOUND = 9  # in all three
HOSTILE = (
    "100% `a`\n::error::x\r\n<script>alert(1)</script>]]> \x1b[31mred\x00\ufffe [x](http://e) :,é😀"
)


def notebook() -> str:
    """Sources in both styles that JSON has for them, with escapes for what is not ASCII."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["bad\n"]},
        code(["y = '😀é\\n'; bad\n", "%time bad\n", "x = 1"]),
        code('z = "\\t😀"; bad; x = sqrt(2)\nbad\n'),
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def code(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose names and files are awkward; the working directory is inside of it."""
    folder = tmp_path / "sub dir"
    (folder / "100% a b").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(folder)
    for name, text in zip(NAMES, (PYTHON, notebook(), "bad\n"), strict=True):
        Path(name).write_bytes(text.encode())
    return folder


def checked() -> list[FileReport]:
    return list(Run(Settings()).reports(discover(["."], Settings())))


def report(source: str, name: str = "a.py") -> FileReport:
    return Run(Settings()).report_bytes(name, source.encode())


def hostile() -> FileReport:
    """A finding whose every text comes from an attacker."""
    (finding,) = (one := report("bad\n", NAMES[2])).findings
    assert finding.fix is not None
    related = (Related("other\n.py", 3, 7, HOSTILE), Related("n.ipynb", 1, 1, HOSTILE, 2))
    fix = replace(finding.fix, title=HOSTILE)
    told = replace(finding, message=HOSTILE, evidence=(HOSTILE,), fix=fix, related=related)
    return replace(one, findings=(told,))


@cache
def schema(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / name).read_text()))


def sarif_of(reports: list[FileReport]) -> dict[str, Any]:
    log = json.loads(sarif.render(reports))
    schema("sarif-2.1.0.json").validate(log)
    return as_github_takes_it(log)


def as_github_takes_it(log: dict[str, Any]) -> dict[str, Any]:
    """The run of a log in which there is all that code scanning asks for."""
    assert log["$schema"]
    (run,) = log["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["properties"]["precision"] in ("very-high", "high", "medium", "low")
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert len(rule["properties"]["tags"]) <= 20
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert {"startLine", "startColumn", "endLine", "endColumn"} == set(region)
        assert result["partialFingerprints"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:[\w.~/-]|%[0-9A-F]{2})+", uri, re.ASCII)
        assert not uri.startswith("/")
    assert isinstance(run, dict)
    return run


def rdjson_of(reports: list[FileReport]) -> dict[str, Any]:
    result = json.loads(rdjson.render(reports))
    schema("rdjson.json").validate(result)
    assert isinstance(result, dict)
    return result


def junit_of(reports: list[FileReport]) -> ElementTree.Element:
    text = junit.render(reports)
    xmlschema.XMLSchema(SCHEMAS / "junit.xsd").validate(ElementTree.fromstring(text))
    return ElementTree.fromstring(text)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Each command with its properties and its message, as the runner of GitHub reads them."""
    found = []
    for line in text.removesuffix("\n").split("\n"):
        matched = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        if matched:
            pairs = (each.split("=", 1) for each in matched[2].split(","))
            properties = {key: unescaped(value, ":", ",") for key, value in pairs}
            found.append((matched[1], properties, unescaped(matched[3])))
    return found


def unescaped(text: str, *more: str) -> str:
    for character in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def spot(data: bytes, row: int, column: int, *, in_bytes: bool = False) -> int:
    """The byte at a row and column, both from 1."""
    lines = data.splitlines(keepends=True)
    before = b"".join(lines[: row - 1])
    line = lines[row - 1] if row <= len(lines) else b""
    inside = column - 1 if in_bytes else len(line.decode()[: column - 1].encode())
    assert inside <= len(line)
    return len(before) + inside


def sarif_span(data: bytes, region: dict[str, int]) -> slice:
    start = spot(data, region["startLine"], region["startColumn"])
    return slice(start, spot(data, region["endLine"], region["endColumn"]))


def rdjson_span(data: bytes, found: dict[str, dict[str, int]]) -> slice:
    start, end = found["start"], found["end"]
    first = spot(data, start["line"], start["column"], in_bytes=True)
    return slice(first, spot(data, end["line"], end["column"], in_bytes=True))


def sources(text: str, name: str) -> str | list[str]:
    """What is in a file for Python; of a notebook, whatever the style of its JSON."""
    if not name.endswith(".ipynb"):
        return text
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


def expected_of(reports: list[FileReport]) -> list[tuple[str, bytes, str | list[str] | None]]:
    """The file, the found text, and what the fix makes of the file, of each finding."""
    found = []
    for one in reports:
        for finding in one.findings:
            text = one.source.data[finding.span.start : finding.span.end]
            fixed = None
            if finding.fix:
                fixed = sources(apply_edits(one.source, finding.fix.edits).content, one.path)
            found.append((one.path, text, fixed))
    return found


def fixed_by(data: bytes, changes: list[tuple[slice, str]]) -> str:
    for where, text in sorted(changes, key=lambda change: change[0].start, reverse=True):
        data = data[: where.start] + text.encode() + data[where.stop :]
    return data.decode()


@pytest.mark.usefixtures("project")
def test_sarif_is_valid_and_its_regions_and_fixes_are_those_of_the_files() -> None:
    reports = checked()
    run = sarif_of(reports)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"] == [{"executionSuccessful": True}]
    assert run["tool"]["driver"]["semanticVersion"] == __version__
    assert len(run["results"]) == FOUND
    for result, expected in zip(run["results"], expected_of(reports), strict=True):
        path, text, fixed = expected
        physical = result["locations"][0]["physicalLocation"]
        assert unquote(physical["artifactLocation"]["uri"]) == f"sub dir/{path}"
        data = Path(path).read_bytes()
        assert data[sarif_span(data, physical["region"])] == text
        (fix,) = result["fixes"]
        (change,) = fix["artifactChanges"]
        changes = [
            (sarif_span(data, each["deletedRegion"]), each["insertedContent"]["text"])
            for each in change["replacements"]
        ]
        assert sources(fixed_by(data, changes), path) == fixed


@pytest.mark.usefixtures("project")
def test_sarif_knows_a_line_again_as_github_does_and_says_the_cell() -> None:
    run = sarif_of(checked())
    marks = [result["partialFingerprints"] for result in run["results"]]
    assert len({mark["losslint/v1"] for mark in marks}) == len(marks)
    by_path = [
        (unquote(physical["artifactLocation"]["uri"]), physical["region"]["startLine"])
        for result in run["results"]
        for physical in [result["locations"][0]["physicalLocation"]]
    ]
    for (path, row), mark in zip(by_path, marks, strict=True):
        whole = Source.decode(path, Path("..", path).read_bytes())
        assert mark["primaryLocationLineHash"] == line_hashes(whole)[row - 1]
    cells = [
        one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
        for one in run["results"]
        if "logicalLocations" in one["locations"][0]
    ]
    assert cells == [
        f"sub dir/note #1.ipynb:cell {at}" for at in ("2:1:13", "3:1:12", "3:1:21", "3:2:1")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
        (
            "Lorem ipsum dolor sit amet.\r\n" * 5,
            ["a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1"],
        ),
    ],
)
def test_the_marks_of_lines_are_those_of_the_action_of_github(
    text: str, expected: list[str]
) -> None:
    marks = line_hashes(Source("a.py", text))
    assert marks[-len(expected) - 2 : -2] == expected if "Lorem" in text else marks == expected


def test_equal_lines_are_told_apart_by_a_count() -> None:
    marks = line_hashes(Source("a.py", "x\n" * 300))
    assert [mark.rpartition(":")[2] for mark in marks[:3]] == ["1", "2", "3"]
    assert len(set(marks)) == 301


def test_what_could_not_be_checked_fails_the_invocation_and_is_a_result_too(
    project: Path,
) -> None:
    (project / "broken.py").write_text("x = '😀'; def bad(:\n")
    found = discover([".", "gone.py"], Settings())
    run = sarif_of(list(Run(Settings()).reports(found)))
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    told = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: one["level"]
        for one in invocation["toolExecutionNotifications"]
    }
    assert told == {"sub%20dir/broken.py": "error", "sub%20dir/gone.py": "error"}
    assert [one["ruleId"] for one in run["results"]].count("LL000") == 2


def test_a_file_outside_of_the_repository_has_a_whole_uri(project: Path) -> None:
    run = json.loads(sarif.render([report("bad\n", str(project.parents[1] / "o 1.py"))]))["runs"][0]
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": f"{project.parents[1].as_uri()}/o%201.py"}


def test_related_places_are_told_in_sarif_and_rdjson(project: Path) -> None:
    (project / NAMES[1]).unlink()
    one = next(each for each in checked() if each.path == NAMES[0])
    related = (
        Related(NAMES[0], 2, 1, "here"),
        Related("b.py", 3, 7, "there"),
        Related("c.ipynb", 1, 2, "in a cell", 4),
    )
    one = replace(one, findings=(replace(one.findings[0], related=related),))
    (result,) = sarif_of([one])["results"]
    regions = [each["physicalLocation"].get("region") for each in result["relatedLocations"]]
    whole = {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 1}
    assert regions == [whole, {"startLine": 3, "startColumn": 7}, None]
    assert result["relatedLocations"][2]["logicalLocations"][0]["name"] == "cell 4"
    (diagnostic,) = rdjson_of([one])["diagnostics"]
    assert [each["location"] for each in diagnostic["related_locations"]] == [
        {
            "path": NAMES[0],
            "range": {"start": {"line": 2, "column": 1}, "end": {"line": 2, "column": 1}},
        },
        {"path": "b.py", "range": {"start": {"line": 3}}},
        {"path": "c.ipynb"},
    ]


@pytest.mark.parametrize("name", [NAMES[1], "style.ipynb"])
def test_a_related_place_in_the_same_notebook_is_that_of_its_json(name: str) -> None:
    one = report(notebook(), name)
    related = Related(name, 2, 1, "the other", 3)
    one = replace(one, findings=(replace(one.findings[0], related=(related,)),))
    (result,) = sarif_of([one])["results"]
    region = result["relatedLocations"][0]["physicalLocation"]["region"]
    data = notebook().encode()
    assert data[sarif_span(data, region).start :].startswith(b"bad")


@pytest.mark.usefixtures("project")
def test_rdjson_counts_bytes_and_its_suggestions_are_whole_fixes() -> None:
    reports = checked()
    result = rdjson_of(reports)
    assert result["severity"] == "WARNING"
    for item, expected in zip(result["diagnostics"], expected_of(reports), strict=True):
        path, text, fixed = expected
        assert item["location"]["path"] == path
        data = Path(path).read_bytes()
        assert data[rdjson_span(data, item["location"]["range"])] == text
        (suggestion,) = item["suggestions"]
        change = (rdjson_span(data, suggestion["range"]), suggestion["text"])
        assert sources(fixed_by(data, [change]), path) == fixed


def test_a_fix_that_is_spread_over_a_file_is_no_suggestion() -> None:
    near, far = report("x\n" * 40 + "sqrt(2)\n"), report("x\n" * 60 + "sqrt(2)\n")
    (near_item, far_item) = rdjson_of([near, far])["diagnostics"]
    assert len(near_item["suggestions"]) == 1
    assert far_item["suggestions"] == []


@pytest.mark.usefixtures("project")
def test_github_gets_its_escapes_and_no_others() -> None:
    reports = checked()
    found = commands(github.render(reports))
    paths = [path for path, _, _ in expected_of(reports)]
    assert [properties["file"] for _, properties, _ in found] == [f"sub dir/{p}" for p in paths]
    kind, properties, message = found[0]
    assert (kind, properties) == (
        "warning",
        {
            "file": f"sub dir/{NAMES[0]}",
            "line": "1",
            "endLine": "1",
            "col": "11",
            "endColumn": "14",
            "title": "losslint (LL901)",
        },
    )
    assert message == (
        f"{NAMES[0]}:1:11: warning LL901 bad_word: `bad` is a toy's mistake\n"
        "the word stands at byte 14"
    )


def test_github_is_told_the_most_severe_first_and_what_it_hides() -> None:
    words = report("worse\n" * 12 + "bad\n").findings
    severe = [replace(words[0], severity=Severity.ERROR)] * 11
    notes = [replace(words[0], severity=Severity.NOTE)] * 2
    one = replace(report("worse\n"), findings=(*words, *notes, *severe))
    text = github.render([one])
    kinds = [kind for kind, _, _ in commands(text)]
    assert kinds == ["error"] * 11 + ["warning"] * 13 + ["notice"] * 2
    last = text.splitlines()[-1]
    assert last == (
        "11 errors, 13 warnings, 2 notices: GitHub shows the first 10 of each beside the code."
    )
    assert len(github.render([report("bad\n")]).splitlines()) == 1


def test_a_message_is_shorter_than_what_the_runner_cuts() -> None:
    (finding,) = (one := report("bad\n")).findings
    for text in ("😀" * 5000, "%" * 5000):
        long = replace(one, findings=(replace(finding, message=text),))
        ((_, _, message),) = commands(github.render([long]))
        assert 4000 < len(message.encode("utf-16-le")) / 2 < 4096
        assert message.endswith("...")


def test_a_finding_of_several_lines_has_no_columns_for_github() -> None:
    (finding,) = (one := report("bad\nx\n")).findings
    ((_, properties, _),) = commands(
        github.render([replace(one, findings=(replace(finding, span=Span(1, 5)),))])
    )
    assert (properties["line"], properties["endLine"]) == ("1", "2")
    assert not {"col", "endColumn"} & set(properties)


@pytest.mark.usefixtures("project")
def test_gitlab_gets_what_its_documentation_asks_for() -> None:
    reports = checked()
    items = json.loads(gitlab.render(reports))
    assert len({item["fingerprint"] for item in items}) == len(items) == FOUND
    for item, (path, text, _) in zip(items, expected_of(reports), strict=True):
        assert isinstance(item["description"], str)
        assert isinstance(item["check_name"], str)
        assert item["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert item["location"]["path"] == f"sub dir/{path}"
        data = Path(path).read_bytes()
        begin, end = (item["location"]["positions"][which] for which in ("begin", "end"))
        start = spot(data, begin["line"], begin["column"])
        assert data[start : spot(data, end["line"], end["column"])] == text


@pytest.mark.usefixtures("project")
def test_junit_is_valid_and_counts_what_it_holds() -> None:
    Path("clean.py").write_text("x = 1\n")
    Path("broken.py").write_text("def bad(:\n")
    Path("link.py").symlink_to("clean.py")
    root = junit_of(checked())
    tests = root.findall(".//testcase")
    assert root.get("tests") == str(len(tests)) == str(FOUND + 3)
    assert root.get("failures") == str(len(root.findall(".//failure"))) == str(FOUND)
    assert root.get("errors") == str(len(root.findall(".//error"))) == "1"
    for suite in root:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(len(suite.findall(".//failure")))
        assert suite.get("skipped") == str(len(suite.findall(".//skipped")))
    names = [(test.get("classname"), test.get("name")) for test in tests]
    assert len(set(names)) == len(names)
    assert (NAMES[0], "LL901 bad_word (2)") in names
    assert [
        len(suite.findall("testcase/*")) for suite in root if suite.get("name") == "clean.py"
    ] == [0]


def test_jsonl_is_json_line_by_line() -> None:
    reports = [report("bad\nworse\n"), report("bad\u2028bad\n", "é😀.py")]
    lines = jsonl.render(reports).removesuffix("\n").split("\n")
    assert [json.loads(line) for line in lines] == json.loads(as_json.render(reports))
    assert jsonl.render([report("x\n")]) == ""


@pytest.mark.parametrize("form", FORMATS)
def test_no_text_of_an_attacker_is_more_than_text(form: str) -> None:
    rendered = loaded(FORMATS[form])([hostile()])
    text = rendered if isinstance(rendered, str) else plain(rendered)
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f]", text.replace("\x1b", "", form == "github")
    )
    assert not re.search("^::error::", text, re.MULTILINE)
    assert text.count("\n::") <= 1


def test_what_an_attacker_wrote_arrives_as_it_is_where_that_is_safe() -> None:
    one = hostile()
    (item,) = json.loads(as_json.render([one]))
    assert item["message"] == HOSTILE
    (diagnostic,) = rdjson_of([one])["diagnostics"]
    assert diagnostic["message"] == f"bad_word: {HOSTILE}\n{HOSTILE}"
    assert json.loads(gitlab.render([one]))[0]["description"] == f"bad_word: {HOSTILE}"
    failure = junit_of([one]).find(".//failure")
    assert failure is not None
    shown = re.sub("[\n\r\x00\x1b\ufffe]", "\ufffd", HOSTILE)
    assert failure.get("message") == shown
    assert (failure.text or "").splitlines()[1:] == [shown, shown]
    (result,) = sarif_of([one])["results"]
    assert r"\[x\](http://e)" in result["message"]["text"]
    assert len(commands(github.render([one]))) == 1


@pytest.mark.parametrize("form", FOR_PROGRAMS)
def test_a_name_that_is_no_text_can_be_written(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(os.fsdecode(b"\xff.py")).write_text("bad\n")
    assert main(["--output-format", f"{form}=out", "-q"]) == 1
    text = Path("out").read_bytes().decode()
    assert {"sarif": "%FF.py", "junit": "\ufffd.py", "html": "\ufffd.py"}.get(
        form, "\\udcff.py"
    ) in text


@pytest.mark.parametrize("form", FOR_PROGRAMS)
def test_nothing_found_is_a_valid_report_too(form: str) -> None:
    text = loaded(FORMATS[form])([report("x = 1\n")])
    assert isinstance(text, str)
    empty: dict[str, Any] = {
        "json": [],
        "gitlab": [],
        "rdjson": {"source": {"name": "losslint"}, "diagnostics": []},
    }
    if form in empty:
        assert json.loads(text) == empty[form]
    elif form == "sarif":
        assert sarif_of([report("x = 1\n")])["results"] == []
    elif form == "junit":
        assert junit_of([report("x = 1\n")]).get("failures") == "0"
    else:
        assert text == "" or form == "html"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("form", FORMATS)
def test_only_what_people_read_shares_its_stream_with_the_summary(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output-format", form]) == 1
    said = capsys.readouterr()
    assert ("\nChecked 3 files" in said.out) == (form in FOR_PEOPLE)
    assert said.err.startswith("Checked 3 files") == (form not in FOR_PEOPLE)
    assert main(["--output-format", f"{form}=out"]) == 1
    assert capsys.readouterr().out.startswith("Checked 3 files")
    assert main(["--output-format", form, "-q"]) == 1
    assert Path("out").read_bytes().decode() == capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_beside_fixed_text_standard_error_holds_the_report_alone(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"bad; worse\n")))
    assert main(["-", "--fix", "--output-format", "json"]) == 1
    said = capfdbinary.readouterr()
    assert said.out == b"good; worse\n"
    assert [item["code"] for item in json.loads(said.err)] == ["LL902"]


@pytest.mark.usefixtures("project")
def test_several_formats_are_written_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["sarif=a.sarif", "concise", "rdjson=a.json"]
    arguments = [word for each in wanted for word in ("--output-format", each)]
    assert main(arguments) == 1
    assert "LL901" in capsys.readouterr().out
    assert len(json.loads(Path("a.sarif").read_text())["runs"][0]["results"]) == FOUND
    assert len(json.loads(Path("a.json").read_text())["diagnostics"]) == FOUND
    assert main([*arguments, "--output-file", "a.txt", "-q"]) == 1
    assert capsys.readouterr().out == ""
    assert "LL901" in Path("a.txt").read_text()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--output-format sarfi", "did you mean `sarif`?"),
        ("--output-format json --output-format full", "give all but one a file"),
        ("--output-format json=a --output-format full=sub/../a", "the same file"),
        ("--output-format json=a --output-file b", "each names one"),
        ("--output-file nowhere/a", "there is no folder nowhere"),
        ("--output-file a --write-baseline ./a", "the baseline and"),
        ("--output-format json=evil.py --output-format html=./worse.py", "is to be checked"),
        ("--output-format json=.", "a folder"),
        ("--output-format junit --statistics", "only as full, concise, json, jsonl"),
        ("--output-format junit --diff", "writes a diff"),
    ],
)
def test_outputs_that_cannot_be_are_said_before_anything_is_done(
    arguments: str, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "sub").mkdir()
    (project / "worse.py").write_text("x = 1\n")
    before = sorted(project.iterdir())
    assert main(["--fix", *arguments.split()]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "losslint: error: " in output.err
    assert said in output.err
    assert sorted(project.iterdir()) == before
    assert (project / NAMES[0]).read_bytes() == PYTHON.encode()


def test_a_report_that_cannot_be_written_leaves_the_one_that_was(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (project / "out").write_text("old")
    monkeypatch.setattr(os, "replace", full_disk)
    assert main(["--output-format", "sarif=out", "--no-cache"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert (project / "out").read_text() == "old"
    assert not list(project.glob(".losslint-*"))


def test_a_report_keeps_the_mode_and_the_link_and_takes_the_mask(project: Path) -> None:
    (project / "old").write_text("")
    (project / "old").chmod(0o640)
    (project / "link").symlink_to("old")
    mask = os.umask(0o027)
    try:
        main(["--output-format", "json=link", "--output-format", "jsonl=new", "-q"])
    finally:
        os.umask(mask)
    assert (project / "link").is_symlink()
    assert json.loads((project / "old").read_text())
    modes = [stat.S_IMODE((project / name).stat().st_mode) for name in ("old", "new")]
    assert modes == [0o640, 0o640]
    assert main(["--output-format", f"json={os.devnull}", "-q"]) == 1


@pytest.mark.parametrize("form", STATISTICS)
def test_counts_are_written_in_each_format_that_can_hold_them(
    form: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--statistics", "--output-format", form, "-q"]) == 1
    out = capsys.readouterr().out
    row = {"code": "LL901", "name": "bad_word", "count": 6, "fixable": 6}
    if form == "json":
        assert json.loads(out)[0] == row
    elif form == "jsonl":
        assert json.loads(out.splitlines()[0]) == row
    else:
        assert out.splitlines()[0].split() == ["6", "LL901", "bad_word", "[6", "fixable]"]


def test_from_which_severity_a_run_fails_is_an_option_and_a_key(project: Path) -> None:
    assert main(["-q"]) == 1
    assert main(["-q", "--fail-on", "error"]) == 0
    (project / "losslint.toml").write_text('fail-on = "error"\n')
    assert main(["-q"]) == 0
    assert main(["-q", "--fail-on", "warning"]) == 1
    assert main(["-q", "--fail-on", "warning", "--exit-zero"]) == 0
    (project / "broken.py").write_text("def bad(:\n")
    assert main(["-q"]) == 2
    (project / "losslint.toml").write_text('fail-on = "never"\n')
    assert main(["-q"]) == 2


def test_the_format_is_a_key_that_an_option_and_a_diff_go_before(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(FORMATS) == list(OUTPUT_FORMATS)
    (project / "losslint.toml").write_text('output-format = "jsonl"\n')
    assert main(["-q"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])
    assert main(["-q", "--output-file", "out.jsonl"]) == 1
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0])
    assert main(["-q", "--output-format", "concise"]) == 1
    assert " LL90" in capsys.readouterr().out.splitlines()[0]
    assert main(["-q", "--diff"]) == 1
    assert capsys.readouterr().out.startswith("---")
    (project / "losslint.toml").write_text('output-format = "xml"\n')
    assert main(["-q"]) == 2
    assert '`output-format` must be "full" or' in capsys.readouterr().err


def test_after_a_fix_a_notebook_is_reported_as_it_is_then() -> None:
    run = Run(Settings(), SAFE_AND_UNSAFE, dry=True)
    before = json.loads(notebook())
    before["cells"][1]["source"].insert(0, "sqrt(2)\n")
    before["cells"][2]["source"] += "endless\n"
    one = run.report_bytes("n.ipynb", json.dumps(before).encode())
    (left,) = (finding for finding in one.findings if finding.code == "LL906")
    data = one.source.content.encode()
    result = sarif_of([replace(one, findings=(left,))])["results"][0]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert data[sarif_span(data, region)] == b"endless"


def test_text_for_people_names_the_cell_and_moves_no_cursor() -> None:
    one = report(notebook(), "n.ipynb")
    assert plain(concise([one])).startswith("n.ipynb:cell 2:1:13: warning LL901")
    assert "\x1b" not in plain(full([hostile()]))


def test_an_empty_span_in_an_empty_file_has_its_place() -> None:
    finding = Finding(Span(0, 0), "LL901", "bad_word", "nothing", Severity.NOTE)
    one = FileReport("e.py", Source("e.py", ""), (finding,))
    assert sarif_of([one])["results"][0]["level"] == "note"
    assert rdjson_of([one])["diagnostics"][0]["location"]["range"]["start"]["line"] == 1
