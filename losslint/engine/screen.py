"""Whether a file can hold what a provider of facts looks for, told by its outline alone.

No answer is less sound than the rules: where it says no, the provider finds nothing
(`tests/test_screen.py` runs both), or scales in a file that names nothing which they may weigh.
So libcst, which takes ten times as long to parse a file as CPython, is asked for few.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Set
from functools import lru_cache

from losslint.model.outline import Body, Outline, last, words
from losslint.provenance.words import ARGUMENTS, CLASSES
from losslint.ranges.losses import is_loss_like, names_loss
from losslint.training import words as training

# What makes a tensor that can be learned, and what shows a tensor of elsewhere as one.
PARAMETERS = frozenset("Parameter ParameterList ParameterDict BufferDict".split())
EXPONENTIALS = frozenset("exp exp_ exp2 expm1 expm1_ logsumexp".split())
# What is made small, what it is weighed with where a network predicts that, and how.
OBJECTIVES = re.compile(
    r"loss|cost|objective|criteri|_err(or)?s?$|penalt|regulari|(^|_)risk|likelihood|log_?prob|nll"
    r"|elbo(s?$|_)|(^|_)(kl|ce|mae|mse|bce|recons?|tasks?|dice|focal)(_|\d|$)|reconstruction"
    r"|diverg|entropy|energy|hinge|log_?(var|sigma|std|scale)|uncertain",
    re.I,
)
OF_KIND = frozenset(("isinstance", "issubclass"))
PICKS = frozenset(name.rpartition(".")[2] for name in training.PICKS)
LOSSES = frozenset((*ARGUMENTS, *CLASSES))
DEPTH = 4  # as in training/metrics.py

Screen = Callable[[Outline], bool]


def always(_: Outline) -> bool:
    """A whole module is to be looked at."""
    return True


def weights(file: Outline) -> bool:
    """Whether something learned may weigh a loss: by an exponential, or in a file that tells of losses."""
    exponential = _uses(file, EXPONENTIALS)
    learned = _uses(file, PARAMETERS) or _learns(file)
    if exponential and learned:
        return True
    return (exponential or learned) and any(map(_tells, file.names))


def walks(file: Outline) -> bool:
    """Whether a function back-propagates or tests a loss, or has one in a loop."""
    has_losses = any(map(names_loss, file.names))
    has_tests = has_losses and _uses(file, training.TESTS)
    return any(_is_worth_a_walk(body, has_losses, has_tests) for body in file.bodies)


def trains(file: Outline) -> bool:
    """The same, or the log of a trainer is set up."""
    return walks(file) or "TrainingArguments" in " ".join(file.names)


def selections(file: Outline) -> bool:
    """Whether a metric may become the best so far."""
    return any(map(_selects, file.bodies))


def means(file: Outline) -> bool:
    """Whether losses may be shown as one mean."""
    return any(map(is_loss_like, file.names | file.strings))


def log_calls(file: Outline) -> bool:
    """Whether a logarithm of torch may be taken."""
    return any(_takes_a_logarithm(call, file.imported) for call in file.calls)


def loss_calls(file: Outline) -> bool:
    """Whether a loss may be called that is one of torch's, or hands on to one."""
    if _uses(file, LOSSES):
        return True
    return any(is_loss_like(last(call.func)) or _is_of_many(call.func) for call in file.calls)


def is_clear(file: Outline) -> bool:
    """Whether no rule that is on unless it is asked for has anything to look at in a file.

    Nor is there a loss in it that the rest of its project would be looked at for.
    """
    return not (
        any(may_yield(file) for may_yield in (weights, trains, selections, log_calls, loss_calls))
        or any(is_loss_like(body.name) for body in file.bodies)
        or any(map(_is_loss, file.classes))
    )


def _uses(file: Outline, wanted: Set[str]) -> bool:
    """Whether some function or class is called, given a name, or handed to a call.

    To ask whether an object is of it does not use a class, nor does a key of a dictionary.
    """
    if file.names.isdisjoint(wanted):
        return False
    renamed = (origin for name, origin in file.imported.items() if name != origin)
    if any(origin.rpartition(".")[2] in wanted for origin in renamed):
        return True
    if any(_calls(call, wanted) for call in file.calls):
        return True
    given = (value for body in file.bodies for _, value in body.given)
    return any(not isinstance(value, ast.Dict) and words([value]) & wanted for value in given)


def _calls(call: ast.Call, wanted: Set[str]) -> bool:
    called = last(call.func)
    if called in wanted:
        return True
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    return called not in OF_KIND and any(last(value) in wanted for value in given)


def _learns(file: Outline) -> bool:
    if not file.names.isdisjoint(PARAMETERS) and words(file.annotations) & PARAMETERS:
        return True
    given = (pair for body in file.bodies for pair in body.given)
    return any(_is_switch(*pair) for pair in given) or any(map(_asks_for_gradients, file.calls))


@lru_cache(maxsize=1 << 15)
def _tells(name: str) -> bool:
    """Whether a name says that something is made small, or what makes its weight."""
    return is_loss_like(name) or (
        OBJECTIVES.search(name) is not None and not name.endswith("Error")
    )


def _is_loss(definition: ast.ClassDef) -> bool:
    names = [definition.name, *map(last, definition.bases)]
    return any(is_loss_like(name) or name.endswith("Loss") for name in names)


def _is_switch(target: ast.expr, value: ast.expr) -> bool:
    """`x.requires_grad = True`, or anything but False."""
    return isinstance(target, ast.Attribute) and target.attr == "requires_grad" and _holds(value)


def _asks_for_gradients(call: ast.Call) -> bool:
    if any(keyword.arg == "requires_grad" and _holds(keyword.value) for keyword in call.keywords):
        return True
    return last(call.func) == "requires_grad_" and all(map(_holds, call.args[:1]))


def _holds(value: ast.expr) -> bool:
    return not (isinstance(value, ast.Constant) and value.value is False)


def _is_worth_a_walk(body: Body, has_losses: bool, has_tests: bool) -> bool:
    if body.name in training.STEPS or body.names & training.WORTH_A_WALK:
        return True
    if has_tests and not body.names.isdisjoint(training.TESTS):
        return True
    return has_losses and body.has_loop and any(map(is_loss_like, body.names))


def _takes_a_logarithm(call: ast.Call, imported: Mapping[str, str]) -> bool:
    """By the method without arguments, or by torch's function of one."""
    match call.func:
        case ast.Attribute(value=base, attr="log"):
            given = len(call.args) + len(call.keywords)
            return not given or (given == 1 and imported.get(last(base)) == "torch")
        case ast.Name(id=name):
            return imported.get(name, name) == "log"
    return False


def _is_of_many(func: ast.expr) -> bool:
    """`losses["ce"](x, y)`, `LOSSES[name]()(x, y)`: what is called has a name further inside."""
    return not isinstance(func, (ast.Name, ast.Attribute)) and any(map(is_loss_like, words([func])))


def _selects(body: Body) -> bool:
    """By a loss, or by another metric if more comes of it than a new best."""
    acts = any(map(training.SAVES.fullmatch, body.names)) or any(map(_is_zero, body.given))
    compared: set[str] | None = None
    for target, value in body.given:
        best, metric = _named(target), _named(_plain(value))
        named = any(map(training.is_best, best))
        if named and _picks(best, value):
            return True
        if not metric or not (_say_loss(best | metric) or (named and acts)):
            continue
        if compared is None:
            compared = _compared(body)
        if best & compared and metric & compared:
            return True
    return False


def _picks(best: set[str], value: ast.expr) -> bool:
    """`min(loss, best)`, of which one may be NaN."""
    if not isinstance(value, ast.Call) or last(value.func) not in PICKS:
        return False
    given = words([*value.args, *(keyword.value for keyword in value.keywords)])
    return _say_loss(best | given)


def _say_loss(names: Iterable[str]) -> bool:
    """As they stand, or as a selection reads them: `lossfn_` ends in what says so."""
    return any(is_loss_like(name) or is_loss_like(training.last(name)) for name in names)


def _is_zero(given: tuple[ast.expr, ast.expr]) -> bool:
    """`patience = 0`."""
    return isinstance(given[1], ast.Constant) and given[1].value == 0


def _named(node: ast.expr) -> set[str]:
    """The last name of what holds a value, or all in it where that is an entry."""
    if isinstance(node, ast.Subscript):
        return words([node])
    return {name} if (name := last(node)) else set()


def _plain(node: ast.expr) -> ast.expr:
    """An expression without the calls and signs around it that may leave its value as it is."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner), args=[]):
            return _plain(inner)
        case ast.Call(args=[inner, *_]) | ast.UnaryOp(operand=inner):
            return _plain(inner)
    return node


def _compared(body: Body) -> set[str]:
    """The names in comparisons, and in what those were given."""
    found = set(body.compared)
    for _ in range(DEPTH):
        more = [value for target, value in body.given if found & words([target])]
        found |= words(more)
    return found
