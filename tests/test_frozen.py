"""Frozen dataclasses that are compiled late behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from losslint import frozen

Decorator = Callable[..., Any]
BOTH = pytest.mark.parametrize("dataclass", [frozen.dataclass, dataclasses.dataclass])


def point(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Point:
        """With every kind of field that there is."""

        x: int
        y: float = 0.5
        names: list[str] = field(default_factory=list, compare=False)
        hidden: str = field(default="h", repr=False)
        twice: int = field(init=False, default=7)
        key: int = field(default=1, kw_only=True)

        def __post_init__(self) -> None:
            object.__setattr__(self, "twice", 2 * self.x)

    return Point


@BOTH
def test_a_class_with_every_kind_of_field(dataclass: Decorator) -> None:
    cls = point(dataclass)
    one = cls(3, key=4)
    assert repr(one).endswith("Point(x=3, y=0.5, names=[], twice=6, key=4)")
    assert one == cls(3, key=4, names=["other"]) != cls(3)
    assert hash(one) == hash(cls(3, key=4))
    assert one.names is not cls(3).names
    assert cls.__match_args__ == ("x", "y", "names", "hidden")
    assert copy.copy(one) == one
    assert replace(cls(3), y=1.0).y == 1.0
    assert [f.name for f in dataclasses.fields(one)][-1] == "key"
    assert (one == object()) is False
    for wrong in ((), (1, 2, [], "h", 7)):
        with pytest.raises(TypeError):
            cls(*wrong)
    with pytest.raises(TypeError, match="nothing"):
        cls(1, nothing=2)


@BOTH
def test_nothing_can_be_changed(dataclass: Decorator) -> None:
    cls = point(dataclass)
    for name in ("x", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(cls(3), name, 1)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(cls(3), name)

    class Below(cls):  # type: ignore[misc]
        pass

    below = Below(3)
    below.other = 1
    del below.other
    with pytest.raises(dataclasses.FrozenInstanceError):
        below.x = 1


@BOTH
def test_classes_that_inherit(dataclass: Decorator) -> None:
    base = point(dataclass)

    @dataclass(frozen=True)
    class More(base):  # type: ignore[misc]
        z: int = 0

    more = More(1, z=5)
    assert (more.x, more.twice, more.z) == (1, 2, 5)
    assert more != base(1)
    assert base(1) == base(1)
    late = dataclasses.dataclass(frozen=True)(type("Late", (More,), {}))
    assert late(1).twice == 2
    with pytest.raises(TypeError, match="frozen"):
        dataclass(type("Thawed", (base,), {}))


@BOTH
def test_what_a_class_says_of_itself_is_kept(dataclass: Decorator) -> None:
    @dataclass(frozen=True)
    class Own:
        x: int

        def __init__(self) -> None:
            object.__setattr__(self, "x", 9)

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    assert (repr(Own()), hash(Own()), Own() == 3, Own().x) == ("own", 5, True, 9)

    @dataclass(frozen=True, eq=False)
    class Same:
        x: int

    one = Same(1)
    assert one != Same(1)
    assert hash(one) == object.__hash__(one)


def test_a_node_of_libcst_is_what_it_was() -> None:
    """Made late or not, its nodes are the same: they are asked in processes of their own."""
    script = """
import dataclasses, pickle, sys
{first}
import libcst as cst
module = cst.parse_module("class A(B):\\n    def f(self, *, a: int = 1): return [x for x in a if x]\\n")
node = module.body[0]
print(module.code, repr(node), [f.name for f in dataclasses.fields(node)])
print(node.deep_clone().deep_equals(node), node == node.deep_clone(), hash(node) == hash(node))
print(pickle.loads(pickle.dumps(node)).deep_equals(node))
try:
    node.name = 1
except dataclasses.FrozenInstanceError as problem:
    print(problem)
try:
    cst.Name("")
except cst.CSTValidationError as problem:
    print(problem)
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", script.format(first=first)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for first in ("", "import losslint.model.nodes")
    ]
    assert said[0] == said[1]
    assert "cannot assign to field 'name'" in said[0]


def test_nodes_are_looked_at_but_where_the_parser_makes_them() -> None:
    script = """
from losslint.frozen import unvalidated
import losslint.model.nodes
import libcst as cst
from losslint.model.module import Module
from losslint.source.text import Source
with unvalidated():
    cst.Name("")
Module(Source("a.py", "x = 1"))
try:
    cst.Name("")
except cst.CSTValidationError as problem:
    print(problem)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "empty name" in ran.stdout


@pytest.mark.parametrize("change", [frozen.replace, replace])
def test_an_object_with_other_values(change: Callable[..., Any]) -> None:
    @frozen.dataclass(frozen=True)
    class Small:
        x: int
        y: float = 0.5

        @cached_property
        def sum(self) -> float:
            return self.x + self.y

    @frozen.dataclass(frozen=True)
    class Large(Small):
        a: int = 1
        b: int = 2
        c: int = 3
        d: list[int] = field(default_factory=list)

    for one in (Small(1), Large(1), Large(1, d=[2])):
        assert one.sum == 1.5
        other = change(one, x=2)
        assert (type(other), other.x, other.sum) == (type(one), 2, 2.5)
        assert change(other, x=1) == one
        with pytest.raises(TypeError):
            change(one, z=1)
    assert change(point(frozen.dataclass)(1), x=3).twice == 6


def test_an_object_can_be_sent_to_another_process() -> None:
    from losslint.findings import Span

    assert pickle.loads(pickle.dumps(Span(1, 2))) == Span(1, 2)


def test_every_frozen_class_is_made_this_way() -> None:
    package = Path(frozen.__file__).parent
    for path in sorted(package.rglob("*.py")):
        text = path.read_text()
        if "@dataclass(frozen=True" in text:
            assert re.search(r"^from losslint.frozen import dataclass\b", text, re.M), path
