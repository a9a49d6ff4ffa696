"""What values are added up in: what it begins as, when it starts anew, what reads it."""

from __future__ import annotations

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.parents import ancestors, function_around, nodes
from losslint.training.readings import Reading, readings
from losslint.training.state import Frame, path_of

EMPTYING = frozenset("clear pop popleft zero_ reset detach_".split())


@dataclass(frozen=True, eq=False)
class Accumulator:
    """`base` is what holds the values, without a key: `stats` of `stats["loss"]`.

    `node` is what adds to it, in the function of `frame`.
    """

    module: Module
    frame: Frame
    node: cst.CSTNode
    base: str

    @property
    def is_attribute(self) -> bool:
        """Whether it outlives its function, in an object."""
        return self.base.startswith("self.")

    @property
    def body(self) -> cst.CSTNode:
        """All that may give or read it, in its class if it is an attribute."""
        function = self.frame.function
        if self.is_attribute and self.frame.owner is not None:
            return self.frame.owner.node
        return self.module.tree if function is None else function.body

    def readings(self) -> frozenset[Reading]:
        """What reads it, other than what takes a number as well as a tensor."""
        return readings(self.module, self.frame.scope.names, self.body, self.base)

    def starts_anew(self, node: cst.CSTNode) -> bool:
        """Whether a node gives the accumulator a new start, other than its first."""
        match node:
            case cst.Assign(targets=targets) if node is not self.node:
                given = any(self._is_mine(target.target) for target in targets)
                return given and not self._is_first(node)
            case cst.AnnAssign(target=target, value=cst.BaseExpression()):
                return self._is_mine(target)
            case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(name))) if name in EMPTYING:
                return self._is_mine(base) or (name == "reset" and path_of(base) == "self")
            case cst.Del(target=target):
                return self._is_mine(target)
        return False

    def _is_mine(self, target: cst.BaseExpression) -> bool:
        if isinstance(target, (cst.Tuple, cst.List)):
            return any(self._is_mine(element.value) for element in target.elements)
        while isinstance(target, cst.Subscript):
            target = target.value
        return path_of(target) == self.base

    def _is_first(self, node: cst.CSTNode) -> bool:
        """Whether an assignment stands where there was none yet: `if key not in sums`."""
        for around in ancestors(self.module.tree, node):
            match around:
                case cst.If(test=cst.Comparison(comparisons=[target])):
                    match target:
                        case cst.ComparisonTarget(operator=cst.NotIn()):
                            return True
                        case cst.ComparisonTarget(operator=cst.Is(), comparator=cst.Name("None")):
                            return True
                case cst.For() | cst.While() | cst.FunctionDef():
                    return False
        return False

    def grows_for_life(self) -> bool:
        """Whether an attribute only gets what each call adds, from the object's making on."""
        frame = self.frame
        if not self.is_attribute or frame.owner is None:
            return False
        given = 0
        for node in nodes(self.module.tree):
            if self.starts_anew(node) or (
                isinstance(node, cst.Assign) and self._is_given_by_others(node)
            ):
                function = function_around(self.module.tree, node)
                if not isinstance(function, cst.FunctionDef) or function.name.value != "__init__":
                    return False
                given += 1
        return given > 0

    def _is_given_by_others(self, node: cst.Assign) -> bool:
        """Whether somebody else gives the attribute of such an object: `agent.losses = []`."""
        attribute = self.base.rpartition(".")[2]
        targets = [path_of(target.target) or "" for target in node.targets]
        return node is not self.node and any(t.endswith(f".{attribute}") for t in targets)

    def starts_as_number(self) -> bool:
        """Whether it holds nothing but numbers before the first value."""
        return bool(self._given()) and all(_is_plain(value) for value in self._given())

    def is_bounded(self) -> bool:
        """Whether it drops what is old: `deque(maxlen=100)`."""
        calls = [value for value in self._given() if isinstance(value, cst.Call)]
        return any(a.keyword and a.keyword.value == "maxlen" for call in calls for a in call.args)

    def _given(self) -> list[cst.BaseExpression]:
        return [
            node.value
            for node in nodes(self.body)
            if isinstance(node, cst.Assign)
            and node is not self.node
            and any(self._is_mine(target.target) for target in node.targets)
        ]


def _is_plain(node: cst.BaseExpression) -> bool:
    """Whether an expression makes a number, or a collection of nothing but numbers."""
    match node:
        case cst.Integer() | cst.Float():
            return True
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            return all(_is_plain(element.value) for element in elements)
        case cst.Dict(elements=entries):
            return all(_is_plain(entry.value) for entry in entries)
        case cst.DictComp(value=value) | cst.ListComp(elt=value):
            return _is_plain(value)
        case cst.Call(func=cst.Name("defaultdict"), args=[cst.Arg(value=cst.Name(kind))]):
            return kind in ("float", "int", "list")
        case cst.Call(func=cst.Name("list" | "dict" | "Counter"), args=[]):
            return True
    return False
