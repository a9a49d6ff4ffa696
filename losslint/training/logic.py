"""What a condition comes to, as far as it is known: of what was injected, and of every n steps."""

from __future__ import annotations

from collections.abc import Sequence

from losslint.training.values import Value

MODULO = "the rest of a division"  # what `step % n` makes
INTERVAL = "every n steps"  # and `step % n == 0`


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; None where that is not known."""
    return None if value.number is None else bool(value.number)


def any_of(values: Sequence[Value]) -> Value:
    """Whether one of several conditions holds."""
    known = [truth(value) for value in values]
    number = True if True in known else (None if None in known else False)
    return _decided(values, number)


def all_of(values: Sequence[Value]) -> Value:
    """Whether all of several conditions hold."""
    known = [truth(value) for value in values]
    number = False if False in known else (None if None in known else True)
    return _decided(values, number)


def _decided(values: Sequence[Value], number: bool | None) -> Value:
    tested = any(value.tested for value in values)
    explicit = any(value.explicit for value in values)
    made = INTERVAL if any(value.made is INTERVAL for value in values) and not tested else None
    return Value(number, tested=tested, explicit=explicit, made=made)
