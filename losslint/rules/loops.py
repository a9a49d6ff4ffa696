"""What the rules on training loops share: what a file must hold, and which files they leave alone."""

from __future__ import annotations

import libcst as cst

from losslint.model.module import Module
from losslint.model.parents import parent
from losslint.rules.base import Rule
from losslint.training.places import is_test

TRAINERS = (b"torch", b"lightning", b"transformers", b"accelerate")
NEEDS = (TRAINERS, (b"backward", b"training_step", b"compute_loss"))
NEEDS_TEST = (TRAINERS, (b"nan", b"finite", b"inf", b"assert", b"!=", b">", b"<"), (b"loss",))


def is_exempt(rule: Rule, module: Module) -> bool:
    """Whether a file holds tests, and nobody asked for this very rule."""
    asked = {*module.settings.select, *module.settings.extend_select}
    return is_test(module) and not asked & {rule.code, rule.name}


def is_here(node: cst.CSTNode, module: Module) -> bool:
    """Whether a node stands in this module, and not in one that was followed."""
    return parent(module.tree, node) is not None
