"""The command `losslint`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from losslint.printing import CLEAN, FAILED, FOUND, outputs, status, write_reports
from losslint.streams import never_fail_to_encode, reader_may_leave, say, stand_in, write, write_out

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    import argparse

    from losslint.config import Settings
    from losslint.engine.cache import Cache
    from losslint.engine.reports import FileReport
    from losslint.engine.run import Run
    from losslint.findings import Safety
    from losslint.source.discover import Found
    from losslint.verify.veto import Vetoes

COMMANDS = {
    "check": "check",
    "rule": "rule LL101",
    "clean": "clean",
    "verify": "verify PATH",
    "completion": "completion bash",
    "server": "server",
}
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: clean, or all fixed. 1: findings are left; with `--diff`, something would
    change. 2: something kept it from checking. 130: interrupted.
    """
    collecting = gc.isenabled()
    gc.disable()  # a short run makes no garbage; of a long one, see `looks.collected`
    try:
        return _main(list(sys.argv[1:] if argv is None else argv))
    finally:
        if argv is None:
            gc.freeze()  # the process ends, and Python would look through all that is left
        if collecting:
            gc.enable()


def _main(arguments: list[str]) -> int:
    from losslint.config import ConfigError

    for stream in (stand_in("stdout"), stand_in("stderr")):
        never_fail_to_encode(stream)
    try:
        return _dispatch(arguments)
    except (ConfigError, OSError) as problem:
        say(f"losslint: error: {_said(problem)}")
        return FAILED
    except KeyboardInterrupt:
        print("losslint: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:  # argparse: 2 for a wrong option, 0 after --help
        return end.code if isinstance(end.code, int) else FAILED


def _said(problem: Exception) -> str:
    """What went wrong, as the messages of losslint itself say it."""
    if isinstance(problem, OSError) and problem.strerror:
        where = "" if problem.filename is None else f"{problem.filename}: "
        return where + problem.strerror
    return str(problem)


def _dispatch(arguments: list[str]) -> int:
    from losslint.config import ConfigError
    from losslint.options import (
        check_parser,
        clean_parser,
        rule_parser,
        server_parser,
        verify_parser,
    )

    if arguments[:1] == ["rule"]:
        return _rule(rule_parser().parse_args(arguments[1:]))
    if arguments[:1] == ["clean"]:
        return _clean(clean_parser().parse_args(arguments[1:]))
    if arguments[:1] == ["verify"]:
        return _verify(_parsed(verify_parser(), arguments[1:]))
    if arguments[:1] == ["completion"]:
        return _completion(arguments[1:])
    if arguments[:1] == ["server"]:
        from losslint import server

        server_parser().parse_args(arguments[1:])
        return CLEAN if server.start() else FOUND
    named = arguments[:1] == ["check"]
    options = _parsed(check_parser(), _with_values(arguments[named:]))
    first = options.paths[0] if options.paths else ""
    # Written behind options, a command looks like a path.
    if not named and first in COMMANDS and not os.path.lexists(first):
        if first != "check":
            raise ConfigError(f"`{first}` comes first, as in `losslint {COMMANDS[first]}`")
        del options.paths[0]
    if not options.watch:
        return _check(options)
    from losslint.watching import watch

    return watch(options, _check)


def _parsed(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    # Paths may stand between options, but argparse loses what `--` says then.
    return (
        parser.parse_args(arguments)
        if "--" in arguments
        else parser.parse_intermixed_args(arguments)
    )


def _with_values(arguments: list[str]) -> list[str]:
    """The arguments, with the value that `--verify` has alone: argparse would take a path for it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = ["--verify=always" if word == "--verify" else word for word in arguments[:end]]
    return [*options, *arguments[end:]]


def _rule(options: argparse.Namespace) -> int:
    from losslint.engine.selection import find, unknown
    from losslint.report.pages import render
    from losslint.rules import registry

    rules = registry.all_rules()
    is_whole = _no_plugin_is_broken()
    if not options.all:
        rule = find(options.rule, rules)
        if rule is None:
            raise unknown(options.rule, rules)
        rules = (rule,)
    with reader_may_leave():
        write(render(rules, options.output_format), options, sys.stdout)
    return CLEAN if is_whole else FAILED


def _completion(arguments: list[str]) -> int:
    from losslint.completion import completion_parser, script
    from losslint.rules import registry

    shell = completion_parser().parse_args(arguments).shell
    with reader_may_leave():
        sys.stdout.write(script(shell, registry.all_rules()))
    return CLEAN


def _clean(options: argparse.Namespace) -> int:
    from losslint.engine.storage import remove
    from losslint.options import cache_folder, settings_from

    folder = cache_folder(settings_from(options, [os.curdir]))
    said = f"removed {folder}" if remove(folder) else f"no cache in {folder}"
    say(said, to=sys.stdout)
    return CLEAN


def _verify(options: argparse.Namespace) -> int:
    from losslint import verifying
    from losslint.config import ConfigError
    from losslint.contradictions import refuse_overwriting
    from losslint.options import settings_from
    from losslint.source.discover import discover
    from losslint.verify.files import split
    from losslint.verify.sandbox.workers import NoTorch, Unsupported

    paths = [split(path)[0] for path in options.paths]
    settings = settings_from(options, paths)
    refuse_overwriting([options.output_file], discover(paths, settings))
    try:
        found = verifying.answers(options, settings)
    except (NoTorch, Unsupported) as problem:
        raise ConfigError(str(problem)) from problem
    with reader_may_leave():
        body = verifying.body(found.verdicts, options)
        write_out(body, options.output_file or "", options, sys.stdout)
        lines = list(verifying.talk(found, options))
        if not options.quiet:
            pure = options.output_format in verifying.DATA and not options.output_file
            write(lines, options, sys.stderr if pure else sys.stdout)
    if not found.complete:
        return FAILED
    return FOUND if found.refuted else CLEAN


def _check(options: argparse.Namespace) -> int:
    from losslint.contradictions import refuse_contradictions
    from losslint.options import settings_from

    options.is_whole = True  # until a run finds a plug-in that it has to skip
    paths: list[str] = options.paths or [os.curdir]
    refuse_contradictions(options)
    outputs(options)  # what is wrong with them is better said now than after the work
    settings = settings_from(options, paths)
    if not (options.output_format or options.diff or options.statistics):
        options.output_format = [(settings.output_format, "")]
        outputs(options)
    if options.verbose:
        say(f"settings: {settings.origin or 'the defaults'}")
    if options.show_settings or options.show_schema or options.show_files:
        from losslint import showing

        is_whole = not options.show_schema or _no_plugin_is_broken()
        with reader_may_leave():
            is_whole &= showing.show(options, settings, paths)
        return CLEAN if is_whole else FAILED
    if not (options.verify and _fixes(options)):
        return _checked(paths, settings, options)
    from losslint.verifying import proven

    with proven(settings, _fixes(options), options.verify) as vetoes:
        ended = _checked(paths, settings, options, vetoes)
    if not options.quiet:
        from losslint.report.verdicts import concise

        write(concise(vetoes.verdicts), options, sys.stderr)
    return ended


def _checked(
    paths: Sequence[str],
    settings: Settings,
    options: argparse.Namespace,
    vetoes: Vetoes | None = None,
) -> int:
    if paths == ["-"]:
        return _standard_input(_run(options, settings, paths, vetoes=vetoes), options)
    reports = _reports(paths, settings, options, vetoes)
    said: list[str] = []
    if settings.baseline or options.write_baseline or options.add_ignores:
        from losslint.keeping import kept

        reports, said = kept(reports, options, settings, paths)
    with reader_may_leave():
        write_reports(reports, options, sys.stdout)
    if said and not options.quiet:
        say(*said)
    return status(reports, options, settings)


def _run(
    options: argparse.Namespace,
    settings: Settings,
    paths: Sequence[str],
    *,
    cache: Cache | None = None,
    vetoes: Vetoes | None = None,
) -> Run:
    from losslint.engine.fix import no_veto
    from losslint.engine.run import Run

    options.is_whole = _no_plugin_is_broken()
    return Run(
        settings,
        _fixes(options),
        dry=options.diff,
        paths=paths,
        cache=cache,
        jobs=1 if vetoes else options.jobs,  # the worker that runs losses is one process's own
        vetoes=vetoes or (lambda _: no_veto),
    )


def _no_plugin_is_broken() -> bool:
    """Whether all rules are there that should be. Says which are not."""
    from losslint.rules import registry

    for problem in registry.broken():
        say(f"losslint: error: {problem}")
    return not registry.broken()


def _fixes(options: argparse.Namespace) -> frozenset[Safety]:
    from losslint.findings import Safety

    asked = {Safety.SAFE, Safety.UNSAFE} if options.unsafe_fixes else {Safety.SAFE}
    return frozenset(asked if options.fix or options.diff else ())


def _reports(
    paths: Sequence[str],
    settings: Settings,
    options: argparse.Namespace,
    vetoes: Vetoes | None,
) -> list[FileReport]:
    from losslint.contradictions import refuse_overwriting
    from losslint.engine.relevance import irrelevant, names_rules
    from losslint.source.discover import discover

    found = list(discover(paths, settings))
    refuse_overwriting([*outputs(options), options.write_baseline], found)
    reports = None if names_rules(settings) else irrelevant(found, settings)
    if reports is not None:
        return reports
    if options.no_cache:
        return _looked_at(found, _run(options, settings, paths, vetoes=vetoes), options)
    from losslint.engine.cache import Cache
    from losslint.options import cache_folder

    cache = Cache(cache_folder(settings), settings)
    reports = cache.reports(found, paths) or (
        irrelevant(found, settings) if cache.was_used else None
    )
    fixes = _fixes(options)
    try:
        if reports is None or any(
            f.fix and f.fix.safety in fixes for r in reports for f in r.findings
        ):
            run = _run(options, settings, paths, cache=cache, vetoes=vetoes)
            reports = _looked_at(found, run, options)
        return reports
    finally:
        problem = cache.save()
        if problem and options.verbose:
            say(f"the cache could not be written: {problem}")


def _looked_at(found: Sequence[Found], run: Run, options: argparse.Namespace) -> list[FileReport]:
    from losslint.engine.looks import slim
    from losslint.report.progress import progress

    looks = map(slim, run.looks(found))
    shown = looks if options.quiet else progress(looks, len(found))
    return list(run.joined(shown, found))


def _standard_input(run: Run, options: argparse.Namespace) -> int:
    """With `--fix` the fixed text goes to standard output, and the findings do not."""
    from losslint.config import ConfigError

    if sys.stdin is None:
        raise ConfigError("standard input is closed")
    from losslint.source.discover import is_left_out

    raw = sys.stdin.buffer.read()
    name = options.stdin_filename or "<stdin>"
    left_out = run.settings.force_exclude and is_left_out(name, run.settings)
    reports = [] if left_out else [run.report_bytes(name, raw)]
    with reader_may_leave():
        if options.fix and not options.diff:
            fixed = [report.source.encode() for report in reports if report.before]
            sys.stdout.buffer.write(fixed[0] if fixed else raw)
            write_reports(reports, options, sys.stderr)
        else:
            write_reports(reports, options, sys.stdout)
    return status(reports, options, run.settings)
