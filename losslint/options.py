"""The options of the command line, and the settings that they come to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import fields

from losslint import __version__
from losslint.config import GLOBS, PATHS, ConfigError, Settings, anchored, find, load, merged
from losslint.keys import FAIL_ON, nearest
from losslint.report.formats import FORMATS
from losslint.report.terminal import columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = "FORMAT[=FILE]"  # as the help calls it

EXIT_STATUS = """\
exit status:
  0  clean, or all that was found is fixed
  1  findings are left; with --diff, something would change
  2  something kept losslint from checking

`losslint verify PATH` runs the losses with learned weights through torch;
`losslint rule CODE|NAME` and `losslint rule --all` print the rules' pages;
`losslint server` serves editors, `losslint completion bash` what a shell needs to complete all
this."""


VERIFY_STATUS = """\
exit status:
  0  every loss is verified, or there is none
  1  a loss is refuted
  2  a loss could not be run, or a file could not be read"""


def check_parser() -> argparse.ArgumentParser:
    """The parser of `losslint [check]`."""
    parser = argparse.ArgumentParser(
        "losslint",
        usage="losslint [check] [options] [PATH ...]",
        description="Find and fix losses that PyTorch training code cannot trust.",
        epilog=EXIT_STATUS,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files and folders; `-` is standard input (default: .)",
    )
    add("--version", action="version", version=f"losslint {__version__}")
    _add_fixing(parser.add_argument_group("fixing"))
    _add_rules(parser.add_argument_group("rules"))
    _add_files(parser.add_argument_group("files"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As argparse makes it; but for the width it would import much that nothing else needs."""
    return argparse.RawDescriptionHelpFormatter(prog, width=(columns() or 80) - 2)


def rule_parser() -> argparse.ArgumentParser:
    """The parser of `losslint rule`."""
    parser = argparse.ArgumentParser(
        "losslint rule", description="Print the pages of rules.", allow_abbrev=False
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("rule", nargs="?", metavar="CODE|NAME")
    which.add_argument("--all", action="store_true", help="every rule")
    parser.add_argument("--output-format", choices=("text", "markdown", "json"), default="text")
    _add_color(parser)
    return parser


def clean_parser() -> argparse.ArgumentParser:
    """The parser of `losslint clean`."""
    parser = argparse.ArgumentParser(
        "losslint clean", description="Remove the cache.", allow_abbrev=False
    )
    _add_config(parser)
    _add_cache_dir(parser)
    return parser


def verify_parser() -> argparse.ArgumentParser:
    """The parser of `losslint verify`."""
    parser = argparse.ArgumentParser(
        "losslint verify",
        usage="losslint verify [options] PATH[::NAME] ...",
        description="Run the losses with learned weights through torch, before and after"
        " their fixes. It runs code of these files, in a process of its own, under limits"
        " and after a look at what it uses: no place for code that may be hostile.",
        epilog=VERIFY_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files and folders; behind `::`, a class or function of a file",
    )
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="try the unsafe fixes too; they are tried anyway where no safe one mends a loss",
    )
    _add_files(parser.add_argument_group("files"))
    group = parser.add_argument_group("output")
    add = group.add_argument
    add("--output-format", choices=("full", "concise", "json", "html"), default="full")
    add("--output-file", type=_named, metavar="FILE", help="write the verdicts there")
    add("--plot", metavar="DIR", help="write a figure of each loss there (extra `plot`)")
    add("--plot-format", choices=("svg", "png"), default="svg")
    add("--ascii", action="store_true", help="draw with plain ASCII")
    _add_color(group)
    add("-q", "--quiet", action="store_true", help="verdicts only, no summary")
    add("-v", "--verbose", action="store_true", help="the text that was run, too")
    return parser


def server_parser() -> argparse.ArgumentParser:
    """The parser of `losslint server`."""
    parser = argparse.ArgumentParser(
        "losslint server",
        description="Serve editors: the Language Server Protocol over standard input and output.",
        allow_abbrev=False,
    )
    parser.add_argument("--stdio", action="store_true", help="what it does anyway")
    return parser


def settings_from(options: argparse.Namespace, paths: Sequence[str]) -> Settings:
    """What holds: the command line over the configuration file over the defaults.

    Both are merged as `losslint.config.merged` says.

    Raises:
        ConfigError: the configuration file cannot be used.
    """
    settings = _configured(options, paths)
    given: dict[str, Any] = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in fields(Settings)
        # several formats may be asked for, with files: `printing.outputs` reads these
        if field.name != "output_format"
        and (value := getattr(options, field.name, None)) is not None
    }
    here = os.getcwd()
    for name in GLOBS if settings.root not in ("", here) else ():
        if name in given:
            given[name] = tuple(anchored(glob, here) for glob in given[name])
    for name in PATHS:
        if given.get(name):
            given[name] = os.path.abspath(given[name])
    if getattr(options, "write_baseline", None):
        given["baseline"] = ""  # or what it knows already would not be found
    return merged(settings, given)


def cache_folder(settings: Settings) -> str:
    """Where the cache is: beside the configuration file; without one, in the working directory."""
    return os.path.join(settings.root, settings.cache_dir or ".losslint_cache")


def _add_fixing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--fix", action="store_true", help="write the safe fixes")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: the unsafe fixes too")
    add("--diff", action="store_true", help="write nothing, show what --fix would change")
    add(
        "--verify",
        choices=("always", "if-runnable"),
        help="with --fix or --diff: run each learned weighting through torch first, and fix it only"
        " if that is verified; with --verify=if-runnable, also if it could not be run",
    )


def _add_rules(group: argparse._ArgumentGroup) -> None:
    for option, what in {
        "--select": "check these and no others",
        "--ignore": "leave these out",
        "--extend-select": "check these too",
        "--extend-ignore": "leave these out too",
    }.items():
        group.add_argument(option, action="extend", type=_words, metavar="RULES", help=what)
    group.description = "RULES: codes, prefixes or names, or ALL, separated by commas"


def _add_files(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    _add_config(group)
    add(
        "--exclude",
        action="extend",
        type=_words,
        metavar="GLOBS",
        help="instead of the usual folders",
    )
    add("--extend-exclude", action="extend", type=_words, metavar="GLOBS", help="besides them")
    add(
        "--force-exclude",
        action="store_true",
        default=None,
        help="leave out what is excluded even if it is named",
    )
    add("--no-respect-gitignore", dest="respect_gitignore", action="store_false", default=None)
    add(
        "--jobs",
        type=_number,
        default=0,
        metavar="N",
        help="processes that check; 1 where there is no os.fork (default: 0, as many as pay)",
    )
    add("--stdin-filename", type=_named, metavar="FILE", help="what to call standard input")
    add("--watch", action="store_true", help="check again whenever a file changes (extra `watch`)")
    add("--no-cache", action="store_true", help="neither read nor write a cache")
    _add_cache_dir(group)


def _add_config(group: argparse._ActionsContainer) -> None:
    config = group.add_mutually_exclusive_group().add_argument
    config(
        "--config", type=_named, metavar="FILE", help="read this pyproject.toml or losslint.toml"
    )
    config("--isolated", action="store_true", help="read no configuration file")


def _add_cache_dir(group: argparse._ActionsContainer) -> None:
    where = "where the cache is (default: .losslint_cache beside the configuration file)"
    group.add_argument("--cache-dir", type=_named, metavar="DIR", help=where)


def _add_color(group: argparse._ActionsContainer) -> None:
    what = "auto: on terminals, and as NO_COLOR, FORCE_COLOR and CLICOLOR say"
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto", help=what)


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--output-format",
        action="append",
        type=_output,
        metavar=FORMAT,
        help=f"{', '.join(FORMATS)} (default: full); may be given several times, each but one"
        " with the file that it goes to",
    )
    add(
        "--output-file",
        type=_named,
        metavar="FILE",
        help="where the format that names no file goes",
    )
    baseline = group.add_mutually_exclusive_group().add_argument
    baseline("--baseline", metavar="FILE", help="leave out the findings that this file knows")
    baseline(
        "--write-baseline", type=_named, metavar="FILE", help="let this file know all that is found"
    )
    add(
        "--add-ignores",
        action="store_true",
        help="write comments that suppress what is found",
    )
    add("--statistics", action="store_true", help="only count the findings, by rule")
    add(
        "--fail-on",
        choices=FAIL_ON,
        help="end with 1 only for findings of at least this severity (default: note)",
    )
    add("--exit-zero", action="store_true", help="end with 0 even if there are findings")
    _add_color(group)
    add("-q", "--quiet", action="store_true", help="findings only, no summary")
    add("-v", "--verbose", action="store_true", help="which settings; tracebacks of failures")
    add("--show-files", action="store_true", help="list what would be checked, and end")
    add("--show-settings", action="store_true", help="show what holds here, as TOML, and end")
    add(
        "--show-schema",
        action="store_true",
        help="print the JSON schema of losslint.toml, for editors, and end",
    )


def _output(argument: str) -> tuple[str, str]:
    form, named, file = argument.partition("=")
    if form not in FORMATS:
        raise argparse.ArgumentTypeError(f"unknown format {form!r}{nearest(form, FORMATS)}")
    if named and not file:
        raise argparse.ArgumentTypeError(f"{argument!r} names no file")
    return form, file


def _number(argument: str) -> int:
    if not argument.isascii() or not argument.isdigit():
        raise argparse.ArgumentTypeError(f"not a whole number from 0: {argument!r}")
    return int(argument)


def _named(argument: str) -> str:
    if not argument:
        raise argparse.ArgumentTypeError("names nothing")
    return argument


def _words(argument: str) -> list[str]:
    words = [word for part in argument.split(",") if (word := part.strip())]
    if not words:
        raise argparse.ArgumentTypeError("names nothing")
    return words


def _configured(options: argparse.Namespace, paths: Sequence[str]) -> Settings:
    if options.isolated:
        return Settings()
    if options.config:
        settings = load(options.config)
        if settings is None:
            raise ConfigError(f"{options.config}: no [tool.losslint] table")
        return settings
    standard_input = getattr(options, "stdin_filename", None)
    return find(_common_folder(standard_input or path if path == "-" else path for path in paths))


def _common_folder(paths: Iterable[str]) -> str:
    """The nearest folder that holds all of `paths`."""
    folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]
    try:
        return os.path.commonpath([os.path.abspath(folder) for folder in folders])
    except ValueError:  # several drives
        return os.curdir
