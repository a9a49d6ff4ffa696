"""Findings and facts as plain data and back. What comes back is checked: it may be anybody's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from losslint.findings import Finding, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.rules.base import Rule

Reader = Callable[[Any], Any]

LARGEST = 1 << 40  # no offset, row or column is larger


class Malformed(ValueError):
    """This is not what was written."""


def expect_finding(found: object, rule: Rule, size: int = LARGEST) -> None:
    """Expect that what a check of a rule, which may be anybody's, yields can be reported.

    Raises:
        Malformed: it is no finding of this rule in a file of `size` bytes.
    """
    if not isinstance(found, Finding) or (found.code, found.name) != (rule.code, rule.name):
        raise Malformed(f"it yields {found!r}, which is no finding of its own")
    try:
        reader(Finding)(plain(found))
    except Malformed as problem:
        raise Malformed(f"it yields {found!r}, which cannot be reported") from problem
    edits = found.fix.edits if found.fix else ()
    if max([found.span.end, *(edit.span.end for edit in edits)]) > size:
        raise Malformed(f"it yields {found!r}, which is not in the file")


def plain(value: Any) -> Any:
    """A value as JSON knows it: lists, strings, numbers."""
    kind: Any = type(value)
    return _writer(kind)(value)


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    """What `plain` does with values of a kind: it is asked for millions."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if _is_made_of_fields(kind):
        names = _names(kind)
        return lambda value: [plain(getattr(value, name)) for name in names]
    if issubclass(kind, (tuple, list)):
        return lambda value: [each if type(each) is str else plain(each) for each in value]
    if issubclass(kind, (frozenset, set)):
        return lambda value: sorted(map(plain, value))
    return lambda value: value


def _is_made_of_fields(kind: Any) -> bool:
    return is_dataclass(kind)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def reader(kind: Any) -> Reader:
    """What makes values of a kind of what `plain` made of them; it raises `Malformed` for all else."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Span:
        return _span
    if origin in (Union, UnionType):
        (other,) = (each for each in arguments if each is not NoneType)
        return _optional(reader(other))
    if origin is tuple and arguments[1:] != (...,):
        return _row(lambda *values: values, tuple(map(reader, arguments)))
    if origin in (tuple, frozenset, set):
        return _several(origin, reader(arguments[0]))
    if _is_made_of_fields(kind):
        hints = get_type_hints(kind)
        return _row(kind, tuple(reader(hints[name]) for name in _names(kind)))
    if isinstance(kind, type) and issubclass(kind, tuple):  # a NamedTuple
        return _row(kind, tuple(map(reader, get_type_hints(kind).values())))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of({member.value: member for member in kind})
    return SIMPLE[kind]


def _span(data: Any) -> Span:
    if type(data) is not list or len(data) != 2:
        raise Malformed
    start, end = map(_number, data)
    if start > end:
        raise Malformed
    return Span(start, end)


def _string(data: Any) -> str:
    if type(data) is not str:
        raise Malformed
    return data


def _number(data: Any) -> int:
    if type(data) is not int or not 0 <= data <= LARGEST:
        raise Malformed
    return data


def _decimal(data: Any) -> float:
    if type(data) is not float or not math.isfinite(data):
        raise Malformed
    return data


def _boolean(data: Any) -> bool:
    if type(data) is not bool:
        raise Malformed
    return data


SIMPLE: dict[Any, Reader] = {str: _string, int: _number, float: _decimal, bool: _boolean}


def _optional(inner: Reader) -> Reader:
    return lambda data: None if data is None else inner(data)


def _several(kind: Callable[[list[Any]], Any], inner: Reader) -> Reader:
    def read_all(data: Any) -> Any:
        if type(data) is not list:
            raise Malformed
        return kind([inner(each) for each in data])

    return read_all


def _row(made: Callable[..., Any], readers: tuple[Reader, ...]) -> Reader:
    def read_row(data: Any) -> Any:
        if type(data) is not list or len(data) != len(readers):
            raise Malformed
        return made(*[inner(each) for inner, each in zip(readers, data)])  # noqa: B905, same length

    return read_row


def _one_of(values: Mapping[Any, Any]) -> Reader:
    def read_value(data: Any) -> Any:
        if type(data) is not str or data not in values:
            raise Malformed
        return values[data]

    return read_value
