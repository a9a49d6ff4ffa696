"""The formats of `losslint check` by their names. What renders one is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

TYPE_CHECKING = False  # to import typing takes a third of the time of Python itself
if TYPE_CHECKING:
    from losslint.engine.reports import FileReport
    from losslint.report.paint import Line

    Render = Callable[[Sequence[FileReport]], str | Iterable[Line]]

# Each is rendered by a function of a module of this package.
FORMATS = {
    "full": "text:full",
    "concise": "text:concise",
    "json": "json:render",
    "jsonl": "jsonl:render",
    "sarif": "sarif:render",
    "github": "github:render",
    "gitlab": "gitlab:render",
    "junit": "junit:render",
    "rdjson": "rdjson:render",
    "html": "findings_page:render",
}
# Those that can hold nothing but counts.
STATISTICS = {
    "full": "summary:statistics",
    "concise": "summary:statistics",
    "json": "summary:statistics_json",
    "jsonl": "summary:statistics_jsonl",
}
# The others are for programs: nothing else goes where they go.
FOR_PEOPLE = frozenset(("full", "concise"))


def loaded(place: str) -> Render:
    """The function that one of the tables above names."""
    from importlib import import_module

    module, _, function = place.partition(":")
    render: Render = getattr(import_module(f"losslint.report.{module}"), function)
    return render
