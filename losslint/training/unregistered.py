"""Parameters of learned weights that no module knows of, or that every step makes anew."""

from __future__ import annotations

import re
from enum import Enum

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.classes import ClassFacts, lineage
from losslint.model.module import Module
from losslint.model.names import Names, called, dotted
from losslint.model.parents import ancestors, nodes, parent
from losslint.model.torch_classes import is_torch_module, known_classes
from losslint.ranges.creation import How
from losslint.ranges.growth import End
from losslint.ranges.keeping import CreatedWeight, Kept
from losslint.ranges.losses import is_loss_like
from losslint.ranges.run import USED_AS_MODULE
from losslint.ranges.value import Origin
from losslint.ranges.weights import LearnedWeight
from losslint.training.anew import OPTIMIZERS, Step, anew, is_default
from losslint.training.sites import Site, site_of

# A class that has one of these says itself what is learned or saved.
OWN_ACCOUNT = frozenset(("parameters", "named_parameters", "state_dict", "_apply"))

# What makes a tensor of no data.
RANDOM = frozenset("rand randn rand_like randn_like".split())

# What keeps a tensor as a parameter of its own, where it is given one.
REGISTERS = frozenset("register_parameter setattr __setattr__ ParameterList ParameterDict".split())

SAVES = re.compile(r"save_(checkpoint|ckpt|model|network|state|weights|pretrained)")


class Fault(Enum):
    """Why nobody finds a parameter."""

    ANEW = "made anew in every step"
    TENSOR = "a plain tensor in a module"
    COLLECTION = "in a plain list or dict in a module"
    COPY = "a copy of a Parameter in a module"
    CLASS = "an attribute of the class of a module"
    NO_LEAF = "computed from a leaf, in no module"
    HOMELESS = "in no module"


@dataclass(frozen=True, eq=False)
class Unregistered:
    """What a learned weight was made by, where, and why nobody finds it.

    `step` makes it anew; `kept` is the attribute of a module that holds it.
    """

    created: CreatedWeight
    site: Site
    fault: Fault
    step: Step | None = None
    kept: Kept | None = None
    as_it_is: bool = False  # no exponential or the like: it may be meant as a constant


def unregistered(created: CreatedWeight, module: Module) -> Unregistered | None:
    """What is wrong with how a learned weight is kept, if anything is."""
    learned = [weight for weight in created.weights if _is_learned(weight)]
    if not learned or all(_may_be_a_sum(created, weight) for weight in learned):
        return None
    site = site_of(created.creation, module)
    step = anew(site, learned, module)
    if step is not None:
        plain = all(_weighs_as_it_is(weight) for weight in learned)
        return Unregistered(created, site, Fault.ANEW, step, as_it_is=plain)
    how = created.creation.how
    if how is How.CONTAINER or created.registered:
        return None
    kept = [k for k in created.kept if "." not in k.attribute]
    if any(_accounts(k.facts, module) for k in kept):
        return None
    modules = [k for k in kept if is_torch_module(k.facts, module)]
    if modules and site.function is None and site.owner is not None:
        return Unregistered(created, site, Fault.CLASS, kept=modules[0])
    if how is How.PARAMETER and site.copy is None and _is_registered(created, site, module):
        return None
    if modules:
        return Unregistered(created, site, _in_module(created, site), kept=modules[0])
    if _is_given_away(site, module) or b".parameters()" not in module.source.data:
        return None
    if _holder(site) in {*USED_AS_MODULE.findall(module.source.text)} - {"self"}:
        return Unregistered(created, site, _in_module(created, site))
    if is_default(site) or not any(_balances(weight) for weight in learned):
        return None
    computed = site.copy is not None and site.target is not None
    return Unregistered(created, site, Fault.NO_LEAF if computed else Fault.HOMELESS)


def _in_module(created: CreatedWeight, site: Site) -> Fault:
    if site.collection:
        return Fault.COLLECTION
    return Fault.COPY if created.creation.how is How.PARAMETER else Fault.TENSOR


def _is_learned(weight: LearnedWeight) -> bool:
    """Whether losses are weighed: several, or one beside a regularizer of the weight."""
    if not any(weight.leaf in term.leaves() for term in weight.weights):
        return False  # detached wherever it meets a loss, or lost in a call
    regularized = weight.fall is not None or weight.divergence is not None
    return weight.known_losses or (regularized and (weight.weighs_losses or weight.several))


def _may_be_a_sum(created: CreatedWeight, weight: LearnedWeight) -> bool:
    """Whether a leaf may be what losses are added to, stand for one that was not computed, or be data.

    A weight that is learned as it is begins with what it is meant to be, and not at 0.
    """
    leaf, made = created.leaf, created.creation
    by_itself = (made.how is How.PARAMETER and created.kept) or called(made.node) in RANDOM
    unknown = leaf.start is None and not by_itself
    if leaf.start != 0 and not unknown and not is_loss_like(leaf.name):
        return False
    return _weighs_as_it_is(weight)


def _weighs_as_it_is(weight: LearnedWeight) -> bool:
    """Whether losses are multiplied by the leaf itself, or a power of it."""
    ends = (End.PLUS, End.MINUS)
    grown = [term.at(weight.leaf, end) for term in weight.weights for end in ends]
    return not weight.on_simplex and all(g.power > 0 and not g.rate for g in grown)


def _balances(weight: LearnedWeight) -> bool:
    """Whether a total has several losses; with one, it may be any fit of a distribution."""
    factors = weight.sink.value.factors()
    losses = [f for f in factors if f.origin is Origin.LOSS or f.hint]
    repeated = any(term.repeated or term.many for term in weight.weights)
    return weight.several or repeated or len(losses) > 1 or any(f.plural for f in losses)


def _accounts(facts: ClassFacts, module: Module) -> bool:
    return any(OWN_ACCOUNT & one.methods.keys() for one in lineage(facts, known_classes(module)))


def _is_registered(created: CreatedWeight, site: Site, module: Module) -> bool:
    """Whether a Parameter is an attribute of its own, of what is or may be a module."""
    alone = [k for k in created.kept if k.alone]
    if any("." in k.attribute or is_torch_module(k.facts, module) is not False for k in alone):
        return True
    holder = _holder(site)
    return not site.collection and holder not in ("", "self")


def _holder(site: Site) -> str:
    """`model` for what is bound to `model.scale`."""
    return (dotted(site.target) or "").rpartition(".")[0] if site.target is not None else ""


def _is_given_away(site: Site, module: Module) -> bool:
    """Whether a tensor outside of any module is given to one, or to what may be one."""
    path = dotted(site.target) if site.target is not None else None
    if path is None:
        return False
    scope = module.tree if "." in path else site.function or module.tree
    return any(
        _gives_away(node, module)
        for node in nodes(scope)
        if isinstance(node, (cst.Name, cst.Attribute)) and dotted(node) == path
    )


def _gives_away(node: cst.BaseExpression, module: Module) -> bool:
    match parent(module.tree, node):
        case cst.Assign(value=value, targets=targets) if value is node:
            return any(isinstance(target.target, cst.Attribute) for target in targets)
        case cst.Arg() as argument:
            call = parent(module.tree, argument)
            name = called(call) if call is not None else ""
            makes = name[:1].isupper() and not OPTIMIZERS.search(name)
            return name in REGISTERS or makes
    return False


def taken_by_hand(name: str, site: Site, module: Module) -> cst.BaseExpression | None:
    """Where the parameters of an optimizer are listed, and `name` or `.name` is among them."""
    found: list[cst.BaseExpression] = []
    for node in nodes(module.tree if name.startswith(".") else site.function or module.tree):
        match node:
            case cst.Name(value) if value == name:
                found.append(node)
            case cst.Attribute(attr=cst.Name(value)) if f".{value}" == name:
                found.append(node)
    listed = (node for node in found if _is_among_parameters(node, module))
    return min(listed, key=lambda node: module.span(node).start, default=None)


def _is_among_parameters(node: cst.BaseExpression, module: Module) -> bool:
    for around in ancestors(module.tree, node):
        match around:
            case cst.Call() if OPTIMIZERS.search(called(around)):
                return True
            case cst.DictElement(key=cst.SimpleString(key)) if key.strip("'\"") == "params":
                return True
            case cst.Assign() | cst.AugAssign() | cst.Expr():
                return any(called(n) == "parameters" for n in nodes(around))
            case cst.BaseStatement():
                return False
    return False


def saved_without(name: str, module: Module) -> cst.Call | None:
    """The first place that saves the state of a model, where nothing saves `name` with it."""
    if b".state_dict()" not in module.source.data:
        return None
    names = Names(module.tree)
    found: list[cst.Call] = []
    for node in nodes(module.tree):
        match node:
            case cst.Call(args=[_, *_]) if _saves(node, names):
                found.append(node)
            case cst.DictElement(key=cst.SimpleString(key)) if "params" not in key:
                if _mentions(node.value, name):
                    return None
            case cst.Assign(targets=[cst.AssignTarget(cst.Subscript(slice=[element]))]):
                key_is_word = any(isinstance(n, cst.SimpleString) for n in nodes(element))
                if key_is_word and _mentions(node.value, name):
                    return None
    if any(_mentions(argument, name) for call in found for argument in call.args):
        return None
    return min(found, key=lambda call: module.span(call).start, default=None)


def _saves(node: cst.Call, names: Names) -> bool:
    return names.qualified(node.func) == "torch.save" or bool(SAVES.match(called(node)))


def _mentions(node: cst.CSTNode, name: str) -> bool:
    last = name.lstrip(".")
    return any(isinstance(n, cst.Name) and n.value == last for n in (node, *nodes(node)))
