"""Where a learnable tensor is made: what it is bound to, and in which class, function and loops."""

from __future__ import annotations

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import called, dotted
from losslint.model.parents import ancestors, nodes, parent
from losslint.ranges.creation import Creation, How

# Methods that make another tensor, which is no leaf: always, or where it goes to another device.
COPIES = frozenset("cuda clone half double unsqueeze view reshape repeat expand".split())
MOVES = frozenset(("to",))
MOVED = frozenset(("to", "cuda"))
SAME = frozenset("requires_grad_ float cpu contiguous".split())

# What a collection is called that is written in one of these ways.
COLLECTIONS: dict[type[cst.CSTNode], str] = {
    cst.List: "list",
    cst.ListComp: "list",
    cst.GeneratorExp: "list",
    cst.Tuple: "tuple",
    cst.Set: "set",
    cst.SetComp: "set",
    cst.Dict: "dict",
    cst.DictComp: "dict",
}
BETWEEN = (cst.Element, cst.DictElement, cst.Arg, cst.IfExp, cst.BooleanOperation)
BUILT_IN = frozenset("list tuple dict OrderedDict".split())
GROWING = frozenset("append insert add extend setdefault".split())


@dataclass(frozen=True, eq=False)
class Site:
    """The place of one creation.

    `value` is what is kept of it, with the methods that are called on it at once;
    `copy` the one of these that makes another tensor, `moves` if that is so on a GPU only.
    `target` is what takes it, or takes the `collection` that it is in: a "list" or the like.
    """

    creation: Creation
    value: cst.BaseExpression
    copy: cst.BaseExpression | None
    moves: bool
    target: cst.BaseExpression | None
    collection: str
    statement: cst.CSTNode
    function: cst.FunctionDef | None
    owner: cst.ClassDef | None
    loops: tuple[cst.For | cst.While, ...]
    conditions: tuple[cst.If, ...]


def site_of(creation: Creation, module: Module) -> Site:
    """Where a leaf was made, from the inside out."""
    value, copy, moves = _copied(creation.node, module)
    target, collection, statement = _target(creation, value, module)
    function: cst.FunctionDef | None = None
    owner: cst.ClassDef | None = None
    loops: list[cst.For | cst.While] = []
    conditions: list[cst.If] = []
    for around in ancestors(module.tree, creation.node):
        if isinstance(around, cst.ClassDef):
            owner = around
            break
        if isinstance(around, cst.FunctionDef):
            function = function or around
        elif function is None and isinstance(around, (cst.For, cst.While)):
            loops.append(around)
        elif function is None and isinstance(around, cst.If):
            conditions.append(around)
    return Site(
        creation,
        value,
        copy,
        moves,
        target,
        collection,
        statement,
        function,
        owner,
        tuple(loops),
        tuple(conditions),
    )


def _copied(
    node: cst.BaseExpression, module: Module
) -> tuple[cst.BaseExpression, cst.BaseExpression | None, bool]:
    """What is kept of a new tensor, and the first call that makes another one of it."""
    copy: cst.BaseExpression | None = None
    moves, same = False, SAME | MOVED if _has_device(node) else SAME
    while True:
        around = parent(module.tree, node)
        outer = parent(module.tree, around) if isinstance(around, cst.Attribute) else around
        if isinstance(outer, cst.BinaryOperation):
            copy, moves = copy or outer, moves and copy is not None
        elif isinstance(around, cst.Attribute) and isinstance(outer, cst.Call):
            name = around.attr.value
            if name not in COPIES | MOVES | SAME:
                return node, copy, moves
            if name not in same and copy is None and not _stays(outer):
                copy, moves = outer, name in MOVES
        else:
            return node, copy, moves
        assert isinstance(outer, cst.BaseExpression)
        node = outer


def _stays(call: cst.Call) -> bool:
    """Whether `to` is given the CPU, or a type of numbers."""
    return called(call) == "to" and any(
        (isinstance(n, cst.SimpleString) and "cpu" in n.value)
        or (dotted(n) or "").startswith("torch.")
        for n in (argument.value for argument in call.args)
    )


def _has_device(node: cst.BaseExpression) -> bool:
    """Whether a tensor is made where it shall be: moving it there again makes no other."""
    return any(
        called(n) in MOVED
        or (isinstance(n, cst.Arg) and n.keyword is not None and n.keyword.value == "device")
        for n in nodes(node)
    )


def _target(
    creation: Creation, value: cst.BaseExpression, module: Module
) -> tuple[cst.BaseExpression | None, str, cst.CSTNode]:
    """What takes a value or the collection around it, that collection, and the statement."""
    found = ""
    inner: cst.CSTNode = value
    for around in ancestors(module.tree, value):
        match around:
            case cst.Assign(value=taken, targets=[cst.AssignTarget(target), *_]) if taken is inner:
                own = _own_target(target, taken, value)
                return *(_base(own, "") if own is not None else _base(target, found)), around
            case cst.AnnAssign(target=target) | cst.NamedExpr(target=target):
                return *_base(target, found), around
            case cst.AugAssign(target=target):
                return target, found or "list", around
            case cst.AssignTarget() if isinstance(value, cst.Attribute):
                return *_base(value.value, found), around
            case cst.Expr(value=taken) if taken is inner and inner is value:
                return *_switched(creation, found), around
            case cst.Call(func=cst.Attribute(value=taker, attr=cst.Name(name))):
                grows = name in GROWING
                return (taker, "list", around) if grows else (None, found, around)
            case cst.Call() if called(around) not in BUILT_IN:
                return None, found, around
        if type(around) not in COLLECTIONS and not isinstance(around, (*BETWEEN, cst.Call)):
            return None, found, around
        found = found or COLLECTIONS.get(type(around), "")
        inner = around
    return None, found, module.tree


def _own_target(
    target: cst.BaseExpression, taken: cst.BaseExpression, value: cst.BaseExpression
) -> cst.BaseExpression | None:
    """`b` for the second value of `a, b = ...`."""
    match target, taken:
        case cst.Tuple(elements=targets), cst.Tuple(elements=values):
            pairs = zip(targets, values, strict=False)
            return next((one.value for one, given in pairs if given.value is value), None)
    return None


def _base(target: cst.BaseExpression, collection: str) -> tuple[cst.BaseExpression, str]:
    """`weights` for the target `weights[task]`, which is in a dict."""
    if isinstance(target, cst.Subscript):
        return target.value, collection or "dict"
    return target, collection


def _switched(creation: Creation, collection: str) -> tuple[cst.BaseExpression | None, str]:
    """What `x.requires_grad_()` switches on, where it is a statement of its own."""
    match creation:
        case Creation(cst.Call(func=cst.Attribute(value=target)), How.SWITCHED):
            return _base(target, collection)
    return None, collection
