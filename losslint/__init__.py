"""Find and fix losses that PyTorch training code cannot trust."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from losslint.config import Settings
    from losslint.engine.fix import FixResult
    from losslint.engine.memory import check_source, fix_source
    from losslint.engine.reports import FileReport
    from losslint.engine.run import check_paths
    from losslint.findings import Edit, Finding, Fix, Safety, Severity, Span

__version__ = "0.1.0"

__all__ = [
    "Edit",
    "FileReport",
    "Finding",
    "Fix",
    "FixResult",
    "Safety",
    "Settings",
    "Severity",
    "Span",
    "check_paths",
    "check_source",
    "fix_source",
]

# Where each name lives. Importing losslint alone imports none of it.
_HOMES = {
    "Edit": "losslint.findings",
    "FileReport": "losslint.engine.reports",
    "Finding": "losslint.findings",
    "Fix": "losslint.findings",
    "FixResult": "losslint.engine.fix",
    "Safety": "losslint.findings",
    "Settings": "losslint.config",
    "Severity": "losslint.findings",
    "Span": "losslint.findings",
    "check_paths": "losslint.engine.run",
    "check_source": "losslint.engine.memory",
    "fix_source": "losslint.engine.memory",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
