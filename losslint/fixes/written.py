"""The text of `validate_loss`: no longer than what the calls of a module need."""

from __future__ import annotations

import re
from collections.abc import Collection

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.imports import reach, spelled
from losslint.fixes.wrapping import WIDTH
from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.model.remembering import remembered

# What a call may say of a loss beside its value, in the order of the parameters.
MORE = ("step", "components", "non_negative")

QUOTE = re.compile(r'(?<!")"(?!")')

SUMMARY = '"""Raise ValueError if the loss is NaN or infinite, before it reaches the weights.'
COMPONENTS = (
    "The error shows the step and the components, by name. Checking costs one device\n"
    "    synchronisation."
)
BELOW = "A loss that is non-negative by its meaning warns below 0."

# `mean` changes no scalar. A tensor is formatted only where the loss has failed: by its
# number if it has one element, as `str` shows it if it has more.
TEST = """\
    value = loss.mean().item()  # nn.DataParallel returns one loss per device
    if not {isfinite}(value):
"""
SHOWN = """\
        shown = [("loss", value){step}, *(components or {{}}).items()]
        text = ", ".join(f"{{name}}={{part}}" for name, part in shown if part is not None)
        raise ValueError(f"The loss is not finite: {{text}}")
"""
NEGATIVE = """\
    if non_negative and value < -0.01:  # bfloat16 rounds a loss of 0 to -0.008 at worst
        message = "The loss is negative, which its terms cannot be: check signs and targets"
        {warn}(message, RuntimeWarning, stacklevel=2)
"""


def written(
    module: Module, name: str, takes: Collection[str], isfinite: str, warn: str
) -> tuple[str, tuple[Edit, ...]]:
    """The function, and the edits that its type hints need."""
    signature, edits = _signature(module, name, takes)
    text = f"{signature}\n{_docstring(takes)}{TEST.format(isfinite=isfinite)}"
    if "components" in takes:
        text += SHOWN.format(step=', ("step", step)' if "step" in takes else "")
    else:
        step = ", step={step}" if "step" in takes else ""
        text += f'        raise ValueError(f"The loss is not finite: loss={{value}}{step}")\n'
    if "non_negative" in takes:
        text += NEGATIVE.format(warn=warn)
    if quote(module) == "'":
        text = QUOTE.sub("'", text)
    return text.rstrip("\n").replace(" " * 4, module.tree.default_indent), edits


def is_written(function: cst.FunctionDef) -> bool:
    """Whether an earlier fix has written this function."""
    return (function.get_docstring() or "").startswith(SUMMARY.strip('"'))


def _docstring(takes: Collection[str]) -> str:
    """What the function does; on one line where it takes little."""
    more = [COMPONENTS] if "components" in takes else []
    more += [BELOW] if "non_negative" in takes else []
    return f'    {SUMMARY}\n\n    {" ".join(more)}\n    """\n' if more else f'    {SUMMARY}"""\n'


def _signature(module: Module, name: str, takes: Collection[str]) -> tuple[str, tuple[Edit, ...]]:
    """The first line, or lines, with type hints where the module's functions have them."""
    defaults = {"step": "None", "components": "None", "non_negative": "False"}
    given = [more for more in MORE if more in takes]
    functions = [node for node in nodes(module.tree) if isinstance(node, cst.FunctionDef)]
    hinted = [function for function in functions if _is_hinted(function)]
    tensor = spelled(module, "torch.Tensor")
    if not hinted or len(hinted) * 2 < len(functions) or tensor is None:
        return f"def {name}({', '.join(['loss', *(f'{p}={defaults[p]}' for p in given)])}):", ()
    optional, mapping = _optional(module), f"dict[str, {tensor.text}]"
    if optional.startswith("Optional"):
        mapping = "dict"  # before Python 3.9, it has no items
    hints = {
        "step": optional.format("int"),
        "components": optional.format(mapping),
        "non_negative": "bool",
    }
    parts = [f"loss: {tensor.text}", *(f"{p}: {hints[p]} = {defaults[p]}" for p in given)]
    flat = f"def {name}({', '.join(parts)}) -> None:"
    if len(flat) <= WIDTH and len(parts) <= 2:
        return flat, tensor.edits
    rows = "".join(f"    {part},\n" for part in parts)
    return f"def {name}(\n{rows}) -> None:", tensor.edits


def _is_hinted(function: cst.FunctionDef) -> bool:
    """Whether a function says what it returns, or what each of its parameters is."""
    hints = [p.annotation for p in function.params.params if p.name.value not in ("self", "cls")]
    return function.returns is not None or (bool(hints) and None not in hints)


def _optional(module: Module) -> str:
    """How a hint says `or None` in a module that may run on an older Python than 3.10."""
    if reach(module, "__future__.annotations") or any(
        isinstance(part.operator, cst.BitOr)
        for hint in nodes(module.tree)
        if isinstance(hint, cst.Annotation)
        for part in nodes(hint)
        if isinstance(part, cst.BinaryOperation)
    ):
        return "{} | None"
    optional = reach(module, "typing.Optional")
    return '"{} | None"' if optional is None else f"{optional}[{{}}]"


@remembered(4)
def quote(module: Module) -> str:
    """The quotes that most strings of the module have."""
    strings = [node.quote for node in nodes(module.tree) if isinstance(node, cst.SimpleString)]
    return "'" if strings.count("'") > strings.count('"') else '"'
