"""A check of the loss before it is back-propagated: `validate_loss`, written once, and its calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.binding import bound, stands_open
from losslint.fixes.counters import step_of
from losslint.fixes.imports import importable, reach, used
from losslint.fixes.inserting import (
    indentation,
    lines_above,
    new_function,
    project_import,
    standard_imports,
)
from losslint.fixes.wrapping import WIDTH, Line, wrapped
from losslint.fixes.written import MORE, is_written, quote, written
from losslint.frozen import dataclass
from losslint.model.classes import parameters
from losslint.model.module import Module
from losslint.model.remembering import remembered
from losslint.training.backward import Backward

NAMES = ("validate_loss", "check_loss_is_finite")
CALLS = ("math.isfinite", "warnings.warn")


@dataclass(frozen=True)
class Checker:
    """A function that checks a loss: how it is called, what it takes, and the edits that bring it."""

    name: str
    takes: frozenset[str] = frozenset()
    edits: tuple[Edit, ...] = ()


@remembered(4)
def told(module: Module, backwards: tuple[Backward, ...]) -> frozenset[str]:
    """What there is to say of the losses of a module, beside their values."""
    return frozenset(
        argument.partition("=")[0]
        for backward in backwards
        if _has_room(module, backward)
        for argument in _known(module, backward, step_of(module, backward), MORE)
    )


def validated(
    module: Module, backward: Backward, takes: Collection[str] = MORE
) -> tuple[Edit, ...] | None:
    """Edits that check a loss before it is back-propagated; None where they cannot be made well.

    They are a call above the statement, with what it needs: the function that it calls, which
    is the same for all calls of a module and takes what these say, and imports.
    """
    statement, interval = backward.statement, module.settings.loss_check_interval
    step = step_of(module, backward)
    if not isinstance(statement, cst.SimpleStatementLine) or not _has_room(module, backward):
        return None
    if interval > 1 and step is None:
        return None
    loss = bound(module, backward)
    own = not module.settings.loss_validator
    checker = _own(module, frozenset(takes)) if own else _configured(module)
    if loss is None or checker is None:
        return None
    indent = indentation(module, statement)
    arguments = [loss.text, *_known(module, backward, step, checker.takes)]
    unit = module.tree.default_indent
    lines = [f"{indent}{loss.line}"] if loss.line else []
    if interval > 1:
        lines.append(f"{indent}if {step} % {interval} == 0:")
        indent += unit
    call = f"{checker.name}({', '.join(arguments)})"
    lines.append(indent + wrapped(call, Line(indent, WIDTH, unit)))
    above = lines_above(module, statement, "".join(f"{line}\n" for line in lines))
    return (*checker.edits, above, *loss.edits)


def _has_room(module: Module, backward: Backward) -> bool:
    """Whether a line above the statement sees the loss that is back-propagated."""
    is_line = isinstance(backward.statement, cst.SimpleStatementLine)
    return is_line and stands_open(module, backward)


def _known(
    module: Module, backward: Backward, step: str | None, takes: Collection[str]
) -> Iterator[str]:
    """The arguments that say more of a loss than its value, of those that its check takes."""
    if step is not None and "step" in takes:
        yield f"step={step}"
    mark = quote(module)
    named = [part for part in backward.components if part.text]
    parts = {part.label: part.text.replace('"', mark) for part in named}
    if len(parts) > 1 and "components" in takes:
        entries = (f"{_quoted(module, label)}: {text}" for label, text in parts.items())
        yield f"components={{{', '.join(entries)}}}"
    if backward.non_negative and "non_negative" in takes:
        yield "non_negative=True"


def _configured(module: Module) -> Checker | None:
    """The project's own function, under the name that it has here, or with its import."""
    origin, _, name = module.settings.loss_validator.partition(":")
    known = reach(module, f"{origin}.{name}")
    if known is not None:
        return Checker(known)
    own_file = module.source.name.replace("\\", "/").removesuffix(".py").replace("/", ".")
    if f".{own_file}".endswith(f".{origin}"):
        return Checker(name)
    if used(module, name):
        return None
    return Checker(name, edits=(project_import(module, origin, name),))


@remembered(4)
def _own(module: Module, takes: frozenset[str]) -> Checker | None:
    """`validate_loss` as it is there from an earlier fix, or with the edits that write it."""
    for statement in module.tree.body:
        match statement:
            case cst.FunctionDef(name=cst.Name(known)) if is_written(statement):
                return Checker(known, frozenset(parameters(statement)))
    name = next((name for name in NAMES if not used(module, name)), None)
    calls = CALLS if "non_negative" in takes else CALLS[:1]
    missing = [call.partition(".")[0] for call in calls if not reach(module, call)]
    if name is None or not all(importable(module, origin) for origin in missing):
        return None
    isfinite, warn = (reach(module, call) or call for call in CALLS)
    text, edits = written(module, name, takes, isfinite, warn)
    imports = standard_imports(module, missing)
    return Checker(name, takes, (*imports, *edits, new_function(module, text)))


def _quoted(module: Module, text: str) -> str:
    mark = quote(module)
    plain = text.isprintable() and not {mark, "\\"} & set(text)
    return f"{mark}{text}{mark}" if plain else repr(text)
