"""Walks over syntax trees leave out nothing that those of `ast` tell."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import losslint
from losslint.model.outline import outline
from losslint.model.trees import statements, walk

OPERATORS = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
SYNTAX = """\
import a.b, c.d as e
from ..f.g import h as i, j
@k.l(m, *n, o=p, **q)
async def r(s, /, t: u = v, *w, x, y=z, **aa) -> ab:
    global ac, ad
    async with ae as af, ag: await ah
    async for ai in aj: yield ak
    else: del al, am[an]
    return [ao async for ap in aq if ar], {as_: at for at in au}, {av}, (aw for aw in ax)
class ay(az, ba=bb):
    bc: bd = be
    bf += not bg
    try: raise bh from bi
    except bj as bk: assert bl, bm
    else: pass
    finally: lambda bn, *bo: bp if bq else br
while bs and (bt := bu): break
match bv:
    case {"a": bw, **bx} | by(bz, ca=cb) | [cc, *cd] | ce.cf | (1 as cg) if ch: continue
    case _: ...
with ci: {**cj, ck: cl}, -cm < cn[co:cp:cq] in f"{cr!r:{cs}}", 1j
def ct():
    nonlocal cu
"""
NEWER = {
    (3, 11): "try: da\nexcept* db as dc: dd\n",
    (3, 12): "type de[df: dg, *dh, **di] = dj\ndef dk[dl](): ...\nclass dm[dn]: ...\n",
    (3, 13): "type do[dp = dq, *dr = ds, **dt = du] = dv\n",
    (3, 14): "t'{dw}'\n",
}
TEXTS = [
    SYNTAX,
    *(text for version, text in NEWER.items() if sys.version_info >= version),
    *(path.read_text() for path in sorted(Path(losslint.__file__).parent.glob("project/*.py"))),
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_node_is_met_in_the_order_of_ast(text: str) -> None:
    tree = ast.parse(text)
    expected = [node for node in ast.walk(tree) if not isinstance(node, OPERATORS)]

    assert list(walk(tree)) == expected
    assert set(statements(tree)) == {node for node in expected if isinstance(node, ast.stmt)}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_name_is_told(text: str) -> None:
    tree = ast.parse(text)
    written = {
        name
        for node in ast.walk(tree)
        if not isinstance(node, ast.Constant)
        for _, value in ast.iter_fields(node)
        for name in (value if isinstance(value, list) else [value])
        if isinstance(name, str)
    }

    assert outline(tree).names == written.union(*(name.split(".") for name in written))
