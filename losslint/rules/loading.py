"""The rules of one plug-in, if all of them are fit to run beside the others."""

from __future__ import annotations

import pkgutil
import re
import traceback
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType

from losslint.rules.base import Rule
from losslint.rules.plugins import Plugin

PREFIX = re.compile(r"[A-Z]{1,3}")  # what flake8 takes for one, too
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Broken(ValueError):
    """A plug-in cannot be used. The message says why."""


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module below a package; none where it is a single file."""
    below = pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}.")
    return [import_module(module.name) for module in below]


def rules_of(plugin: Plugin, owners: Mapping[str, str], known: Iterable[Rule]) -> list[Rule]:
    """The rules of a plug-in; `owners` have the prefixes that are taken, `known` are their rules.

    Raises:
        Broken: the plug-in cannot be imported, or holds what cannot be told from what is
            known, or is no rule.
    """
    _expect_own_prefix(plugin, owners)
    found = _found_in(plugin)
    taken = {word: rule for rule in known for word in (rule.code, rule.name)}
    for rule in found:
        if not re.fullmatch(rf"{plugin.prefix}\d{{3}}", rule.code):
            raise Broken(f"the code of {rule} is not {plugin.prefix} and three digits")
        if not NAME.fullmatch(rule.name):
            raise Broken(f"the name of {rule} is not in lower case")
        for word in (rule.code, rule.name):
            if word in taken:
                raise Broken(f"`{word}` is what {rule} is called, and {taken[word]}")
            taken[word] = rule
        if not (rule.checks or rule.project_checks):
            raise Broken(f"{rule} has no check")
        for fault in rule.faults():
            raise Broken(f"the page of {rule} {fault}")
    return found


def _expect_own_prefix(plugin: Plugin, owners: Mapping[str, str]) -> None:
    """Two prefixes that begin alike could not be selected apart."""
    if not PREFIX.fullmatch(plugin.prefix):
        raise Broken(f"its prefix `{plugin.prefix}` is not one to three capital letters")
    for prefix, owner in owners.items():
        if prefix.startswith(plugin.prefix) or plugin.prefix.startswith(prefix):
            raise Broken(f"its prefix `{plugin.prefix}` clashes with `{prefix}` of {owner}")


def _found_in(plugin: Plugin) -> list[Rule]:
    if not MODULE.fullmatch(plugin.module):
        raise Broken(f"`{plugin.module}` is not the name of a module")
    try:
        module = import_module(plugin.module)
        modules = [module, *modules_of(module)]
    except (Exception, SystemExit) as problem:  # whatever others' code does when it is imported
        frame = traceback.extract_tb(problem.__traceback__)[-1]
        cause = " ".join(f"{type(problem).__name__}: {problem}".split())
        raise Broken(f"{cause} ({frame.filename}:{frame.lineno})") from problem
    found = {one.__name__: one.rule for one in modules if hasattr(one, "rule")}
    for name, rule in found.items():
        if not isinstance(rule, Rule):
            raise Broken(f"`{name}.rule` is of the type {type(rule).__name__}, and no Rule")
    if not found:
        raise Broken("no module of it has a `rule`")
    return list(dict.fromkeys(found.values()))
