"""Places, and the index of a tree, are what libcst's own slow ways say."""

from __future__ import annotations

import sys
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from losslint.findings import Span
from losslint.model.module import Module
from losslint.model.parents import children, nodes, own, parent
from losslint.source.text import Source

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("*/*.py"))

ODD = [
    "@a\n# why\n@b(\n    c)\nasync def f(): return 1\n",
    "x = 1; y = 2\n\n\nclass A: pass\n",
    '(a\n .b).c()\nz = (\'ä\', """ö\nü""")\n',
    "if x:\r\n    y = 'é'\r\nelse:\r\n    pass\r\n# end",
    "def f():\n\tif a: b; c\n\t# last\n\n",
    "\x0cdef f(): pass\n\x0c\ny = f()\n",
    "x = 1\n\n  ",
]


def module_of(text: str) -> Module:
    return Module(Source.from_text("x.py", text))


@pytest.mark.parametrize("text", ODD)
def test_a_place_is_that_of_libcst(text: str) -> None:
    assert_same_places(text)


@pytest.mark.parametrize("path", FIXTURES[::7], ids=lambda path: path.parent.name)
def test_a_place_in_a_fixture_is_that_of_libcst(path: Path) -> None:
    assert_same_places(path.read_text())


def assert_same_places(text: str) -> None:
    module = module_of(text)
    wrapper = MetadataWrapper(module.tree, unsafe_skip_copy=True)
    expected = wrapper.resolve(ByteSpanPositionProvider)
    for node in nodes(module.tree):
        place = expected[node]
        span = Span(place.start, place.start + place.length)
        assert module.span(node) == span, node
        assert module._spans.of(node) in (span, None), node


def test_where_a_definition_begins_is_where_its_first_decorator_does() -> None:
    module = module_of("x = 1\n\n@a\n# why\n@b\ndef f(): pass\n\nclass A: pass\n")
    starts = [module.start_of(statement) for statement in module.tree.body]
    assert starts == [0, 7, 34]


def test_a_statement_within_another_is_not_read_off_the_rows() -> None:
    module = module_of("if x:\n    y = 1\n")
    block = module.tree.body[0].body
    assert isinstance(block, cst.IndentedBlock)
    assert module.start_of(block.body[0]) is None


def test_only_the_statement_that_is_asked_for_is_printed() -> None:
    module = module_of("def f(): pass\n" * 9)
    module.span(module.tree.body[4])
    assert list(module._spans._known) == [4]
    assert not module._spans._lines


BLOCKS = """
class A:
    if a: pass
    elif b:
        for c in d:
            'ä'; (x,
              # why
              y)
        else:
            while e:
                '''f
                ö'''
            else: pass
    elif g:
        async def h():
            try:
                with i: pass
                i
            except j:
                x
            except k:
                m; n
            else:
                o
            finally:
                p

                # q
                r
    else:
        match s:
            case t:
                u
            case v if w:
                try:
                    x
                except* y:
                    z # end
"""
if sys.version_info < (3, 11):
    BLOCKS = BLOCKS.replace("except*", "except")


@pytest.mark.parametrize("path", [None, *FIXTURES[::7]], ids=lambda path: path and path.parent.name)
def test_a_line_within_others_is_printed_by_itself(path: Path | None) -> None:
    module = module_of(path.read_text() if path else BLOCKS)
    spans = module._spans
    lines = [n for n in nodes(module.tree) if isinstance(n, cst.SimpleStatementLine)]
    found = {n: spans.of(n) for line in lines for n in nodes(line)}
    assert len(spans._lines) == len(lines)
    assert not spans._known
    for node, span in found.items():
        assert span == Span(*module._all[id(node)][1:]), node


@pytest.mark.parametrize("path", FIXTURES[::7], ids=lambda path: path.parent.name)
def test_the_index_is_what_a_walk_finds(path: Path) -> None:
    tree = cst.parse_module(path.read_text())
    for node in nodes(tree):
        for child in children(node):
            assert parent(tree, child) is node
        walked = [node]
        for found in walked:
            walked.extend(children(found))
        below = nodes(node)
        assert below[0] is node
        assert set(below) == set(walked)
        assert len(below) == len(walked)


def test_what_a_function_holds_is_not_that_of_the_code_around_it() -> None:
    tree = cst.parse_module("a\ndef f():\n    b\nclass C:\n    c\nd\n")
    names = {node.value for node in own(tree, tree) if isinstance(node, cst.Name)}
    assert names == {"a", "d"}
    function = tree.body[1]
    assert isinstance(function, cst.FunctionDef)
    inside = [node for node in own(tree, function.body) if isinstance(node, cst.Name)]
    assert [node.value for node in inside] == ["b"]


def test_a_node_of_another_tree_is_walked_by_itself() -> None:
    expression = cst.parse_expression("a + b")
    names = [node.value for node in nodes(expression) if isinstance(node, cst.Name)]
    assert sorted(names) == ["a", "b"]
