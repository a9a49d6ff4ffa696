"""The pictures of README.md show what losslint prints, and need nothing to be seen."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from screenshots import COMMANDS, PICTURES, ROOT, SHOWN, picture, words

# What is measured, and the dots of charts.
MEASURED = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[\u2800-\u28ff]+")


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_shows_what_is_printed(name: str) -> None:
    shown, printed = words(stored(name)), words(picture(name))
    if name == "verify":
        shown, printed = (
            [word for word in (MEASURED.sub("", word) for word in each) if word]
            for each in (shown, printed)
        )
    assert shown == printed, "python -m tests.screenshots draws it anew"
    assert {"losslint", *COMMANDS[name].split()} <= set(shown)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_stands_alone(name: str) -> None:
    tree = ElementTree.fromstring(stored(name))
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert re.findall(r"url\((?!#)|href|@import|<script", stored(name)) == []


def test_the_readme_shows_pictures_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\.github/screenshots/[\w.-]+", readme)
    assert all((ROOT / path).is_file() for path in named)
    assert {path.name for path in PICTURES.iterdir()} == {f"{name}.svg" for name in SHOWN}


def stored(name: str) -> str:
    return (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
