"""The smooth form of a clamp: the same range, and a gradient everywhere."""

from __future__ import annotations

from losslint.findings import Edit
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.ranges.value import Step


def smooth_edits(step: Step, module: Module) -> tuple[Edit, ...] | None:
    """Edits that replace `clamp(x, lo, hi)` by `lo + softplus(x - lo) - softplus(x - hi)`.

    Either bound may be missing. `relu(x)` is a clamp at 0.
    """
    softplus = spelled(module, "torch.nn.functional.softplus")
    if softplus is None or step.argument is None:
        return None
    low, high = step.bounds
    if low is None and high is None:
        low = 0.0  # relu
    text, name = module.text(step.argument), softplus.text
    if high is None and low is not None:
        new = f"{name}({_minus(text, low)})" if low == 0 else f"{low} + {name}({_minus(text, low)})"
    elif low is None and high is not None:
        new = f"{high} - {name}({high} - {text})"
    else:
        assert low is not None and high is not None
        start = "" if low == 0 else f"{low} + "
        new = f"{start}{name}({_minus(text, low)}) - {name}({_minus(text, high)})"
    bare = new if new.startswith(f"{name}(") and new.count(name) == 1 else f"({new})"
    return (Edit(module.span(step.node), bare), *softplus.edits)


def _minus(text: str, value: float) -> str:
    if value == 0:
        return text
    return f"{text} + {-value}" if value < 0 else f"{text} - {value}"
