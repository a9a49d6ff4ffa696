"""What `losslint --show-...` prints instead of checking anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from losslint.config import Settings


def show(options: argparse.Namespace, settings: Settings, paths: Sequence[str]) -> bool:
    """Print the first that is asked for; whether nothing kept it from being all that there is."""
    if options.show_settings:
        from losslint.report.configuration import settings_toml

        print(*settings_toml(settings), sep="\n")
        return True
    if options.show_schema:
        from losslint.report.configuration import schema
        from losslint.rules import registry

        sys.stdout.write(schema(registry.all_rules()))
        return True
    return _show_files(paths, settings)


def _show_files(paths: Sequence[str], settings: Settings) -> bool:
    from losslint.source.discover import Problem, Python, discover

    found = list(discover(paths, settings))
    problems = [one for one in found if isinstance(one, Problem)]
    for problem in problems:
        print(f"{problem.path}: {problem.message}", file=sys.stderr)
    for one in found:
        if isinstance(one, Python):
            print(one.path)
    return not problems
