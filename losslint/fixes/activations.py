"""Taking away the softmax or sigmoid in front of a loss, or putting its logarithm in its place."""

from __future__ import annotations

import libcst as cst

from losslint.findings import Edit, Span
from losslint.fixes.imports import reach, spelled
from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called
from losslint.model.parents import ancestors, function_around, nodes, parent
from losslint.provenance.kinds import Tensor
from losslint.provenance.objects import External, Layer, Method
from losslint.provenance.operations import KEEPERS
from losslint.provenance.reaching import reaching
from losslint.provenance.tensors import argument
from losslint.provenance.trace import values

ATOMS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)
FREE = (cst.Arg, cst.Assign, cst.AnnAssign)  # what stands in these needs no parentheses
LOGARITHMS = {"softmax": "log_softmax", "Softmax": "LogSoftmax"}


@dataclass(frozen=True)
class Activation:
    """The call of a softmax or sigmoid whose value goes into one loss, and nowhere else."""

    node: cst.Call
    input: cst.BaseExpression
    layer: Layer | None  # where a module is called, and not a function or method


def only_for(given: cst.BaseExpression, tensor: Tensor, module: Module) -> Activation | None:
    """What made the tensor that a loss is given, if nothing else gets to see it."""
    if len(tensor.made) != 1 or tensor.made[0].module is not module:
        return None
    node = tensor.made[0].node
    if not isinstance(node, cst.Call) or called(node).endswith("_"):
        return None
    if _leads_to(node, given, module):
        return _activation(node, module)
    if isinstance(given, cst.Name) and _is_only_use(given, node, module):
        return _activation(node, module)
    return None


def dropped(activation: Activation, module: Module) -> tuple[Edit, ...]:
    """Edits that leave of the call what it was given."""
    whole, inner = module.span(activation.node), module.span(activation.input)
    around = parent(module.tree, activation.node)
    row = _row_without_purpose(activation, module)
    if row is not None:
        return (Edit(row, ""),)
    bare = isinstance(activation.input, ATOMS) or isinstance(around, cst.Arg)
    one_line = b"\n" not in module.source.data[inner.start : inner.end]
    opening, closing = ("", "") if bare or (one_line and isinstance(around, FREE)) else ("(", ")")
    return (
        Edit(Span(whole.start, inner.start), opening),
        Edit(Span(inner.end, whole.end), closing),
    )


def _row_without_purpose(activation: Activation, module: Module) -> Span | None:
    """The rows of `x = softmax(x)`, of which `x = x` would be left; None where more stands there."""
    match parent(module.tree, activation.node):
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(name))]) as assigned:
            line = parent(module.tree, assigned)
            block = parent(module.tree, line) if line is not None else None
            same = isinstance(activation.input, cst.Name) and activation.input.value == name
            if not same or not isinstance(block, cst.IndentedBlock) or len(block.body) == 1:
                return None
            if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
                return None
            data, span = module.source.data, module.span(assigned)
            start, end = data.rfind(b"\n", 0, span.start) + 1, data.find(b"\n", span.end) + 1
            inside = b"#" in data[span.start : end]
            return None if inside or not end else Span(start, end)
    return None


def logarithm(activation: Activation, module: Module) -> tuple[Edit, ...] | None:
    """Edits that make a softmax a log_softmax, with the arguments that it has; None if they cannot."""
    func = activation.node.func
    if activation.layer is not None:
        if activation.node.func is not activation.layer.call:
            return None  # a module that may be called elsewhere too
        func = activation.layer.call.func
    match func:
        case cst.Attribute(attr=cst.Name(name) as spelling) if name in LOGARITHMS:
            return (Edit(module.span(spelling), LOGARITHMS[name]),)
        case cst.Name():
            return _renamed(func, module)
    return None


def _renamed(func: cst.Name, module: Module) -> tuple[Edit, ...] | None:
    for origin in ("torch.nn.functional", "torch", "torch.nn"):
        for name, wanted in LOGARITHMS.items():
            if reach(module, f"{origin}.{name}") == func.value:
                found = spelled(module, f"{origin}.{wanted}")
                if found is None:
                    return None
                return (Edit(module.span(func), found.text), *found.edits)
    return None


def _activation(node: cst.Call, module: Module) -> Activation | None:
    match values(node.func, module):
        case (External(),):
            given = argument(node, 0, "input")
            return None if given is None else Activation(node, given, None)
        case (Layer() as layer,) if len(node.args) == 1 and not node.args[0].star:
            return Activation(node, node.args[0].value, layer)
        case (Method(), *others) if all(isinstance(one, Method) for one in others):
            if isinstance(node.func, cst.Attribute):
                return Activation(node, node.func.value, None)
    return None


def _leads_to(node: cst.CSTNode, whole: cst.CSTNode, module: Module) -> bool:
    """Whether an expression is another one, or moves its numbers without changing any."""
    inner = node
    for around in (node, *ancestors(module.tree, node)):
        if around is whole:
            return inner is around or _moves(around, inner)
        if around is not inner and not _moves(around, inner):
            return False
        inner = around
    return False


def _moves(around: cst.CSTNode, inner: cst.CSTNode) -> bool:
    match around:
        case cst.Call(func=func, args=[first, *_]) if inner is func or inner is first:
            return called(around) in KEEPERS
        case cst.Call(func=func, args=[]):
            return called(around) in KEEPERS
        case cst.Arg(keyword=None) | cst.Attribute():
            return True
        case cst.Subscript(value=value):
            return value is inner
    return False


def _is_only_use(given: cst.Name, made: cst.Call, module: Module) -> bool:
    """Whether a value that a function gives a name is read by this name alone."""
    function = function_around(module.tree, given)
    if isinstance(function, cst.Module) or function_around(module.tree, made) is not function:
        return False
    statement = next(
        a for a in ancestors(module.tree, made) if isinstance(a, cst.BaseSmallStatement)
    )
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0].target
    if not isinstance(target, cst.Name) or not _leads_to(made, statement.value, module):
        return False
    for node in nodes(function):
        if not isinstance(node, cst.Name) or node.value != given.value or node is given:
            continue
        if _is_stored(node, module):
            continue
        bindings = reaching(module, (node.value, ()), node)
        if any(binding.value is statement.value for binding in bindings):
            return False
    return True


def _is_stored(node: cst.CSTNode, module: Module) -> bool:
    """Whether a name is given a value here, or is none of a variable: a keyword, an attribute."""
    around = parent(module.tree, node)
    while isinstance(around, (cst.Element, cst.Tuple, cst.List)):
        node, around = around, parent(module.tree, around)
    match around:
        case cst.Attribute(attr=attr):
            return attr is node
        case cst.Arg(keyword=keyword):
            return keyword is node
        case cst.AssignTarget() | cst.Param():
            return True
        case cst.For(target=target) | cst.AnnAssign(target=target):
            return target is node
    return False
