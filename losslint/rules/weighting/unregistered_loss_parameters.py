"""Learned weights of a loss that its module does not register, or that each step makes anew."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.findings import Finding, Fix, Safety, Severity
from losslint.fixes.registering import registering
from losslint.model.module import Module
from losslint.model.names import dotted
from losslint.ranges.creation import How
from losslint.ranges.keeping import CreatedWeight
from losslint.rules.base import Rule
from losslint.rules.loops import is_exempt
from losslint.rules.weighting.words import NEEDS
from losslint.training.sites import Site
from losslint.training.unregistered import (
    Fault,
    Unregistered,
    saved_without,
    taken_by_hand,
    unregistered,
)

rule = Rule("LL108", __name__, __doc__, Severity.ERROR, needs=NEEDS)

TITLES = {
    "Parameter": "Make it a Parameter",
}


@rule.on(CreatedWeight)
def check(created: CreatedWeight, module: Module) -> Iterator[Finding]:
    found = unregistered(created, module)
    if found is None:
        return
    if found.fault is Fault.ANEW:
        yield _anew(found, module)
    elif found.kept is not None or found.fault is Fault.ATTRIBUTE:
        yield _in_module(found, module)
    elif not is_exempt(rule, module):
        yield _in_none(found, module)


def _anew(found: Unregistered, module: Module) -> Finding:
    """A leaf that every step makes again."""
    step = found.step
    where = (
        f"call of `{step.name.value}`" if isinstance(step, cst.FunctionDef) else "turn of this loop"
    )
    return rule.finding(
        module.span(found.site.creation.node),
        f"every {where} makes {_name(found)} anew: it is never learned",
        evidence=[
            f"no optimizer gets {_name(found)}, and the next step starts again{_start(found)}",
        ],
    )


def _in_module(found: Unregistered, module: Module) -> Finding:
    """A leaf that an nn.Module holds and does not register."""
    site, name = found.site, _name(found)
    by_hand = taken_by_hand(_last(found), module)
    edits = registering(site, module) if by_hand is None else None
    fix = Fix(_title(site), edits, Safety.UNSAFE) if edits else None
    missing = "`parameters()`, `state_dict()` and `.to()` miss it"
    if by_hand is None:
        learned = (
            f"no optimizer that gets `parameters()` moves it: it stays as it starts{_start(found)}"
        )
    else:
        learned = (
            f"the optimizer gets it by hand in line {_line(by_hand, module)}; checkpoints do not"
        )
    return rule.finding(
        module.span(_whole(site, module)),
        f"{name} {_fault(found)}: {missing}",
        fix=fix,
        evidence=[_why(found), learned],
    )


def _in_none(found: Unregistered, module: Module) -> Finding:
    """A leaf outside of any module: it trains where an optimizer gets it by hand."""
    site, name = found.site, _name(found)
    by_hand = taken_by_hand(_last(found), module)
    if found.fault is Fault.COPY and site.copy is not None:
        return rule.finding(
            module.span(site.value),
            f"{name} is a copy and no leaf{' on a GPU' if site.moves else ''}:"
            " no optimizer takes it, and it is never learned",
            severity=Severity.WARNING if site.moves else Severity.ERROR,
            evidence=[_copied(site, module)],
        )
    saves = sorted(saved_without(_last(found), module), key=lambda call: module.span(call).start)
    evidence = []
    if by_hand is not None:
        evidence.append(
            f"the optimizer gets it by hand in line {_line(by_hand, module)}: it trains"
        )
    if saves:
        evidence.append(
            f"what is saved in line {_line(saves[0], module)} is without it:"
            f" a run that is resumed from there begins again{_start(found)}"
        )
    return rule.finding(
        module.span(site.creation.node),
        f"{name} is in no module: `parameters()`, `state_dict()` and `.to()` miss it",
        severity=Severity.WARNING if saves else Severity.NOTE,
        evidence=evidence,
    )


def _name(found: Unregistered) -> str:
    target = found.site.target
    spelled = dotted(target) if target is not None else None
    return f"`{spelled}`" if spelled else "this parameter"


def _last(found: Unregistered) -> str:
    """The last part of the name: that of the attribute, or of the variable."""
    if found.kept is not None:
        return found.kept.attribute
    return _name(found).strip("`").rpartition(".")[2]


def _line(node: cst.CSTNode, module: Module) -> int:
    return module.source.position(module.span(node).start)[0]


def _start(found: Unregistered) -> str:
    start = found.created.leaf.start
    return "" if start is None else f" at {start:g}"


def _whole(site: Site, module: Module) -> cst.BaseExpression:
    """What is reported: the list or dict that is written where it is assigned, or the leaf."""
    statement = site.statement
    if site.collected and isinstance(statement, (cst.Assign, cst.AnnAssign)):
        target = (
            statement.targets[0].target if isinstance(statement, cst.Assign) else statement.target
        )
        if not isinstance(target, cst.Subscript) and statement.value is not None:
            return statement.value
    return site.value


def _fault(found: Unregistered) -> str:
    site = found.site
    if found.fault is Fault.CLASS:
        return "is an attribute of the class, which no module registers"
    if found.fault is Fault.COPY:
        return "is a copy, and no Parameter any more" + (", on a GPU" if site.moves else "")
    if site.collected:
        return "is a plain collection, which no module looks into"
    return "is a plain tensor, which no module registers"


def _why(found: Unregistered) -> str:
    kept = found.kept
    owner = f"`{kept.facts.name}`" if kept is not None else "the module"
    how = found.created.creation.how
    if found.fault is Fault.COPY:
        return "copy"
    if how is How.PARAMETER:
        return f"{owner} registers a Parameter that is set as an attribute by itself, and no list or dict"
    return f"{owner} registers nn.Parameter alone; requires_grad does not make one"


def _copied(site: Site, module: Module) -> str:
    assert site.copy is not None
    return f"`{module.text(site.copy)}` is computed from the leaf, which nothing holds"


def _title(site: Site) -> str:
    return "Register it: make it a Parameter"
