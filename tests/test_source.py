"""What goes in as bytes comes back as the same bytes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslint.engine.edits import apply_edits
from losslint.findings import Edit, Span
from losslint.source.text import Source, Undecodable

LINES = ["x = 1", "", "  ", "\f", "# é", "s = 'a\u2028b\x0bc\x85d'", "def f(): pass", "€ = 'ß'"]
NEWLINES = ["\n", "\r\n", "\r"]

texts = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(NEWLINES))).map(
    lambda lines: "".join(line + newline for line, newline in lines)
)
tails = st.sampled_from(["", "x", "\f", "# no final newline"])


@given(texts, tails, st.booleans())
def test_utf8_comes_back_byte_for_byte(text: str, tail: str, bom: bool) -> None:
    raw = codecs.BOM_UTF8 * bom + (text + tail).encode()
    assert Source.decode("x.py", raw).encode() == raw


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "iso-8859-15", "euc-jp", "gbk"])
@pytest.mark.parametrize("line", [1, 2])
def test_a_declared_encoding_is_read_and_written(encoding: str, line: int, newline: bytes) -> None:
    word = "日本" if encoding in ("euc-jp", "gbk") else "é"
    cookie = f"# -*- coding: {encoding} -*-".encode()
    lines = [*[b"#!/usr/bin/python"] * (line - 1), cookie, f"x = '{word}'".encode(encoding), b""]
    raw = newline.join(lines)
    source = Source.decode("x.py", raw)
    assert word in source.text
    assert source.encode() == raw


def test_a_cookie_counts_in_the_first_two_lines_only() -> None:
    assert Source.decode("x.py", b"#\n#\n# coding: latin-1\n").encoding == "utf-8"
    assert Source.decode("x.py", b"#\r#\r# coding: latin-1\r").encoding == "utf-8"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("x = 1".encode("utf-16"), "UTF-16"),
        ("x = 1".encode("utf-32"), "UTF-32"),
        (b"x = 1\0", "null byte"),
        (b"x = 1\ny = '\xe9'\n", "not utf-8: byte 0xe9 on line 2"),
        (b"# coding: no-such-encoding\n", "unknown encoding"),
        (b"# coding: hex\n", "not"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "utf-8"),
        (b"# coding: utf-7\nx = '+AGE-'\n", "does not come back"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=says):
        Source.decode("x.py", raw)


@pytest.mark.parametrize("text", ["x = '\0'", "x = '\ud800'"])
def test_a_text_that_no_file_can_hold_is_refused(text: str) -> None:
    with pytest.raises(Undecodable):
        Source.from_text("x.py", text)


@given(texts, tails, st.data())
def test_position_and_offset_are_inverse(text: str, tail: str, data: st.DataObject) -> None:
    source = Source("x.py", text + tail)
    at = data.draw(st.integers(0, len(source.text)))
    offset = len(source.text[:at].encode())
    assert source.offset(*source.position(offset)) == offset


def test_rows_and_columns_count_from_one_and_in_code_points() -> None:
    source = Source("x.py", "é = 1\r\n\u2028日b\rc\n")
    assert source.position(0) == (1, 1)
    assert source.position(len("é".encode())) == (1, 2)
    assert source.position(source.data.index(b"b")) == (2, 3)
    assert source.position(source.data.index(b"c")) == (3, 1)
    assert source.line_count == 3


def test_a_place_outside_the_text_is_the_nearest_one_inside() -> None:
    source = Source("x.py", "ab\r\ncd")
    assert source.offset(1, 99) == 2
    assert source.offset(99, 99) == 6
    assert source.offset(0, 0) == 0
    assert source.position(999) == (2, 3)


@given(texts, tails, st.data())
def test_an_edit_leaves_every_other_byte_alone(text: str, tail: str, data: st.DataObject) -> None:
    raw = (text + tail).encode()
    source = Source.decode("x.py", raw)
    ends = [len(source.text[:at].encode()) for at in range(len(source.text) + 1)]
    start, end = sorted(data.draw(st.tuples(*[st.sampled_from(ends)] * 2)))
    edited = apply_edits(source, [Edit(Span(start, end), "NEW")]).encode()
    assert edited == raw[:start] + b"NEW" + raw[end:]


@pytest.mark.parametrize("newline", NEWLINES)
def test_an_inserted_line_ends_as_its_neighbours_do(newline: str) -> None:
    other = "\n" if newline != "\n" else "\r\n"
    source = Source("x.py", f"'''{other}'''{other}a{newline}b{newline}c")
    at = source.text.index("b")
    inserted = apply_edits(source, [Edit(Span(at, at), "import x\nimport y\n")])
    assert f"a{newline}import x{newline}import y{newline}b" in inserted.text


def test_a_last_line_without_an_end_takes_the_one_before_it() -> None:
    assert Source("x.py", "a\r\nb").newline_at(3) == "\r\n"
    assert Source("x.py", "a").newline_at(0) == "\n"


def test_an_edit_keeps_a_declared_encoding() -> None:
    raw = "# coding: latin-1\nx = 'é'\n".encode("latin-1")
    source = Source.decode("x.py", raw)
    at = len(source.data)
    assert apply_edits(source, [Edit(Span(at, at), "y = 2\n")]).encode() == raw + b"y = 2\n"
