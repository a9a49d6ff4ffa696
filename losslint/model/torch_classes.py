"""Which classes of a module are an nn.Module, by what they inherit from."""

from __future__ import annotations

import libcst as cst

from losslint.model.classes import ClassFacts, classes, lineage
from losslint.model.elsewhere import definition
from losslint.model.module import Module
from losslint.model.names import Names
from losslint.model.remembering import remembered

# Classes of libraries that are one, by the last part of the name.
MODULES = frozenset(("LightningModule", "PreTrainedModel", "PyroModule", "BaseModule"))
PLAIN = frozenset(("object", "ABC", "Protocol", "Function", "Dataset", "Optimizer"))

MAX_FILES = 4  # from a class to the file of its farthest base


@remembered(8)
def known_classes(module: Module) -> dict[str, ClassFacts]:
    """Every class of a module by name."""
    return classes(module.tree, Names(module.tree))


def is_torch_module(facts: ClassFacts, module: Module, hops: int = MAX_FILES) -> bool | None:
    """Whether a class is an nn.Module; None where a base is not known."""
    known = known_classes(module)
    bases = {base for one in lineage(facts, known) for base in one.bases if base not in known}
    found = [_is_module(base, module, hops) for base in sorted(bases)]
    if any(found):
        return True
    return None if None in found else False


def _is_module(base: str, module: Module, hops: int) -> bool | None:
    last = base.rpartition(".")[2]
    if last in MODULES or (base.startswith("torch.nn.") and last.lstrip("_")[:1].isupper()):
        return True
    if last in PLAIN:
        return False
    there = definition(module, base) if hops else None
    if there is None or not isinstance(there.node, cst.ClassDef):
        return None
    facts = known_classes(there.module).get(there.node.name.value)
    return None if facts is None else is_torch_module(facts, there.module, hops - 1)
