"""What the rules of this family share: what a file must hold, and which files they leave alone."""

from __future__ import annotations

from losslint.model.module import Module
from losslint.rules.base import Rule
from losslint.training.steps import is_test

NEEDS = ((b"torch", b"lightning", b"transformers", b"accelerate"), (b"backward", b"training_step", b"compute_loss"))


def is_exempt(rule: Rule, module: Module) -> bool:
    """Whether a file holds tests, and nobody asked for this very rule."""
    asked = {*module.settings.select, *module.settings.extend_select}
    return is_test(module) and not asked & {rule.code, rule.name}
