"""The classes and functions of one module, with what they inherit from each other."""

from __future__ import annotations

from dataclasses import field

import libcst as cst

from losslint.frozen import dataclass
from losslint.model.names import Names, dotted, every_statement, statements

# What turns gradients off, as a decorator and as a context, by the last part of its name.
WITHOUT_GRADIENTS = frozenset(("no_grad", "inference_mode"))


@dataclass(frozen=True, eq=False)
class ClassFacts:
    """One class: its own methods, and the bases that it names."""

    name: str
    node: cst.ClassDef
    bases: tuple[str, ...]
    methods: dict[str, cst.FunctionDef] = field(default_factory=dict)

    def body(self) -> list[cst.BaseStatement]:
        """The statements of the class itself, without those inside its methods."""
        return list(self.node.body.body) if isinstance(self.node.body, cst.IndentedBlock) else []


def classes(tree: cst.Module, names: Names) -> dict[str, ClassFacts]:
    """Every class of the module by name, nested ones too."""
    found: dict[str, ClassFacts] = {}
    for statement in every_statement(tree):
        if isinstance(statement, cst.ClassDef):
            found[statement.name.value] = _facts(statement, names)
    return found


def _facts(node: cst.ClassDef, names: Names) -> ClassFacts:
    bases = tuple(names.qualified(base.value) or dotted(base.value) or "?" for base in node.bases)
    methods: dict[str, cst.FunctionDef] = {}
    if isinstance(node.body, cst.IndentedBlock):
        for statement in statements(node.body):
            if isinstance(statement, cst.FunctionDef):
                methods.setdefault(statement.name.value, statement)
    return ClassFacts(node.name.value, node, bases, methods)


def lineage(facts: ClassFacts, known: dict[str, ClassFacts]) -> list[ClassFacts]:
    """The class and its bases in this module, nearest first."""
    found: list[ClassFacts] = []
    waiting = [facts]
    while waiting:
        current = waiting.pop(0)
        if current in found:
            continue
        found.append(current)
        waiting += [known[base] for base in current.bases if base in known]
    return found


def runs_without_gradients(function: cst.FunctionDef) -> bool:
    """Whether a function is decorated to compute without gradients."""
    return not WITHOUT_GRADIENTS.isdisjoint(n.rpartition(".")[2] for n in decorators(function))


def parameters(function: cst.FunctionDef | cst.Lambda) -> list[str]:
    """The names of the positional parameters, in order."""
    return [p.name.value for p in (*function.params.posonly_params, *function.params.params)]


def decorators(function: cst.FunctionDef) -> set[str]:
    """The spelling of each decorator, calls without their arguments."""
    found = set()
    for decorator in function.decorators:
        node = decorator.decorator
        found.add(dotted(node.func if isinstance(node, cst.Call) else node) or "?")
    return found
