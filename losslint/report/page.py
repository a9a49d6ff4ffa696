"""The skeleton of a page that stands alone: one file, its style in it, no scripts."""

from __future__ import annotations

import html

from losslint.report.paint import printable

# It loads nothing and runs nothing, whatever is in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1b1b1f; --paper: #fff; --soft: #5b5f66; --rule: #d7d9de; --box: #f5f6f8;
  --good: #0b6b3a; --bad: #b3261e; --note: #8a5300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e6ea; --paper: #16171a; --soft: #a4a8b0; --rule: #3a3d44; --box: #212329;
    --good: #6fd39b; --bad: #ff8a80; --note: #f2b75c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 75rem; padding: 1rem clamp(.8rem, 3vw, 2rem) 3rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 0 0 .2rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .4rem 0; max-width: 70ch; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { font-size: .95em; }
section { border-top: 1px solid var(--rule); margin-top: 2rem; padding-top: 1.2rem; }
ul { padding-left: 1.2rem; }
.soft, figcaption, th { color: var(--soft); }
.soft, figcaption { font-size: .9rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .note { color: var(--note); }
.tag {
  border: 1px solid currentColor; border-radius: 1em; padding: .05em .6em;
  font-size: .85rem; font-weight: 600; white-space: nowrap; vertical-align: .1em;
}
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .95rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; }
td, th { border-bottom: 1px solid var(--rule); overflow-wrap: normal; min-width: 5.5rem; }
td small { display: block; color: var(--soft); min-width: 13rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  table { font-size: .9rem; }
  th, td { padding-right: .6rem; min-width: 5rem; }
  td small { min-width: 7rem; }
}
figure { margin: .4rem 0 0; }
.pair { display: grid; gap: .5rem 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.pair h4 { font-size: .9rem; font-weight: 600; margin: .4rem 0 0; text-align: center; }
.pair > div { max-width: 38rem; }
svg { display: block; width: 100%; height: auto; color: var(--ink); }
svg text { font-family: inherit !important; }
details { margin: .8rem 0; }
summary { cursor: pointer; padding: .3rem 0; }
pre { background: var(--box); border-radius: .4rem; padding: .8rem; overflow-x: auto; font-size: .85rem; margin: .4rem 0; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page around `body`, which is HTML; `title` is plain text, `style` more CSS."""
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}{style}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def escaped(text: str) -> str:
    """`text` on one line, fit to stand in an element or in a quoted attribute."""
    return html.escape(printable(text))


def escaped_lines(text: str) -> str:
    """The same for text of many lines, which stay."""
    return "\n".join(map(escaped, text.splitlines()))
