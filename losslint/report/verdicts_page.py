"""Verdicts as one page that stands alone, with pictures of what each loss does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from losslint.report.figures import can_draw, svg_of
from losslint.report.page import escaped, escaped_lines, page
from losslint.report.paint import plain
from losslint.report.panels import Panel, panels_of
from losslint.report.place import display_name
from losslint.report.saying import (
    SAID,
    defects_of,
    difference_said,
    facts_of,
    table_of,
    versions,
)
from losslint.report.verdicts import summary
from losslint.verify.verdict import Result, Status, Verdict

CLASSES = {Status.VERIFIED: "good", Status.REFUTED: "bad", Status.NOT_RUNNABLE: "note"}
TOLD = {True: "good", False: "bad", None: "note"}
NEEDED = "Pictures need matplotlib: pip install 'torch-losslint[plot]'"


def render_html(verdicts: Iterable[Verdict]) -> str:
    """The page. Equal verdicts give equal bytes."""
    listed = list(verdicts)
    drawable = can_draw()
    parts = ["<header>", "<h1>losslint verify</h1>"]
    parts.append(f"<p>{escaped(plain(summary(listed)).strip())}</p>")
    if not drawable:
        parts.append(f'<p class="note">{escaped(NEEDED)}</p>')
    parts.append("</header>")
    if len(listed) > 1:
        parts += _contents(listed)
    parts.append("<main>")
    for number, verdict in enumerate(listed, start=1):
        parts += _section(verdict, f"loss-{number}", drawable)
    parts.append("</main>")
    return page("losslint verify", "\n".join(parts))


def _contents(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield '<nav aria-label="Losses"><ul>'
    for number, verdict in enumerate(verdicts, start=1):
        link = f'<a href="#loss-{number}"><code>{escaped(verdict.qualname)}</code></a>'
        yield f"<li>{link} {_tag(verdict)} {_place(verdict)}</li>"
    yield "</ul></nav>"


def _section(verdict: Verdict, mark: str, drawable: bool) -> Iterator[str]:
    yield f'<section id="{mark}">'
    yield f"<h2><code>{escaped(verdict.qualname)}</code> {_tag(verdict)}</h2>"
    yield f"<p>{_place(verdict)} <span class='soft'>({escaped(facts_of(verdict))})</span></p>"
    if verdict.why:
        yield f"<p>{escaped(verdict.why)}</p>"
    if verdict.call:
        said = verdict.call[0].upper() + verdict.call[1:]
        yield f'<p class="soft">{escaped(said)}.</p>'
    for defect in defects_of(verdict):
        said = f'Before the fix: {escaped(defect.name)} <span class="bad">holds</span>, '
        yield f"<p>{said}{escaped(defect.why)}</p>"
    yield from _table(verdict)
    if verdict.assumes:
        yield "<p>Assumed:</p><ul>"
        yield from (f"<li>{escaped(assumption)}</li>" for assumption in verdict.assumes)
        yield "</ul>"
    difference = difference_said(verdict)
    if difference:
        yield f"<p>{escaped(difference[0].upper() + difference[1:])}.</p>"
    if drawable:
        for number, panel in enumerate(panels_of(verdict), start=1):
            yield from _figure(panel, f"{mark}-{number}")
    yield from _programs(verdict)
    yield "</section>"


def _tag(verdict: Verdict) -> str:
    return f'<span class="tag {CLASSES[verdict.status]}">{verdict.status.value}</span>'


def _place(verdict: Verdict) -> str:
    return f'<span class="soft">{escaped(display_name(verdict.path))}:{verdict.row}</span>'


def _table(verdict: Verdict) -> Iterator[str]:
    heads, rows = table_of(verdict)
    if not rows:
        return
    yield '<div class="scroll"><table>'
    cells = "".join(f'<th scope="col">{escaped(head)}</th>' for head in heads)
    yield f'<thead><tr><th scope="col">property</th>{cells}</tr></thead><tbody>'
    for name, results in rows:
        cells = "".join(map(_cell, results))
        yield f'<tr><th scope="row">{escaped(name)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _cell(result: Result | None) -> str:
    if result is None:
        return "<td>-</td>"
    said = f'<span class="{TOLD[result.holds]}">{SAID[result.holds]}</span>'
    return f"<td>{said}<small>{escaped(result.why)}</small></td>"


def _figure(panel: Panel, mark: str) -> Iterator[str]:
    yield f'<h3>{escaped(panel.title)}</h3>\n<figure><div class="pair">'
    for number, side in enumerate(panel.sides, start=1):
        said = escaped(f"{panel.title}, {side.head}")
        svg = svg_of(panel, side, f"{mark}-{number}")
        svg = svg.replace("<svg", f'<svg role="img" aria-label="{said}"', 1)
        yield f"<div><h4>{escaped(side.head)}</h4>{svg}</div>"
    yield f"</div><figcaption>{escaped(panel.caption)}</figcaption></figure>"


def _programs(verdict: Verdict) -> Iterator[str]:
    for head, version in versions(verdict):
        if version.program:
            yield f"<details><summary>What was run, {escaped(head)}</summary>"
            yield f"<pre><code>{escaped_lines(version.program)}</code></pre></details>"
