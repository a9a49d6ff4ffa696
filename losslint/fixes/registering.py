"""Making an attribute of a module a Parameter, or a list or dict of Parameters that it registers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import spelled
from losslint.model.module import Module
from losslint.model.names import Names, called, dotted, string_value
from losslint.model.parents import nodes, parent
from losslint.ranges.creation import How
from losslint.ranges.tensors import FACTORIES
from losslint.training.sites import Site

LISTS = (cst.List, cst.Tuple, cst.ListComp)

# What takes a ParameterList for a list, and what a ParameterList has of one.
ITERATES = frozenset("zip enumerate len sum list tuple range reversed iter".split())
METHODS = frozenset("append extend items values keys".split())


def registering(site: Site, module: Module) -> tuple[Edit, ...] | None:
    """Edits that register what `__init__` of a module makes; None where that is not sure to work.

    A tensor must have a place of its own in the function: `self.scale = ...`, or an entry
    of a list or dict that is written there or begins empty there.
    """
    function = site.function
    if function is None or function.name.value != "__init__" or site.target is None:
        return None
    path = dotted(site.target)
    if path is None or path.count(".") != 1 or not _is_set_up(site, function, module):
        return None
    first = _first_assignment(path, function, module)
    if first is None:
        return None
    edits = _edits(site, first, path, module)
    return tuple(dict.fromkeys(edits)) if edits else None


def _is_set_up(site: Site, function: cst.FunctionDef, module: Module) -> bool:
    """Whether `super().__init__()` has run where the attribute is set."""
    calls = [n for n in nodes(function) if isinstance(n, cst.Call) and _is_super_init(n)]
    start = module.span(site.creation.node).start
    return any(module.span(call).end <= start for call in calls)


def _is_super_init(call: cst.Call) -> bool:
    match call.func:
        case cst.Attribute(value=cst.Call(func=cst.Name("super")), attr=cst.Name("__init__")):
            return True
        case cst.Attribute(attr=cst.Name("__init__")):
            return True
    return False


def _first_assignment(
    path: str, function: cst.FunctionDef, module: Module
) -> cst.BaseExpression | None:
    """The one value that the function gives an attribute."""
    values = [
        node.value
        for node in nodes(function)
        if isinstance(node, (cst.Assign, cst.AnnAssign)) and node.value is not None
        for target in _targets(node)
        if dotted(target) == path
    ]
    return values[0] if len(values) == 1 else None


def _targets(node: cst.Assign | cst.AnnAssign) -> list[cst.BaseExpression]:
    if isinstance(node, cst.AnnAssign):
        return [node.target]
    return [target.target for target in node.targets]


def _edits(site: Site, first: cst.BaseExpression, path: str, module: Module) -> list[Edit] | None:
    names = Names(module.tree)
    if not site.collection:
        return _parameter(first, module, names)
    if not _is_used_as(path, site, module):
        return None
    if site.statement is parent(module.tree, first):
        return _collection(first, module, names)
    return _grown(site, first, path, module, names)


def _parameter(node: cst.BaseExpression, module: Module, names: Names) -> list[Edit] | None:
    """Edits that make `nn.Parameter(...)` of the expression that makes a tensor."""
    spelling = spelled(module, "torch.nn.Parameter")
    if spelling is None:
        return None
    inner, methods = _chain(node)
    if isinstance(inner, cst.Call) and _is_parameter(inner, names):
        if not methods:
            return []
        # nn.Parameter(value).cuda() -> nn.Parameter(value.cuda())
        if len(inner.args) != 1 or inner.args[0].keyword is not None:
            return None
        argument = inner.args[0].value
        if not isinstance(argument, (cst.Call, cst.Name, cst.Attribute)):
            return None
        end, tail = module.span(inner).end, module.span(node).end
        moved = module.source.data[end:tail].decode()
        return [Edit(Span(end, tail), ""), Edit(_behind(module.span(argument)), moved)]
    if not isinstance(inner, cst.Call) or not _is_factory(inner, names):
        return None
    if not all(_is_true(flag) for flag in _flags(node)):
        return None  # whether it is learned is decided elsewhere
    span = module.span(node)
    edits = [
        Edit(Span(span.start, span.start), f"{spelling.text}("),
        Edit(_behind(span), ")"),
        *spelling.edits,
    ]
    asked = _asked(inner, module)
    if asked is not None:
        edits.append(Edit(asked, ""))
    edits += [Edit(gone, "") for gone in _switches(node, module)]
    return edits


def _behind(span: Span) -> Span:
    return Span(span.end, span.end)


def _chain(node: cst.BaseExpression) -> tuple[cst.BaseExpression, list[str]]:
    """The expression below the methods that are called on it, and these methods."""
    methods: list[str] = []
    while True:
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Call() as inner, attr=cst.Name(name))):
                methods.append(name)
                node = inner
            case _:
                return node, methods


def _switches(node: cst.BaseExpression, module: Module) -> Iterator[Span]:
    """`.requires_grad_()` among the methods that are called on a new tensor."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        base = node.func.value
        if node.func.attr.value == "requires_grad_":
            yield Span(module.span(base).end, module.span(node).end)
        node = base


def _flags(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What `requires_grad` is set to, in a call or by a method of what it makes."""
    while isinstance(node, cst.Call):
        switch = called(node) == "requires_grad_"
        for argument in node.args:
            keyword = argument.keyword.value if argument.keyword is not None else ""
            if keyword == "requires_grad" or (switch and not keyword):
                yield argument.value
        node = node.func.value if isinstance(node.func, cst.Attribute) else node.func


def _is_true(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "True"


def _asked(call: cst.Call, module: Module) -> Span | None:
    """`, requires_grad=True` among the arguments of a call."""
    for place, argument in enumerate(call.args):
        if argument.keyword is not None and argument.keyword.value == "requires_grad":
            span = module.span(argument)
            if place:
                return Span(module.span(call.args[place - 1]).end, span.end)
            after = call.args[1:]
            return Span(span.start, module.span(after[0]).start if after else span.end)
    return None


def _is_factory(call: cst.Call, names: Names) -> bool:
    """Whether a function of torch makes a tensor here."""
    name = names.qualified(call.func) or ""
    last = name.rpartition(".")[2]
    return name.startswith("torch.") and (last in FACTORIES or last == "Variable")


def _is_parameter(call: cst.Call, names: Names) -> bool:
    name = names.qualified(call.func) or ""
    return name.startswith("torch.") and name.rpartition(".")[2] == "Parameter"


def _collection(node: cst.BaseExpression, module: Module, names: Names) -> list[Edit] | None:
    """A list or dict that is written where it is assigned, and each of its elements."""
    kind = "ParameterList" if isinstance(node, LISTS) else "ParameterDict"
    elements = _elements(node)
    container = spelled(module, f"torch.nn.{kind}")
    if not elements or container is None:
        return None
    made = [_parameter(element, module, names) for element in elements]
    if any(edits is None for edits in made):
        return None
    span = _with_brackets(node, module)
    if span is None:
        return None
    around = [Edit(Span(span.start, span.start), f"{container.text}("), Edit(_behind(span), ")")]
    return [*around, *container.edits, *(e for edits in made for e in edits or ())]


def _with_brackets(node: cst.BaseExpression, module: Module) -> Span | None:
    """The span of a list, dict or tuple; None for a tuple that is not simply in brackets."""
    span = module.span(node)
    if not isinstance(node, cst.Tuple):
        return span
    data = module.source.data
    inside = data[span.start - 1 : span.start] == b"(" and data[span.end : span.end + 1] == b")"
    return Span(span.start - 1, span.end + 1) if len(node.lpar) == 1 and inside else None


def _elements(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    match node:
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            plain = [e.value for e in elements if isinstance(e, cst.Element)]
            return plain if len(plain) == len(elements) else []
        case cst.ListComp(elt=element):
            return [element]
        case cst.DictComp(key=key, value=value) if _is_word(key):
            return [value]
        case cst.Dict(elements=elements):
            entries = [e for e in elements if isinstance(e, cst.DictElement) and _is_word(e.key)]
            return [e.value for e in entries] if len(entries) == len(elements) else []
    return []


def _is_word(key: cst.BaseExpression) -> bool:
    """Whether a key is sure to be a string that may be the name of a parameter."""
    if isinstance(key, cst.SimpleString):
        value = string_value(key)
        return bool(value) and "." not in (value or ".")
    return isinstance(key, cst.FormattedString) and "." not in "".join(
        p.value for p in key.parts if isinstance(p, cst.FormattedStringText)
    )


def _grown(
    site: Site, first: cst.BaseExpression, path: str, module: Module, names: Names
) -> list[Edit] | None:
    """`self.scales = []`, and an `append` of what `site` makes."""
    match first:
        case cst.List(elements=[]):
            kind = "ParameterList"
        case cst.Dict(elements=[]):
            kind = "ParameterDict"
        case _:
            return None
    statement = site.statement
    if isinstance(statement, cst.Call) and called(statement) != "append":
        return None
    if isinstance(statement, cst.Assign) and not _sets_a_word(statement):
        return None
    container = spelled(module, f"torch.nn.{kind}")
    element = _parameter(site.value, module, names)
    if container is None or element is None or site.creation.how is How.SWITCHED:
        return None
    return [Edit(module.span(first), f"{container.text}()"), *container.edits, *element]


def _sets_a_word(statement: cst.Assign) -> bool:
    match statement.targets:
        case [cst.AssignTarget(cst.Subscript(slice=[cst.SubscriptElement(cst.Index(key))]))]:
            return _is_word(key)
    return False


def _is_used_as(path: str, site: Site, module: Module) -> bool:
    """Whether everything that is done with a list or dict can be done with torch's own."""
    name = path.rpartition(".")[2]
    own = set(nodes(site.owner or module.tree))
    for node in nodes(module.tree):
        if not (isinstance(node, cst.Attribute) and node.attr.value == name):
            continue
        if dotted(node) == path and node not in own:
            continue  # the attribute of another class
        match parent(module.tree, node):
            case cst.AssignTarget() | cst.AnnAssign() | cst.For() | cst.CompFor():
                continue
            case cst.Subscript(value=value) if value is node:
                continue
            case cst.Attribute(attr=cst.Name(method)) if method in METHODS:
                continue
            case cst.Arg() as argument:
                call = parent(module.tree, argument)
                if isinstance(call, cst.Call) and dotted(call.func) in ITERATES:
                    continue
        return False
    return True
