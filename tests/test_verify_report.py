"""What `losslint verify` shows: text with charts, JSON, pictures, and a page."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from made_verdicts import made, not_runnable
from pages import CHROMIUM, Reader, links_inside, looked_at, size_of

from losslint.config import ConfigError
from losslint.report.figures import write_plots
from losslint.report.paint import coloured, plain, width
from losslint.report.scale import Scale, scale_of, short
from losslint.report.verdicts import concise, full, summary
from losslint.report.verdicts_json import render_json
from losslint.report.verdicts_page import render_html
from losslint.verify.verdict import Along, Figures, Line, Result, Slice, Status, Verdict, Version

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'too' $x^2$ \x1b[31m 损失 \udc80"

INF, NAN = math.inf, math.nan


def kendall(*, full: bool = False) -> Verdict:
    return made("kendall", "floor", full=full)


def drawn(y: tuple[float, ...], *, x: tuple[float, ...] | None = None) -> Verdict:
    """A verdict whose total and gradient take the values `y`."""
    line = Line("task losses of 1", x or tuple(map(float, range(len(y)))), y)
    figures = Figures(
        (Along("s", line, line, line),), totals=(line,), weights=line, descent=(line,)
    )
    version = Version((Result("P2 never negative", None, "no number"),), figures)
    return replace(kendall(), before=version, after=replace(version, figures=figures))


# --- text ------------------------------------------------------------------------


def test_the_headline_says_where_what_and_how() -> None:
    lines = plain(full([kendall()])).splitlines()
    assert lines[0] == (
        "training/mtl.py:12: verified MultiTaskLoss (LL101, safe fix; run whole; 1.3 s)"
    )
    assert lines[1] == "  the total falls to -80 before the fix, and never below 0 after it"


def test_the_defect_is_told_and_then_each_property() -> None:
    lines = plain(full([kendall()])).splitlines()
    row = lines.index("  P2 never negative                  holds")
    assert lines[row - 1] == "  property                           after"
    assert lines[row - 3 : row - 1] == ["    losses [0, 0]", ""]
    assert lines[row - 4].startswith("  before the fix: P1 can be negative: total = -80")


def test_a_property_is_told_before_and_after_with_its_counter_examples() -> None:
    before = Version((Result("P5 no dead zone", True, "alive"), Result("P3", None, "no time")))
    after = Version((Result("P5 no dead zone", False, "dead from 2"), Result("P2", True, "0.5")))
    verdict = replace(kendall(), before=before, after=after)
    table = """
  property         before        after
  P5 no dead zone  holds         fails
    after: dead from 2
  P3               not judged    -
    before: no time
  P2               -             holds
"""
    assert table in plain(full([verdict]))
    table = table.replace("    after: dead", "    before: alive\n    after: dead")
    assert table + "    after: 0.5\n" in plain(full([verdict], verbose=True))


def test_verbose_shows_what_was_run() -> None:
    text = plain(full([kendall()], verbose=True))
    assert "  what was run, after:\n    import torch\n" in text
    assert "what was run" not in plain(full([kendall()]))


def test_what_was_assumed_and_the_gradients_are_told() -> None:
    text = plain(full([kendall()]))
    assert "  assumes: `criterion` of the project is stood in for by a loss of 0 or more\n" in text
    assert "  gradients in the working range differ by at most 0.247%\n" in text


def test_charts_stand_side_by_side_where_there_is_room() -> None:
    text = plain(full([kendall()]))
    assert "before                                  after\n     1.6e5┤" in text
    assert "total over log_vars[0] (axis logarithmic beyond 1); the same over log_vars[1]" in text
    assert "  before: lowest total -80 at parameters [-80, -80], task losses [0, 0]\n" in text
    narrow = plain(full([kendall()], width=60)).splitlines()
    assert sum(line.startswith("     1.6e5┤") for line in narrow) == 2


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_line_of_a_chart_is_wider_than_the_terminal(columns: int, ascii_only: bool) -> None:
    verdicts = [kendall(), made("softmax", "clamp")]
    lines = plain(full(verdicts, width=columns, ascii=ascii_only)).splitlines()
    wide = [line for line in lines if width(line) > columns and "(LL101" not in line]
    assert wide == []


def test_ascii_is_ascii() -> None:
    text = plain(full([kendall(), made("softmax", "clamp")], ascii=True))
    assert text.isascii()
    assert not plain(full([kendall()])).isascii()


def test_charts_do_not_leak_into_one_another() -> None:
    alone = plain(full([kendall()]))
    assert plain(full([made("softmax", "clamp"), kendall()])).endswith(alone)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ((1e30, -1e30, 0.0, 1.0), "1e30┤"),
        ((1.7e308, -1.7e308), "1.7e308┤"),
        ((INF, 1.0, NAN, -INF), "inf at 1 of 4 points, as 0"),
        ((INF, 1.0, NAN, -INF), "nan at 1 of 4 points, as 2"),
        ((NAN, NAN), "nan at 2 of 2 points"),
        ((0.5, 0.5, 0.5), "1.5┤"),
        ((3.0,), "4┤"),
        ((1e-300, 2e-300), "1┤"),
    ],
)
def test_any_values_can_be_drawn(y: tuple[float, ...], said: str) -> None:
    for columns in (20, 80):
        text = plain(full([drawn(y)], width=columns))
    assert said in text
    assert "not judged" in text


def test_a_line_at_the_edge_of_its_chart_is_drawn() -> None:
    text = plain(full([made("softmax", "clamp")]))
    assert "0.5┤⠉⠉⠉" in text


def test_a_parameter_s_name_cannot_move_the_cursor() -> None:
    line = Line("\x1b[2J", (0.0, 1.0), (0.0, 1.0))
    figures = Figures((Along("\x1b[2J\n", line, line),))
    verdict = replace(
        kendall(), qualname=HOSTILE, path=HOSTILE, why=HOSTILE, after=Version(figures=figures)
    )
    assert "\x1b" not in plain([*full([verdict]), *concise([verdict])])
    assert "\x1b[2J" not in coloured(full([verdict]))


def test_verdicts_are_coloured_by_what_they_say() -> None:
    styles = dict(
        line[2] for line in concise([kendall(), made("softmax", "clamp"), not_runnable()])
    )
    assert styles == {"verified": "good", "refuted": "error", "not runnable": "warning"}


def test_without_plotille_the_table_stands_and_what_to_install_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "plotille", None)
    text = plain(full([kendall(), kendall()]))
    assert text.count("Charts need plotille: pip install 'torch-losslint[verify]'\n") == 1
    assert "P7 no collapse" in text
    assert "┤" not in text


def test_a_loss_that_has_no_fix_is_told_as_it_stands() -> None:
    verdict = replace(kendall(), after=None, safety="", slice=Slice.EXPRESSION)
    text = plain(full([verdict]))
    assert "(LL101; run as an expression slice; 1.3 s)" in text
    assert "  property            as it stands\n  P1 can be negative  holds\n" in text


def test_concise_is_one_line_each() -> None:
    assert plain(concise([not_runnable()])) == (
        "training/det.py:40: not runnable DetLoss.forward (LL101; 0.1 s): "
        "line 44 imports `mmdet.core`, which losslint does not run\n"
    )


def test_the_summary_counts_the_verdicts() -> None:
    verdicts = [kendall(), kendall(), made("softmax", "clamp"), not_runnable()]
    (line,) = summary(verdicts)
    assert line == [("Ran 4 losses: 2 verified, 1 refuted, 1 not runnable.", "error")]
    assert plain(summary([kendall()])) == "Ran 1 loss: 1 verified.\n"
    assert plain(summary([])) == "Ran no loss: none that learns its weights was found.\n"


# --- scales ----------------------------------------------------------------------


def test_a_scale_finds_its_values_again() -> None:
    for scale in (Scale(-2.0, 7.0), Scale(-50.0, 1e6, logarithmic=True)):
        for place in (0.0, 0.25, 0.5, 0.9, 1.0):
            assert scale.place(scale.value(place)) == pytest.approx(place)


def test_a_scale_takes_any_values() -> None:
    for values in ((), (INF,), (1e308, -1e308), (5e-324,), (NAN, 2.0)):
        scale = scale_of(values)
        assert scale.low < scale.high
        assert 0 <= scale.place(-INF) < scale.place(INF) <= 1


@pytest.mark.parametrize("value", [0, -1.5, 1250.0, 1e5, -1.23456e-31, 9.999e299, INF, -INF])
def test_a_short_number_is_short_and_near(value: float) -> None:
    assert len(short(value)) <= 8
    assert float(short(value)) == pytest.approx(value, rel=0.05)


# --- JSON ------------------------------------------------------------------------


def test_json_has_the_fields_of_a_verdict_and_all_figures() -> None:
    (item,) = json.loads(render_json([kendall(full=True)]))
    assert item["filename"] == "training/mtl.py"
    assert item["location"] == {"row": 12}
    assert set(item) == {f.name for f in fields(Verdict)} - {"path", "row"} | {
        "filename",
        "location",
    }
    assert (item["status"], item["slice"], item["safety"]) == ("verified", "whole", "safe")
    figures = item["before"]["figures"]
    assert figures["witness"] == {"parameters": [-80, -80], "losses": [0, 0], "total": -80}
    assert len(figures["along"][1]["total"]["y"]) == 49
    assert [line["name"] for line in figures["descent"]][1:] == ["log_vars[0]", "log_vars[1]"]


def test_json_is_strict_and_keeps_what_is_no_number() -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    verdict = replace(drawn((INF, -INF, NAN, 1.0)), gradient_difference=INF)
    (item,) = json.loads(render_json([verdict]), parse_constant=refuse)
    assert item["gradient_difference"] == "Infinity"
    y = item["before"]["figures"]["along"][0]["total"]["y"]
    assert y == ["Infinity", "-Infinity", "NaN", 1]
    assert [float(value) for value in y[:2]] == [INF, -INF]


def test_json_of_nothing_that_was_run() -> None:
    (item,) = json.loads(render_json([not_runnable()]))
    assert (item["status"], item["before"], item["slice"]) == ("not runnable", None, None)
    assert item["safety"] is None


# --- pictures --------------------------------------------------------------------


def test_a_picture_is_written_for_each_loss_that_was_run(tmp_path: Path) -> None:
    verdicts = [made("kendall", "floor"), not_runnable(), made("softmax", "clamp")]
    paths = write_plots(verdicts, tmp_path / "plots", "svg")
    assert [path.name for path in paths] == [
        "training-mtl.py-MultiTaskLoss.svg",
        "training-mtl.py-MultiTaskLoss-2.svg",
    ]
    first = [path.read_bytes() for path in paths]
    again = write_plots(verdicts, tmp_path / "again", "svg")
    assert [path.read_bytes() for path in again] == first
    assert b"date" not in first[0].lower()


def test_a_picture_is_1200_dots_across(tmp_path: Path) -> None:
    (path,) = write_plots([kendall(full=True)], tmp_path, "png")
    assert size_of(path)[0] == 1200


@pytest.mark.parametrize(
    "y",
    [
        (1e30, -1e30, 1.0),
        (INF, 1.0, NAN),
        (NAN, NAN),
        (0.5, 0.5),
        (3.0,),
        (1.7e308, -1.7e308),
        (1e-320, 0.0),
    ],
)
def test_any_values_can_be_pictured(y: tuple[float, ...], tmp_path: Path) -> None:
    (path,) = write_plots([drawn(y, x=tuple(1.0 + n for n in range(len(y))))], tmp_path)
    assert path.stat().st_size > 1000


def test_a_picture_s_name_is_safe(tmp_path: Path) -> None:
    verdict = replace(hostile(), path="../../a b.py", qualname=f"A.<locals>/../{HOSTILE}")
    (path,) = write_plots([verdict], tmp_path)
    assert path.parent == tmp_path
    assert not set("/<>$&' ") & set(path.name)


def test_without_matplotlib_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"^--plot needs matplotlib: pip install 'torch-loss"):
        write_plots([kendall()], tmp_path)
    assert "Pictures need matplotlib" in render_html([kendall()])


def test_a_place_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--plot cannot write"):
        write_plots([drawn((1.0, 2.0))], tmp_path / "file")


def test_the_settings_of_who_calls_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib as mpl

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    # Asking for "backend" is what makes matplotlib choose one, and import pyplot.
    asked = [key for key in mpl.rcParams if key != "backend"]
    before = [mpl.rcParams[key] for key in asked]
    write_plots([drawn((1.0, 2.0))], tmp_path)
    assert [mpl.rcParams[key] for key in asked] == before
    assert "matplotlib.pyplot" not in sys.modules


# --- the page --------------------------------------------------------------------


def test_the_page_stands_alone_and_its_ids_are_its_own() -> None:
    page = Reader(
        render_html([kendall(full=True), made("softmax", "clamp", full=True), not_runnable()])
    )
    names = Counter(tag for tag, _, _ in page.tags)
    assert names["svg"] == 2 * 4 + 2 * 5
    assert not {"script", "link", "img", "image", "iframe"} & set(names)
    links_inside(page)


def test_the_page_fits_a_phone_as_far_as_its_text_tells() -> None:
    """What a browser would have to keep to; `test_a_phone_shows_...` asks one."""
    text = render_html([kendall()])
    page = Reader(text)
    metas = [attributes for tag, attributes, _ in page.tags if tag == "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in metas
    for tag, attributes, _ in page.tags:
        if tag == "svg":
            assert "viewbox" in attributes
            assert "width" not in attributes
    assert text.count("<table>") == text.count('<div class="scroll"><table>') == 1


def hostile() -> Verdict:
    line = Line(HOSTILE, (0.0, 1.0), (0.0, 1.0))
    figures = Figures(
        (Along(HOSTILE, line, line),), totals=(line, line), weights=line, descent=(line, line)
    )
    version = Version((Result(HOSTILE, False, HOSTILE),), figures, HOSTILE)
    return replace(
        kendall(),
        path=HOSTILE,
        qualname=HOSTILE,
        why=HOSTILE,
        codes=(HOSTILE,),
        call=HOSTILE,
        assumes=(HOSTILE,),
        before=version,
        after=version,
    )


def test_names_and_code_cannot_write_into_the_page() -> None:
    text = render_html([hostile()])
    assert text.encode()
    assert "<script" not in text
    assert "\x1b" not in text
    assert "alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;" in text
    names = {tag for tag, _, _ in Reader(text).tags}
    assert names <= {tag for tag, _, _ in Reader(render_html([kendall(full=True)])).tags}


def test_equal_verdicts_give_equal_pages() -> None:
    assert render_html([kendall()]) == render_html([kendall()])


def test_the_page_tells_what_the_text_tells() -> None:
    text = render_html([kendall(), not_runnable()])
    assert "Ran 2 losses: 1 verified, 1 not runnable." in text
    assert "line 44 imports `mmdet.core`, which losslint does not run" in text
    assert "<summary>What was run, before</summary>" in text
    assert "    def forward(self, losses):\n" in text
    assert Status.VERIFIED.value in text


@pytest.mark.skipif(not CHROMIUM, reason="no chromium: only the static half was checked")
@pytest.mark.parametrize("size", [(390, 844), (1280, 900)])
def test_a_phone_shows_the_page_without_scrolling_sideways(
    size: tuple[int, int], tmp_path: Path
) -> None:
    long = replace(hostile(), qualname="A" * 200, path="a/" * 100, why="w" * 300)
    text = render_html([made("kendall", "floor"), long])
    looked_at(text, size, tmp_path)
