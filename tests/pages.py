"""What a test looks at in a page that stands alone; in Chromium, where there is one."""

from __future__ import annotations

import html
import shutil
import struct
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

CHROMIUM = shutil.which("chromium")

# No window of Chromium is as narrow as a phone; a frame may be.
MEASURING = """<!DOCTYPE html><html><body>
<iframe style="border: 0; width: {}px; height: 900px" srcdoc="{}"></iframe>
<script>addEventListener('load', () => {{
  const inner = document.querySelector('iframe').contentDocument;
  const all = [...inner.querySelectorAll('header, nav, p, h2, h3, svg, pre, .scroll')];
  const wide = inner.documentElement.clientWidth;
  const off = all.filter(e => e.getBoundingClientRect().right > wide + 0.5);
  document.documentElement.setAttribute('data-seen',
    [wide, inner.documentElement.scrollWidth, off.map(e => e.tagName)]);
}});</script></body></html>
"""


class Reader(HTMLParser):
    """The tags of a page with their attributes, and that they close in order."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "path", "use", "image"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs), tuple(self.open)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def links_inside(page: Reader) -> None:
    """Hold that every mark is there once, and that what the page loads or leads to is in it.

    Only a link that a reader clicks on may lead out.
    """
    ids = Counter(value for _, attributes, _ in page.tags if (value := attributes.get("id")))
    assert set(ids.values()) == {1}
    for tag, attributes, _ in page.tags:
        for key in ("href", "xlink:href", "src", "clip-path"):
            aim = attributes.get(key)
            if aim and not (tag == "a" and aim.startswith("https://")):
                target = aim.removeprefix("url(").removesuffix(")")
                assert target.startswith("#")
                assert target[1:] in ids


def looked_at(text: str, size: tuple[int, int], folder: Path) -> None:
    """Hold that Chromium shows a page of a size with nothing beside it, and draws something."""
    across, down = size
    page, outer, shot = (folder / name for name in ("page.html", "outer.html", "page.png"))
    page.write_text(text, encoding="utf-8")
    outer.write_text(MEASURING.format(across, html.escape(text)), encoding="utf-8")
    common = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={across},{down}",
    ]
    dom = subprocess.run(
        [*common, "--dump-dom", outer.as_uri()], capture_output=True, text=True, timeout=60
    ).stdout
    assert f'data-seen="{across},{across},"' in dom
    subprocess.run(
        [*common, f"--screenshot={shot}", page.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert size_of(shot) == size
    assert shot.stat().st_size > 10_000


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its head."""
    across, down = struct.unpack(">II", path.read_bytes()[16:24])
    return across, down
