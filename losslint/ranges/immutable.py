"""Dataclasses that nothing changes once they are made; mypy sees to it.

One that refuses a change at run time as well takes six times as long to make: a quarter of
the time in which the values of a module are followed.
"""

from __future__ import annotations

import dataclasses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, eq: bool = True):
        """The decorator of `dataclasses`, for a class of values that are made by the thousand."""

        def decorate(cls: type) -> type:
            hashed = eq and "__hash__" not in cls.__dict__
            return dataclasses.dataclass(cls, eq=eq, unsafe_hash=hashed)

        return decorate
