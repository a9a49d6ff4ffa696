"""Which calls and assignments show values to a person, by what they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import libcst as cst

from losslint.model.names import Names, called, dotted

LEVELS = frozenset("debug info warning warn error critical exception success trace".split())

# Which positional arguments a person gets to see, by the last name of what is called.
_EVERY, _FIRST, _SECOND, _THIRD = slice(None), slice(0, 1), slice(1, 2), slice(2, 3)
_POSITIONS: dict[str, slice] = {
    **dict.fromkeys(LEVELS, _EVERY),
    **dict.fromkeys("print pprint echo secho display write writelines writerow".split(), _EVERY),
    **dict.fromkeys("set_description set_description_str set_postfix_str".split(), _FIRST),
    **dict.fromkeys("set_postfix report add_row log".split(), _EVERY),
    **dict.fromkeys("log_dict log_metrics put_scalars logkvs track".split(), _FIRST),
    **dict.fromkeys("add_scalar add_scalars add_text add_histogram add_metric".split(), _SECOND),
    **dict.fromkeys("log_metric log_scalar log_value log_tabular log_histogram".split(), _SECOND),
    **dict.fromkeys("scalar_summary summ_scalar update_scalar put_scalar".split(), _SECOND),
    **dict.fromkeys("logkv logkv_mean record record_mean record_tabular".split(), _SECOND),
    **dict.fromkeys("report_scalar report_histogram".split(), _THIRD),
    **dict.fromkeys("line text append".split(), _EVERY),
    **dict.fromkeys("update store".split(), slice(0)),
}

# Calls that name the value that they show by the argument before it.
TAGGED = frozenset(name for name, places in _POSITIONS.items() if places in (_SECOND, _THIRD)) - {
    "add_scalars",
    "add_text",
} | {"log", "track"}

# Calls whose keywords name the values that they show.
KEYED = frozenset("set_postfix update store put_scalars report".split())

# Keywords of all these that say how, where or when something is shown, not what.
_SETTINGS = frozenset(
    """
    sep end file flush refresh nl err color style markup highlight exc_info stack_info stacklevel
    extra tag name key title series step global_step iteration epoch walltime commit prog_bar
    on_step on_epoch logger sync_dist sync_dist_group rank_zero_only batch_size reduce_fx
    add_dataloader_idx metric_attribute enable_graph log_kwargs win env opts n num n_iter
    advance total completed visible start val weight count context timestamp X bins new_style
    """.split()
)

_OF_POSTFIX = frozenset({"refresh"})  # any other keyword is a value that the bar shows

# Calls that a project writes for itself: `print_rank_0`, `self._log_losses`, `write_scalars`.
_OWN = re.compile(
    r"""
    (?: .*_ )? (?: print | printf | pprint | print\d | logging ) (?: _.* )?
    | _* (?: log | write | record | report | show | display ) _ (?: \w+_ )?
      (?: loss(?:es)? | metrics? | stats? | scalars? | steps? | values? | text | message | msg
        | info | progress | results? | train | training | epoch | iter | iteration | batch
        | summary | tensorboard | tb | wandb | data | time | rank_zero | main )
    | rank_zero_(?: info | warn | debug )
    """,
    re.VERBOSE | re.IGNORECASE,
)

# Modules whose functions compute or store: their `log` is a logarithm.
_QUIET_MODULES = frozenset(
    """
    torch numpy np math cmath jax jnp scipy sympy os shutil pathlib json pickle yaml re random
    argparse cv2 plt matplotlib functools itertools
    """.split()
)

# Calls that get a formatted string for another purpose than to show it.
_QUIET = frozenset(
    """
    open join save load load_state_dict savefig save_image save_checkpoint save_model save_weights
    save_pretrained from_pretrained push_to_hub mkdir makedirs exists isfile isdir remove rename
    replace format split strip startswith endswith append extend add insert get pop setdefault
    getattr setattr hasattr delattr add_argument register_buffer register_parameter add_module
    register_module str int float len repr hash eval exec compile exit system run_command
    call check_call Popen import_module glob to_csv to_json dump title suptitle imwrite imsave
    device to cuda colored encode decode lower upper style
    """.split()
)

# Attributes of a bar that it shows: `Bar.suffix = ...`, `pbar.postfix = ...`.
_ATTRIBUTES = frozenset({"suffix", "postfix", "desc"})


def shown(
    node: cst.CSTNode, names: Names, monitors: Collection[str] = ()
) -> tuple[cst.BaseExpression, ...] | None:
    """The expressions whose values a person gets to see by `node`; None if there are none.

    `node` is a call that is a statement of its own, or an assignment. A formatted
    string or a dictionary is returned as it stands. `monitors` are functions of the
    project, by their qualified or bare names, that show whatever they get.
    """
    match node:
        case cst.Assign(targets=targets, value=value) if any(
            _is_of_bar(target.target) for target in targets
        ):
            return (value,)
        case cst.AugAssign(target=target, value=value) if _is_of_bar(target):
            return (value,)
        case cst.Call():
            return tuple(_seen(node, names, monitors)) or None
    return None


def value_position(name: str) -> int:
    """Where a call that names what it shows has the value: behind its name."""
    return 1 if name == "log" else _POSITIONS.get(name, _SECOND).start or 0


def is_setting(keyword: str, of: str) -> bool:
    """Whether a keyword of a call of this name says how it shows something, and not what."""
    return keyword in (_OF_POSTFIX if of == "set_postfix" else _SETTINGS)


def is_formatted(node: cst.BaseExpression) -> bool:
    """Whether an expression is a string with values in it."""
    match node:
        case cst.FormattedString(parts=parts):
            return any(isinstance(part, cst.FormattedStringExpression) for part in parts)
        case cst.ConcatenatedString(left=left, right=right):
            return is_formatted(left) or is_formatted(right)
        case cst.BinaryOperation(operator=cst.Modulo(), left=left):
            return _is_string(left)
        case cst.BinaryOperation(operator=cst.Add(), left=left, right=right):
            strings = _is_string(left) or _is_string(right)
            text = any(
                isinstance(n, cst.Call) and called(n) in ("str", "repr") for n in (left, right)
            )
            return is_formatted(left) or is_formatted(right) or (strings and text)
        case cst.Call(func=cst.Attribute(value=template, attr=cst.Name(value="format"))):
            return _is_string(template)
    return False


def _is_string(node: cst.BaseExpression) -> bool:
    match node:
        case cst.BinaryOperation(operator=cst.Add(), left=left, right=right):
            return _is_string(left) or _is_string(right)
    return isinstance(node, cst.BaseString)


def _is_of_bar(target: cst.BaseExpression) -> bool:
    return isinstance(target, cst.Attribute) and target.attr.value in _ATTRIBUTES


def _seen(call: cst.Call, names: Names, monitors: Collection[str]) -> Iterator[cst.BaseExpression]:
    name = called(call)
    if _is_monitor(call, name, names, monitors):
        yield from (arg.value for arg in call.args)
    elif _module_of(call.func, names) in _QUIET_MODULES:
        return
    elif name in _POSITIONS and _is_meant(call, name):
        yield from _arguments(call, _POSITIONS[name])
    elif _OWN.fullmatch(name):
        yield from _arguments(call, _EVERY)
    elif name not in _QUIET and not name[:1].isupper() and not name.startswith("__"):
        yield from (arg.value for arg in call.args if is_formatted(arg.value))


def _arguments(call: cst.Call, places: slice) -> Iterator[cst.BaseExpression]:
    """The positional arguments at `places`, then what is passed by keyword or `**`."""
    yield from [a.value for a in call.args if a.keyword is None and a.star != "**"][places]
    name = called(call)
    for arg in call.args:
        if arg.star == "**" or (arg.keyword and not is_setting(arg.keyword.value, name)):
            yield arg.value


def _is_meant(call: cst.Call, name: str) -> bool:
    """Whether a call of this name shows something: many a name has other uses too."""
    keywords = {arg.keyword.value for arg in call.args if arg.keyword is not None}
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    match name:
        case "append":  # neptune's `run["train/loss"].append(loss)`
            return isinstance(owner, cst.Subscript) and _is_run(owner.value)
        case "track":  # aim's, not rich's
            return "name" in keywords
        case "line" | "text":  # visdom's, not a drawing's
            return bool(keywords & {"win", "Y"}) or "vis" in (dotted(owner) or "").lower()
        case "record":  # of stable-baselines, not of an event
            return len(call.args) > 1
    return True


def _is_run(node: cst.BaseExpression) -> bool:
    last = (dotted(node) or "").lower().rpartition(".")[2]
    return last.strip("_") == "run" or "neptune" in last or last.endswith("_run")


def _module_of(function: cst.BaseExpression, names: Names) -> str:
    """The first name of what a function is called by, or was imported from."""
    spelling = names.qualified(function) or dotted(function) or ""
    return spelling.partition(".")[0] if "." in spelling else ""


def _is_monitor(call: cst.Call, name: str, names: Names, monitors: Collection[str]) -> bool:
    if not monitors:
        return False
    qualified = (names.qualified(call.func) or "").lstrip(".")
    spelling = qualified or dotted(call.func) or name
    paths = [monitor.replace(":", ".") for monitor in monitors]
    return any(path in (spelling, name) or path.endswith(f".{spelling}") for path in paths)
