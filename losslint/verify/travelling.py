"""Versions of a loss as they come back from the worker: plain values made words again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from losslint.verify.verdict import Along, Figures, Line, Result, Version, Witness

Plain = Mapping[str, Any]


def version_from(found: Plain) -> Version:
    """What `dataclasses.asdict` made plain, JSON in between or not."""
    return Version(
        results=tuple(Result(**one) for one in found["results"]),
        figures=_figures(found["figures"]),
        program=found["program"],
    )


def _figures(found: Plain) -> Figures:
    weights, witness = found["weights"], found["witness"]
    return Figures(
        along=tuple(_along(one) for one in found["along"]),
        totals=_lines(found["totals"]),
        together=_lines(found["together"]),
        weights=_line(weights) if weights else None,
        descent=_lines(found["descent"]),
        witness=_witness(witness) if witness else None,
    )


def _along(found: Plain) -> Along:
    solved = found["solved"]
    return Along(
        found["parameter"],
        _line(found["total"]),
        _line(found["gradient"]),
        _line(solved) if solved else None,
    )


def _lines(found: Sequence[Plain]) -> tuple[Line, ...]:
    return tuple(_line(one) for one in found)


def _line(found: Plain) -> Line:
    return Line(found["name"], tuple(found["x"]), tuple(found["y"]))


def _witness(found: Plain) -> Witness:
    return Witness(tuple(found["parameters"]), tuple(found["losses"]), found["total"])
