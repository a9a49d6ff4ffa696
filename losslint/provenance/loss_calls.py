"""The calls of torch's classification losses in a module: which loss, of what, with which settings."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.model.parents import ancestors, nodes
from losslint.model.remembering import remembered
from losslint.provenance.kinds import UNKNOWN, Tensor
from losslint.provenance.mentions import mentions
from losslint.provenance.objects import External, Layer, Value
from losslint.provenance.paths import Attr, path
from losslint.provenance.tensors import argument
from losslint.provenance.trace import traced, tracer, values
from losslint.provenance.words import ARGUMENTS, CLASSES
from losslint.ranges.losses import is_loss_like

FUNCTIONS = ("torch.nn.functional.", "torch.")


@dataclass(frozen=True, eq=False)
class LossCall:
    """One call of a loss of torch.

    `loss` is its name in torch.nn.functional, however it is called. `built` holds what made the
    criterion, all of it where there are several; nothing where a function is called. `others`
    are the losses that the criterion is by other branches, None for one that is none of these.
    """

    loss: str
    node: cst.Call
    module: Module
    built: tuple[Layer, ...] = ()
    others: tuple[str | None, ...] = ()

    def argument(self, name: str) -> cst.BaseExpression | None:
        """The expression that is given as `input` or `target`."""
        return argument(self.node, ("input", "target").index(name), name)

    def traced(self, name: str) -> Tensor:
        """What the tensor given as `input` or `target` stands for."""
        given = self.argument(name)
        return UNKNOWN if given is None else traced(given, self.module)

    def setting(self, name: str) -> tuple[Value, ...] | None:
        """What a setting such as `reduction` may be; None where it is left at its default.

        The values are `Constant` where they are known. A literal `None` is the empty tuple.
        """
        place = ARGUMENTS[self.loss].index(name)
        if not self.built:
            given = argument(self.node, place + 2, name)
            return _left_out(self.node) if given is None else values(given, self.module)
        found: list[tuple[Value, ...] | None] = []
        for layer in self.built:
            given = argument(layer.call, place, name)
            look = tracer(self.module).values
            found.append(_left_out(layer.call) if given is None else look(given, (), layer.frame))
        if any(one != found[0] for one in found):
            return (UNKNOWN,)
        return found[0]

    @property
    def is_conditional(self) -> bool:
        """Whether a branch of its function decides that the loss is called."""
        inner: cst.CSTNode = self.node
        for around in ancestors(self.module.tree, self.node):
            if isinstance(around, (cst.If, cst.IfExp, cst.Match)):
                return True
            if isinstance(around, cst.IndentedBlock):
                before = around.body[: around.body.index(inner)]
                if any(isinstance(s, cst.If) and _returns(s) for s in before):
                    return True
            if isinstance(around, cst.FunctionDef):
                break
            inner = around
        return False


def _left_out(call: cst.Call) -> tuple[Value, ...] | None:
    """What a setting is that a call does not name: its default, unless a star may bring it."""
    return (UNKNOWN,) if any(arg.star for arg in call.args) else None


@remembered(16)
def loss_calls(module: Module) -> tuple[LossCall, ...]:
    """Every call of a classification loss of torch in a module, in no particular order.

    A criterion that is one of several, by a branch, is called as each of them.
    """
    if b"torch" not in module.source.data:
        return ()
    calls = mentions(module).calls
    return tuple(found for node in calls for found in _loss_calls(module, node))


def _loss_calls(module: Module, node: cst.Call) -> Iterator[LossCall]:
    if not _may_be(module, node.func):
        return
    found = values(node.func, module)
    if any(isinstance(one, Tensor) for one in found):
        return
    losses = tuple(dict.fromkeys(map(_loss, found)))
    for loss in losses:
        if loss is not None:
            mine = tuple(v for v in found if isinstance(v, Layer) and _loss(v) == loss)
            others = tuple(other for other in losses if other != loss)
            yield LossCall(loss, node, module, mine, others)


def _returns(statement: cst.If) -> bool:
    return any(isinstance(node, cst.Return) for node in nodes(statement))


def _loss(value: Value) -> str | None:
    """The loss that a value is, by its name in torch.nn.functional."""
    match value:
        case Layer(name=name):
            return CLASSES.get(name.rpartition(".")[2])
        case External(name=name):
            package, _, last = name.rpartition(".")
            return last if last in ARGUMENTS and f"{package}." in FUNCTIONS else None
    return None


def _may_be(module: Module, func: cst.BaseExpression) -> bool:
    """Whether it is worth asking what is called: by its import, its name, or what it is bound to."""
    if isinstance(func, cst.Call):
        return (dotted(func.func) or "").rpartition(".")[2] in CLASSES
    spelled = path(func)
    if spelled is None:
        return False
    name, keys = spelled
    last = next((k.name for k in reversed(keys) if isinstance(k, Attr)), name)
    return last in ARGUMENTS or is_loss_like(last) or last in _bound(module)


@remembered(4)
def _bound(module: Module) -> frozenset[str]:
    """The last names of what the module gives a loss of torch to, by an assignment or an import."""
    written = mentions(module).names
    places = (node for name in (*CLASSES, *ARGUMENTS) for node in written.get(name, ()))
    return frozenset(name for node in places for name in _targets(module, node))


def _targets(module: Module, node: cst.CSTNode) -> Iterator[str]:
    """The names of what the statement around a node assigns to, or of the parameter it is for."""
    for around in ancestors(module.tree, node):
        match around:
            case cst.ImportAlias(asname=cst.AsName(name=cst.Name(name))):
                yield name
            case cst.Assign():
                for target in around.targets:
                    spelled = path(target.target)
                    if spelled is not None:
                        names = [k.name for k in spelled[1] if isinstance(k, Attr)]
                        yield names[-1] if names else spelled[0]
                return
            case cst.BaseStatement():
                return
