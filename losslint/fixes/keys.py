"""Naming the components where a call names its values: by keyword, by key, by tag."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

import libcst as cst

from losslint.fixes.captions import renamed
from losslint.fixes.templates import escaped
from losslint.model.module import Module
from losslint.model.parents import nodes


def keywords(
    module: Module, call: cst.Call, argument: cst.Arg, names: Sequence[str], values: Sequence[str]
) -> list[str] | None:
    """The arguments `name=value`, spaced as the one that is there; None if one may not be."""
    assert argument.keyword is not None
    taken = {arg.keyword.value for arg in call.args if arg.keyword is not None}
    if any(arg.star == "**" for arg in call.args) or len({*names}) < len(names):
        return None
    if any(n in taken or not n.isidentifier() or keyword.iskeyword(n) for n in names):
        return None
    equals = _between(module, argument.keyword, argument.value)
    return [f"{name}{equals}{value}" for name, value in zip(names, values, strict=True)]


def entries(
    module: Module,
    whole: cst.Dict,
    entry: cst.DictElement,
    labels: Sequence[str],
    values: Sequence[str],
) -> list[str] | None:
    """The entries `key: value`, in the style of the one that is there; None if one may not be."""
    others = [e for e in whole.elements if isinstance(e, cst.DictElement)]
    keys = tags(module, entry.key, labels)
    taken = {_meaning(other.key) for other in others} | {module.text(e.key) for e in others}
    if keys is None or len(others) < len(whole.elements):
        return None
    if any(key in taken or key[1:-1] in taken for key in keys):
        return None
    colon = _between(module, entry.key, entry.value)
    return [f"{key}{colon}{value}" for key, value in zip(keys, values, strict=True)]


def tags(module: Module, tag: cst.BaseExpression, labels: Sequence[str]) -> list[str] | None:
    """The source of `tag`, a string, with the name of each component in place of the total's."""
    texts = [
        node
        for node in nodes(tag)
        if (isinstance(node, cst.SimpleString) and not node.prefix)
        or (isinstance(node, cst.FormattedStringText) and isinstance(tag, cst.FormattedString))
    ]
    found = [text for text in texts if "loss" in _raw(text).lower()]
    if not found and texts == [tag]:
        found = texts
    if len(found) != 1 or "\\" in _raw(found[0]) or "\n" in module.text(tag):
        return None
    quote = found[0].quote if isinstance(found[0], cst.SimpleString) else _quote(tag)
    opening = len(quote) if isinstance(found[0], cst.SimpleString) else 0
    start = module.span(found[0]).start - module.span(tag).start + opening
    raw = _raw(found[0])
    data = module.text(tag).encode()
    before, after = data[:start].decode(), data[start + len(raw.encode()) :].decode()
    if isinstance(found[0], cst.FormattedStringText):
        labels = [label.replace("{", "{{").replace("}", "}}") for label in labels]
    names = [escaped(renamed(raw, label), quote) for label in labels]
    return [f"{before}{name}{after}" for name in names]


def _raw(node: cst.CSTNode) -> str:
    match node:
        case cst.SimpleString():
            return node.raw_value
        case cst.FormattedStringText(value=value):
            return value
    return ""


def _quote(tag: cst.CSTNode) -> str:
    return tag.quote if isinstance(tag, cst.FormattedString) else '"'


def _meaning(key: cst.BaseExpression) -> str | None:
    return key.raw_value if isinstance(key, cst.SimpleString) else None


def _between(module: Module, one: cst.CSTNode, other: cst.CSTNode) -> str:
    start, end = module.span(one).end, module.span(other).start
    return module.source.data[start:end].decode().rstrip("(")
