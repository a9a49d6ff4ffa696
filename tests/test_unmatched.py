"""Lines of a .gitignore file that are ruled out without pathspec: pathspec has to agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from losslint.source.unmatched import Unmatched


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("", "a.py"),
        ("# a.py", "a.py"),
        ("__pycache__/", "src/a.py"),
        ("*.py[cod]", "src/a.py"),
        ("*.so", "src/a.py"),
        ("/docs/_build/", "src/a.py"),
        ("!kept.py", "src/a.py"),
        ("build", "rebuild/a.py"),
        ("a.?y[co]", "a.py"),
    ],
)
def test_what_cannot_match_is_ruled_out(line: str, path: str) -> None:
    assert Unmatched([line]).all(path)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("a.py", "src/a.py"),
        ("src", "src/a.py"),
        ("src/", "src/a.py"),
        ("*.py", "src/a.py"),
        ("!*.py", "src/a.py"),
        ("/src/*", "src/a.py"),
        ("a.[!c]y", "a.py"),
        ("a.[^c]y", "a.py"),
        (r"\a.py", "a.py"),
        ("**", "a.py"),
        ("  a.py  ", "  a.py"),
    ],
)
def test_what_may_match_is_left_to_pathspec(line: str, path: str) -> None:
    assert not Unmatched([line]).all(path)


PIECES = st.sampled_from(
    ["a", "b", "ab", ".", "*", "**", "?", "/", "[ab]", "[!a]", "[^a]", "!", " "]
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "aab"]), min_size=1, max_size=3)


@given(st.lists(PIECES, min_size=1, max_size=5), PATHS)
def test_no_line_is_ruled_out_that_pathspec_matches(pieces: list[str], parts: list[str]) -> None:
    line, path = "".join(pieces), "/".join(parts)
    try:
        spec = GitIgnoreSpec.from_lines([line])
    except ValueError:
        return
    if spec.check_file(path).include is not None or spec.check_file(f"{path}/").include is not None:
        assert not Unmatched([line]).all(path)
