"""The language server: what editors ask, answered by the engine."""

from __future__ import annotations

import gc
import sys

from losslint.config import ConfigError


def start() -> bool:
    """Serve an editor over standard input and output. Returns whether it took its leave.

    Raises:
        ConfigError: the extra is not installed, or there is no standard input.
    """
    try:
        from losslint.server.features import serve
    except ModuleNotFoundError as problem:
        extra = "pip install 'torch-losslint[lsp]'"
        raise ConfigError(f"no {problem.name}: `losslint server` needs {extra}") from problem
    if sys.stdin is None:
        raise ConfigError("standard input is closed")
    gc.enable()  # it may run for days
    return serve()
