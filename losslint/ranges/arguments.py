"""The arguments of one call, evaluated once."""

from __future__ import annotations

import libcst as cst

from losslint.ranges.objects import (
    Object,
    Sequence,
)
from losslint.ranges.run import (
    Env,
    Run,
    as_value,
    has_leaves,
)
from losslint.ranges.value import Value


class Arguments:
    """The arguments of one call, evaluated once."""

    def __init__(self, run: Run, node: cst.Call, env: Env) -> None:
        self.nodes = [a.value for a in node.args if a.keyword is None and not a.star]
        self.values = [run.evaluate(n, env) for n in self.nodes]
        self.starred: list[Object] = []
        self.keywords: dict[str, cst.BaseExpression] = {}
        self.keyword_values: dict[str, Object] = {}
        for arg in node.args:
            if arg.keyword is not None:
                self.keywords[arg.keyword.value] = arg.value
                self.keyword_values[arg.keyword.value] = run.evaluate(arg.value, env)
            elif arg.star == "*":
                found = run.evaluate(arg.value, env)
                self.starred += found.items if isinstance(found, Sequence) else [found]
                self.nodes.append(arg.value)
                self.values.append(found)

    def placed(self) -> list[tuple[Object, cst.BaseExpression]]:
        """Each argument with where it stands, positional ones first."""
        named = [(v, self.keywords[k]) for k, v in self.keyword_values.items()]
        return [*zip(self.values, self.nodes, strict=True), *named]

    def learned(self) -> list[tuple[Object, cst.BaseExpression]]:
        """Those of them that something learnable reaches."""
        return [pair for pair in self.placed() if has_leaves(pair[0])]

    def tensors(self) -> list[Value]:
        """These as tensors."""
        return [as_value(value, place) for value, place in self.learned()]
