"""What operations on a loss yield: the same loss, its sum, a bounded one, one with NaN replaced."""

from __future__ import annotations

from math import isnan

import libcst as cst

from losslint.frozen import replace
from losslint.training.callees import learns
from losslint.training.events import Cut, Replaced
from losslint.training.logic import all_of, any_of
from losslint.training.run import Run
from losslint.training.state import Called, State
from losslint.training.values import (
    SUM,
    Source,
    Value,
    either,
    forgiven,
    is_named_as_loss,
    plus,
    some,
    without_graph,
)

# Results that hold the value that went in: as methods, and as functions of it.
SAME = frozenset(
    "item detach detach_ cpu cuda float double half bfloat16 clone numpy tolist to squeeze unsqueeze"
    " view reshape flatten expand contiguous type requires_grad_ Variable as_tensor tensor Tensor FloatTensor"
    " DoubleTensor HalfTensor asarray array copy deepcopy scale list tuple set dict sorted reversed values items stack cat"
    " hstack concatenate vstack any all bool int abs round log log1p exp sqrt square mul mul_ div div_"
    " get gather reduce gather_for_metrics defaultdict OrderedDict".split()
)
# What takes a value out of its graph: on purpose, or on the way to something else.
DETACHING = frozenset(("detach", "detach_"))
CUTTING = frozenset("item numpy tolist array tensor".split())
NUMBERS = frozenset(("float", "int", "bool"))  # as functions; as methods they keep the graph
# Of a list; a tensor goes through them as it is.
OF_LISTS = frozenset("as_tensor asarray Tensor FloatTensor DoubleTensor HalfTensor".split())
RESHAPING = frozenset("unsqueeze view reshape expand stack cat hstack vstack concatenate".split())
REDUCTIONS = frozenset("mean sum nanmean norm prod median logsumexp nansum var std".split())
UPPER_BOUNDS = frozenset("clamp_max clamp_max_ minimum".split())
CLAMPS = frozenset("clamp clamp_ clip hardtanh".split())
HIDING = frozenset(("nan_to_num", "nan_to_num_"))
EXTREMES = frozenset(("max", "min", "amax", "amin", "maximum"))
SCALING = frozenset(("mul", "mul_", "div", "div_"))
LOGIC = {"any": any_of, "all": all_of}
SUMS = frozenset(("add", "add_", "sub", "sub_"))


def propagated(run: Run, this: Called) -> Value | None:
    """What a known operation makes of what it is given; None if it is none of them."""
    node, name, base, state = this.node, this.name, this.base, this.state
    of_method = base.sources or base.items or base.explicit
    operands = [base, *this.values] if of_method else this.values
    if not any(v.sources or v.items or v.special or v.explicit for v in operands):
        return None
    first = operands[0]
    if name in LOGIC and first.items:
        return LOGIC[name]([item for _, item in first.items])
    if name == "where" and len(operands) == 3:
        return _where(node, operands, state)
    if name in HIDING:
        state.hidden += (node,)
        run.events.replaced.append(Replaced(node, first.whole(), this.frame))
        return replace(first.whole(), number=None)
    if name in REDUCTIONS:
        return _reduced(run, this, first)
    if name in SUMS and len(operands) > 1:
        return plus(operands[0], operands[1], -1 if name.startswith("sub") else 1)
    if name in CLAMPS or name in UPPER_BOUNDS:
        run.tells_apart |= first.special
        return _bounded(node, name, first, state)
    if name in EXTREMES:
        return _extreme(operands)
    if name not in SAME:
        return None
    found = _handed_on(run, this, first)
    return found if of_method or not _is_method(this) or name == "scale" else forgiven(found)


def _is_method(this: Called) -> bool:
    """Whether it is called on an object, and not a function of a module."""
    qualified = this.frame.scope.names.qualified(this.node.func)
    return isinstance(this.node.func, cst.Attribute) and qualified is None


def _handed_on(run: Run, this: Called, given: Value) -> Value:
    """The same value, in its graph or out of it."""
    name = this.name
    value = given.whole() if name in ("float", "item") else given
    if name in DETACHING:
        return without_graph(value)
    library = (this.frame.scope.names.qualified(this.node.func) or "torch").partition(".")[0]
    if _is_cutting(this, value) or (library == "numpy" and name in OF_LISTS):
        if library not in ("torch", "numpy"):
            return without_graph(value)
        run.events.cut.append(Cut(this.node, value, this.frame))
        return without_graph(value, this.node)
    if name in SCALING and any(v.number is None for v in this.values if v is not given):
        return forgiven(value)
    return replace(value, scalar=False) if name in RESHAPING and value.scalar else value


def _is_cutting(this: Called, value: Value) -> bool:
    """Whether a call hands on what a value is, and leaves its graph behind."""
    name = this.name
    if name in NUMBERS:
        return isinstance(this.node.func, cst.Name)
    if name == "Variable":
        return value.is_loss  # around data it changes nothing
    return name in CUTTING or (name in OF_LISTS and bool(value.items))


def _reduced(run: Run, this: Called, value: Value) -> Value:
    """A sum or a mean: of losses, the losses; of anything else, a loss by itself if it is used as one."""
    whole = value.whole()
    if value.items and whole.is_loss:
        return whole
    if whole.is_loss or whole.special or whole.kept:
        is_collection = isinstance(this.node.func, cst.Name) and len(whole.sources) == 1
        return run.part(whole, SUM, this.frame) if is_collection else whole
    if not _is_full(this.node):
        return whole
    is_loss, label = is_named_as_loss(this.naming), this.naming or this.name
    calls = this.frame.every_call()
    learned = whole.graph and learns([whole])
    source = Source(this.node, (), label, is_loss, reduced=True, learns=learned, calls=calls)
    return replace(run.of(source, this.frame), graph=whole.graph)


def _is_full(node: cst.Call) -> bool:
    """Whether a reduction leaves a single number: it names no dimension."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Name("torch" | "np" | "numpy")), args=args):
            return len(args) == 1
        case cst.Call(func=cst.Attribute(), args=args):
            return not args
    return len(node.args) == 1


def _where(node: cst.Call, operands: list[Value], state: State) -> Value:
    """`torch.where(torch.isfinite(loss), loss, 0)`, and the like."""
    condition, one, other = operands
    if condition.number is None:
        return forgiven(either((one, other)))
    if condition.tested:
        state.hidden += (node,)
    return one if condition.number else other


def _bounded(node: cst.Call, name: str, value: Value, state: State) -> Value:
    """A clamp: it lets NaN pass."""
    special = isinstance(value.number, float) and not isnan(value.number) and value.special
    words = {arg.keyword.value for arg in node.args if arg.keyword is not None}
    lower_only = name in CLAMPS and (words == {"min"} or (not words and len(node.args) == 1))
    if special and not (lower_only and value.number == float("inf")):
        state.hidden += (node,)
        return replace(value, number=None)
    return value


def _extreme(operands: list[Value]) -> Value:
    if len(operands) == 1:
        return some(item for _, item in operands[0].items) if operands[0].items else operands[0]
    beside = [operand for operand in operands if operand.number is None]
    return some(operands) if len(beside) < 2 else forgiven(some(operands))
