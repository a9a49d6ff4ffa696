"""A check of the loss before it is back-propagated: `validate_loss`, written once, and its calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.binding import bound, stands_open
from losslint.fixes.imports import Spelling, importable, reach, spelled, used
from losslint.fixes.inserting import (
    indentation,
    lines_above,
    new_function,
    project_import,
    standard_imports,
)
from losslint.fixes.steps import step_of
from losslint.model.classes import parameters
from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.training.backward import Backward

NAMES = ("validate_loss", "check_loss_is_finite")
PARAMETERS = ["loss", "step", "components", "non_negative"]
CALLS = ("math.isfinite", "warnings.warn")
MAX_COLUMNS = 100

SIGNATURE = "(loss, step=None, components=None, non_negative=False):"
TYPED_SIGNATURE = """\
(
    loss: {tensor},
    step: {step} = None,
    components: {components} = None,
    non_negative: bool = False,
) -> None:"""

# `mean` changes no scalar. A tensor is formatted only where the loss has failed: by its
# number if it has one element, as `str` shows it if it has more.
BODY = '''
    """Raise ValueError if the loss is NaN or infinite, before it reaches the weights.

    The error shows the step and the components, by name. Checking costs one device
    synchronisation. A loss that is non-negative by its meaning warns below 0.
    """
    value = loss.mean().item()  # nn.DataParallel returns one loss per device
    if not {isfinite}(value):
        shown = [("loss", value), ("step", step), *(components or {{}}).items()]
        text = ", ".join(f"{{name}}={{part}}" for name, part in shown if part is not None)
        raise ValueError(f"The loss is not finite: {{text}}")
    if non_negative and value < -0.01:  # bfloat16 rounds a loss of 0 to -0.008 at worst
        message = "The loss is negative, which its terms cannot be: check signs and targets"
        {warn}(message, RuntimeWarning, stacklevel=2)'''

QUOTE = re.compile(r'(?<!")"(?!")')

# A piece of a call: its text, or what stands before, between and after the entries of a display.
Argument = tuple[str, ...]


def validated(module: Module, backward: Backward) -> tuple[Edit, ...] | None:
    """Edits that check a loss before it is back-propagated; None where they cannot be made well.

    They are a call above the statement, with what it needs: the function that it calls, which
    is the same for all calls of a module, and imports.
    """
    statement, interval = backward.statement, module.settings.loss_check_interval
    step = step_of(module, backward)
    if not isinstance(statement, cst.SimpleStatementLine) or not stands_open(module, backward):
        return None
    if interval > 1 and step is None:
        return None
    loss = bound(module, backward)
    checker = _configured(module) if module.settings.loss_validator else _own(module)
    if loss is None or checker is None:
        return None
    indent = indentation(module, statement)
    arguments: list[Argument] = [(loss.text,)]
    if not module.settings.loss_validator:
        arguments += _known(module, backward, step)
    unit = module.tree.default_indent
    lines = [f"{indent}{loss.line}"] if loss.line else []
    if interval > 1:
        lines.append(f"{indent}if {step} % {interval} == 0:")
        indent += unit
    lines += _call(checker.text, arguments, indent, unit)
    above = lines_above(module, statement, "".join(f"{line}\n" for line in lines))
    return (*checker.edits, above, *loss.edits)


def _known(module: Module, backward: Backward, step: str | None) -> Iterator[Argument]:
    """The arguments that say more of a loss than its value."""
    if step is not None:
        yield (f"step={step}",)
    parts = {part.label: part.text for part in backward.components if part.text}
    if parts:
        entries = (f"{_quoted(module, label)}: {text}" for label, text in parts.items())
        yield ("components={", *entries, "}")
    if backward.non_negative:
        yield ("non_negative=True",)


def _call(function: str, arguments: list[Argument], indent: str, unit: str) -> list[str]:
    """The lines of a call, broken as Black does where it is too long for one."""
    inner = indent + unit
    flat = [_flat(argument) for argument in arguments]
    if _fits(line := f"{indent}{function}({', '.join(flat)})"):
        return [line]
    if _fits(line := f"{inner}{', '.join(flat)}"):
        return [f"{indent}{function}(", line, f"{indent})"]
    lines = [f"{indent}{function}("]
    for argument in arguments:
        if _fits(line := f"{inner}{_flat(argument)},") or len(argument) == 1:
            lines.append(line)
        else:
            opening, *entries, closing = argument
            lines.append(f"{inner}{opening}")
            lines += [f"{inner}{unit}{entry}," for entry in entries]
            lines.append(f"{inner}{closing},")
    return [*lines, f"{indent})"]


def _flat(argument: Argument) -> str:
    if len(argument) == 1:
        return argument[0]
    opening, *entries, closing = argument
    return f"{opening}{', '.join(entries)}{closing}"


def _fits(line: str) -> bool:
    return len(line.expandtabs(4)) <= MAX_COLUMNS


def _configured(module: Module) -> Spelling | None:
    """The project's own function, under the name that it has here, or with its import."""
    origin, _, name = module.settings.loss_validator.partition(":")
    known = reach(module, f"{origin}.{name}")
    if known is not None:
        return Spelling(known)
    own_file = module.source.name.replace("\\", "/").removesuffix(".py").replace("/", ".")
    if f".{own_file}".endswith(f".{origin}"):
        return Spelling(name)
    if used(module, name):
        return None
    return Spelling(name, (project_import(module, origin, name),))


@lru_cache(maxsize=4)
def _own(module: Module) -> Spelling | None:
    """`validate_loss` as it is there from an earlier fix, or with the edits that write it."""
    for statement in module.tree.body:
        match statement:
            case cst.FunctionDef(name=cst.Name(known)) if (
                known in NAMES and parameters(statement) == PARAMETERS
            ):
                return Spelling(known)
    name = next((name for name in NAMES if not used(module, name)), None)
    spellings = {call: reach(module, call) for call in CALLS}
    missing = [call.partition(".")[0] for call, spelling in spellings.items() if not spelling]
    if name is None or not all(importable(module, origin) for origin in missing):
        return None
    isfinite, warn = (spelling or call for call, spelling in spellings.items())
    signature, edits = _signature(module)
    text = f"def {name}{signature}{BODY.format(isfinite=isfinite, warn=warn)}"
    if _quote(module) == "'":
        text = QUOTE.sub("'", text)
    text = text.replace(" " * 4, module.tree.default_indent)
    return Spelling(name, (*standard_imports(module, missing), *edits, new_function(module, text)))


def _signature(module: Module) -> tuple[str, tuple[Edit, ...]]:
    """The parameters, with type hints where the module's functions have them."""
    functions = [node for node in nodes(module.tree) if isinstance(node, cst.FunctionDef)]
    hinted = [function for function in functions if _is_hinted(function)]
    tensor = spelled(module, "torch.Tensor")
    if not hinted or len(hinted) * 2 < len(functions) or tensor is None:
        return SIGNATURE, ()
    optional, mapping = _optional(module), f"dict[str, {tensor.text}]"
    if optional.startswith("Optional"):
        mapping = "dict"  # before Python 3.9, it has no items
    hints = TYPED_SIGNATURE.format(
        tensor=tensor.text, step=optional.format("int"), components=optional.format(mapping)
    )
    return hints, tensor.edits


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


def _quoted(module: Module, text: str) -> str:
    quote = _quote(module)
    plain = text.isprintable() and not {quote, "\\"} & set(text)
    return f"{quote}{text}{quote}" if plain else repr(text)


@lru_cache(maxsize=4)
def _quote(module: Module) -> str:
    """The quotes that most strings of the module have."""
    strings = [node.quote for node in nodes(module.tree) if isinstance(node, cst.SimpleString)]
    return "'" if strings.count("'") > strings.count('"') else '"'
