"""What a call stands for, by what is called."""

from __future__ import annotations

import libcst as cst

from losslint.ranges.builtin import builtin_call
from losslint.ranges.invoke import invoke
from losslint.ranges.library import external_call
from losslint.ranges.methods import method_call
from losslint.ranges.objects import (
    Object,
)
from losslint.ranges.run import (
    Env,
    Run,
)


def call(run: Run, node: cst.Call, env: Env) -> Object:
    """What a call stands for."""
    name = run.external(node.func, env)
    if name is not None:
        return external_call(run, name, node, env)
    if isinstance(node.func, cst.Name) and run.lookup(node.func.value, env) is None:
        return builtin_call(run, node.func.value, node, env)
    if isinstance(node.func, cst.Attribute):
        return method_call(run, node, node.func, env)
    return invoke(run, run.evaluate(node.func, env), node, env)
