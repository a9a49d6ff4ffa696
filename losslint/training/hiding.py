"""Where a loss that is not finite is put out of sight."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.training.callees import scope_of
from losslint.training.calls import DEBUGGERS
from losslint.training.shows import shown

TELLS = frozenset(("warn", "warning", "error", "exception", "critical", "print", "append", "add"))
ARGUMENTS = frozenset(("TrainingArguments", "Seq2SeqTrainingArguments"))
FILTER = "logging_nan_inf_filter"


@dataclass(frozen=True, eq=False)
class TrainerLog:
    """The making of a `TrainingArguments` that filters its log; `value` is the argument that says so."""

    call: cst.Call
    value: cst.BaseExpression | None


def trainer_logs(module: Module) -> Iterator[TrainerLog]:
    """Every `TrainingArguments(...)` of transformers whose filter is on."""
    if b"TrainingArguments" not in module.source.data:
        return
    names = scope_of(module).names
    for node in nodes(module.tree):
        if not isinstance(node, cst.Call):
            continue
        qualified = names.qualified(node.func) or ""
        if qualified.rpartition(".")[2] not in ARGUMENTS or "transformers" not in qualified:
            continue
        if any(arg.star for arg in node.args):
            continue
        given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
        value = given.get(FILTER)
        if value is None or (isinstance(value, cst.Name) and value.value == "True"):
            yield TrainerLog(node, value)


def is_quiet(branch: cst.If, module: Module) -> bool:
    """Whether a branch neither raises nor shows nor counts anything."""
    names = scope_of(module).names
    for node in nodes(branch.body):
        match node:
            case cst.Raise() | cst.Assert() | cst.AugAssign():
                return False
            case cst.Call(func=cst.Name(name) | cst.Attribute(attr=cst.Name(name))):
                if name in TELLS or name in DEBUGGERS or shown(node, names) is not None:
                    return False
    return True
