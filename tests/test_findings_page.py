"""The page of findings: it stands alone, says all there is to say, and looks as it should."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from pages import CHROMIUM, Reader, links_inside, looked_at

from losslint.config import Settings
from losslint.engine.reports import FileReport
from losslint.engine.run import Run
from losslint.findings import Related, Severity, Span
from losslint.report import snippets
from losslint.report.findings_page import render
from losslint.rules import registry
from losslint.source.text import Source

HOSTILE = (
    "<script>alert(1)</script> & \"q\" 'q' `<b>` \x1b[31m 损失 \udc80 ](javascript:x) --> \u202e"
)
LONG = "if x:\r\n\ty = '日本😀' + bad\r\n\r\n\tz = 1\r\n"


def report(source: str, name: str = "a.py") -> FileReport:
    return Run(Settings()).report_bytes(name, source.encode())


def hostile() -> FileReport:
    (finding,) = (
        one := report(f"bad  # {HOSTILE[:-12]}\n".replace("\udc80", ""), HOSTILE)
    ).findings
    assert finding.fix
    fix = replace(finding.fix, title=HOSTILE)
    related = (Related(HOSTILE, 1, 1, HOSTILE),)
    told = replace(finding, message=HOSTILE, evidence=(HOSTILE,), fix=fix, related=related)
    return replace(one, findings=(told,))


def reports() -> list[FileReport]:
    cells = [{"cell_type": "code", "metadata": {}, "source": ["bad\n", "x = 1"]}] * 2
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (finding,) = (one := report(LONG, "a b/é.py")).findings
    told = replace(finding, related=(Related("b.py", 2, 1, "`bad` too"),))
    return [
        replace(one, findings=(told,)),
        report("worse = sqrt(2)\nbad\n", "b.py"),
        report(notebook, "n.ipynb"),
        report("def bad(:\n", "broken.py"),
        report("boom\n", "crash.py"),
        report("x = 1\n", "clean.py"),
    ]


def shown(text: str) -> str:
    """The text that a reader sees."""
    return html.unescape(re.sub("<[^>]*>", "", text.partition("<body>")[2]))


@pytest.mark.usefixtures("toys")
def test_the_page_stands_alone_and_runs_nothing() -> None:
    page = Reader(render(reports()))
    names = Counter(tag for tag, _, _ in page.tags)
    assert not {"script", "link", "img", "image", "iframe", "form"} & set(names)
    assert not [key for _, attributes, _ in page.tags for key in attributes if key.startswith("on")]
    policy = [a["content"] for tag, a, _ in page.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    links_inside(page)


@pytest.mark.usefixtures("toys")
def test_every_finding_is_there_by_file_and_by_rule() -> None:
    found = [(finding, one) for one in reports() for finding in one.findings]
    text = render(reports())
    page = Reader(text)
    marks = [a["id"] for tag, a, _ in page.tags if tag == "article"]
    assert len(marks) == len(found) == 8
    aims = Counter(a["href"] for tag, a, _ in page.tags if tag == "a")
    assert all(aims[f"#{mark}"] == 1 for mark in marks)
    for finding, one in found:
        place = str(one.source.place(finding.span.start))
        assert f"{one.path}:{place}" in shown(text)
        assert finding.message.replace("`", "") in shown(text)
        assert finding.is_unreadable or all(each in shown(text) for each in finding.evidence)
    assert "Checked 4 files: 8 findings (2 errors, 6 warnings)." in text
    assert "Not checked: 2 files (LL000)." in text
    assert "<summary>Traceback</summary>" in text
    assert "clean.py" not in text


@pytest.mark.usefixtures("toys")
def test_names_and_code_cannot_write_into_the_page() -> None:
    text = render([hostile()])
    assert text.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    body = text.partition("<body>")[2]
    names = {tag for tag, _, _ in Reader(text).tags}
    assert names <= {tag for tag, _, _ in Reader(render(reports())).tags}
    assert "alert(1)&lt;/script&gt; &amp; &quot;q&quot;" in body
    assert "javascript:" not in "".join(str(a.get("href")) for _, a, _ in Reader(text).tags)


@pytest.mark.usefixtures("toys")
def test_equal_reports_give_equal_pages_and_nothing_found_is_a_page_too() -> None:
    assert render(reports()) == render(reports())
    text = render([report("x = 1\n")])
    assert "Checked 1 file: no findings." in text
    assert not {"article", "nav", "fieldset"} & {tag for tag, _, _ in Reader(text).tags}


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("a\nb\nxx = y\nc\nd\ne\n", 9, 10, "1 a|2 b|3 xx = [y]|4 c|5 d"),
        ("  a(\n    b,\n  )\n\nc\n", 2, 15, "1   [a(]|2     [b,]|3   [)]|4 |5 c"),
        ("  a(\n    b,\n  )\n", 2, 15, "1 [a(]|2   [b,]|3 [)]"),
        ("a\r\n\tb\r\n", 4, 5, "1 a|2     [b]"),
        ("ab\n", 1, 1, "1 a[b]"),
        ("ab", 2, 2, "1 ab[ ]"),
        ("", 0, 0, "1 [ ]"),
        ("x\n" * 40, 0, 80, "|".join(f"{n:>2} [x]" for n in range(1, 13)) + "|   ..."),
    ],
)
def test_a_frame_shows_some_lines_and_marks_what_is_meant(
    text: str, start: int, end: int, expected: str
) -> None:
    drawn = snippets.frame(Source("a.py", text), Span(start, end))
    rows = drawn.replace("<mark>", "[").replace("</mark>", "]").split('<span class="row">')[1:]
    assert "|".join(shown(f"<body>{row}") for row in rows) == expected


@pytest.mark.usefixtures("toys")
def test_a_fix_shows_its_places_apart() -> None:
    one = report("import x\n\nif x:\n    y = sqrt(2)\n")
    fix = one.findings[0].fix
    assert fix
    rows = snippets.diff(fix, one.source).split('<span class="row')[1:]
    assert [shown(f"<body><i{row}") for row in rows] == [
        "+ import math",
        "...",
        "- y = sqrt(2)",
        "+ y = math.root(2)",
    ]


@pytest.mark.usefixtures("toys")
def test_a_frame_of_a_notebook_keeps_to_its_cell() -> None:
    one = next(each for each in reports() if each.path == "n.ipynb")
    frames = [shown(f"<body>{snippets.frame(one.source, f.span)}") for f in one.findings]
    assert frames == ["1 bad2 x = 1"] * 2


@pytest.mark.parametrize("rule", registry.all_rules(), ids=lambda rule: rule.name)
def test_the_page_of_each_rule_can_be_read_in_it(rule: registry.Rule) -> None:
    finding = rule.finding(Span(0, 1), "found")
    page = Reader(text := render([FileReport("a.py", Source("a.py", "x\n"), (finding,))]))
    links_inside(page)
    assert "## " not in shown(text)
    assert "```" not in shown(text)
    told = re.sub(r"\W+", "", shown(text))
    for heading in ("What it does", "Why is this bad?", "Fix safety", "Known limits"):
        assert re.sub(r"\W+", "", rule.section(heading)) in told
    out = [
        a["href"] for tag, a, _ in page.tags if tag == "a" and not str(a["href"]).startswith("#")
    ]
    assert len(out) == rule.section("References").count("https://")
    assert all(re.fullmatch(r"https://[^\s<>]+[\w/]", str(aim)) for aim in out)


@pytest.mark.skipif(not CHROMIUM, reason="no chromium: only the static half was checked")
@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("size", [(390, 844), (1280, 900)])
def test_chromium_shows_the_page_without_scrolling_sideways(
    size: tuple[int, int], tmp_path: Path
) -> None:
    long = hostile()
    told = replace(long.findings[0], message="w" * 300, severity=Severity.NOTE)
    looked_at(
        render([*reports(), replace(long, path="a/" * 100, findings=(told,))]), size, tmp_path
    )
