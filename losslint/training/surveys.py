"""Which functions of a module have to do with training, and what a walk through each takes note of."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.model.classes import ClassFacts, lineage
from losslint.model.module import Module
from losslint.model.names import string_value
from losslint.model.parents import ancestors, nodes, own
from losslint.model.remembering import remembered
from losslint.ranges.losses import is_loss_like, names_loss
from losslint.ranges.run import Unfollowed
from losslint.training.backward import Survey
from losslint.training.callees import scope_of
from losslint.training.events import Reached
from losslint.training.run import Exhausted, Run
from losslint.training.state import Frame, State, name_of, path_of
from losslint.training.values import UNKNOWN, Source, Value, is_named_as_loss
from losslint.training.walk import walked
from losslint.training.words import HANDED_OVER, STEPS, TESTS, WORTH_A_WALK


@remembered(4)
def surveys(module: Module) -> tuple[tuple[Survey, ...], tuple[Unfollowed, ...]]:
    """One walk through each function that trains or tests a loss, and those that took too long."""
    found: list[Survey] = []
    given_up: list[Unfollowed] = []
    for frame in frames(module):
        try:
            run = walked(Run, fresh(frame), start(frame))
        except Exhausted:
            given_up.append(unfollowed(frame))
            continue
        hand_over(frame, run)
        found.append(Survey(frame, run.events))
    return tuple(found), tuple(given_up)


def unfollowed(frame: Frame) -> Unfollowed:
    """What to say of a function that takes too long to be walked through."""
    function = frame.function
    name = function.name.value if isinstance(function, cst.FunctionDef) else "<module>"
    return Unfollowed(name, function or frame.scope.module.tree)


def frames(module: Module) -> Iterator[Frame]:
    """The module itself and each of its functions, if there is a reason to walk through it."""
    scope = scope_of(module)
    if _is_worth_it(module, module.tree):
        yield Frame(scope)
    owners = scope.owners
    for node in nodes(module.tree):
        if isinstance(node, cst.FunctionDef) and (
            node.name.value in STEPS or _is_worth_it(module, node.body)
        ):
            yield Frame(scope, node, owners.get(node) or _owner_around(node, module, owners))


def _owner_around(
    node: cst.FunctionDef, module: Module, owners: dict[cst.FunctionDef, ClassFacts]
) -> ClassFacts | None:
    """The class of the method that a function is nested in."""
    around = (a for a in ancestors(module.tree, node) if isinstance(a, cst.FunctionDef))
    return next((owners[a] for a in around if a in owners), None)


def _is_worth_it(module: Module, tree: cst.CSTNode) -> bool:
    """Whether code back-propagates or tests a loss, or has one in a loop."""
    loops = losses = tests = False
    for node in own(module.tree, tree):
        if isinstance(node, (cst.For, cst.While)):
            loops = True
        elif isinstance(node, cst.Name):
            if node.value in WORTH_A_WALK:
                return True
            tests = tests or node.value in TESTS
            losses = losses or is_loss_like(node.value)
    return (loops and losses) or (tests and _has_losses(module))


@remembered(4)
def _has_losses(module: Module) -> bool:
    """Whether a module names a loss at all."""
    told = {name.rpartition(".")[2] for name in module.settings.loss_functions}
    names = (node.value for node in nodes(module.tree) if isinstance(node, cst.Name))
    return any(names_loss(name) or name in told for name in names)


def fresh(frame: Frame) -> Frame:
    """The same frame, to be walked through anew."""
    return Frame(frame.scope, frame.function, frame.owner)


def start(frame: Frame) -> State:
    """What a function begins with: parameters, of which nothing is known but their names."""
    state = State()
    if isinstance(frame.function, cst.FunctionDef):
        every = frame.function.params
        for parameter in (*every.posonly_params, *every.params, *every.kwonly_params):
            name = parameter.name.value
            if name != "self":
                source = Source(parameter, (), name, is_named_as_loss(name))
                term = frozenset((source,))
                state.names[name] = Value(None, frozenset((term,)), graph=True)
    return state


def hand_over(frame: Frame, run: Run) -> None:
    """Take note of the loss that a framework gets by the `return` of this method."""
    owner = frame.owner
    function = frame.function
    if owner is None or not isinstance(function, cst.FunctionDef):
        return
    bases = {
        base.rpartition(".")[2]
        for facts in lineage(owner, frame.scope.classes)
        for base in facts.bases
    }
    if not any(HANDED_OVER.get(base) == function.name.value for base in bases):
        return
    if run.events.reached or _is_manual(owner, frame):
        return
    for node, value, state in run.events.returned:
        loss = _returned_loss(node.value, value, state)
        if loss is not None and value.sources and not _is_of_prediction(node, frame):
            known = dict(value.items).get("loss", value.items[0][1] if value.items else value)
            reached = Reached(node, loss, known.whole(), frame, state, len(run.events.ended))
            run.events.reached.append(reached)


def _is_manual(owner: ClassFacts, frame: Frame) -> bool:
    """Whether a LightningModule optimizes by itself: what it returns is not back-propagated."""
    for facts in lineage(owner, frame.scope.classes):
        for node in nodes(facts.node):
            match node:
                case cst.Assign(targets=[cst.AssignTarget(target=target)], value=cst.Name("False")):
                    if (path_of(target) or "").endswith("automatic_optimization"):
                        return True
    return False


def _is_of_prediction(node: cst.Return, frame: Frame) -> bool:
    """Whether `compute_loss` returns here only `if return_outputs`: not in training."""
    inner: cst.CSTNode = node
    for around in ancestors(frame.scope.module.tree, node):
        if isinstance(around, cst.If) and path_of(around.test) == "return_outputs":
            return inner is around.body
        inner = around
    return False


def _returned_loss(
    node: cst.BaseExpression | None, value: Value, state: State
) -> cst.BaseExpression | None:
    """The part of what is returned that is the loss; None where it has no expression of its own."""
    match node:
        case cst.Dict():
            for element in node.elements:
                match element:
                    case cst.DictElement(key=cst.SimpleString() as key, value=given):
                        if string_value(key) == "loss":
                            return given
            return None
        case cst.Tuple(elements=[first, *_]):
            return first.value
        case cst.IfExp(orelse=orelse):
            return _returned_loss(orelse, state.names.get(path_of(orelse) or "", UNKNOWN), state)
        case cst.Call(func=func, args=[cst.Arg(value=cst.Dict() as inner)]):
            return _returned_loss(inner, value, state)
        case cst.Call(func=func) if name_of(func)[:1].isupper():
            return None  # an object of whatever class
        case cst.Name(name) if value.items:
            return state.places.get(f"{name}['loss']")
    return node
