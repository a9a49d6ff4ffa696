"""The components of a total, each written the way that the total is."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import ancestors

# What binds its own parts together, whatever is written around it.
_ATOMS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)
_OTHER = {'"': "'", "'": '"'}


@dataclass(frozen=True)
class Components:
    """What is shown beside a total: the label of each component, and what stands for it."""

    module: Module
    total: cst.BaseExpression
    labels: tuple[str, ...]
    sources: tuple[str, ...]

    @classmethod
    def of(
        cls,
        module: Module,
        show: cst.CSTNode,
        total: cst.BaseExpression,
        components: Sequence[tuple[str, str]],
        as_value: str,
    ) -> Components | None:
        """The components as they can be written where the total is; None if one cannot."""
        strings = _f_strings(module, show, total)
        sources = []
        for _, source in components:
            written = _without_quotes(strings, source)
            atom = _atom(written) if written is not None else None
            if atom is None:
                return None
            sources.append(atom + as_value)
        labels = tuple(label for label, _ in components)
        if not sources or len(set(labels)) < len(labels) or not all(labels):
            return None
        return cls(module, total, labels, tuple(sources))

    def texts(self, node: cst.CSTNode) -> list[str] | None:
        """The source of `node`, once for each component in place of the total."""
        text, span, total = (
            self.module.text(node),
            self.module.span(node),
            self.module.span(self.total),
        )
        if "\n" in text:
            return None
        data = text.encode()
        before, after = data[: total.start - span.start], data[total.end - span.start :]
        return [f"{before.decode()}{source}{after.decode()}" for source in self.sources]


def _f_strings(
    module: Module, show: cst.CSTNode, total: cst.BaseExpression
) -> list[cst.FormattedString]:
    found = []
    for around in ancestors(module.tree, total):
        if around is show:
            break
        if isinstance(around, cst.FormattedString):
            found.append(around)
    return found


def _without_quotes(strings: Sequence[cst.FormattedString], source: str) -> str | None:
    """`source` as these strings can hold it: before Python 3.12, without their own quotes."""
    taken = {string.quote for string in strings}
    if strings and "\\" in source:
        return None
    if not any(quote in source for quote in taken):
        return source
    ours = [quote for quote in _OTHER if quote in source]
    if len(ours) != 1 or _OTHER[ours[0]] in taken:
        return None
    return source.replace(ours[0], _OTHER[ours[0]])


def _atom(source: str) -> str | None:
    try:
        node = cst.parse_expression(source)
    except cst.ParserSyntaxError:
        return None
    if "\n" in source:
        return None
    return source if isinstance(node, _ATOMS) or node.lpar else f"({source})"
