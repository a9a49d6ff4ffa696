"""Run a loss before and after its fix under torch.

`verify(source, qualname, settings) -> Verdict` is the one door; `compare` judges a
change that was made by hand. Only what runs in the worker imports torch.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["Verdict", "compare", "verify"]

# Where each name lives. Importing this package alone imports none of it.
_HOMES = {
    "Verdict": "losslint.verify.verdict",
    "compare": "losslint.verify.proving",
    "verify": "losslint.verify.proving",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
