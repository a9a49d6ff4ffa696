"""What becomes of the findings of a run beside its baseline, and of those that are to be kept."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from losslint.config import Settings
from losslint.engine.reports import FileReport


def kept(
    reports: list[FileReport],
    options: argparse.Namespace,
    settings: Settings,
    paths: Sequence[str],
) -> tuple[list[FileReport], list[str]]:
    """The reports of what is left to be told, and what there is to say of the rest.

    Raises:
        ConfigError: a baseline cannot be read or written, or is none.
    """
    said: list[str] = []
    if settings.baseline or options.write_baseline:
        from losslint.engine.known import compared

        reports, said = compared(reports, settings, paths, options.write_baseline)
    if options.add_ignores:
        from losslint.engine.ignores import add_ignores

        reports, written = add_ignores(reports, settings)
        said += written
    return reports, said
