"""Findings as one page that stands alone: by file with their code, and by rule with its page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from losslint import __version__
from losslint.engine.reports import FileReport
from losslint.findings import Finding, Safety, Severity
from losslint.frozen import dataclass
from losslint.report import snippets
from losslint.report.page import escaped, escaped_lines, page
from losslint.report.paint import plain
from losslint.report.place import display_name, related_place
from losslint.report.summary import count, summary
from losslint.rules import registry
from losslint.rules.base import Rule

STYLE = """
:root { --info: #0b57a4; --mark: #ffe2a8; --gone: #fde7e6; --come: #e2f4e9; }
@media (prefers-color-scheme: dark) {
  :root { --info: #8ab8f0; --mark: #5c4413; --gone: #43211f; --come: #17382a; }
}
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
.is-error { --tone: var(--bad); } .is-warning { --tone: var(--note); } .is-note { --tone: var(--info); }
.tag[class*="is-"] { color: var(--tone); }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; border: 0; margin: 1rem 0; padding: 0; }
.filters legend { float: left; margin: .2rem .3rem 0 0; color: var(--soft); font-size: .9rem; }
.filters label {
  border: 1px solid currentColor; border-radius: 1em; color: var(--tone); cursor: pointer;
  font-weight: 600; padding: .1em .8em;
}
.filters label:has(:focus-visible) { outline: 2px solid var(--tone); outline-offset: 2px; }
.filters input { accent-color: var(--tone); margin: 0 .4em 0 0; vertical-align: -.05em; }
.indices { display: grid; gap: 0 3rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.indices h2 { font-size: 1rem; margin-top: 1.2rem; }
.indices ol { list-style: none; margin: .3rem 0; padding: 0; }
.indices li { border-bottom: 1px solid var(--rule); display: flex; gap: .4rem 1rem; justify-content: space-between; padding: .25rem 0; }
.counts { font-variant-numeric: tabular-nums; font-weight: 600; white-space: nowrap; }
.counts span { color: var(--tone); margin-left: .5em; }
a { text-decoration-color: var(--soft); text-underline-offset: .2em; }
section > h2 { align-items: baseline; display: flex; flex-wrap: wrap; gap: 0 .6ch; margin-bottom: .6rem; }
section > h2 .counts { font-size: 1rem; margin-left: .3em; }
p code, .finding li code, .rule-page code { background: var(--box); border-radius: .25em; padding: .05em .25em; }
.finding {
  border: 1px solid var(--rule); border-left: .25rem solid var(--tone); border-radius: .4rem;
  margin: .9rem 0; padding: .7rem 1rem .8rem; scroll-margin-top: 1rem;
}
.finding:target, section:target > h2 { outline: 2px solid var(--tone, var(--info)); outline-offset: 3px; }
.finding h3 { font-size: 1rem; font-weight: 600; margin: 0 0 .4rem; }
.finding h3 .place { color: var(--soft); font-weight: 400; }
.finding p { max-width: 85ch; }
.finding ul { margin: .4rem 0; max-width: 85ch; }
.fix { margin: .6rem 0 .3rem; }
.code { line-height: 1.45; padding: .6rem 0; }
.code code { display: inline-block; font-size: 1em; min-width: 100%; }
.row { display: block; padding: 0 .8rem; white-space: pre; }
.number { color: var(--soft); user-select: none; margin-right: .8em; }
mark { background: var(--mark); border-radius: .15em; color: inherit; }
.removed { background: var(--gone); color: var(--bad); } .added { background: var(--come); color: var(--good); }
.rule-page { border-left: .25rem solid var(--rule); padding-left: 1rem; }
.rule-page h2 { font-size: 1rem; margin: 1rem 0 .2rem; }
footer { border-top: 1px solid var(--rule); color: var(--soft); font-size: .9rem; margin-top: 2rem; padding-top: .8rem; }
@media (max-width: 40rem) { .finding { padding: .6rem .7rem; } }
"""
# As it stands in prose: the full stop behind it is none of it.
ADDRESS = re.compile(r"https://[^\s,()<>]*[^\s,.()<>]")

HIDDEN = "\n".join(
    f"body:has(#show-{severity.value}:not(:checked)) main .is-{severity.value} {{ display: none; }}"
    for severity in Severity
)


@dataclass(frozen=True)
class Shown:
    """A finding on the page, with the mark that links lead to."""

    mark: str
    finding: Finding
    report: FileReport

    @property
    def place(self) -> str:
        """Row and column, and of a notebook the cell."""
        return str(self.report.source.place(self.finding.span.start))

    @property
    def kind(self) -> str:
        """Its severity, as a class of the style sheet."""
        return f"is-{self.finding.severity.value}"


def render(reports: Sequence[FileReport]) -> str:
    """The page. Equal reports give equal bytes."""
    pairs = [(finding, report) for report in reports for finding in report.findings]
    shown = [Shown(f"finding-{n}", *pair) for n, pair in enumerate(pairs, start=1)]
    by_file: dict[str, list[Shown]] = {}
    by_rule: dict[str, list[Shown]] = {}
    for one in shown:
        by_file.setdefault(one.report.path, []).append(one)
        by_rule.setdefault(one.finding.code, []).append(one)
    rules = {code: by_rule[code] for code in sorted(by_rule)}
    parts = [*_header(reports, shown), *_indices(by_file, rules), "<main>"]
    for number, group in enumerate(by_file.values(), start=1):
        parts += _file(f"file-{number}", group)
    pages = {rule.code: rule for rule in registry.all_rules()}
    for name, group in rules.items():
        parts += _rule(name, group, pages.get(name))
    parts += ["</main>", f"<footer>losslint {escaped(__version__)}</footer>"]
    return page("losslint: findings", "\n".join(parts), f"{STYLE}{HIDDEN}\n")


def _header(reports: Sequence[FileReport], shown: Sequence[Shown]) -> Iterator[str]:
    yield "<header><h1>losslint</h1>"
    yield from (
        f"<p>{escaped(plain([line]).strip())}</p>" for line in summary(reports, grouped=False)
    )
    number = Counter(one.finding.severity for one in shown)
    if shown:
        yield '<fieldset class="filters"><legend>Show</legend>'
        for severity in (severity for severity in Severity if number[severity]):
            kind = severity.value
            box = f'<input type="checkbox" id="show-{kind}" checked>'
            yield f'<label class="is-{kind}">{box}{count(number[severity], kind)}</label>'
        yield "</fieldset>"
    yield "</header>"


def _indices(files: dict[str, list[Shown]], rules: dict[str, list[Shown]]) -> Iterator[str]:
    if not files:
        return
    yield '<div class="indices"><nav aria-labelledby="files"><h2 id="files">Files</h2><ol>'
    for number, (path, group) in enumerate(files.items(), start=1):
        link = f'<a href="#file-{number}">{escaped(display_name(path))}</a>'
        yield f"<li>{link}{_counts(group)}</li>"
    yield '</ol></nav><nav aria-labelledby="rules"><h2 id="rules">Rules</h2><ol>'
    for name, group in rules.items():
        link = f'<a href="#{escaped(name)}"><code>{escaped(name)}</code> {escaped(group[0].finding.name)}</a>'
        yield f"<li>{link}{_counts(group)}</li>"
    yield "</ol></nav></div>"


def _counts(group: Sequence[Shown]) -> str:
    """How many there are of each severity, in its colour."""
    number = Counter(one.finding.severity for one in group)
    parts = [
        f'<span class="is-{s.value}" title="{count(number[s], s.value)}">{number[s]}</span>'
        for s in Severity
        if number[s]
    ]
    return f'<span class="counts">{"".join(parts)}</span>'


def _file(mark: str, group: Sequence[Shown]) -> Iterator[str]:
    yield f'<section id="{mark}">'
    yield f"<h2>{escaped(display_name(group[0].report.path))}{_counts(group)}</h2>"
    for one in group:
        yield from _finding(one)
    yield "</section>"


def _finding(one: Shown) -> Iterator[str]:
    finding, source = one.finding, one.report.source
    link = f'<a href="#{escaped(finding.code)}"><code>{escaped(finding.code)}</code> {escaped(finding.name)}</a>'
    yield f'<article class="finding {one.kind}" id="{one.mark}">'
    yield f'<h3><span class="tag {one.kind}">{finding.severity.value}</span> {link} <span class="place">{one.place}</span></h3>'
    yield f"<p>{_prose(finding.message)}</p>"
    yield snippets.frame(source, finding.span)
    if finding.is_unreadable and finding.evidence:
        trace = escaped_lines("\n".join(finding.evidence))
        yield f"<details><summary>Traceback</summary><pre>{trace}</pre></details>"
    elif finding.evidence or finding.related:
        yield "<ul>"
        yield from (f"<li>{_prose(statement)}</li>" for statement in finding.evidence)
        for other in finding.related:
            place = escaped(related_place(other))
            yield f"<li><strong>{place}</strong>: {_prose(other.message)}</li>"
        yield "</ul>"
    if finding.fix:
        tag = f'<span class="tag {"good" if finding.fix.safety is Safety.SAFE else "is-warning"}">{finding.fix.safety.value} fix</span>'
        yield f'<p class="fix">{tag} {_prose(finding.fix.title)}</p>'
        yield snippets.diff(finding.fix, source)
    yield "</article>"


def _rule(name: str, group: Sequence[Shown], rule: Rule | None) -> Iterator[str]:
    yield f'<section id="{escaped(name)}">'
    title = f"<code>{escaped(name)}</code> {escaped(group[0].finding.name)}"
    yield f"<h2>{title}{_counts(group)}</h2>"
    if rule is not None:
        yield f"<p>{_prose(rule.summary)}</p>"
    yield "<ul>"
    yield from _places(group)
    yield "</ul>"
    if rule is not None:
        yield "<details><summary>What the rule says</summary>"
        yield f'<div class="rule-page">{_page_of(rule)}</div></details>'
    yield "</section>"


def _places(group: Iterable[Shown]) -> Iterator[str]:
    for one in group:
        place = f"{escaped(display_name(one.report.path))}:{one.place}"
        said = _prose(one.finding.message)
        yield f'<li class="{one.kind}"><a href="#{one.mark}">{place}</a> <span class="soft">{said}</span></li>'


def _page_of(rule: Rule) -> str:
    """The page of a rule below its summary, as HTML. What HTML is in it is shown as text."""
    from markdown_it import MarkdownIt

    told, heading, references = rule.page.strip().partition("\n\n")[2].partition("## References")
    linked = ADDRESS.sub(r"<\g<0>>", references)
    rendered: str = MarkdownIt("commonmark", {"html": False}).render(f"{told}{heading}{linked}")
    return rendered


def _prose(text: str) -> str:
    """Escaped, and what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped(text))
