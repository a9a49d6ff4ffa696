"""Showing what a total is made of by the call that shows the total, in that call's own style."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from losslint.findings import Edit
from losslint.fixes.beside import beside, laid_out, line_below
from losslint.fixes.captions import caption, renamed
from losslint.fixes.components import Components
from losslint.fixes.formatted import in_text, lazy, put
from losslint.fixes.keys import entries, keywords, tags
from losslint.fixes.templates import escaped
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, parent
from losslint.training.shows import KEYED, LEVELS, TAGGED, is_setting, value_position

# What may be done to a total before it is shown, so that it can be done to its parts as well.
_METHODS = frozenset(
    """
    item detach cpu numpy data clone float double half mean sum squeeze tolist to asnumpy gather
    gather_for_metrics all_reduce reduce
    """.split()
)
_FUNCTIONS = frozenset(
    """
    float round str reduce reduce_tensor reduce_value reduce_mean reduce_loss all_reduce gather
    gather_for_metrics to_python_float to_float to_scalar to_numpy
    """.split()
)
_DICTS = frozenset({"dict", "OrderedDict"})

# Keywords that hold what is shown, and do not name it; and those that do.
_HOLDERS = frozenset("desc description postfix text msg message val value values".split())
_TAGS = frozenset("tag name key series".split())


def extended(
    module: Module,
    show: cst.CSTNode,
    total: cst.BaseExpression,
    components: Sequence[tuple[str, str]],
    as_value: str = "",
) -> tuple[Edit, ...] | None:
    """Edits by which `show` shows each component beside the total; None where no form is proven.

    `show` is a call, or an assignment, that shows; `total` the expression in it that
    holds the total. A component is its label and its source, which is wrapped as the
    total is: in `.item()`, a format, a share. `as_value` is written behind each, where
    the total is a number already and the component is still a tensor.
    """
    parts = Components.of(module, show, total, components, as_value)
    edits = _edits(module, show, total, parts) if parts is not None else None
    return laid_out(module, show, edits) if edits else None


def _edits(
    module: Module, show: cst.CSTNode, node: cst.BaseExpression, parts: Components
) -> Sequence[Edit] | None:
    """Climb from the total to what holds it as a value of its own, and add to that."""
    while True:
        outer = _wrapping(module, node, show)
        if outer is None:
            found = put(module, node)
            if found is None:
                return _named(module, show, node, parts)
            if not found.template.is_bare:
                return in_text(module, found, node, parts)
            outer = found.whole
        node = outer


def _wrapping(
    module: Module, node: cst.BaseExpression, show: cst.CSTNode
) -> cst.BaseExpression | None:
    """The expression around `node` that is the same value in another form."""
    match parent(module.tree, node):
        case cst.Attribute(attr=cst.Name(value=name)) as around if name in _METHODS:
            return around
        case cst.Call(func=function) as around if function is node and around is not show:
            return around
        case cst.Subscript(value=cst.Attribute() as value) as around if value is node:
            return around  # `loss.data[0]`
        case cst.BinaryOperation(operator=cst.Multiply()) as around:
            return around
        case cst.BinaryOperation(operator=cst.Divide(), left=left) as around if left is node:
            return around
        case cst.Arg(keyword=None, star="") as argument:
            call = parent(module.tree, argument)
            if isinstance(call, cst.Call) and call is not show and called(call) in _FUNCTIONS:
                return call if call.args[0] is argument else None
    return None


def _named(
    module: Module, show: cst.CSTNode, node: cst.BaseExpression, parts: Components
) -> Sequence[Edit] | None:
    """More entries, keywords, arguments or calls, by how the one that shows `node` is named."""
    around = parent(module.tree, node)
    holder = parent(module.tree, around) if around is not None else None
    values = parts.texts(node)
    if values is None:
        return None
    match around, holder:
        case cst.DictElement(), cst.Dict() if _reaches(module, holder, show):
            new = entries(module, holder, around, parts.labels, values)
            return None if new is None else beside(module, around, new)
        case cst.Arg(star="", keyword=cst.Name(value=name)), cst.Call() if _keyed(
            module, holder, name, show
        ):
            names = [renamed(name, label) for label in parts.labels]
            new = keywords(module, holder, around, names, values)
            return None if new is None else beside(module, around, new)
        case cst.Arg(star="", keyword=None), cst.Call() if holder is show:
            if called(holder) in LEVELS or called(holder) == "log":
                found = lazy(module, holder, around)
                if found is not None:
                    return in_text(module, found, node, parts)
            if "print" in called(holder):
                return _printed(module, holder, around, parts, values)
            return _tagged(module, holder, around, node, parts)
        case cst.Arg(star=""), cst.Call() if holder is show:
            return _tagged(module, holder, around, node, parts)
    return None


def _reaches(module: Module, node: cst.CSTNode, show: cst.CSTNode) -> bool:
    """Whether a dictionary is what is shown, and no argument of something else."""
    for around in ancestors(module.tree, node):
        if around is show:
            return True
        if not isinstance(around, (cst.Arg, cst.DictElement, cst.Dict)):
            return False
    return False


def _keyed(module: Module, call: cst.Call, name: str, show: cst.CSTNode) -> bool:
    if name in _HOLDERS or is_setting(name, called(call)):
        return False
    if call is show:
        return called(call) in KEYED
    return called(call) in _DICTS and not call.args[0].star and _reaches(module, call, show)


def _printed(
    module: Module, call: cst.Call, value: cst.Arg, parts: Components, values: Sequence[str]
) -> Sequence[Edit] | None:
    """`"ce_loss:", ce_loss` behind `"loss:", loss`."""
    position = call.args.index(value)
    before = call.args[position - 1].value if position else None
    separated = any(arg.keyword is not None and arg.keyword.value == "sep" for arg in call.args)
    match before:
        case cst.SimpleString(prefix="", quote=quote, raw_value=text):
            pass
        case cst.FormattedString(parts=[*_, cst.FormattedStringText(value=text)]):
            quote = before.quote
        case _:
            return None
    style = caption(text, "", first=False)
    if separated or style is None or "\\" in text:
        return None
    lead = style.gap.strip() + " " if text.lstrip().startswith(style.gap.strip() or "\0") else ""
    names = [escaped(lead + style.of(label)[len(style.gap) :], quote) for label in parts.labels]
    pairs = [f"{quote}{n}{quote}, {v}" for n, v in zip(names, values, strict=True)]
    return beside(module, value, pairs)


def _tagged(
    module: Module, call: cst.Call, value: cst.Arg, node: cst.BaseExpression, parts: Components
) -> Sequence[Edit] | None:
    """The same call again for each component, below the one that is there."""
    tag = _tag(call, value)
    labelled = tags(module, tag, parts.labels) if tag is not None else None
    if tag is None or labelled is None or called(call) not in TAGGED:
        return None
    span, own = module.span(call), module.span(tag)
    data = module.text(call).encode()
    lines = []
    for name, source in zip(labelled, parts.sources, strict=True):
        text = data
        changes = sorted(((own, name), (module.span(parts.total), source)), reverse=True)
        for at, new in changes:
            text = text[: at.start - span.start] + new.encode() + text[at.end - span.start :]
        lines.append(text.decode())
    below = line_below(module, call, lines)
    return None if below is None else (below,)


def _tag(call: cst.Call, value: cst.Arg) -> cst.BaseExpression | None:
    """The argument that names the value of a call."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in _TAGS:
            return arg.value
    positional = [arg for arg in call.args if arg.keyword is None]
    position = value_position(called(call))
    at = positional.index(value) == position if value in positional else value.keyword is not None
    known = at and 0 < position <= len(positional)
    return positional[position - 1].value if known else None
