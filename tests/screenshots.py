"""Pictures of what losslint prints, drawn from what it prints.

`python -m tests.screenshots` draws those of README.md anew; with a folder, all of them there.
"""

from __future__ import annotations

import html
import io
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from losslint.cli import main

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / ".github" / "screenshots"

LOSSES = "fixtures/scenarios/negative_loss/losses"
LOSS = f"{LOSSES}/softmax_weighted.py"
# What is typed for each picture.
COMMANDS = {
    "full": f"losslint {LOSSES}",
    "verify": f"losslint verify {LOSS}",
    "diff": f"losslint --diff {LOSSES}",
    "rule": "losslint rule LL102",
}
SHOWN = ("full", "verify")
COLUMNS = 110

THEME = TerminalTheme(
    (30, 32, 38),
    (214, 216, 222),
    [
        (30, 32, 38),
        (242, 114, 111),
        (126, 198, 120),
        (229, 192, 107),
        (110, 160, 240),
        (198, 140, 220),
        (86, 190, 200),
        (214, 216, 222),
    ],
)
# Without a font from elsewhere: a picture in a README loads none.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
text {{ font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
.title {{ font: bold 16px system-ui, "DejaVu Sans", sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
WRITTEN = re.compile(r"<text [^>]*>([^<]*)</text>")


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def printed(command: str) -> str:
    """What a command prints on a terminal, as if it had been typed there."""
    here = os.getcwd()
    # Neither links nor what moves: nobody looks on.
    environment = {"COLUMNS": str(COLUMNS), "CI": "1", "TERM": "xterm"}
    stream = Terminal()
    options = [] if command.split()[1] == "rule" else ["--isolated", "--no-cache"]
    try:
        os.chdir(ROOT)
        with (
            mock.patch.dict(os.environ, environment),
            redirect_stdout(stream),
            redirect_stderr(stream),
        ):
            main([*command.split()[1:], *options, "--color", "always"])
    finally:
        os.chdir(here)
    return f"$ {command}\n{stream.getvalue().rstrip()}\n"


def picture(name: str) -> str:
    """The picture of a name, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in Text.from_ansi(printed(COMMANDS[name])).split("\n"):
        # As a terminal does, which knows no words.
        for part in line.divide(range(COLUMNS, len(line), COLUMNS)):
            console.print(part, soft_wrap=True)
    return console.export_svg(title="losslint", theme=THEME, code_format=FRAME, unique_id=name)


def words(svg: str) -> list[str]:
    """The words that stand in a picture."""
    return html.unescape(" ".join(WRITTEN.findall(svg))).split()


def draw(names: tuple[str, ...], folder: Path) -> None:
    """Draw pictures of these names into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.svg").write_text(picture(name), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:]:
        draw(tuple(COMMANDS), Path(sys.argv[1]))
    else:
        draw(SHOWN, PICTURES)
